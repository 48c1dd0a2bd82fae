"""What is measured: validation by a share, the loss over the training data, evaluate."""

from typing import Any

import numpy as np
import pytest

from minidl import (
    SGD,
    BatchNorm,
    BCEWithLogitsLoss,
    Callback,
    ContractError,
    CrossEntropyLoss,
    DataError,
    Dense,
    Dropout,
    HyperparameterError,
    Layer,
    MinidlError,
    MSELoss,
    ReLU,
    Run,
    Sequential,
    ShapeError,
    Trainer,
    metrics,
)
from minidl.data import hold_out
from minidl.saving import generator_state
from minidl.typing import Array
from tests.helpers import bits, unchanged
from tests.training.failing import Elementwise
from tests.training.test_trainer import data, network

X, Y = data(20)


def make(model: Layer, *callbacks: Callback, lr: float = 0.05) -> Trainer:
    return Trainer(model, MSELoss(), SGD(model.parameters(), lr), callbacks)


def drops(seed: int = 0) -> Sequential:
    """A model that is another one in training than in evaluation."""
    return Sequential(Dense(2, 8), BatchNorm(8), ReLU(), Dropout(0.5, rng=1), Dense(8, 1), rng=seed)


class Sees(Elementwise):
    """Notes the samples that go through in training and in evaluation."""

    def __init__(self) -> None:
        self.trained: list[Array] = []
        self.measured: list[Array] = []

    def forward(self, x: Array) -> Array:
        (self.trained if self.training else self.measured).append(x)
        return x


@pytest.mark.parametrize(
    ("samples", "share", "held"), [(20, 0.2, 4), (7, 0.5, 4), (7, 0.08, 1), (3, 0.8, 2), (2, 0.5, 1)]
)
def test_a_share_is_held_out_and_not_learned_from(samples: int, share: float, held: int) -> None:
    sees = Sees()
    model = Sequential(sees, Dense(2, 1), rng=0)
    x = X[:samples]
    make(model).fit(x, Y[:samples], epochs=3, validation=share)
    trained, (measured, *others) = np.concatenate(sees.trained), sees.measured
    assert len(measured) == held
    assert all(bits(other) == bits(measured) for other in others)
    seen = {row.tobytes() for row in trained}
    assert len(seen) == samples - held
    assert not seen & {row.tobytes() for row in measured}
    assert {row.tobytes() for row in x} == seen | {row.tobytes() for row in measured}


def test_the_share_is_the_same_in_every_fit_whatever_the_seed() -> None:
    sees = Sees()
    model = Sequential(sees, Dense(2, 1), rng=0)
    trainer = make(model)
    for seed in (0, 1, None):
        trainer.fit(X, Y, epochs=1, validation=0.3, rng=seed)
    first, *others = sees.measured
    assert all(bits(other) == bits(first) for other in others)
    other = Sees()
    make(Sequential(other, Dense(2, 1), rng=5)).fit(X[::-1], Y, validation=0.3)
    assert sorted(map(bytes, other.measured[0])) != sorted(map(bytes, first))


HELD = [1.0, 2.0, 3.0, 4.0, 10.0, 11.0, 18.0, 20.0, 22.0, 23.0, 24.0, 26.0, 34.0, 36.0, 47.0]


def test_targets_stay_with_their_inputs_and_both_in_their_order() -> None:
    x = np.arange(50.0)[:, None]
    (x_rest, y_rest), (x_held, y_held) = hold_out(x, 10 * x, 0.3)
    assert bits(y_rest, y_held) == bits(10 * x_rest, 10 * x_held)
    assert (np.diff(x_rest[:, 0]) > 0).all()
    assert (np.diff(x_held[:, 0]) > 0).all()
    assert x_held[:, 0].tolist() != list(range(15))
    # The choice is pinned: a run in a file goes on with the samples that it had.
    assert x_held[:, 0].tolist() == HELD
    again = hold_out(x, 10 * x, 0.3)
    assert bits(*again[0], *again[1]) == bits(x_rest, y_rest, x_held, y_held)


@pytest.mark.parametrize("kind", [tuple, list])
def test_a_share_measures_the_same_as_the_pair(kind: Any) -> None:
    (x, y), pair = hold_out(X, Y, 0.25)
    by_share, by_pair = make(network()), make(network())
    by_share.fit(X, Y, epochs=3, batch_size=4, validation=0.25, metrics={"mae": mean_error}, rng=0)
    by_pair.fit(x, y, epochs=3, batch_size=4, validation=kind(pair), metrics={"mae": mean_error}, rng=0)
    assert by_share.history.epochs == by_pair.history.epochs
    assert by_share.history.loss == by_pair.history.loss


@pytest.mark.parametrize("share", [0.0, 1.0, -0.2, 1.5, float("nan"), 0.02, 0.98])
def test_a_share_that_leaves_nothing_on_one_side(share: float) -> None:
    model = network()
    with (
        unchanged(model),
        pytest.raises(HyperparameterError, match=rf"a share of {share} of 20 samples leaves"),
    ):
        make(model).fit(X, Y, validation=share)


@pytest.mark.parametrize("share", [1, 0, True, "0.2"])
def test_a_share_that_is_no_float(share: Any) -> None:
    model = network()
    with unchanged(model), pytest.raises(HyperparameterError, match=r"a pair \(x, y\) or a share such as 0.2, got"):
        make(model).fit(X, Y, validation=share)


def mean_error(prediction: Array, target: Array) -> float:
    return float(np.abs(prediction - target).mean())


@pytest.mark.parametrize("batch_size", [None, 3])
def test_the_training_loss_is_that_of_the_model_after_the_epoch_in_evaluation(batch_size: int | None) -> None:
    model = drops()
    (x, y), (x_held, y_held) = hold_out(X, Y, 0.25)
    expected: list[dict[str, float]] = []

    class ByHand(Callback):
        """Measures after each epoch."""

        def on_epoch_end(self, run: Run) -> None:
            p, q = model.predict(x), model.predict(x_held)
            values = {"training_loss": ((p - y) ** 2).mean(), "training_mae": mean_error(p, y)}
            values |= {"validation_loss": ((q - y_held) ** 2).mean(), "validation_mae": mean_error(q, y_held)}
            expected.append(values)

    trainer = make(model, ByHand())
    options: dict[str, Any] = {"batch_size": batch_size, "validation": 0.25, "metrics": {"mae": mean_error}}
    history = trainer.fit(X, Y, epochs=3, training_loss=True, rng=0, **options)
    for name in expected[0]:
        np.testing.assert_allclose(history.epochs[name], [values[name] for values in expected], rtol=1e-12)
    assert list(history.epochs) == ["loss", *expected[0]]
    for training, loss in zip(history.epochs["training_loss"], history.epochs["loss"], strict=True):
        assert training != pytest.approx(loss, rel=1e-3)


def test_metrics_of_the_training_data_alone() -> None:
    model = network()
    history = make(model).fit(X, Y, epochs=2, training_loss=True, metrics={"mae": mean_error})
    assert list(history.epochs) == ["loss", "training_loss", "training_mae"]
    assert history.epochs["training_mae"][-1] == mean_error(model.predict(X), Y)


def test_measuring_changes_no_bit_of_the_training() -> None:
    plain, measured = drops(), drops()
    make(plain).fit(X[:15], Y[:15], epochs=3, batch_size=4, rng=0)
    make(measured).fit(X[:15], Y[:15], epochs=3, batch_size=4, rng=0, training_loss=True, validation=(X[15:], Y[15:]))
    assert bits(*plain.state().values()) == bits(*measured.state().values())
    assert generator_state(plain[3].rng) == generator_state(measured[3].rng)  # type: ignore[attr-defined]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("batch_size", [None, 1, 3, 20, 50])
def test_evaluate_gives_loss_and_metrics_and_changes_nothing(training: bool, batch_size: int | None) -> None:
    model = drops()
    trainer = make(model)
    trainer.fit(X, Y, epochs=2, batch_size=5, rng=0)
    model.training = training
    before, generator = bits(*model.state().values()), generator_state(model[3].rng)  # type: ignore[attr-defined]
    values = trainer.evaluate(X.tolist(), Y, {"mae": mean_error, "r2": metrics.r2}, batch_size=batch_size)
    prediction = model.predict(X)
    assert list(values) == ["loss", "mae", "r2"]
    assert values["loss"] == pytest.approx(((prediction - Y) ** 2).mean(), rel=1e-13)
    assert values["mae"] == pytest.approx(mean_error(prediction, Y), rel=1e-13)
    assert all(type(value) is float for value in values.values())
    assert trainer.evaluate(X, Y) == {"loss": pytest.approx(values["loss"], rel=1e-13)}
    assert bits(*model.state().values()) == before
    assert generator_state(model[3].rng) == generator  # type: ignore[attr-defined]
    assert all(module.training is training for _, module in model.modules())
    assert (len(trainer.history.loss), list(trainer.history.epochs)) == (8, ["loss"])


BAD: list[tuple[tuple[Any, Any], dict[str, Any], type[MinidlError], str]] = [
    ((X, Y[:, 0]), {}, ShapeError, r"predictions have shape \(n, 1\), targets \(n,\)"),
    ((X, Y[:3]), {}, ShapeError, "x has 20 samples but y has 3"),
    ((X[:, :1], Y), {}, ShapeError, "takes samples of shape"),
    ((np.where(X > 1, np.nan, X), Y), {}, DataError, "x holds"),
    ((X, Y), {"batch_size": 0}, HyperparameterError, "batch_size must be a positive integer, got 0"),
    ((X, Y), {"batch_size": 2.0}, HyperparameterError, "batch_size must be a positive integer, got 2.0"),
    ((X, Y), {"batch_size": True}, HyperparameterError, "batch_size must be a positive integer, got True"),
]


@pytest.mark.parametrize(("arrays", "options", "error", "words"), BAD)
def test_what_cannot_be_evaluated(
    arrays: tuple[Any, Any], options: dict[str, Any], error: type[MinidlError], words: str
) -> None:
    model = network()
    with unchanged(model), pytest.raises(error, match=words):
        make(model).evaluate(*arrays, **options)
    assert model.training


def test_targets_are_those_of_the_loss() -> None:
    model = Sequential(Dense(2, 3), rng=0)
    trainer = Trainer(model, CrossEntropyLoss(), SGD(model.parameters(), 0.1))
    labels = np.arange(20) % 3
    values = trainer.evaluate(X, labels, {"accuracy": metrics.accuracy})
    assert values["accuracy"] == metrics.accuracy(model.predict(X), labels)
    trainer.fit(X, labels, epochs=2, validation=0.3, metrics={"accuracy": metrics.accuracy})
    assert len(trainer.history.epochs["validation_accuracy"]) == 2
    logits = Trainer(model, BCEWithLogitsLoss(), SGD(model.parameters(), 0.1))
    with pytest.raises(DataError, match="from 0 to 1"):
        logits.evaluate(X, 2 * np.ones((20, 3)))


class NoisyLoss(MSELoss):
    """Adds noise in training."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(0)

    def forward(self, prediction: Array, target: Array) -> float:
        return super().forward(prediction, target) + (float(self.rng.random()) if self.training else 0.0)


def test_a_loss_is_in_evaluation_where_the_model_is() -> None:
    def losses(**options: Any) -> list[float]:
        model = network()
        trainer = Trainer(model, NoisyLoss(), SGD(model.parameters(), 0.05))
        assert trainer.evaluate(X, Y) == trainer.evaluate(X, Y)
        assert trainer.loss.training
        return trainer.fit(X, Y, epochs=3, **options).loss

    assert losses() == losses(validation=(X, Y))


@pytest.mark.parametrize("value", [None, np.ones(2), "much"], ids=["None", "array", "str"])
def test_a_loss_that_gives_no_number_is_named(value: Any) -> None:
    class Odd(MSELoss):
        def forward(self, prediction: Array, target: Array) -> float:
            super().forward(prediction, target)
            return value  # type: ignore[no-any-return]  # this is the slip

    model = network()
    with pytest.raises(ContractError, match=r"Odd\(\): forward must give a number, got "):
        Trainer(model, Odd(), SGD(model.parameters(), 0.05)).fit(X, Y, epochs=1)


class Sum(Layer):
    """Does not tell its output_shape, so that only the first step finds targets of another shape."""

    def forward(self, x: Array) -> Array:
        return np.asarray(x.sum(axis=1, keepdims=True))


def test_a_refused_fit_leaves_averages_and_generators() -> None:
    dropout = Dropout(0.5, rng=0)
    model = Sequential(BatchNorm(X.shape[1]), dropout, Sum())
    before = generator_state(dropout.rng)
    with unchanged(model), pytest.raises(ShapeError):
        make(model).fit(X, np.ones(len(X)), epochs=1)
    assert generator_state(dropout.rng) == before
    assert model.state()["0.running_mean"].tolist() == [0.0] * X.shape[1]


def test_other_float_types_become_float64() -> None:
    assert ReLU().predict(np.ones((2, 1), np.float16)).dtype == np.float64
    big = np.full((2, 1), 300.0, np.float16)
    assert MSELoss()(big, np.zeros((2, 1), np.float16)) == 90_000.0
