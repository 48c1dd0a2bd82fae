"""Log loss and Brier score against the losses and plain loops, and what they refuse."""

from collections.abc import Callable
from math import exp, log
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import BCEWithLogitsLoss, CrossEntropyLoss, DataError, MSELoss, ShapeError, Sigmoid, Softmax
from minidl.metrics import brier_score, log_loss
from tests.tables import seeds


@given(seeds, st.integers(1, 8), st.integers(2, 5))
def test_the_log_loss_of_probabilities_is_the_loss_of_logits(seed: int, n: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    z, classes, shares = rng.normal(size=(n, k)), rng.integers(0, k, n), rng.dirichlet(np.ones(k), n)
    for target in (classes, shares):
        assert log_loss(Softmax()(z), target) == pytest.approx(CrossEntropyLoss()(z, target), rel=1e-12)
    assert log_loss(Softmax()(z), classes[:, None]) == log_loss(Softmax()(z), np.eye(k)[classes])
    z, both, share = z[:, :1], classes[:, None] % 2, shares[:, :1]
    for target in (both, share):
        assert log_loss(Sigmoid()(z), target) == pytest.approx(BCEWithLogitsLoss()(z, target), rel=1e-12)
        assert log_loss(Sigmoid()(z)[:, 0], target) == log_loss(Sigmoid()(z), target[:, 0])


@given(seeds, st.integers(1, 8), st.integers(3, 5))
def test_the_brier_score_is_a_squared_error(seed: int, n: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    p, classes = rng.dirichlet(np.ones(k), n), rng.integers(0, k, n)
    total = 0.0
    for row, true in zip(p.tolist(), classes.tolist(), strict=True):
        total += sum((share - (c == true)) ** 2 for c, share in enumerate(row))
    assert brier_score(p, classes) == pytest.approx(total / n, rel=1e-12)
    assert brier_score(p, np.eye(k)[classes]) == brier_score(p, classes)
    p, both = p[:, :1], (classes[:, None] % 2).astype(float)
    expected = pytest.approx(MSELoss()(p, both), rel=1e-12)
    assert brier_score(p, both) == expected
    assert brier_score(np.concatenate([1 - p, p], axis=1), both) == expected


@pytest.mark.parametrize("shape", [(200,), (200, 3)])
def test_float32_is_computed_in_float64(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    p, classes = rng.uniform(0.1, 0.9, shape), rng.integers(0, 2, 200)
    if len(shape) > 1:
        p = p / p.sum(axis=1, keepdims=True)
    single = p.astype(np.float32)
    for metric in (log_loss, brier_score):
        assert metric(single, classes) == pytest.approx(metric(single.astype(np.float64), classes), rel=1e-14)


def test_certain_predictions() -> None:
    for p, y in (([0, 1], [0, 1]), (np.eye(3), [0, 1, 2])):
        assert [str(metric(p, y)) for metric in (log_loss, brier_score)] == ["0.0", "0.0"]  # not -0.0
    assert brier_score([1.0, 0.0], [0, 1]) == 1.0
    assert brier_score(np.eye(3), [1, 2, 0]) == 2.0
    for dtype in (np.float64, np.float32):
        assert log_loss(np.array([0], dtype), [1]) == pytest.approx(-log(np.finfo(dtype).eps), rel=1e-12)
        assert log_loss(np.array([exp(-10)], dtype), [1]) == pytest.approx(10, rel=1e-6)


LOGITS = r"; if these are logits, pass Sigmoid\(\)\(prediction\) or, for rows of scores, Softmax\(\)\(prediction\)$"


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda f: f([1.5], [1]), DataError, rf"^prediction must hold probabilities, from 0 to 1, got 1\.5{LOGITS}"),
        (lambda f: f([[2.0, -1.0]], [1]), DataError, rf"^prediction must hold probabilities, .* got 2{LOGITS}"),
        (
            lambda f: f([[0.5, 0.4]], [1]),
            DataError,
            rf"^the probabilities of prediction must .* got a sum of 0\.9{LOGITS}",
        ),
        (lambda f: f([0.5], [2]), DataError, "^target must hold probabilities, .* got 2; encode the two classes as 0"),
        (lambda f: f([[0.5, 0.5]], [2]), DataError, "there is a class 2 in target, but 2 scores mean classes 0 to 1"),
        (lambda f: f([[0.5, 0.5]], [0.5]), DataError, r"target must hold classes, .* got 0\.5"),
        (
            lambda f: f([[0.5, 0.5]], [[0.5, 0.6]]),
            DataError,
            r"of target must sum to 1 .* got a sum of 1\.1; or pass classes",
        ),
        (lambda f: f([0.5, 0.5], [1]), ShapeError, "2 predictions but 1 targets"),
        (lambda f: f([[0.5, 0.5]], [[0, 0, 1]]), ShapeError, r"got \(1,\) predictions for targets \(1, 3\)"),
    ],
)
@pytest.mark.parametrize("metric", [log_loss, brier_score])
def test_what_is_refused(metric: Any, call: Callable[[Any], object], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call(metric)


def test_probabilities_may_be_rounded() -> None:
    assert log_loss([[0.3334, 0.3333, 0.3328]], [0]) == pytest.approx(-log(0.3334))
    with pytest.raises(DataError, match=r"must sum to 1 for each sample, got a sum of 0\.998"):
        log_loss([[0.333, 0.333, 0.332]], [0])
