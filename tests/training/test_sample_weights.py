"""Weights in fit and evaluate: of samples, of classes, of validation data, in parts of a batch and in resumed runs."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import (
    SGD,
    Adam,
    AdamW,
    Batches,
    BatchNorm,
    BCEWithLogitsLoss,
    Checkpoint,
    CrossEntropyLoss,
    DataError,
    Dense,
    Dropout,
    HingeLoss,
    HyperparameterError,
    Loss,
    Momentum,
    MSELoss,
    Optimizer,
    Sequential,
    ShapeError,
    Tanh,
    Trainer,
)
from minidl.typing import Array
from tests.helpers import bits, held_out, unchanged
from tests.training.factories import agree
from tests.training.resuming import Stop, StopError

N = 12
RNG = np.random.default_rng(0)
X, Y, W = RNG.normal(size=(N, 3)), RNG.normal(size=(N, 2)), RNG.integers(0, 4, N).astype(float)
CLASSES = np.array([0, 1, 2, 0, 0, 1, 0, 0, 0, 2, 0, 0])


class QuarticLoss(Loss):
    """``mean (ŷ − y)⁴``, with nothing but what a loss must have."""

    def forward(self, prediction: Array, target: Array) -> float:
        self.d = prediction - target
        return float((self.d**4).mean())

    def backward(self) -> Array:
        grad: Array = 4 * self.d**3 / self.d.size
        return grad


def trainer(*callbacks: Any, loss: Loss | None = None, make: Any = SGD, outputs: int = 2, lr: float = 0.1) -> Trainer:
    model = Sequential(Dense(3, 4), Tanh(), Dense(4, outputs), rng=0)
    return Trainer(model, loss or MSELoss(), make(model.parameters(), lr=lr), callbacks)


def theta(fitted: Trainer) -> Array:
    return fitted.model.parameters().value


@pytest.mark.parametrize("loss", [MSELoss, QuarticLoss])
def test_a_fit_on_all_is_that_on_repeated_samples(loss: type[Loss]) -> None:
    weighted, repeated = trainer(loss=loss()), trainer(loss=loss())
    places = np.repeat(np.arange(N), W.astype(int))
    options: dict[str, Any] = {"epochs": 5, "training_loss": True}
    weighted.fit(X, Y, sample_weight=W, validation=(X, Y, W), **options)
    repeated.fit(X[places], Y[places], validation=(X[places], Y[places]), **options)
    agree(weighted, repeated)
    assert weighted.evaluate(X, Y, sample_weight=W)["loss"] == pytest.approx(
        repeated.evaluate(X[places], Y[places])["loss"]
    )
    assert weighted.evaluate(X, Y)["loss"] != pytest.approx(weighted.evaluate(X, Y, sample_weight=W)["loss"], rel=1e-3)


@pytest.mark.parametrize(("batch_size", "accumulate"), [(1, 12), (2, 3), (5, 2), (3, 5)])
@pytest.mark.parametrize("loss", [MSELoss(), CrossEntropyLoss(ignore_index=1)], ids=repr)
def test_small_batches_make_the_step_of_a_large_one(batch_size: int, accumulate: int, loss: Loss) -> None:
    y: Array = Y if isinstance(loss, MSELoss) else CLASSES % 2
    small, large = trainer(loss=loss), trainer(loss=loss)
    options: dict[str, Any] = {"epochs": 3, "sample_weight": W, "rng": 0}
    small.fit(X, y, batch_size=batch_size, accumulate=accumulate, **options)
    large.fit(X, y, batch_size=batch_size * accumulate, **options)
    agree(small, large)


@pytest.mark.parametrize("batch_size", [1, 5, 12, None])
@pytest.mark.parametrize("shuffle", [True, False])
def test_the_mean_of_an_epoch_is_over_all_weights(batch_size: int | None, shuffle: bool) -> None:
    still = trainer(lr=1e-300)
    errors = ((still.model.predict(X) - Y) ** 2).mean(axis=1)
    history = still.fit(X, Y, epochs=2, sample_weight=W, batch_size=batch_size, shuffle=shuffle, rng=0)
    np.testing.assert_allclose(history.epochs["loss"], [(W * errors).sum() / W.sum()] * 2, rtol=1e-13)


@pytest.mark.parametrize("make", [SGD, Momentum, Adam, lambda p, lr: AdamW(p, lr, weight_decay=0.1)])
@pytest.mark.parametrize("accumulate", [1, 2])
def test_a_batch_without_weight_changes_nothing(make: Any, accumulate: int) -> None:
    model = Sequential(Dense(3, 4), BatchNorm(4), Dropout(0.5), Dense(4, 2), rng=0)
    optimizer: Optimizer = make(model.parameters(), lr=0.1)
    fitted = Trainer(model, MSELoss(), optimizer)
    fitted.fit(X, Y, batch_size=4, epochs=2, rng=0)  # so that there is a velocity
    dropout = next(layer for _, layer in model.modules() if isinstance(layer, Dropout))
    before = everything(model, optimizer), dropout.rng.bit_generator.state
    batches = Batches(X, Y, sample_weight=np.zeros(N), batch_size=3)
    history = fitted.fit(batches, accumulate=accumulate, epochs=2)
    assert (everything(model, optimizer), dropout.rng.bit_generator.state) == before
    assert history.epochs["loss"][2:] == [0.0, 0.0]


def everything(model: Sequential, optimizer: Optimizer) -> list[bytes]:
    """Parameters, running averages and what the optimizer remembers."""
    return bits(*(np.asarray(value) for part in (model, optimizer) for value in part.state().values()))


def test_batches_without_weight_among_others() -> None:
    weights = np.repeat([1.0, 0.0, 2.0, 0.0], 3)
    some, rest = trainer(make=Momentum), trainer(make=Momentum)
    some.fit(X, Y, sample_weight=weights, batch_size=3, shuffle=False, epochs=3)
    kept = weights > 0
    rest.fit(X[kept], Y[kept], sample_weight=weights[kept], batch_size=3, shuffle=False, epochs=3)
    np.testing.assert_allclose(theta(some), theta(rest), rtol=1e-14)
    np.testing.assert_allclose(some.history.epochs["loss"], rest.history.epochs["loss"], rtol=1e-14)
    assert some.history.loss[1::4] == some.history.loss[3::4] == [0.0] * 3


def test_ignored_batches_take_no_step_either() -> None:
    fitted = trainer(loss=CrossEntropyLoss(ignore_index=-1), make=Momentum)
    fitted.fit(X, CLASSES % 2)
    before = bits(theta(fitted))
    fitted.fit(X, np.full(N, -1), batch_size=5)
    assert bits(theta(fitted)) == before


@pytest.mark.parametrize(
    ("loss", "y", "outputs"),
    [
        (CrossEntropyLoss(), CLASSES, 3),
        (CrossEntropyLoss(), CLASSES.astype(float), 3),
        (BCEWithLogitsLoss(), (CLASSES == 0).astype(float)[:, None], 1),
        (HingeLoss(), np.where(CLASSES == 0, -1.0, 1.0)[:, None], 1),
    ],
    ids=["classes", "classes as floats", "0 and 1", "-1 and 1"],
)
def test_class_weights_are_sample_weights(loss: Loss, y: Array, outputs: int) -> None:
    keys = sorted({int(key) for key in y.ravel()})
    table = {key: 0.5 + index for index, key in enumerate(keys)}
    by_class, by_sample, balanced, by_hand = (trainer(loss=loss, outputs=outputs) for _ in range(4))
    of_class = np.array([table[int(key)] for key in y.ravel()])
    options: dict[str, Any] = {"epochs": 3, "batch_size": 5, "rng": 0}
    by_class.fit(X, y, class_weight={**table, 17: 1}, sample_weight=W, **options)
    by_sample.fit(X, y, sample_weight=W * of_class, **options)
    agree(by_class, by_sample)
    balanced.fit(X, y, class_weight="balanced", **options)
    sizes = {key: int((y == key).sum()) for key in keys}
    by_hand.fit(X, y, sample_weight=[N / (len(keys) * sizes[int(key)]) for key in y.ravel()], **options)
    agree(balanced, by_hand)


def test_balanced_counts_weights() -> None:
    places = np.repeat(np.arange(N), W.astype(int))
    weighted, repeated = trainer(loss=CrossEntropyLoss(), outputs=3), trainer(loss=CrossEntropyLoss(), outputs=3)
    weighted.fit(X, CLASSES, sample_weight=W, class_weight="balanced", epochs=3)
    repeated.fit(X[places], CLASSES[places], class_weight="balanced", epochs=3)
    agree(weighted, repeated)


def test_class_weights_do_not_act_on_what_is_measured() -> None:
    still = trainer(loss=CrossEntropyLoss(), outputs=3, lr=1e-300)
    history = still.fit(
        X, CLASSES, class_weight="balanced", sample_weight=W, validation=(X, CLASSES), training_loss=True
    )
    assert history.epochs["validation_loss"][0] == pytest.approx(still.evaluate(X, CLASSES)["loss"], rel=1e-14)
    expected = still.evaluate(X, CLASSES, sample_weight=W)["loss"]
    assert history.epochs["training_loss"][0] == pytest.approx(expected, rel=1e-14)
    assert history.epochs["loss"][0] != pytest.approx(expected, rel=1e-3)


def test_a_share_keeps_its_weights() -> None:
    (x, y), (x_held, y_held) = held_out(X, Y, 0.25)
    (w, _), (w_held, _) = held_out(W, W, 0.25)
    share, pair = trainer(), trainer()
    share.fit(X, Y, sample_weight=W, validation=0.25, epochs=2, batch_size=4, rng=0)
    pair.fit(x, y, sample_weight=w, validation=(x_held, y_held, w_held), epochs=2, batch_size=4, rng=0)
    agree(share, pair, 0)


def test_ignored_targets_need_no_class_weight() -> None:
    y = np.where(CLASSES == 2, -5, CLASSES)
    for weight in ({0: 1.0, 1: 2.0}, "balanced"):
        loss = CrossEntropyLoss(ignore_index=-5)
        with_them, without = trainer(loss=loss), trainer(loss=loss)
        with_them.fit(X, y, class_weight=weight)
        without.fit(X[y >= 0], y[y >= 0], class_weight=weight)
        agree(with_them, without)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"sample_weight": W[:3]}, ShapeError, r"sample_weight must have shape \(12,\), got \(3,\)"),
        ({"sample_weight": W[:, None]}, ShapeError, r"got \(12, 1\); try sample_weight\[:, 0\]"),
        ({"sample_weight": -W}, DataError, "sample_weight must not be negative, but there is -"),
        ({"sample_weight": W * np.nan}, DataError, "sample_weight holds 12 numbers that are NaN"),
        ({"sample_weight": np.full(N, 1e308)}, DataError, "the sum of sample_weight is too large"),
        ({"sample_weight": ["a"] * N}, DataError, "sample_weight must hold real numbers"),
        (
            {"class_weight": "balance"},
            HyperparameterError,
            "class_weight must be \"balanced\" or a dict .*got 'balance'",
        ),
        ({"class_weight": [1, 2]}, HyperparameterError, 'class_weight must be "balanced" or a dict'),
        ({"class_weight": {0: 1, 1: 1}}, HyperparameterError, "no weight for class 2, which occurs in y; its keys are"),
        ({"class_weight": {0: 1, 1: 1, 2: -1}}, HyperparameterError, "class_weight of class 2 must be .* at least 0"),
        (
            {"class_weight": "balanced", "sample_weight": (CLASSES != 1).astype(float)},
            DataError,
            "all samples of class 1 have the weight 0",
        ),
        ({"validation": (X, CLASSES, W[:2])}, ShapeError, r"validation sample_weight must have shape \(12,\)"),
        ({"validation": (X, CLASSES, -W)}, DataError, "validation sample_weight must not be negative"),
        (
            {"validation": (X, CLASSES, W, W)},
            HyperparameterError,
            r"validation must be \(x, y\), \(x, y, weight\)",
        ),
    ],
)
def test_wrong_weights(options: dict[str, Any], error: type[Exception], words: str) -> None:
    fitted = trainer(loss=CrossEntropyLoss(), outputs=3)
    with unchanged(fitted.model, fitted.optimizer), pytest.raises(error, match=words):
        fitted.fit(X, CLASSES, **options)
    if "sample_weight" in options and "class_weight" not in options:
        with pytest.raises(error, match=words):
            fitted.evaluate(X, CLASSES, **options)


def test_class_weights_need_classes() -> None:
    with pytest.raises(ShapeError, match=r"one class per sample, .* have shape \(12, 2\); pass sample_weight="):
        trainer().fit(X, Y, class_weight="balanced")
    with pytest.raises(DataError, match=r"whole numbers, but there is .* at index 0; pass sample_weight="):
        trainer(outputs=1).fit(X, Y[:, :1], class_weight="balanced")


@pytest.mark.parametrize("after", range(1, 6))
@pytest.mark.parametrize("accumulate", [1, 2])
def test_a_resumed_run_ends_bit_for_bit(after: int, accumulate: int, tmp_path: Path) -> None:
    file = tmp_path / "run.npz"
    options: dict[str, Any] = {"epochs": 2, "batch_size": 4 // accumulate, "accumulate": accumulate, "rng": 1}
    options |= {"sample_weight": W, "class_weight": "balanced", "validation": (X, CLASSES, W)}
    make = partial(trainer, loss=CrossEntropyLoss(), outputs=3, make=Adam)
    whole = make()
    whole.fit(X, CLASSES, **options)
    assert after < len(whole.history.loss)
    with pytest.raises(StopError):
        make(Checkpoint(file, every_steps=1), Stop(after)).fit(X, CLASSES, **options)
    resumed = make()
    resumed.fit(X, CLASSES, **options, resume_from=file)
    assert resumed.history.epochs == whole.history.epochs
    assert bits(theta(resumed)) == bits(theta(whole))


def test_other_weights_are_other_data(tmp_path: Path) -> None:
    file = tmp_path / "run.npz"
    trainer(Checkpoint(file)).fit(X, Y, sample_weight=W)
    with pytest.warns(UserWarning, match="on other data"):
        trainer().fit(X, Y, sample_weight=W + 1, resume_from=file)
