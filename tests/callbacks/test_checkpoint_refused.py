"""Files that a run cannot resume from: a clear message names the file, and nothing has changed."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import (
    SGD,
    Adam,
    BatchNorm,
    Callback,
    Checkpoint,
    CheckpointError,
    CSVLog,
    Dense,
    EarlyStopping,
    MAELoss,
    MinidlWarning,
    ParameterAverage,
    Run,
    Sequential,
    Tanh,
    Trainer,
)
from minidl.events import EVENTS
from tests.callbacks.recording import At
from tests.helpers import bits_of
from tests.training.endless import X, Y
from tests.training.refusing import OPTIONS, check_refused, everything, make, network, write


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write(tmp_path / "run.npz")


REFUSED: list[tuple[str, Callable[[], Trainer], dict[str, Any], str]] = [
    (
        "width",
        lambda: make(model=network(9)),
        {},
        "the model Sequential(Dense(3, 8), BatchNorm(8), Dropout(p=0.2), Dense(8, 1)), not Sequential(Dense(3, 9)",
    ),
    ("layers", lambda: make(model=Sequential(Dense(3, 1), Tanh())), {}, "not Sequential(Dense(3, 1), Tanh())"),
    ("dtype", lambda: make(model=network(dtype=np.float32)), {}, "of a model with 0.weight in float64, not in float32"),
    (
        "optimizer",
        lambda: make(optimizer=SGD),
        {},
        "is of a run with the optimizer Adam(57 parameters, lr=0.01, beta1=0.9, beta2=0.999, eps=1e-08), not SGD(57",
    ),
    (
        "clipping",
        lambda: make(optimizer=lambda *a, **k: Adam(*a, **k).clip(norm=1.0)),
        {},
        "eps=1e-08, max_norm=1)",
    ),
    ("batch size", make, {"batch_size": 5}, "the batch_size (times accumulate) was 6 and is 5 now"),
    ("accumulation", make, {"accumulate": 2}, "the batch_size (times accumulate) was 6 and is 12 now"),
    ("shuffle", make, {"shuffle": False}, "the shuffle (of more than one batch) was True and is False now"),
    ("share", make, {"validation": 0.1}, "the number of training samples was 16 and is 18 now"),
    ("samples", make, {"data": (X[:15], Y[:15])}, "the number of training samples was 16 and is 12 now"),
    ("dropout", lambda: make(model=without_dropout()), {}, "not Sequential(Dense(3, 8), BatchNorm(8), Tanh()"),
]


def without_dropout() -> Sequential:
    return Sequential(Dense(3, 8), BatchNorm(8), Tanh(), Dense(8, 1), rng=0)


@pytest.mark.parametrize(("make", "options", "words"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_another_run(make: Callable[[], Trainer], options: dict[str, Any], words: str, path: Path) -> None:
    trainer, at = make(), At("", 0)
    trainer.callbacks.append(at)
    check_refused(trainer, path, words, **options)
    # Only of the fit before: what can be said before a run begins is.
    assert at.counts["on_fit_begin"] == at.counts["on_fit_end"] == 1


def test_a_run_without_shuffling_is_not_that_of_one_with_it(tmp_path: Path) -> None:
    file = tmp_path / "run.npz"
    make(Checkpoint(file)).fit(X, Y, **OPTIONS, shuffle=False)
    check_refused(make(), file, "the shuffle (of more than one batch) was False and is True now")


def test_another_loss(path: Path) -> None:
    trainer = make()
    trainer.loss = MAELoss()
    check_refused(trainer, path, "is of a run with the loss MSELoss(), not MAELoss()")


def test_other_numbers_of_the_optimizer_are_a_warning_and_those_of_the_file_apply(path: Path) -> None:
    def faster(parameters: Any, lr: float) -> Adam:
        return Adam(parameters, lr=50 * lr)

    other, same = make(optimizer=faster), make()
    words = r"run.npz' is of a run with Adam\(57 parameters, lr=0.01, .*, whose numbers apply, not those of Adam"
    with pytest.warns(MinidlWarning, match=words) as caught:
        other.fit(X, Y, **OPTIONS, rng=2, resume_from=path)
    assert [warning.filename for warning in caught] == [__file__]
    same.fit(X, Y, **OPTIONS, rng=2, resume_from=path)
    assert bits_of(other.model) == bits_of(same.model)
    assert other.optimizer.lr == 0.01


def test_an_optimizer_of_another_class_is_refused_even_with_the_same_state(path: Path) -> None:
    class Other(Adam):
        """Another rule."""

    check_refused(make(optimizer=Other), path, "eps=1e-08), not Other(57 parameters, lr=0.01, ")


def test_a_missing_callback(tmp_path: Path) -> None:
    words = "is of a run with a callback EarlyStopping, which this one lacks"
    file = write(tmp_path / "run.npz", EarlyStopping(), EarlyStopping("loss"), ParameterAverage())
    check_refused(make(ParameterAverage()), file, words)
    check_refused(make(ParameterAverage(), EarlyStopping()), file, words)


class Refuses(Callback):
    """Refuses every state."""

    def state(self) -> dict[str, Any]:
        return {"a": 1}

    def load_state(self, state: Any) -> None:
        raise KeyError("b")


def test_a_callback_that_refuses_its_state(tmp_path: Path) -> None:
    file = write(tmp_path / "run.npz", EarlyStopping(), ParameterAverage(), Refuses())
    trainer = make(EarlyStopping(), ParameterAverage(), Refuses())
    check_refused(trainer, file, "lacks 'b'")


def test_a_log_of_another_run(tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("precious")
    file = write(tmp_path / "run.npz", CSVLog(tmp_path / "log.csv"))
    trainer, log = make(), CSVLog(tmp_path / "other.csv")

    class Joins(Callback):
        """Lets the log in once the first fit is over."""

        def on_fit_end(self, run: Run) -> None:
            trainer.callbacks = [log]

    trainer.callbacks = [Joins()]
    trainer.fit(X, Y, **{**OPTIONS, "epochs": 1}, rng=2)
    before = bits_of(trainer.model), bits_of(trainer.optimizer), list(trainer.history.loss)
    with pytest.raises(CheckpointError, match="rows of another run"):
        trainer.fit(X, Y, **OPTIONS, rng=2, resume_from=file)
    assert (bits_of(trainer.model), bits_of(trainer.optimizer), list(trainer.history.loss)) == before
    assert (tmp_path / "other.csv").read_text() == "precious"


@pytest.mark.parametrize("event", EVENTS[:2])
@pytest.mark.parametrize("error", [KeyError, KeyboardInterrupt])
def test_a_callback_that_fails_before_the_run_resumes(event: str, error: type[BaseException], path: Path) -> None:
    def fails() -> None:
        raise error

    rng, trainer = np.random.default_rng(2), make()
    trainer.fit(X, Y, **{**OPTIONS, "epochs": 1}, rng=rng)
    before = everything(trainer, rng)
    trainer.callbacks = [At(event, 1, fails)]
    try:
        trainer.fit(X, Y, **OPTIONS, rng=rng, resume_from=path)
    except KeyError:
        assert error is KeyError
    assert everything(trainer, rng)[:-1] == before[:-1]


def test_other_data_is_a_warning(path: Path) -> None:
    words = r"run.npz' is of a run on other data: it will not continue as it would have"
    for x, y in ((X + 1e-9, Y), (X, -Y)):
        with pytest.warns(MinidlWarning, match=words) as caught:
            make().fit(x, y, **OPTIONS, rng=2, resume_from=path)
        assert [warning.filename for warning in caught] == [__file__]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rng, trainer = np.random.default_rng(2), make()
        before = everything(trainer, rng)
        with pytest.raises(MinidlWarning):
            trainer.fit(X, -Y, **OPTIONS, rng=rng, resume_from=path)
        assert everything(trainer, rng) == before


def test_other_validation_data_are_a_warning(tmp_path: Path) -> None:
    file, held = tmp_path / "run.npz", (X[:3], Y[:3])
    options = {**OPTIONS, "validation": held, "shuffle": False}
    make(Checkpoint(file)).fit(X, Y, **options)
    for other in ((X[:3] + 1e-9, Y[:3]), (X[:3], -Y[:3]), (X[:2], Y[:2]), None):
        with pytest.warns(MinidlWarning, match=r"run.npz' is of a run with other validation data") as caught:
            make().fit(X, Y, **{**options, "validation": other}, resume_from=file)
        assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make().fit(X, Y, **{**options, "validation": (X[:3].copy(), Y[:3].tolist())}, resume_from=file)
