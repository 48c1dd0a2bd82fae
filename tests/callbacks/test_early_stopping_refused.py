"""EarlyStopping of a metric that a run does not measure: refused before the first step."""

from typing import Any

import pytest

from minidl import SGD, Callback, EarlyStopping, Quadratic, RecordPath, Run, StateError, Timer, minimize
from minidl.metrics import r2
from tests.callbacks.recording import Hooks
from tests.helpers import unchanged
from tests.training.factories import data, make_trainer, network


@pytest.mark.parametrize(
    ("monitor", "options", "words"),
    [
        ("validation_loss", {}, r"the run measures loss; pass validation= to fit$"),
        ("training_loss", {}, r"the run measures loss; pass training_loss=True to fit$"),
        (
            "accuracy",
            {},
            r'the run measures loss; pass validation= and metrics=\{"accuracy": …\} to fit, and watch '
            '"validation_accuracy"$',
        ),
        ("val_loss", {"validation": data(5)}, r"the run measures loss, validation_loss$"),
        (
            "validation_accuracy",
            {"training_loss": True, "metrics": {"r2": r2}},
            "the run measures loss, training_loss, training_r2; pass validation= to fit$",
        ),
        (
            "validation_accuracy",
            {"validation": data(5)},
            r'the run measures loss, validation_loss; pass metrics=\{"accuracy": …\} to fit$',
        ),
    ],
)
def test_a_metric_that_is_not_measured_is_refused_before_the_first_step(
    monitor: str, options: dict[str, Any], words: str
) -> None:
    trainer = make_trainer(network(), EarlyStopping(monitor), Timer(), RecordPath())
    with unchanged(trainer.model), pytest.raises(StateError, match=rf"watches '{monitor}', but {words}"):
        trainer.fit(*data(), **options)
    assert trainer.history.loss == []


def test_under_minimize_nothing_is_measured() -> None:
    bowl = Quadratic([[1.0]], start=[8.0])
    with pytest.raises(StateError, match=r"watches 'loss', but the run measures nothing$"):
        minimize(bowl, SGD(bowl.parameters(), 0.1), 3, [EarlyStopping("loss")])
    assert bowl.parameters().value.tolist() == [8.0]


class Adds(Callback):
    """Adds a metric, and does not say which."""

    def on_epoch_end(self, run: Run) -> None:
        run.metrics["measure"] = 1.0


class Names(Callback):
    """Adds a metric, and says which."""

    adds = ("measure",)

    def on_epoch_end(self, run: Run) -> None:
        run.metrics["measure"] = 1.0


def test_a_metric_that_a_callback_may_add_is_waited_for() -> None:
    def add(run: Run) -> None:
        run.metrics["measure"] = 1.0

    for callback in (Adds(), Names(), Hooks(on_epoch_end=add)):
        make_trainer(network(), callback, EarlyStopping("measure", mode="min")).fit(*data(), epochs=2)
    trainer = make_trainer(network(), Adds(), EarlyStopping("other", mode="min"))
    with pytest.raises(StateError, match=r"the run measures loss, measure$"):
        trainer.fit(*data())
    assert len(trainer.history.loss) == 1
    trainer = make_trainer(network(), Names(), EarlyStopping("other", mode="min"))
    with pytest.raises(StateError, match=r"the run measures loss$"):
        trainer.fit(*data())
    assert trainer.history.loss == []
