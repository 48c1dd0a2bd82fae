"""Parts of the wrong type are refused at once. What differs when a run is resumed is refused or a warning."""

from math import isnan
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import (
    SGD,
    Adam,
    BatchNorm,
    BCEWithLogitsLoss,
    Callback,
    Checkpoint,
    CheckpointError,
    Dense,
    EarlyStopping,
    HuberLoss,
    HyperparameterError,
    MinidlWarning,
    MSELoss,
    Run,
    Schedule,
    Sequential,
    StateError,
    Trainer,
    schedules,
)
from minidl.metrics import r2
from tests.helpers import bits, bits_of
from tests.training.resuming import fit, grouped, trainer

X = np.random.default_rng(0).standard_normal((12, 3))
Y = X.sum(axis=1, keepdims=True)


def make(*callbacks: Callback, loss: Any = None, **options: Any) -> Trainer:
    model = Sequential(Dense(3, 4), BatchNorm(4), Dense(4, 1), rng=0)
    optimizer = Adam(model.parameters(), **{"lr": 0.01, **options})
    return Trainer(model, MSELoss() if loss is None else loss, optimizer, callbacks)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "run.npz"
    make(Checkpoint(path)).fit(X, Y, epochs=3)
    return path


@pytest.mark.parametrize("changed", [{"lr": 0.5}, {"beta1": 0.5}, {"beta2": 0.5}, {"eps": 1e-3}, {"weight_decay": 0.1}])
def test_other_numbers_of_the_optimizer_are_a_warning_and_those_of_the_file_apply(
    changed: dict[str, float], file: Path
) -> None:
    whole, resumed = make(), make(**changed)
    whole.fit(X, Y, epochs=5)
    ((name, value),) = changed.items()
    with pytest.warns(MinidlWarning, match=rf"lr=0\.01.* whose numbers apply, not those of .*{name}={value:g}"):
        resumed.fit(X, Y, epochs=5, resume_from=file)
    assert bits_of(resumed.model) == bits_of(whole.model)
    assert getattr(resumed.optimizer, name) == getattr(whole.optimizer, name)


def test_a_callback_can_continue_with_another_rate(file: Path) -> None:
    class Slower(Callback):
        """Sets another rate."""

        def on_fit_begin(self, run: Run) -> None:
            run.optimizer.lr = 1e-5

    resumed = make(Slower())
    before = resumed.model.parameters()
    resumed.fit(X, Y, epochs=4, resume_from=file)
    assert resumed.optimizer.lr == 1e-5
    stopped = make()
    stopped.fit(X, Y, epochs=3)
    assert np.abs(before.value - stopped.model.parameters().value).max() < 2e-5


def test_the_rate_that_a_schedule_has_set_is_not_a_change(tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    make(Schedule(schedules.exponential(0.5)), Checkpoint(path)).fit(X, Y, epochs=2)
    again = make(Schedule(schedules.exponential(0.5)), Checkpoint(path))
    again.fit(X, Y, epochs=4, resume_from=path)
    last = make(Schedule(schedules.exponential(0.5)))
    last.fit(X, Y, epochs=6, resume_from=path)
    whole = make(Schedule(schedules.exponential(0.5)))
    whole.fit(X, Y, epochs=6)
    assert bits_of(last.model) == bits_of(whole.model)


@pytest.mark.parametrize("loss", [HuberLoss(), HuberLoss(2.0)])
def test_another_loss_is_another_run(loss: Any, tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    make(Checkpoint(path), loss=HuberLoss(0.5)).fit(X, Y)
    with pytest.raises(CheckpointError, match=r"is of a run with the loss HuberLoss\(delta=0\.5\), not HuberLoss\("):
        make(loss=loss).fit(X, Y, epochs=2, resume_from=path)


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"model": Dense}, r"model must be of type Layer, got <class .*Dense'>; make one by calling it"),
        ({"model": "model"}, "model must be of type Layer, got 'model'; the arguments are Trainer"),
        ({"loss": BCEWithLogitsLoss}, "loss must be of type Loss, got .*; make one by calling it"),
        ({"loss": Dense}, "loss must be of type Loss, got <class .*Dense'>; the arguments are Trainer"),
        ({"loss": Dense(1, 1)}, r"loss must be of type Loss, got Dense\(1, 1\); the arguments are Trainer"),
        ({"optimizer": SGD}, "optimizer must be of type Optimizer, got .*; make one by calling it"),
        (
            {"callbacks": EarlyStopping()},
            r"callbacks must be a list, such as .*, got EarlyStopping$",
        ),
        ({"callbacks": [EarlyStopping]}, "each callback must be of type Callback, got .*; make one by calling it"),
        ({"callbacks": [None]}, "each callback must be of type Callback, got None$"),
    ],
)
def test_parts_of_other_kinds_are_refused(parts: dict[str, Any], words: str) -> None:
    model = Dense(3, 1)
    given = {"model": model, "loss": MSELoss(), "optimizer": SGD(model.parameters(), 0.1)}
    with pytest.raises(TypeError, match=words):
        Trainer(**{**given, **parts})


@pytest.mark.parametrize("wrong", [["accuracy"], r2])
def test_metrics_are_a_dict(wrong: Any) -> None:
    with pytest.raises(HyperparameterError, match="metrics must be a dict of names and functions"):
        make().fit(X, Y, validation=0.5, metrics=wrong)
    with pytest.raises(HyperparameterError, match="metrics must be a dict of names and functions"):
        make().evaluate(X, Y, wrong)


def test_no_metric_can_take_the_name_of_the_loss() -> None:
    with pytest.raises(HyperparameterError, match='must not be called "loss"'):
        make().fit(X, Y, validation=0.5, metrics={"loss": r2})
    with pytest.raises(HyperparameterError, match='must not be called "loss"'):
        make().evaluate(X, Y, {"loss": r2})


@pytest.mark.parametrize("wrong", ["accuracy", None, 0.5])
def test_a_metric_is_a_function(wrong: Any) -> None:
    words, trainer = rf"^the metric 'b' must be a function .* such as metrics.accuracy, got {wrong!r}$", make()
    before = bits(trainer.model.parameters().value)
    with pytest.raises(HyperparameterError, match=words):
        trainer.fit(X, Y, validation=0.5, metrics={"a": r2, "b": wrong})
    with pytest.raises(HyperparameterError, match=words):
        trainer.evaluate(X, Y, {"a": r2, "b": wrong})
    assert (bits(trainer.model.parameters().value), trainer.history.loss) == (before, [])


@pytest.mark.parametrize("value", [None, "x", np.zeros(2)])
def test_a_metric_returns_one_number(value: Any) -> None:
    with pytest.raises(TypeError, match="the metric 'mine' must return one number, got "):
        make().evaluate(X, Y, {"mine": lambda *_: value})


def test_bad_validation_data_are_called_so() -> None:
    with pytest.raises(ValueError, match=r"^validation x holds 1 number that is NaN"):
        make().fit(X, Y, validation=([[1.0, 2.0, np.nan]], [[1.0]]))
    with pytest.raises(ValueError, match=r"^validation x has 2 samples but y has 1"):
        make().fit(X, Y, validation=(X[:2], Y[:1]))


def test_two_schedules_are_refused() -> None:
    trainer = make(Schedule(schedules.cosine(9)), Schedule(schedules.exponential(0.9)))
    with pytest.raises(StateError, match="a run can have only one Schedule"):
        trainer.fit(X, Y)
    assert trainer.optimizer.lr == 0.01
    with pytest.raises(TypeError, match="Schedule takes a function step -> factor"):
        Schedule(0.5)  # type: ignore[arg-type]


def test_a_metric_that_begins_later_is_nan_before() -> None:
    trainer = make()
    trainer.fit(X, Y, epochs=2)
    trainer.fit(X, Y, epochs=1, validation=(X, Y))
    trainer.fit(X, Y, epochs=2)
    trainer.fit(X, Y, epochs=1, validation=(X, Y), training_loss=True)
    epochs = trainer.history.epochs
    assert [isnan(value) for value in epochs["validation_loss"]] == [True, True, False, True, True, False]
    assert [isnan(value) for value in epochs["training_loss"]] == [True] * 5 + [False]
    assert len(epochs["loss"]) == 6


def test_patience_and_the_best_start_over_with_each_fit() -> None:
    class Worse(Callback):
        """A metric that only rises."""

        def on_epoch_end(self, run: Run) -> None:
            run.metrics["measure"] = float(run.epoch)

    trainer = make(Worse(), EarlyStopping("measure", mode="min", patience=2))
    trainer.fit(X, Y, epochs=10)
    assert len(trainer.history.epochs["loss"]) == 3
    trainer.fit(X, Y, epochs=10)
    assert len(trainer.history.epochs["loss"]) == 6
    assert trainer.history.reason == "measure has not improved for 2 epochs; back to epoch 4"


def test_a_metric_that_was_never_finite_has_no_best_epoch() -> None:
    class Nothing(Callback):
        """A metric that is NaN."""

        def on_epoch_end(self, run: Run) -> None:
            run.metrics["measure"] = float("nan")

    trainer = make(Nothing(), EarlyStopping("measure", mode="min", patience=2))
    trainer.fit(X, Y, epochs=10)
    assert trainer.history.reason == "measure has not improved for 2 epochs"


@pytest.mark.parametrize(
    ("optimizer", "words"),
    [
        (
            grouped(0.1, 1.0, swapped=True),
            r"the groups \['0.1: 0.weight 0.bias', .*\], not \['0.1: 2.weight 2.bias', ",
        ),
        (grouped(0.2, 1.0), r"the groups \['0.1: 0.weight 0.bias', .*\], not \['0.2: 0.weight 0.bias', "),
        (Adam, r"not \['1: 0.weight 0.bias 2.weight 2.bias'\]"),
    ],
)
def test_other_groups_are_refused(optimizer: Any, words: str, tmp_path: Path) -> None:
    file = tmp_path / "run.npz"
    make = grouped(0.1, 1.0)
    fit(trainer(Checkpoint(file), optimizer=make), 2)
    other = trainer(optimizer=optimizer)
    before = bits(other.model.parameters().value)
    with pytest.raises(CheckpointError, match=words):
        fit(other, resume_from=file)
    assert bits(other.model.parameters().value) == before
    assert fit(trainer(optimizer=make), resume_from=file) == fit(trainer(optimizer=make))


def test_another_accumulation_to_the_same_step_is_a_warning(tmp_path: Path) -> None:
    file = tmp_path / "run.npz"
    fit(trainer(Checkpoint(file)), 2, batch_size=4, accumulate=1)
    with pytest.warns(MinidlWarning, match="is of a run with accumulate=1, not 2; gradients agree up to rounding"):
        fit(trainer(), batch_size=2, accumulate=2, resume_from=file)
