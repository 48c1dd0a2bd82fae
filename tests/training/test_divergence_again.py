"""After a step that stopped being finite everything is as before it, so that it fails again by hand."""

from collections.abc import Callable
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
    MSELoss,
    ReLU,
    Sequential,
    Trainer,
)
from minidl.training.non_finite import Diagnosis
from minidl.typing import Array
from tests.training.failing import (
    GOOD,
    Before,
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
    """Blurs the targets, counts how often, and has a part of its own that fails for a large prediction."""

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
    assert "first in Fragile(), forward" in str(error)
    assert loss.calls == 2
    left = loss.rng.bit_generator.state
    again = DrawingLoss()
    again.rng.normal(size=(4, 1))
    assert again.rng.bit_generator.state == left


def test_a_step_that_does_not_fail_again_is_said_to_be_so() -> None:
    error = diverge(Sequential(Fuse(kept=False), Dense(2, 1), rng=0), epochs=9)
    assert (error.layer, error.direction, error.step) == (None, None, 4)
    assert "of epoch 1, but not when the batch was evaluated again: it depends on more than its inputs" in str(error)


def test_a_second_evaluation_that_raises_leaves_everything_clean() -> None:
    model = Sequential(Dropout(rng=0), Fuse(kept=False, error=ValueError), Dense(2, 1), rng=0)
    error = diverge(model, epochs=9)
    assert (error.layer, error.direction) == ("1", "forward")
    assert "forward: it raised ValueError('a second time')" in str(error)


def test_an_error_outside_of_all_layers_is_said_as_it_is() -> None:
    model = Sequential(Dense(2, 1), rng=0)

    def evaluate(batch: Any) -> float:
        raise OverflowError(batch)

    finding = Witness(model, MSELoss()).find(evaluate, "batch")
    assert finding == (None, None, "in no layer: OverflowError('batch')")
    assert is_clean(model)


def test_ctrl_c_in_the_second_evaluation_leaves_everything_clean() -> None:
    class Impatient(Fuse):
        """Raises KeyboardInterrupt when it is asked a second time."""

        def forward(self, x: Array) -> Array:
            if self.burnt[0] == 5:
                raise KeyboardInterrupt
            return super().forward(x)

    model, before = Sequential(Dropout(rng=0), Impatient(kept=False), Dense(2, 1), rng=0), Before()
    history = Trainer(model, MSELoss(), SGD(model.parameters(), 1e-3), [before]).fit(X, Y, batch_size=2, epochs=9)
    assert history.reason == "interrupted by Ctrl-C"
    assert is_clean(model)
    assert everything(model)[1:] == before.began[1:]


def test_a_method_of_the_instance_is_watched_and_stays() -> None:
    layer, fragile = Fragile("backward"), Fragile()
    layer.forward = fragile.forward  # type: ignore[method-assign]
    layer.x = X
    model = Sequential(layer, Dense(2, 1), rng=0)
    trainer = Trainer(model, MSELoss(), SGD(model.parameters(), 1e-15))
    with pytest.raises(DivergenceError, match=r"first in layer 0, .*, forward"):
        trainer.fit(X, Y)
    assert vars(layer)["forward"] == fragile.forward
    assert "backward" not in vars(layer)


@pytest.mark.parametrize(("layer", "noted"), [(ReLU(), 0), (Dropout(rng=0), 5), (BatchNorm(2), 5)])
def test_models_without_buffers_and_generators_cost_nothing(
    layer: Layer, noted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    note = Witness.note

    def noting(self: Witness) -> None:
        calls.append("note")
        note(self)

    monkeypatch.setattr(Witness, "note", noting)
    monkeypatch.setattr(Witness, "find", lambda *_: calls.append("find"))
    model, loss = Sequential(layer, Dense(2, 1), rng=0), MSELoss()
    Trainer(model, loss, SGD(model.parameters(), 1e-15)).fit(X, Y, batch_size=2, shuffle=False)
    assert calls == ["note"] * noted
    evaluate: Callable[[Any], float] = float
    assert (Witness(model, loss).noting(evaluate) is evaluate) == (noted == 0)
