"""fit(accumulate=…): a step of several small batches is that of one large batch."""

from typing import Any

import numpy as np
import pytest

from minidl import (
    SGD,
    Adam,
    BatchNorm,
    Dense,
    Dropout,
    HyperparameterError,
    LayerNorm,
    Loss,
    Momentum,
    MSELoss,
    Optimizer,
    Sequential,
    Sigmoid,
    Tanh,
    Trainer,
)
from minidl.batches import Batches
from tests.helpers import bits, unchanged
from tests.tables.layers import LAYERS, LayerCase
from tests.tables.losses import LOSSES, LossCase
from tests.training.failing import Sees

N, WIDTH = 11, 4
X, Y = np.random.default_rng(0).normal(size=(N, WIDTH)), np.random.default_rng(1).normal(size=(N, 2))


def network(**options: Any) -> Sequential:
    return Sequential(Dense(WIDTH, 5), Tanh(), Dense(5, 2), **{"rng": 0, **options})


def fit(model: Sequential, optimizer: Optimizer, loss: Loss | None = None, **options: Any) -> Trainer:
    x, y = options.pop("data", (X, Y))
    trainer = Trainer(model, loss or MSELoss(), optimizer)
    trainer.fit(x, y, epochs=3, rng=0, **options)
    return trainer


def check_equal(small: Trainer, large: Trainer, tolerance: float = 1e-12) -> None:
    history, other = small.history, large.history
    assert len(history.loss) == len(other.loss)
    np.testing.assert_allclose(history.loss, other.loss, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(history.epochs["loss"], other.epochs["loss"], rtol=tolerance, atol=tolerance)
    theta, expected = small.model.parameters().value, large.model.parameters().value
    np.testing.assert_allclose(theta, expected, rtol=tolerance, atol=tolerance)


def samples_apart(case: LayerCase) -> bool:
    """Whether the layer takes one array of floats, and in training each sample has nothing to do with the others."""
    x = case.draw(np.random.default_rng(0), 2, WIDTH)
    takes_floats = isinstance(x, np.ndarray) and x.dtype.kind == "f" and not isinstance(case.make(WIDTH)(x), tuple)
    modules = [module for _, module in case.make(WIDTH).modules()]
    drops = any(isinstance(module, BatchNorm | Dropout) or getattr(module, "dropout", 0) > 0 for module in modules)
    return takes_floats and not drops


@pytest.mark.parametrize("case", [case for case in LAYERS if samples_apart(case)], ids=lambda case: case.name)
def test_small_batches_make_the_step_of_a_large_one_for_every_layer(case: LayerCase) -> None:
    x = case.draw(np.random.default_rng(0), N, WIDTH)
    small, large = (Sequential(LayerNorm(WIDTH), case.make(WIDTH)) for _ in range(2))
    large.load_state(small.state())
    y = np.random.default_rng(1).normal(size=small(x).shape)
    parts = fit(small, SGD(small.parameters(), 0.1), data=(x, y), batch_size=2, accumulate=3)
    whole = fit(large, SGD(large.parameters(), 0.1), data=(x, y), batch_size=6)
    check_equal(parts, whole)
    assert np.ptp(whole.history.loss) > 1e-6


@pytest.mark.parametrize("case", LOSSES, ids=lambda case: case.name)
def test_small_batches_make_the_step_of_a_large_one_for_every_loss(case: LossCase) -> None:
    _, y = case.draw(np.random.default_rng(1), (N, 2))
    last = [Sigmoid()] if case.name.startswith("BCELoss") else []
    small, large = (Sequential(Dense(WIDTH, 5), Tanh(), Dense(5, 2), *last, rng=0) for _ in range(2))
    parts = fit(small, SGD(small.parameters(), 0.1), case.make(), data=(X, y), batch_size=3, accumulate=2)
    whole = fit(large, SGD(large.parameters(), 0.1), case.make(), data=(X, y), batch_size=6)
    check_equal(parts, whole)


@pytest.mark.parametrize(
    ("batch_size", "accumulate"), [(1, 2), (1, 11), (1, 30), (2, 4), (3, 3), (4, 2), (5, 2), (10, 2)]
)
def test_odd_last_parts_are_weighted_by_their_samples(batch_size: int, accumulate: int) -> None:
    small, large = network(), network()
    parts = fit(small, Momentum(small.parameters(), 0.1), batch_size=batch_size, accumulate=accumulate)
    whole = fit(large, Momentum(large.parameters(), 0.1), batch_size=batch_size * accumulate)
    check_equal(parts, whole)


@pytest.mark.parametrize("bounds", [{"norm": 0.05}, {"value": 0.01}, {"norm": 0.05, "value": 0.01}])
def test_the_gradient_is_clipped_when_it_is_whole(bounds: dict[str, float]) -> None:
    small, large = network(), network()
    parts = fit(small, Adam(small.parameters(), 0.1).clip(**bounds), batch_size=2, accumulate=3)
    whole = fit(large, Adam(large.parameters(), 0.1).clip(**bounds), batch_size=6)
    check_equal(parts, whole, 1e-9)  # Adam divides by the root of small squares
    assert parts.optimizer.steps == 6


def test_float32_stays_float32() -> None:
    small, large = network(dtype=np.float32), network(dtype=np.float32)
    parts = fit(small, SGD(small.parameters(), 0.1), batch_size=2, accumulate=3, validation=(X, Y))
    whole = fit(large, SGD(large.parameters(), 0.1), batch_size=6)
    check_equal(parts, whole, 1e-5)
    assert small.parameters().value.dtype == small.parameters().grad.dtype == np.float32
    assert all(type(loss) is float for loss in parts.history.loss)


@pytest.mark.parametrize(("accumulate", "steps"), [(1, 6), (2, 3), (3, 2)])
def test_no_more_than_a_batch_goes_through_the_model_at_once(accumulate: int, steps: int) -> None:
    sees = Sees()
    model = Sequential(sees, Dense(WIDTH, 2), rng=0)
    trainer = fit(model, SGD(model.parameters(), 0.1), batch_size=2, accumulate=accumulate)
    assert [len(x) for x in sees.trained] == [2, 2, 2, 2, 2, 1] * 3
    assert len(trainer.history.loss) == trainer.optimizer.steps == 3 * steps


def test_an_accumulation_of_one_changes_no_bit() -> None:
    with_it, without = network(), network()
    fit(with_it, Adam(with_it.parameters()), batch_size=3, accumulate=1)
    fit(without, Adam(without.parameters()), batch_size=3)
    assert bits(with_it.parameters().value) == bits(without.parameters().value)


def test_the_gradient_that_is_left_is_the_mean_over_all() -> None:
    small, large = network(), network()
    parts = fit(small, SGD(small.parameters(), 1e-300), batch_size=3, accumulate=4)
    whole = fit(large, SGD(large.parameters(), 1e-300))
    np.testing.assert_allclose(parts.history.loss, whole.history.loss, rtol=1e-14)
    np.testing.assert_allclose(small.parameters().grad, large.parameters().grad, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("wrong", [0, -1, 1.5, True, "2", None])
def test_wrong_numbers(wrong: Any) -> None:
    model = network()
    optimizer = SGD(model.parameters(), 0.1)
    with unchanged(model, optimizer), pytest.raises(HyperparameterError, match="accumulate must be a positive integer"):
        fit(model, optimizer, batch_size=2, accumulate=wrong)
    with (
        unchanged(model, optimizer),
        pytest.raises(HyperparameterError, match="accumulate needs a batch_size"),
    ):
        fit(model, optimizer, accumulate=2)


@pytest.mark.parametrize("wrong", [-2, 2.5, True])
def test_a_wrong_batch_size_is_shown_as_it_was_given(wrong: Any) -> None:
    model = network()
    optimizer = SGD(model.parameters(), 0.1)
    with (
        unchanged(model, optimizer),
        pytest.raises(HyperparameterError, match=rf"^batch_size .*, got {wrong}$"),
    ):
        fit(model, optimizer, batch_size=wrong, accumulate=3)


@pytest.mark.parametrize("samples", range(1, 9))
@pytest.mark.parametrize("size", range(1, 10))
def test_the_mean_over_an_epoch_is_that_over_the_samples(samples: int, size: int) -> None:
    values = np.random.default_rng(samples).normal(size=samples)
    batches = Batches(values, values, batch_size=size, shuffle=False)
    assert batches.mean([float(x.mean()) for x, _ in batches]) == pytest.approx(values.mean(), rel=1e-13)
