"""ROC AUC and average precision against plain loops over pairs and thresholds, and what they refuse."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import DataError, ShapeError
from minidl.metrics import average_precision, roc_auc
from minidl.typing import Array
from tests.tables import seeds


def draw(seed: int, n: int) -> tuple[Array, Array, Array]:
    """Scores with ties, classes that both occur, and weights."""
    rng = np.random.default_rng(seed)
    scores, weights = rng.integers(-3, 4, n) / 4, rng.uniform(0.5, 2.0, n)
    return scores, np.append([0, 1], rng.integers(0, 2, n - 2)), weights


@given(seeds, st.integers(2, 12))
def test_roc_auc_counts_pairs_and_half_of_ties(seed: int, n: int) -> None:
    scores, classes, weights = draw(seed, n)
    for w in (np.ones(n), weights):
        right = total = 0.0
        for i in np.flatnonzero(classes == 1).tolist():
            for j in np.flatnonzero(classes == 0).tolist():
                total += w[i] * w[j]
                right += w[i] * w[j] * (0.5 if scores[i] == scores[j] else float(scores[i] > scores[j]))
        assert roc_auc(scores, classes, w) == pytest.approx(right / total, rel=1e-12, abs=1e-15)


@given(seeds, st.integers(2, 12))
def test_average_precision_sums_over_thresholds(seed: int, n: int) -> None:
    scores, classes, w = draw(seed, n)
    area = recall = 0.0
    for threshold in sorted(set(scores.tolist()), reverse=True):
        found = scores >= threshold
        hits = w[found & (classes == 1)].sum()
        before, recall = recall, hits / w[classes == 1].sum()
        area += (recall - before) * hits / w[found].sum()
    assert average_precision(scores, classes, w) == pytest.approx(area, rel=1e-12)


@given(seeds, st.integers(2, 12))
def test_only_the_order_matters_and_the_opposite_order_is_the_complement(seed: int, n: int) -> None:
    scores, classes, w = draw(seed, n)
    for metric in (roc_auc, average_precision):
        expected = metric(scores, classes, w)
        for form in (np.exp(scores), 1e300 * scores, scores.astype(np.float32)[:, None], scores.tolist()):
            assert metric(form, classes[:, None], w) == expected
    assert roc_auc(-scores, classes, w) == pytest.approx(1 - roc_auc(scores, classes, w), abs=1e-14)
    assert roc_auc(scores, 1 - classes, w) == pytest.approx(1 - roc_auc(scores, classes, w), abs=1e-14)


@pytest.mark.parametrize("n", [2, 7, 1000])
def test_the_ends_of_the_scale_are_exact(n: int) -> None:
    classes = (np.arange(n) > n // 3).astype(int)
    assert roc_auc(np.arange(n), classes) == average_precision(np.arange(n), classes) == 1.0
    assert roc_auc(-np.arange(n), classes) == 0.0
    assert roc_auc(np.zeros(n), classes) == 0.5
    assert average_precision(np.zeros(n), classes) == pytest.approx(classes.mean(), rel=1e-15)
    assert average_precision([0.3, 0.2], [1, 1]) == 1.0


def test_weights_of_very_different_sizes() -> None:
    # Of the pairs, only those of the heavy samples count: 0.2 above 0.1, and 0.4 above it.
    scores, classes, weights = [0.1, 0.2, 0.3, 0.4], [0, 1, 0, 1], [1.0, 1.0, 1e-200, 1.0]
    for scale in (1.0, 1e-100, 1e300):
        assert roc_auc(scores, classes, scale * np.array(weights)) == pytest.approx(1.0, rel=1e-12)
    # Class 0 weighs next to nothing: all that counts is how the weights within each class compare.
    assert roc_auc(scores, classes, [1e-200, 3.0, 3e-200, 1.0]) == pytest.approx((3 + 1 + 3) / 16, rel=1e-12)
    assert average_precision(scores, classes, weights) == pytest.approx(1.0, rel=1e-12)


@given(seeds, st.integers(3, 5))
def test_several_classes_are_each_taken_against_the_rest(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    classes = np.append(np.arange(k), rng.integers(0, k, 9))
    p, w = rng.dirichlet(np.ones(k), k + 9), rng.uniform(0.5, 2.0, k + 9)
    for metric in (roc_auc, average_precision):
        each = [metric(p[:, c], classes == c, w) for c in range(k)]
        assert metric(p, classes, w) == pytest.approx(sum(each) / k, rel=1e-12)
        assert metric(p, np.eye(k)[classes], w) == metric(p, classes, w)


def test_rows_of_two_probabilities_are_ranked_by_the_second() -> None:
    p, classes = np.array([0.1, 0.4, 0.35, 0.8]), [0, 0, 1, 1]
    for metric in (roc_auc, average_precision):
        assert metric(np.stack([1 - p, p], axis=1), classes) == metric(p, classes)


LOGITS = r"; if these are logits, pass Sigmoid\(\)\(prediction\) or, for rows of scores, Softmax\(\)\(prediction\)$"
THIRDS = np.full((2, 3), 1 / 3)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda f: f([0.1, 0.2], [0, 0]), DataError, "{} is not defined without samples of class 1$"),
        (lambda f: f([0.1, 0.2, 0.3], [0, 0, 1], [1, 1, 0]), DataError, "{} is not defined without samples of class 1"),
        (lambda f: f(THIRDS, [0, 2]), DataError, "{} is not defined without samples of class 1"),
        (lambda f: f(THIRDS[:, :2] * 1.5, [1, 1]), DataError, "{} is not defined without samples of class 0"),
        (lambda f: f([0.1, 0.2], [0, 2]), DataError, r"{} takes targets 0 and 1 for one score .*, got 2; .* \(n, k\)"),
        (lambda f: f([0.1, 0.2], [0, 0.5]), DataError, r"target must hold classes, .* got 0\.5; number the classes"),
        (lambda f: f(THIRDS, [0, 3]), DataError, "there is a class 3 in target, but 3 scores mean classes 0 to 2"),
        (
            lambda f: f(3 * THIRDS, [0, 1]),
            DataError,
            rf"of prediction must sum to 1 for each sample, got a sum of 3{LOGITS}",
        ),
        (lambda f: f(THIRDS - 1, [0, 1]), DataError, rf"prediction must hold probabilities, .* got -0\.666667{LOGITS}"),
        (lambda f: f([0.1, 0.2], [0]), ShapeError, "there are 2 predictions but 1 targets"),
        (lambda f: f(THIRDS, [[0, 1], [1, 0]]), ShapeError, r"got \(2,\) predictions for targets \(2, 2\)"),
    ],
)
@pytest.mark.parametrize("metric", [roc_auc, average_precision])
def test_what_is_refused(metric: Any, call: Callable[[Any], object], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words.replace("{}", metric.__name__)):
        call(metric)


def test_only_roc_auc_needs_samples_of_class_0() -> None:
    with pytest.raises(DataError, match="roc_auc is not defined without samples of class 0"):
        roc_auc([0.1, 0.2], [1, 1])
