"""What is measured: validation by a share, the loss on the training data, metrics, evaluate."""

from typing import Any

import numpy as np
import pytest

from minidl import (
    BatchNorm,
    ContractError,
    CrossEntropyLoss,
    Dense,
    Dropout,
    HyperparameterError,
    Layer,
    MSELoss,
    ReLU,
    Run,
    Sequential,
    ShapeError,
    metrics,
)
from minidl.saving.generators import generator_state
from minidl.typing import Array
from tests.callbacks.recording import Hooks
from tests.helpers import bits, held_out, unchanged
from tests.training.factories import data, make_trainer, mean_error, network
from tests.training.failing import Sees

X, Y = data(20)


def drops(seed: int = 0) -> Sequential:
    """A model that is another one in training than in evaluation."""
    return Sequential(Dense(2, 8), BatchNorm(8), ReLU(), Dropout(0.5, rng=1), Dense(8, 1), rng=seed)


@pytest.mark.parametrize(
    ("samples", "share", "held"), [(20, 0.2, 4), (7, 0.5, 4), (7, 0.08, 1), (3, 0.8, 2), (2, 0.5, 1)]
)
def test_a_share_is_held_out_and_not_learned_from(samples: int, share: float, held: int) -> None:
    sees = Sees()
    model = Sequential(sees, Dense(2, 1), rng=0)
    x = X[:samples]
    make_trainer(model).fit(x, Y[:samples], epochs=3, validation=share)
    trained, (measured, *others) = np.concatenate(sees.trained), sees.evaluated
    assert len(measured) == held
    assert all(bits(other) == bits(measured) for other in others)
    seen = {row.tobytes() for row in trained}
    assert len(seen) == samples - held
    assert not seen & {row.tobytes() for row in measured}
    assert {row.tobytes() for row in x} == seen | {row.tobytes() for row in measured}


def test_the_share_is_the_same_in_every_fit_whatever_the_seed() -> None:
    sees = Sees()
    model = Sequential(sees, Dense(2, 1), rng=0)
    trainer = make_trainer(model)
    for seed in (0, 1, None):
        trainer.fit(X, Y, epochs=1, validation=0.3, rng=seed)
    first, *others = sees.evaluated
    assert all(bits(other) == bits(first) for other in others)
    other = Sees()
    make_trainer(Sequential(other, Dense(2, 1), rng=5)).fit(X[::-1], Y, validation=0.3)
    assert sorted(map(bytes, other.evaluated[0])) != sorted(map(bytes, first))


HELD = [1.0, 2.0, 3.0, 4.0, 10.0, 11.0, 18.0, 20.0, 22.0, 23.0, 24.0, 26.0, 34.0, 36.0, 47.0]


def test_targets_stay_with_their_inputs_and_both_in_their_order() -> None:
    x = np.arange(50.0)[:, None]
    (x_rest, y_rest), (x_held, y_held) = held_out(x, 10 * x, 0.3)
    assert bits(y_rest, y_held) == bits(10 * x_rest, 10 * x_held)
    assert (np.diff(x_rest[:, 0]) > 0).all()
    assert (np.diff(x_held[:, 0]) > 0).all()
    assert x_held[:, 0].tolist() != list(range(15))
    # The choice is pinned: a run in a file goes on with the samples that it had.
    assert x_held[:, 0].tolist() == HELD
    again = held_out(x, 10 * x, 0.3)
    assert bits(*again[0], *again[1]) == bits(x_rest, y_rest, x_held, y_held)


@pytest.mark.parametrize("kind", [tuple, list])
def test_a_share_measures_the_same_as_the_pair(kind: Any) -> None:
    (x, y), pair = held_out(X, Y, 0.25)
    by_share, by_pair = make_trainer(network()), make_trainer(network())
    by_share.fit(X, Y, epochs=3, batch_size=4, validation=0.25, metrics={"mae": mean_error}, rng=0)
    by_pair.fit(x, y, epochs=3, batch_size=4, validation=kind(pair), metrics={"mae": mean_error}, rng=0)
    assert by_share.history.epochs == by_pair.history.epochs
    assert by_share.history.loss == by_pair.history.loss


@pytest.mark.parametrize("share", [0.0, 1.0, -0.2, 1.5, float("nan"), 0.02, 0.98])
def test_a_share_that_leaves_one_side_empty_is_refused(share: float) -> None:
    model = network()
    with (
        unchanged(model),
        pytest.raises(HyperparameterError, match=f"above 0 and below 1, got {share}|{share} of 20 samples leaves"),
    ):
        make_trainer(model).fit(X, Y, validation=share)


@pytest.mark.parametrize("share", [1, 0, True, "0.2", np.ones((5, 2)), (np.ones((5, 2)),), "xy"])
def test_validation_is_a_pair_or_a_float(share: Any) -> None:
    model = network()
    with (
        unchanged(model),
        pytest.raises(HyperparameterError, match=r"batches or a share such as 0.2, got"),
    ):
        make_trainer(model).fit(X, Y, validation=share)


@pytest.mark.parametrize("batch_size", [None, 3])
def test_the_training_loss_is_that_of_the_model_after_the_epoch_in_evaluation(batch_size: int | None) -> None:
    model = drops()
    (x, y), (x_held, y_held) = held_out(X, Y, 0.25)
    expected: list[dict[str, float]] = []

    def by_hand(_: Run) -> None:
        p, q = model.predict(x), model.predict(x_held)
        values = {"training_loss": ((p - y) ** 2).mean(), "training_mae": mean_error(p, y)}
        values |= {"validation_loss": ((q - y_held) ** 2).mean(), "validation_mae": mean_error(q, y_held)}
        expected.append(values)

    trainer = make_trainer(model, Hooks(on_epoch_end=by_hand), lr=0.05)
    options: dict[str, Any] = {"batch_size": batch_size, "validation": 0.25, "metrics": {"mae": mean_error}}
    history = trainer.fit(X, Y, epochs=3, training_loss=True, rng=0, **options)
    for name in expected[0]:
        np.testing.assert_allclose(history.epochs[name], [values[name] for values in expected], rtol=1e-12)
    assert list(history.epochs) == ["loss", *expected[0]]
    for training, loss in zip(history.epochs["training_loss"], history.epochs["loss"], strict=True):
        assert training != pytest.approx(loss, rel=1e-3)


def test_metrics_of_the_training_data_alone() -> None:
    model = network()
    history = make_trainer(model).fit(X, Y, epochs=2, training_loss=True, metrics={"mae": mean_error})
    assert list(history.epochs) == ["loss", "training_loss", "training_mae"]
    assert history.epochs["training_mae"][-1] == mean_error(model.predict(X), Y)


def test_measuring_changes_no_bit_of_the_training() -> None:
    plain, measured = drops(), drops()
    everything: dict[str, Any] = {"training_loss": True, "validation": (X[15:], Y[15:]), "metrics": {"r2": metrics.r2}}
    make_trainer(plain).fit(X[:15], Y[:15], epochs=3, batch_size=4, rng=0)
    make_trainer(measured).fit(X[:15], Y[:15], epochs=3, batch_size=4, rng=0, **everything)
    assert bits(*plain.state().values()) == bits(*measured.state().values())
    assert generator_state(plain[3].rng) == generator_state(measured[3].rng)  # type: ignore[attr-defined]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("batch_size", [None, 1, 3, 20, 50])
def test_evaluate_returns_loss_and_metrics_and_changes_nothing(training: bool, batch_size: int | None) -> None:
    model = drops()
    trainer = make_trainer(model)
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


def test_targets_are_those_of_the_loss() -> None:
    model = Sequential(Dense(2, 3), rng=0)
    trainer = make_trainer(model, loss=CrossEntropyLoss())
    labels = np.arange(20) % 3
    values = trainer.evaluate(X, labels, {"accuracy": metrics.accuracy})
    assert values["accuracy"] == metrics.accuracy(model.predict(X), labels)
    trainer.fit(X, labels, epochs=2, validation=0.3, metrics={"accuracy": metrics.accuracy})
    assert len(trainer.history.epochs["validation_accuracy"]) == 2


class NoisyLoss(MSELoss):
    """Adds noise in training."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(0)

    def forward(self, prediction: Array, target: Array) -> float:
        return super().forward(prediction, target) + (float(self.rng.random()) if self.training else 0.0)


def test_a_loss_is_in_evaluation_where_the_model_is() -> None:
    def losses(**options: Any) -> list[float]:
        trainer = make_trainer(network(), loss=NoisyLoss())
        assert trainer.evaluate(X, Y) == trainer.evaluate(X, Y)
        assert trainer.loss.training
        return trainer.fit(X, Y, epochs=3, **options).loss

    assert losses() == losses(validation=(X, Y))


@pytest.mark.parametrize("value", [None, np.ones(2), "much"], ids=["None", "array", "str"])
def test_a_loss_that_does_not_return_a_number_is_named(value: Any) -> None:
    class Odd(MSELoss):
        def forward(self, prediction: Array, target: Array) -> float:
            super().forward(prediction, target)
            return value  # type: ignore[no-any-return]  # this is the slip

    with pytest.raises(ContractError, match=r"Odd\(\): forward must return a number, got "):
        make_trainer(network(), loss=Odd()).fit(X, Y)


def test_a_refused_fit_leaves_averages_and_generators() -> None:
    class Sum(Layer):
        """Has no output_shape, so that only the first step finds targets of another shape."""

        def forward(self, x: Array) -> Array:
            return np.asarray(x.sum(axis=1, keepdims=True))

    dropout = Dropout(0.5, rng=0)
    model = Sequential(BatchNorm(X.shape[1]), dropout, Sum())
    before = generator_state(dropout.rng)
    with unchanged(model), pytest.raises(ShapeError):
        make_trainer(model).fit(X, np.ones(len(X)), epochs=1)
    assert generator_state(dropout.rng) == before


def test_metrics_are_measured_on_the_validation_data_after_each_epoch() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20, 2)), rng.integers(0, 3, 20)
    model = Sequential(Dense(2, 3), Dropout(rng=0), rng=0)
    predictions: list[Array] = []

    def watch(run: Run) -> None:
        predictions.append(model.predict(x[:5]))
        assert run.metrics["validation_accuracy"] == metrics.accuracy(predictions[-1], y[:5])

    trainer = make_trainer(model, Hooks(on_epoch_end=watch), loss=CrossEntropyLoss(), lr=0.5)
    measures = {"accuracy": metrics.accuracy, "largest": lambda p, _: p.max()}
    history = trainer.fit(x, y, epochs=3, batch_size=8, validation=(x[:5], y[:5]), metrics=measures)
    assert history.epochs["validation_accuracy"] == [metrics.accuracy(p, y[:5]) for p in predictions]
    assert history.epochs["validation_largest"] == [p.max() for p in predictions]
    assert all(type(value) is float for value in history.epochs["validation_largest"])
    assert list(history.epochs) == ["loss", "validation_loss", "validation_accuracy", "validation_largest"]


def test_metrics_without_data_to_measure_them_on_are_refused() -> None:
    trainer = make_trainer(network())
    with (
        unchanged(trainer.model),
        pytest.raises(HyperparameterError, match=r"metrics .* pass validation=\(x, y\), or tr"),
    ):
        trainer.fit(X, Y, metrics={"r2": metrics.r2})
    trainer.fit(X, Y, metrics={})
    trainer.fit(X, Y, metrics=None)


def test_other_float_types_become_float64() -> None:
    assert ReLU().predict(np.ones((2, 1), np.float16)).dtype == np.float64
    big = np.full((2, 1), 300.0, np.float16)
    assert MSELoss()(big, np.zeros((2, 1), np.float16)) == 90_000.0


@pytest.mark.parametrize("batch_size", [None, 3])
def test_predict_is_that_of_the_model_and_changes_nothing(batch_size: int | None) -> None:
    trainer = make_trainer(Sequential(Dense(2, 4), BatchNorm(4), Dropout(0.5, rng=0), Dense(4, 1), rng=0))
    x = np.random.default_rng(0).normal(size=(7, 2))
    with unchanged(trainer.model):
        prediction = trainer.predict(x, batch_size=batch_size)
    assert bits(prediction) == bits(trainer.model.predict(x, batch_size=batch_size))
    with pytest.raises(ShapeError):
        trainer.predict(x[:, :1])
