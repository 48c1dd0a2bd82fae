"""CrossEntropyLoss(ignore_index=…): what counts is averaged alone, in a batch, in its parts, and over an epoch."""

from math import log
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import (
    SGD,
    Checkpoint,
    CrossEntropyLoss,
    DataError,
    Dense,
    Embedding,
    EmpiricalRisk,
    HyperparameterError,
    Sequential,
    ShapeError,
    Trainer,
    metrics,
)
from minidl.typing import Array
from tests.helpers import bits
from tests.tables import seeds
from tests.training.resuming import Stop, StopError

IGNORED = -100
T, K = 4, 3
X = np.random.default_rng(0).integers(0, 5, (13, T))
Y = np.random.default_rng(1).integers(0, K, (13, T))
LENGTHS = np.random.default_rng(2).integers(0, T + 1, 13)
Y[np.arange(T) >= LENGTHS[:, None]] = IGNORED


def model(seed: int = 0) -> Sequential:
    return Sequential(Embedding(5, 3), Dense(3, K), rng=seed)


def trainer(lr: float = 0.5, *callbacks: Any) -> Trainer:
    network = model()
    return Trainer(network, CrossEntropyLoss(ignore_index=IGNORED), SGD(network.parameters(), lr), callbacks)


def mean_over_counted(network: Sequential, x: Array, y: Array) -> float:
    """The mean of −ln p over all targets that count, one at a time."""
    scores = network.predict(x)
    p = np.exp(scores) / np.exp(scores).sum(axis=-1, keepdims=True)
    return float(np.mean([-log(p[i][y[i]]) for i in np.ndindex(y.shape) if y[i] != IGNORED]))


def test_by_hand() -> None:
    loss = CrossEntropyLoss(ignore_index=-1)
    scores = [[[0.0, log(3)], [log(3), 0.0]], [[5.0, -5.0], [0.0, 0.0]]]
    assert loss(scores, [[1, 1], [-1, 0]]) == pytest.approx((log(4 / 3) + log(4) + log(2)) / 3)
    expected = np.array([[[0.25, -0.25], [0.75, -0.75]], [[0.0, 0.0], [-0.5, 0.5]]]) / 3
    np.testing.assert_allclose(loss.backward(), expected, atol=1e-15)
    assert loss.counts(np.array([[1, 1], [-1, 0]])).tolist() == [2, 1]  # type: ignore[union-attr]


@given(seeds, st.sampled_from([0.0, 0.3]), st.sampled_from([0, 2, -7]))
def test_it_is_the_loss_of_what_counts(seed: int, smoothing: float, ignored: int) -> None:
    rng = np.random.default_rng(seed)
    scores, target = rng.normal(size=(4, 3, 5)), rng.integers(0, 5, (4, 3))
    target[rng.random((4, 3)) < 0.3] = ignored
    target[0, 0] = 1
    counted = target != ignored
    loss, plain = CrossEntropyLoss(smoothing, ignore_index=ignored), CrossEntropyLoss(smoothing)
    assert loss.forward(scores, target) == pytest.approx(plain.forward(scores[counted], target[counted]), rel=1e-14)
    grad = loss.backward()
    np.testing.assert_allclose(grad[counted], plain.backward(), rtol=1e-14)
    assert not grad[~counted].any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(3, 2), (2, 3, 2)])
def test_if_nothing_counts_the_loss_and_its_gradient_are_zero(dtype: Any, shape: tuple[int, ...]) -> None:
    loss = CrossEntropyLoss(0.1, ignore_index=1)
    assert loss.forward(np.full(shape, 1e30, dtype), np.ones(shape[:-1], int)) == 0.0
    grad = loss.backward()
    assert grad.shape == shape
    assert grad.dtype == dtype
    assert not grad.any()


def test_what_does_not_count_may_have_any_scores() -> None:
    loss, scores = CrossEntropyLoss(ignore_index=9), np.array([[0.0, 0.0], [np.nan, np.inf]])
    assert loss.forward(scores, np.array([0, 9])) == pytest.approx(log(2))
    assert loss.backward().tolist() == [[-0.5, 0.5], [0.0, 0.0]]


def test_without_it_every_target_must_have_a_score() -> None:
    with pytest.raises(DataError, match=r"but there is -100 at \(0, 1\); ignore_index="):
        CrossEntropyLoss().check_target([[0, -100]], (2, 3))
    with pytest.raises(DataError, match=r"below 3, the number of scores, but there is 4 at \(0, 1\)"):
        CrossEntropyLoss(ignore_index=3).check_target([[3, 4]], (2, 3))
    with pytest.raises(DataError, match=r"but there is -2 at \(0, 1\)"):
        CrossEntropyLoss(ignore_index=-1).check_target([[-1, -2]], (2, 3))
    with pytest.raises(DataError, match="must be below 2"):
        CrossEntropyLoss(ignore_index=-1)([[0.0, 0.0]], [2])


@pytest.mark.parametrize("kind", [np.uint8, np.uint64, np.int8, np.int32, np.float32, bool])
def test_targets_of_any_type(kind: type) -> None:
    scores, target = np.random.default_rng(0).normal(size=(4, 2)), np.array([0, 1, 1, 0])
    loss = CrossEntropyLoss(ignore_index=1)
    expected = loss.forward(scores, target)
    assert loss(scores, target.astype(kind)) == expected
    assert loss.counts(loss.check_target(target.astype(kind), (2,))).tolist() == [1, 0, 0, 1]  # type: ignore[union-attr]


@pytest.mark.parametrize("wrong", [1.0, "0", True, [0]])
def test_what_is_not_an_integer_is_refused(wrong: Any) -> None:
    with pytest.raises(HyperparameterError, match="ignore_index must be None or an integer, got"):
        CrossEntropyLoss(ignore_index=wrong)


def test_probabilities_are_refused_beside_it() -> None:
    loss, p = CrossEntropyLoss(ignore_index=0), np.full((2, 2), 0.5)
    for call in (lambda: loss(p, p), lambda: loss.forward(p, p), lambda: loss.check_target(p, (2,))):
        with pytest.raises(ShapeError, match=r"ignore_index=0 marks classes, but .* probabilities, of the shape"):
            call()


@pytest.mark.parametrize(("batch_size", "accumulate"), [(1, 13), (1, 4), (2, 3), (3, 2), (4, 2)])
def test_small_batches_make_the_step_of_a_large_one(batch_size: int, accumulate: int) -> None:
    parts, whole = trainer(), trainer()
    parts.fit(X, Y, epochs=3, batch_size=batch_size, accumulate=accumulate, rng=0)
    whole.fit(X, Y, epochs=3, batch_size=batch_size * accumulate, rng=0)
    np.testing.assert_allclose(parts.history.loss, whole.history.loss, rtol=1e-12)
    np.testing.assert_allclose(parts.history.epochs["loss"], whole.history.epochs["loss"], rtol=1e-12)
    theta, expected = parts.model.parameters().value, whole.model.parameters().value
    np.testing.assert_allclose(theta, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("batch_size", [1, 2, 5, 12, 13, None])
def test_the_mean_of_an_epoch_is_over_all_that_counts(batch_size: int | None, shuffle: bool) -> None:
    still = trainer(lr=1e-300)
    expected = mean_over_counted(still.model, X, Y)  # type: ignore[arg-type]
    history = still.fit(
        X, Y, epochs=2, batch_size=batch_size, shuffle=shuffle, validation=(X, Y), training_loss=True, rng=0
    )
    for name in ("loss", "validation_loss", "training_loss"):
        np.testing.assert_allclose(history.epochs[name], [expected] * 2, rtol=1e-13, err_msg=name)
    assert still.evaluate(X, Y, batch_size=batch_size)["loss"] == pytest.approx(expected, rel=1e-13)
    assert EmpiricalRisk(still.model, still.loss, X, Y).forward() == pytest.approx(expected, rel=1e-13)


def test_batches_in_which_nothing_counts() -> None:
    nothing = np.full_like(Y, IGNORED)
    still = trainer()
    before = bits(still.model.parameters().value)
    history = still.fit(X, nothing, epochs=2, batch_size=2, accumulate=2, validation=(X, nothing))
    assert history.epochs == {"loss": [0.0, 0.0], "validation_loss": [0.0, 0.0]}
    assert bits(still.model.parameters().value) == before


@pytest.mark.parametrize("after", range(1, 8))
def test_a_resumed_run_has_the_same_mean_of_the_epoch(after: int, tmp_path: Path) -> None:
    file = tmp_path / "run.npz"
    options: dict[str, Any] = {"epochs": 2, "batch_size": 4, "rng": 1}
    whole = trainer()
    whole.fit(X, Y, **options)
    with pytest.raises(StopError):
        trainer(0.5, Checkpoint(file, every_steps=1), Stop(after)).fit(X, Y, **options)
    resumed = trainer()
    resumed.fit(X, Y, **options, resume_from=file)
    assert resumed.history.epochs == whole.history.epochs
    assert bits(resumed.model.parameters().value) == bits(whole.model.parameters().value)


def test_metrics_of_what_counts() -> None:
    def accuracy(p: Any, y: Any) -> float:
        return metrics.accuracy(p[y != IGNORED], y[y != IGNORED])

    fitted = trainer()
    right = fitted.model.predict(X).argmax(axis=-1) == Y
    assert fitted.evaluate(X, Y, {"accuracy": accuracy})["accuracy"] == right.sum() / (Y != IGNORED).sum()
