"""After a step that stopped being finite, everything is as before it, so that it fails again by hand."""

from typing import Any

import numpy as np
import pytest

from minidl import SGD, BatchNorm, Dense, DivergenceError, Dropout, Layer, MSELoss, ReLU, Run, Sequential
from minidl.modules import Snapshot
from minidl.training.non_finite import Diagnosis
from minidl.typing import Array
from tests.callbacks.recording import Hooks
from tests.training.factories import make_trainer
from tests.training.failing import (
    GOOD,
    Fragile,
    Fuse,
    Unlucky,
    X,
    Y,
    diverge,
    everything,
    fails_by_hand,
    is_clean,
)


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
