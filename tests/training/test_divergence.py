"""A step that stops being finite: what the error says, and what it keeps so that the step can be repeated by hand."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest

from minidl import BatchNorm, Dense, DivergenceError, Dropout, Layer, Loss, MSELoss, ReLU, Residual, Run, Sequential
from minidl.typing import Array
from tests.callbacks.recording import Hooks
from tests.helpers import bits
from tests.training.factories import make_trainer
from tests.training.failing import (
    GOOD,
    BrokenLoss,
    ByHelper,
    Exponential,
    Fragile,
    Stretch,
    X,
    Y,
    diverge,
    fails_by_hand,
    is_clean,
)
from tests.user_defined import Scale, Skip


class Case(NamedTuple):
    """A model that fails in the batch with the large sample; where and in which words."""

    layers: Callable[[], list[Layer]]
    loss: Loss
    layer: str
    direction: str
    words: str


MSE = MSELoss()
RESULT, GRADIENT = "its result is not finite", "the gradient of its {} is not finite"
BACKWARD = f"layer 1, Fragile(where='backward'), backward: {RESULT}"
OVERFLOW = "it raised OverflowError('math range error')"
CASES = {
    "forward": Case(lambda: [Fragile()], MSE, "0", "forward", f"layer 0, Fragile(), forward: {RESULT}"),
    "nested": Case(lambda: [ReLU(), Sequential(Fragile())], MSE, "1.0", "forward", "layer 1.0, Fragile(), forward"),
    "in another container": Case(lambda: [Skip(Fragile())], MSE, "0.inner", "forward", "layer 0.inner, "),
    "backward": Case(lambda: [Scale(2), Fragile("backward")], MSE, "1", "backward", BACKWARD),
    "gradient": Case(
        lambda: [Dense(2, 2), Stretch(2)], MSE, "1", "backward", f"Stretch(2), backward: {GRADIENT.format('scale')}"
    ),
    "gradient of the first layer": Case(
        lambda: [Stretch(2)], MSE, "0", "backward", f"layer 0, Stretch(2), backward: {GRADIENT.format('scale')}"
    ),
    "gradient written by another layer": Case(
        lambda: [ByHelper()], MSE, "0", "backward", f"layer 0, ByHelper(), backward: {GRADIENT.format('part.scale')}"
    ),
    "loss": Case(list, BrokenLoss("forward"), "loss", "forward", f"in BrokenLoss('forward'), forward: {RESULT}"),
    "loss backward": Case(list, BrokenLoss("backward"), "loss", "backward", f"('backward'), backward: {RESULT}"),
    "overflow": Case(lambda: [Exponential("forward")], MSE, "0", "forward", f"forward: {OVERFLOW}"),
    "overflow backward": Case(
        lambda: [Scale(2), Exponential("backward")], MSE, "1", "backward", f"backward: {OVERFLOW}"
    ),
    "before buffers and generators": Case(
        lambda: [Scale(2), Fragile("backward"), BatchNorm(2), Dropout(rng=0)], MSE, "1", "backward", BACKWARD
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_error_says_where_and_keeps_what_is_needed_to_see_it(case: Case) -> None:
    model = Sequential(*case.layers(), Dense(2, 1), rng=0)
    model.parameters().value = np.abs(model.parameters().value) + 0.1
    error = diverge(model, case.loss)
    assert (error.layer, error.direction, error.step) == (case.layer, case.direction, 2)
    assert "loss or gradient stopped being finite at step 2, in batch 3 of epoch 1, first in " in str(error)
    assert case.words in str(error)
    assert error.batch is not None
    assert bits(*error.batch) == bits(X[4:6], Y[4:6])
    assert fails_by_hand(model, case.loss, error.batch)


def test_a_model_that_is_one_layer_has_the_empty_path() -> None:
    error = diverge(Stretch(2), data=(X, X))
    assert (error.layer, error.direction) == ("", "backward")
    assert "first in Stretch(2), backward: the gradient of its scale is not finite" in str(error)


@pytest.mark.parametrize("alone", [True, False])
def test_what_only_a_sum_makes_infinite_is_in_the_layer_that_adds(alone: bool) -> None:
    residual = Residual(Dense(2, 2, use_bias=False))
    residual.parameters().value = np.eye(2).ravel()
    x = np.full((2, 2), 1.5e308)
    error = diverge(residual, data=(x, x)) if alone else diverge(Sequential(residual, Dense(2, 1)), data=(x, Y[:2]))
    assert (error.layer, error.direction) == ("" if alone else "0", "forward")
    assert "Residual(Dense(2, 2, use_bias=False)), forward: its result is not finite;" in str(error)


@pytest.mark.parametrize("first", [True, False])
def test_a_weight_gradient_that_overflows(first: bool) -> None:
    large = np.full((2, 2), 1e200)
    model = Dense(2, 1) if first else Sequential(Scale(2), Dense(2, 1))
    model.parameters().value = np.full(model.parameters().size, 1.0)

    class Half(MSELoss):
        """Finite where the square is not."""

        def forward(self, prediction: Array, target: Array) -> float:
            super().forward(prediction, target)
            return 0.0

    error = diverge(model, Half(), data=(large, Y[:2]))
    assert (error.layer, error.direction) == ("" if first else "1", "backward")
    assert "Dense(2, 1), backward: the gradient of its weight is not finite; try" in str(error)


def test_only_the_sum_of_squares_is_too_large_for_float32() -> None:
    model = Sequential(Dense(2, 1), dtype=np.float32, rng=0)
    model.parameters().value = np.zeros(3)
    error = diverge(model, data=(np.ones((2, 2)), np.full((2, 1), 1e19)), lr=1e-30)
    assert (error.layer, error.direction, error.step) == (None, None, 0)
    assert "batch 1 of epoch 1, each number is finite, but the sum of their squares is not; try" in str(error)
    assert np.isfinite(model.parameters().grad).all()


def test_parameters_that_the_update_before_made_infinite_are_named() -> None:
    model = Sequential(Dense(2, 1), rng=0)
    error = diverge(model, lr=1e308, data=(1e3 * np.ones((2, 2)), np.zeros((2, 1))), epochs=5)
    assert (error.layer, error.direction, error.step) == ("0", "forward", 1)
    assert "forward: its result is not finite, because its weight and its bias is not; try" in str(error)
    assert np.isinf(model.parameters().value).all()
    assert len(error.history.loss if error.history else ()) == 1


def test_only_what_is_not_finite_itself_is_named_as_the_cause() -> None:
    model = Sequential(Dense(2, 3), Dense(3, 1), rng=0)
    model[0].weight.value[0, 1] = np.inf  # type: ignore[attr-defined]
    error = diverge(model, data=(np.ones((2, 2)), Y[:2]))
    assert "layer 0, Dense(2, 3), forward: its result is not finite, because its weight is not;" in str(error)


def test_the_epoch_is_counted_from_the_first_fit_and_the_batch_within_it() -> None:
    model = Sequential(Dense(2, 1), rng=0)
    trainer = make_trainer(model, lr=1e-3)
    trainer.fit(GOOD, Y, epochs=2, batch_size=3)

    def arm(run: Run) -> None:
        if run.step == 6 + 5 + 3:  # within the second epoch of the second fit
            model[0].weight.value = np.full((2, 1), np.nan)  # type: ignore[attr-defined]

    trainer.callbacks = [Hooks(on_step_end=arm)]
    with pytest.raises(DivergenceError, match=r"at step 14, in batch 4 of epoch 4, first in layer 0, .*its weight"):
        trainer.fit(GOOD, Y, epochs=3, batch_size=2, shuffle=True, rng=0)
    assert len(trainer.history.epochs["loss"]) == 3


def test_a_run_can_stop_with_the_reason_instead() -> None:
    model = Sequential(Fragile(), Dense(2, 1), rng=0)
    trainer = make_trainer(model, lr=1e-15)
    history = trainer.fit(X, Y, epochs=3, batch_size=2, shuffle=False, on_divergence="stop")
    assert history.reason == (
        "loss or gradient stopped being finite at step 2, in batch 3 of epoch 1, first in layer 0, Fragile(), forward: "
        "its result is not finite; try a smaller learning rate, or look at the data"
    )
    assert len(history.loss) == trainer.optimizer.steps == 2
    assert is_clean(model)


def test_with_accumulation_the_batch_is_all_that_the_step_is_made_of() -> None:
    model = Sequential(Dropout(rng=0), Fragile(), Dense(2, 1), rng=0)
    error = diverge(model, accumulate=2)
    assert (error.layer, error.step) == ("1", 1)
    assert "at step 1, in batch 2 of epoch 1" in str(error)
    assert error.batch is not None
    assert bits(*error.batch) == bits(X[4:8], Y[4:8])
    assert fails_by_hand(model, MSELoss(), error.batch)
