"""Trainer: losses by hand, reproducibility, further fits, copies, divergence, and what bad data leaves alone."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest

from minidl import (
    SGD,
    Adam,
    BCEWithLogitsLoss,
    DataError,
    Dense,
    DivergenceError,
    HyperparameterError,
    MinidlError,
    MinidlWarning,
    Momentum,
    MSELoss,
    Parameter,
    Run,
    Sequential,
    ShapeError,
    StateError,
    Trainer,
)
from minidl.typing import Array
from tests.callbacks.recording import Hooks
from tests.helpers import bits, unchanged
from tests.training import resuming
from tests.training.factories import data, make_trainer, network
from tests.training.failing import Elementwise, Sees
from tests.training.resuming import grouped


def test_steps_of_linear_regression_by_hand() -> None:
    model = Dense(1, 1, use_bias=False)
    model.weight.value = [[1.0]]
    x, y = np.array([[1.0], [2.0]]), np.array([[3.0], [4.0]])
    history = make_trainer(model).fit(x, y, epochs=3)
    w, losses = 1.0, []
    for _ in range(3):
        losses.append(((w - 3) ** 2 + (2 * w - 4) ** 2) / 2)
        w -= 0.1 * ((w - 3) * 1 + (2 * w - 4) * 2)
    np.testing.assert_allclose(history.loss, losses, rtol=1e-14)
    np.testing.assert_allclose(model.weight.value, [[w]], rtol=1e-14)
    assert history.epochs["loss"] == history.loss


def test_fit_is_reproducible_from_rng() -> None:
    def fit(rng: Any) -> tuple[list[float], list[bytes]]:
        model = network()
        return make_trainer(model).fit(*data(), epochs=4, batch_size=2, rng=rng).loss, bits(model.parameters().value)

    assert fit(0) == fit(0) == fit(np.random.default_rng(0))
    assert fit(0)[0] != fit(1)[0]


def test_without_shuffle_the_order_is_that_of_the_data() -> None:
    def seen(**options: Any) -> list[float]:
        sees, (x, y) = Sees(), data()
        make_trainer(Sequential(sees, Dense(2, 1))).fit(x, y, epochs=2, batch_size=3, **options)
        return [float(number) for batch in sees.trained for number in batch[:, 0]]

    twice = data()[0][:, 0].tolist() * 2
    assert seen(shuffle=False) == twice
    assert seen(rng=0) != twice
    assert sorted(seen(rng=0)) == sorted(twice)


def test_a_second_fit_continues_the_first() -> None:
    straight = make_trainer(network(), optimizer=Momentum)
    straight.fit(*data(), epochs=5)
    parts = make_trainer(network(), optimizer=Momentum)
    first = parts.fit(*data(), epochs=2)
    assert len(first.loss) == 2
    second = parts.fit(*data(), epochs=3)
    assert second is first is parts.history
    assert second.loss == straight.history.loss
    assert second.epochs == straight.history.epochs
    assert bits(parts.model.parameters().value) == bits(straight.model.parameters().value)


def test_epochs_and_steps_are_counted_from_the_first_fit() -> None:
    counts: list[tuple[int, int, int, int]] = []

    def count(run: Run) -> None:
        counts.append((run.epoch, run.epochs, run.step, run.steps))

    again = make_trainer(network(), Hooks(on_fit_begin=count, on_fit_end=count))
    again.fit(*data(), epochs=2, batch_size=3)
    again.fit(*data(), epochs=1)
    assert counts == [(0, 2, 0, 6), (2, 2, 6, 6), (2, 3, 6, 7), (3, 3, 7, 7)]


def test_one_epoch_of_one_batch_is_the_default() -> None:
    history = make_trainer(network()).fit(*data())
    assert (len(history.loss), len(history.epochs["loss"])) == (1, 1)


@pytest.mark.parametrize("before", [True, False])
def test_mode_is_training_in_steps_and_evaluation_in_validation_and_restored(before: bool) -> None:
    class Mode(Elementwise):
        def forward(self, x: Array) -> Array:
            seen.append(self.training)
            return x

    seen: list[bool] = []
    model = Sequential(Mode(), Dense(2, 1))
    model.training = before
    make_trainer(model).fit(*data(), epochs=2, batch_size=4, validation=data(3))
    assert seen == [True, True, False] * 2
    assert model.training is before
    with pytest.raises(DivergenceError):
        make_trainer(model, lr=1e200).fit(*data(), epochs=50)
    assert all(module.training is before for _, module in model.modules())


def bad(where: tuple[int, int]) -> Array:
    x = data()[0]
    x[where] = np.nan
    return x


X, Y = data()
BAD_DATA: list[tuple[Any, Any, type[MinidlError], str]] = [
    (X, Y[:, 0], ShapeError, r"predictions have shape \(n, 1\), targets \(n,\); .*y\[:, None\]"),
    (X[:, :1], Y, ShapeError, r"takes samples of shape \(2,\), got \(1,\); .*\nlayer 0, Dense\(2, 4\), for"),
    (X, Y[:3], ShapeError, "x has 7 samples but .*y has 3"),
    (X[:0], Y[:0], DataError, "x is empty"),
    (bad((3, 1)), Y, DataError, r"x holds 1 number that is NaN or infinite, the first at index \(3, 1\)"),
    (X, np.full((7, 1), np.inf), DataError, "y holds 7 numbers that are NaN or infinite"),
    (X.astype(str), Y, DataError, "x must hold real numbers"),
    (X, 2 * np.ones((7, 1)), DataError, r"targets .* from 0 to 1.* 2\.0 at"),
]


@pytest.mark.parametrize(("x", "y", "error", "words"), BAD_DATA)
def test_bad_data_changes_nothing(x: Any, y: Any, error: type[MinidlError], words: str) -> None:
    trainer = make_trainer(network(), loss=BCEWithLogitsLoss())
    trainer.fit(X, Y)
    for call in (
        lambda: trainer.fit(x, y),
        lambda: trainer.fit(X, Y, validation=(x, y)),
        lambda: trainer.evaluate(x, y),
    ):
        with unchanged(trainer.model, trainer.optimizer), pytest.raises(error, match=words):
            call()
    assert len(trainer.history.loss) == 1
    assert trainer.model.training


@pytest.mark.parametrize(
    ("options", "words"),
    [
        *(({"epochs": wrong}, f"epochs must be an integer, at least 0, got {wrong}") for wrong in (-1, 2.5, None)),
        *(({"batch_size": wrong}, f"batch_size must be a positive integer, got {wrong}") for wrong in (0, 2.0, True)),
        ({"on_divergence": "ignore"}, 'on_divergence must be "raise" or "stop"'),
    ],
)
def test_settings_out_of_range_change_nothing(options: dict[str, Any], words: str) -> None:
    trainer = make_trainer(network())
    with unchanged(trainer.model, trainer.optimizer):
        with pytest.raises(HyperparameterError, match=words):
            trainer.fit(X, Y, **options)
        if "batch_size" in options:
            with pytest.raises(HyperparameterError, match=words):
                trainer.evaluate(X, Y, **options)


def test_data_is_cast_to_the_dtype_of_the_model() -> None:
    model = Sequential(Dense(2, 1), dtype=np.float32, rng=0)
    make_trainer(model).fit(X.tolist(), Y.astype(int), epochs=2, validation=(X, Y))
    assert model.parameters().dtype == np.float32
    assert model.predict(X).dtype == np.float32


def test_an_optimizer_on_other_parameters_is_refused() -> None:
    model = network()
    with pytest.raises(StateError, match="parameters that Sequential does not have"):
        Trainer(model, MSELoss(), SGD(network().parameters(), 0.1))
    stale = make_trainer(model)
    model.astype(np.float32)
    with unchanged(model), pytest.raises(StateError, match="have moved"):
        stale.fit(X, Y)


def test_learning_reduces_the_loss() -> None:
    history = make_trainer(network()).fit(*data(), epochs=300)
    assert history.loss[-1] < 0.1 * history.loss[0]


@pytest.mark.parametrize("again", [copy.deepcopy, lambda trainer: pickle.loads(pickle.dumps(trainer))])
@pytest.mark.parametrize(
    "optimizer", [Adam, grouped(0.1, 1.0), grouped(0.1, 1.0, swapped=True), lambda p, lr: Adam(list(p)[2:], lr)]
)
def test_a_copy_of_a_trainer_continues_like_the_trainer(again: Any, optimizer: Any) -> None:
    first = resuming.trainer(optimizer=optimizer)
    resuming.fit(first, 2)
    other = again(first)
    assert bits(other.model.parameters().value) == bits(first.model.parameters().value)
    assert resuming.fit(first, 2) == resuming.fit(other, 2)


def test_a_loss_with_parameters_is_said_not_to_be_trained() -> None:
    class Weighted(MSELoss):
        def __init__(self) -> None:
            self.weight = Parameter(1.0)

    with pytest.warns(MinidlWarning, match=r"the loss Weighted\(\) has parameters that nothing trains: ") as caught:
        resuming.trainer(loss=Weighted)
    assert caught[0].filename == resuming.__file__
