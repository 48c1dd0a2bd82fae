"""A step that stops being finite: what the error says, and that everything is as before, to repeat it by hand."""

from typing import Any

import numpy as np
import pytest

from minidl import (
    SGD,
    BatchNorm,
    Dense,
    DivergenceError,
    Dropout,
    Layer,
    Loss,
    MSELoss,
    ReLU,
    Residual,
    Run,
    Sequential,
)
from minidl.modules import Snapshot
from minidl.training.non_finite import Diagnosis
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
    Fuse,
    Stretch,
    Unlucky,
    X,
    Y,
    diverge,
    everything,
    fails_by_hand,
    is_clean,
)
from tests.user_defined import Scale, Skip

RESULT, GRADIENT = "its result is not finite", "the gradient of its {} is not finite"
OVERFLOW = "it raised OverflowError('math range error')"
CASES: list[tuple[list[Layer], Loss, str, str, str]] = [
    # layers in front of a Dense, loss; layer and direction of the divergence, and its words
    ([Fragile()], MSELoss(), "0", "forward", f"layer 0, Fragile(), forward: {RESULT}"),
    ([ReLU(), Sequential(Fragile())], MSELoss(), "1.0", "forward", "layer 1.0, Fragile(), forward"),
    ([Skip(Fragile())], MSELoss(), "0.inner", "forward", "layer 0.inner, "),
    ([Scale(2), Fragile("backward")], MSELoss(), "1", "backward", f"1, Fragile(where='backward'), backward: {RESULT}"),
    ([Dense(2, 2), Stretch(2)], MSELoss(), "1", "backward", f"1, Stretch(2), backward: {GRADIENT.format('scale')}"),
    ([Stretch(2)], MSELoss(), "0", "backward", f"layer 0, Stretch(2), backward: {GRADIENT.format('scale')}"),
    ([ByHelper()], MSELoss(), "0", "backward", f"layer 0, ByHelper(), backward: {GRADIENT.format('part.scale')}"),
    ([], BrokenLoss("forward"), "loss", "forward", f"first in BrokenLoss('forward'), forward: {RESULT}"),
    ([], BrokenLoss("backward"), "loss", "backward", f"first in BrokenLoss('backward'), backward: {RESULT}"),
    ([Exponential("forward")], MSELoss(), "0", "forward", f"forward: {OVERFLOW}"),
    ([Scale(2), Exponential("backward")], MSELoss(), "1", "backward", f"backward: {OVERFLOW}"),
    ([Scale(2), Fragile("backward"), BatchNorm(2), Dropout(rng=0)], MSELoss(), "1", "backward", f"backward: {RESULT}"),
]


@pytest.mark.parametrize(("layers", "loss", "layer", "direction", "words"), CASES)
def test_the_error_says_where_and_keeps_what_is_needed_to_see_it(
    layers: list[Layer], loss: Loss, layer: str, direction: str, words: str
) -> None:
    model = Sequential(*layers, Dense(2, 1), rng=0)
    model.parameters().value = np.abs(model.parameters().value) + 0.1
    error = diverge(model, loss)
    assert (error.layer, error.direction, error.step) == (layer, direction, 2)
    assert "loss or gradient stopped being finite at step 2, in batch 3 of epoch 1, first in " in str(error)
    assert words in str(error)
    assert error.batch is not None
    assert bits(*error.batch) == bits(X[4:6], Y[4:6])
    assert fails_by_hand(model, loss, error.batch)


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


def test_a_run_goes_on_where_only_the_sum_of_squares_is_too_large() -> None:
    for dtype, large in ((np.float32, 1e19), (np.float64, 1e153)):
        model = Sequential(Dense(2, 1), dtype=dtype, rng=0)
        model.parameters().value = np.zeros(3)
        trainer = make_trainer(model, lr=1e-30)
        trainer.fit(np.ones((900, 2)), np.full((900, 1), large), batch_size=900, epochs=3)
        assert len(trainer.history.loss) == 3
        np.testing.assert_allclose(trainer.history.loss, large**2, rtol=1e-6)
        np.testing.assert_allclose(model.parameters().grad, -2 * large, rtol=1e-6)
        with np.errstate(all="ignore"):
            assert dtype is np.float64 or np.isinf(model.parameters().grad.dot(model.parameters().grad))
        assert np.isfinite(model.parameters().value).all()


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


@pytest.mark.parametrize("seed", range(5))
def test_with_generators_as_before_the_step_it_fails_again_by_hand(seed: int) -> None:
    model = Sequential(Dropout(rng=seed), Unlucky(seed), Dropout(rng=seed + 1), Dense(2, 1), rng=0)
    error = diverge(model, data=(GOOD, Y), epochs=100, shuffle=True, rng=0)
    assert (error.layer, error.direction) == ("1", "forward")
    assert error.batch is not None
    x = model[0].forward(error.batch[0])
    assert np.isfinite(x).all()
    assert not np.isfinite(model[1].forward(x)).any()


@pytest.mark.parametrize("in_place", [False, True])
def test_with_buffers_as_before_the_step_it_fails_again_by_hand(in_place: bool) -> None:
    model = Sequential(BatchNorm(2), Fuse(in_place=in_place), Dense(2, 1), rng=0)
    error = diverge(model, epochs=9)
    assert (error.layer, error.direction, error.step) == ("1", "forward", 4)
    assert model[1].burnt == 4  # type: ignore[attr-defined]
    assert fails_by_hand(model, MSELoss(), error.batch)
    assert not fails_by_hand(model, MSELoss(), error.batch)


class DrawingLoss(MSELoss):
    """Adds noise to the targets, counts its calls, and has a part that fails for a large prediction."""

    buffers = ("calls",)

    def __init__(self) -> None:
        self.rng, self.calls, self.inner = np.random.default_rng(0), 0, Fragile()

    def forward(self, prediction: Array, target: Array) -> float:
        self.calls += 1
        return super().forward(self.inner.forward(prediction), target + self.rng.normal(size=target.shape))


def test_the_loss_too_is_as_before_the_step() -> None:
    model, loss = Sequential(Dense(2, 1), rng=0), DrawingLoss()
    error = diverge(model, loss)
    assert error.layer == "loss.inner"
    assert "first in layer loss.inner, Fragile(), forward" in str(error)
    assert loss.calls == 2
    left = loss.rng.bit_generator.state
    again = DrawingLoss()
    again.rng.normal(size=(4, 1))
    assert again.rng.bit_generator.state == left


def test_a_step_that_does_not_fail_again_is_reported_as_such() -> None:
    error = diverge(Sequential(Fuse(kept=False), Dense(2, 1), rng=0), epochs=9)
    assert (error.layer, error.direction, error.step) == (None, None, 4)
    assert "of epoch 1, but not when the batch was evaluated again: the result depends on more than the batch" in str(
        error
    )


def test_a_second_evaluation_that_raises_leaves_everything_clean() -> None:
    model = Sequential(Dropout(rng=0), Fuse(kept=False, error=ValueError), Dense(2, 1), rng=0)
    error = diverge(model, epochs=9)
    assert (error.layer, error.direction) == ("1", "forward")
    assert "forward: it raised ValueError('a second time')" in str(error)


def test_an_error_outside_of_all_layers_is_reported_as_such() -> None:
    model = Sequential(Dense(2, 1), rng=0)

    def evaluate(batch: Any) -> float:
        raise OverflowError(batch)

    run = Run(model, SGD(model.parameters(), 0.1), [], ["batch"], evaluate)
    error = Diagnosis(model, MSELoss(), evaluate)(run, "batch")
    assert (error.layer, error.direction) == (None, None)
    assert "outside of any layer: OverflowError('batch'); try" in str(error)
    assert is_clean(model)


def test_ctrl_c_in_the_second_evaluation_leaves_everything_clean() -> None:
    class Impatient(Fuse):
        def forward(self, x: Array) -> Array:
            if self.burnt[0] == 5:
                raise KeyboardInterrupt
            return super().forward(x)

    model, began = Sequential(Dropout(rng=0), Impatient(kept=False), Dense(2, 1), rng=0), list[list[Any]]()
    before = Hooks(on_step_begin=lambda run: began.append(everything(run.model)))
    history = make_trainer(model, before, lr=1e-3).fit(X, Y, batch_size=2, epochs=9)
    assert history.reason == "interrupted by Ctrl-C"
    assert is_clean(model)
    assert everything(model)[1:] == began[-1][1:]


def test_a_method_of_the_instance_is_watched_and_stays() -> None:
    layer, fragile = Fragile("backward"), Fragile()
    layer.forward = fragile.forward  # type: ignore[method-assign]
    layer.x = X
    model = Sequential(layer, Dense(2, 1), rng=0)
    with pytest.raises(DivergenceError, match=r"first in layer 0, .*, forward"):
        make_trainer(model, lr=1e-15).fit(X, Y)
    assert vars(layer)["forward"] == fragile.forward
    assert "backward" not in vars(layer)


@pytest.mark.parametrize(("layer", "taken"), [(ReLU(), 0), (Dropout(rng=0), 5), (BatchNorm(2), 5)])
def test_models_without_buffers_and_generators_need_no_snapshots(
    layer: Layer, taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshots, take = list[Snapshot](), Snapshot.take

    def counted(snapshot: Snapshot) -> None:
        snapshots.append(snapshot)
        take(snapshot)

    monkeypatch.setattr(Snapshot, "take", counted)
    trainer = make_trainer(Sequential(layer, Dense(2, 1), rng=0), lr=1e-15)
    trainer.fit(X, Y, epochs=0)
    once = len(snapshots)
    trainer.fit(X, Y, batch_size=2, shuffle=False)
    assert len(snapshots) - 2 * once == taken
