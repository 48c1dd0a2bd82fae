"""Training: losses by hand, reproducibility, going on, divergence, and what bad data leaves alone."""

from typing import Any

import numpy as np
import pytest

from minidl import (
    SGD,
    BCEWithLogitsLoss,
    Callback,
    DataError,
    Dense,
    DivergenceError,
    HyperparameterError,
    Layer,
    MinidlError,
    Momentum,
    MSELoss,
    ReLU,
    Run,
    Sequential,
    ShapeError,
    StateError,
    Trainer,
)
from minidl.typing import Array
from tests.helpers import bits, unchanged


def network(seed: int = 0) -> Sequential:
    return Sequential(Dense(2, 4), ReLU(), Dense(4, 1), rng=seed)


def data(n: int = 7, seed: int = 1) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 2)), rng.integers(0, 2, (n, 1)).astype(float)


def trainer(model: Layer, *callbacks: Callback, lr: float = 0.1) -> Trainer:
    return Trainer(model, MSELoss(), Momentum(model.parameters(), lr), callbacks)


def test_steps_of_linear_regression_by_hand() -> None:
    model = Dense(1, 1, use_bias=False)
    model.weight.value = [[1.0]]
    x, y = np.array([[1.0], [2.0]]), np.array([[3.0], [4.0]])
    history = Trainer(model, MSELoss(), SGD(model.parameters(), 0.1)).fit(x, y, epochs=3)
    w, losses = 1.0, []
    for _ in range(3):
        losses.append(((w - 3) ** 2 + (2 * w - 4) ** 2) / 2)
        w -= 0.1 * ((w - 3) * 1 + (2 * w - 4) * 2)
    np.testing.assert_allclose(history.loss, losses, rtol=1e-14)
    np.testing.assert_allclose(model.weight.value, [[w]], rtol=1e-14)
    assert history.epochs["loss"] == history.loss


def test_the_mean_over_an_epoch_weighs_an_odd_last_batch() -> None:
    model = network()
    history = Trainer(model, MSELoss(), SGD(model.parameters(), 1e-12)).fit(*data(7), epochs=2, batch_size=3, rng=0)
    assert len(history.loss) == 6
    x, y = data(7)
    whole = float(((model(x) - y) ** 2).mean())
    np.testing.assert_allclose(history.epochs["loss"], [whole, whole], rtol=1e-9)
    assert np.mean(history.loss[:3]) != pytest.approx(whole, rel=1e-3)


def test_validation_loss_by_hand_after_each_epoch() -> None:
    x_val, y_val = data(5, seed=2)
    expected: list[float] = []

    class ByHand(Callback):
        def on_epoch_end(self, run: Run) -> None:
            prediction = np.maximum(x_val @ model[0].weight.value + model[0].bias.value, 0) @ model[2].weight.value
            expected.append(float(((prediction + model[2].bias.value - y_val) ** 2).mean()))

    model: Any = network()
    history = trainer(model, ByHand()).fit(*data(), epochs=3, batch_size=2, validation=(x_val, y_val), rng=0)
    np.testing.assert_allclose(history.epochs["validation_loss"], expected, rtol=1e-13)
    assert len(expected) == len(history.epochs["loss"]) == 3


def test_fit_is_reproducible_from_rng() -> None:
    def fit(rng: Any) -> tuple[list[float], list[bytes]]:
        model = network()
        return trainer(model).fit(*data(), epochs=4, batch_size=2, rng=rng).loss, bits(model.parameters().value)

    assert fit(0) == fit(0) == fit(np.random.default_rng(0))
    assert fit(0)[0] != fit(1)[0]


def test_without_shuffle_the_order_is_that_of_the_data() -> None:
    seen: list[float] = []

    class Watch(Layer):
        def forward(self, x: Array) -> Array:
            seen.extend(x[:, 0].tolist())
            return x

        def backward(self, grad: Array) -> Array:
            return grad

    model = Sequential(Watch(), Dense(2, 1))
    x, y = data()
    trainer(model).fit(x, y, epochs=2, batch_size=3, shuffle=False)
    assert seen == x[:, 0].tolist() * 2
    seen.clear()
    trainer(model).fit(x, y, epochs=2, batch_size=3, rng=0)
    assert seen != x[:, 0].tolist() * 2
    assert sorted(seen) == sorted(x[:, 0].tolist() * 2)


def test_a_second_fit_goes_on() -> None:
    straight = trainer(network())
    straight.fit(*data(), epochs=5)
    parts = trainer(network())
    first = parts.fit(*data(), epochs=2)
    assert len(first.loss) == 2
    second = parts.fit(*data(), epochs=3)
    assert second is first is parts.history
    assert second.loss == straight.history.loss
    assert second.epochs == straight.history.epochs
    assert bits(parts.model.parameters().value) == bits(straight.model.parameters().value)


class Counts(Callback):
    """Notes the counts of a run at its begin and end."""

    def __init__(self) -> None:
        self.counts: list[tuple[int, int, int, int]] = []

    def on_fit_begin(self, run: Run) -> None:
        self.counts.append((run.epoch, run.epochs, run.step, run.steps))

    on_fit_end = on_fit_begin


def test_epochs_and_steps_are_counted_from_the_first_fit() -> None:
    counts = Counts()
    again = trainer(network(), counts)
    again.fit(*data(), epochs=2, batch_size=3)
    again.fit(*data(), epochs=1)
    assert counts.counts == [(0, 2, 0, 6), (2, 2, 6, 6), (2, 3, 6, 7), (3, 3, 7, 7)]


def test_one_epoch_of_one_batch_is_the_default() -> None:
    history = trainer(network()).fit(*data())
    assert (len(history.loss), len(history.epochs["loss"])) == (1, 1)


def test_no_epochs_change_nothing() -> None:
    model = network()
    with unchanged(model):
        assert trainer(model).fit(*data(), epochs=0).loss == []


class Mode(Layer):
    """Notes whether it was called in training."""

    def __init__(self, seen: list[bool]) -> None:
        self.seen = seen

    def forward(self, x: Array) -> Array:
        self.seen.append(self.training)
        return x

    def backward(self, grad: Array) -> Array:
        return grad


@pytest.mark.parametrize("before", [True, False])
def test_mode_is_training_in_steps_and_evaluation_in_validation_and_restored(before: bool) -> None:
    seen: list[bool] = []
    model = Sequential(Mode(seen), Dense(2, 1))
    model.training = before
    trainer(model).fit(*data(), epochs=2, batch_size=4, validation=data(3))
    assert seen == [True, True, False] * 2
    assert model.training is before
    with pytest.raises(DivergenceError):
        trainer(model, lr=1e200).fit(*data(), epochs=50)
    assert all(module.training is before for _, module in model.modules())


def bad(where: tuple[int, int]) -> Array:
    x = data()[0]
    x[where] = np.nan
    return x


X, Y = data()
BAD_FITS: list[tuple[tuple[Any, Any], dict[str, Any], type[MinidlError], str]] = [
    ((X, Y[:, 0]), {}, ShapeError, r"predictions have shape \(n, 1\), targets \(n,\); .*y\[:, None\]"),
    ((X[:, :1], Y), {}, ShapeError, r"layer 0, Dense\(2, 4\) takes samples of shape \(2,\), got \(1,\)"),
    ((X, Y[:3]), {}, ShapeError, "x has 7 samples but y has 3"),
    ((X[:0], Y[:0]), {}, DataError, "x is empty"),
    ((bad((3, 1)), Y), {}, DataError, r"x holds 1 number that is NaN or infinite, the first at index \(3, 1\)"),
    ((X, np.full((7, 1), np.inf)), {}, DataError, "y holds 7 numbers that are NaN or infinite"),
    ((X.astype(str), Y), {}, DataError, "x must hold real numbers"),
    ((X, Y), {"validation": (X, Y[:, 0])}, ShapeError, "predictions have shape"),
    ((X, Y), {"validation": (X[:, :1], Y)}, ShapeError, "takes samples of shape"),
    ((X, Y), {"epochs": -1}, HyperparameterError, "epochs must be an integer, at least 0, got -1"),
    ((X, Y), {"epochs": 2.5}, HyperparameterError, "epochs must be an integer"),
    ((X, Y), {"epochs": float("nan")}, HyperparameterError, "epochs must be an integer"),
    ((X, Y), {"epochs": True}, HyperparameterError, "epochs must be an integer"),
    ((X, Y), {"epochs": None}, HyperparameterError, "epochs must be an integer"),
    ((X, Y), {"batch_size": 0}, HyperparameterError, "batch_size must be a positive integer, got 0"),
    ((X, Y), {"on_divergence": "ignore"}, HyperparameterError, 'on_divergence must be "raise" or "stop"'),
]


@pytest.mark.parametrize(("arrays", "options", "error", "words"), BAD_FITS)
def test_what_cannot_be_fitted_changes_nothing(
    arrays: tuple[Any, Any], options: dict[str, Any], error: type[MinidlError], words: str
) -> None:
    model = network()
    again = trainer(model)
    again.fit(X, Y, epochs=1)
    with unchanged(model, again.optimizer), pytest.raises(error, match=words):
        again.fit(*arrays, **options)
    assert len(again.history.loss) == 1


def test_targets_are_checked_by_the_loss() -> None:
    model = network()
    with unchanged(model), pytest.raises(DataError, match=r"targets .* from 0 to 1.* 2\.0 at"):
        Trainer(model, BCEWithLogitsLoss(), SGD(model.parameters(), 0.1)).fit(X, 2 * np.ones((7, 1)))


def test_divergence_raises_with_the_history_and_without_the_update() -> None:
    model = network()
    wild = trainer(model, lr=1e120)
    with pytest.raises(DivergenceError, match=r"step \d+, in batch 1 of epoch \d+, first in .*; try") as caught:
        wild.fit(*data(), epochs=50)
    assert caught.value.history is wild.history
    assert 0 < len(wild.history.loss) < 50
    assert np.isfinite(wild.history.loss).all()
    assert np.isfinite(model.parameters().value).all()
    assert wild.optimizer.steps == len(wild.history.loss)


def test_divergence_can_stop_the_run_instead() -> None:
    model = network()
    history = trainer(model, lr=1e120).fit(*data(), epochs=50, on_divergence="stop")
    assert history.reason is not None
    assert f"stopped being finite at step {len(history.loss)}" in history.reason
    assert np.isfinite(model.parameters().value).all()


def test_data_is_cast_to_the_dtype_of_the_model() -> None:
    model = Sequential(Dense(2, 1), dtype=np.float32, rng=0)
    trainer(model).fit(X.tolist(), Y.astype(int), epochs=2, validation=(X, Y))
    assert model.parameters().dtype == np.float32
    assert model.predict(X).dtype == np.float32


def test_an_optimizer_on_other_parameters_is_refused() -> None:
    model = network()
    with pytest.raises(StateError, match="parameters that Sequential does not have"):
        Trainer(model, MSELoss(), SGD(network().parameters(), 0.1))
    stale = trainer(model)
    model.astype(np.float32)
    with unchanged(model), pytest.raises(StateError, match="have moved"):
        stale.fit(X, Y)


def test_learning_reduces_the_loss() -> None:
    history = trainer(network()).fit(*data(), epochs=300)
    assert history.loss[-1] < 0.1 * history.loss[0]


@pytest.mark.parametrize("wrong", [np.ones((5, 2)), (np.ones((5, 2)),), "xy", 3])
def test_validation_must_be_a_pair(wrong: Any) -> None:
    model = network()
    with unchanged(model), pytest.raises(HyperparameterError, match=r"a pair \(x, y\) or a share such as 0.2, got"):
        trainer(model).fit(*data(), validation=wrong)
