"""The laws of sample weights, for every metric."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import DataError, HyperparameterError, ShapeError, metrics
from minidl.metrics import (
    accuracy,
    binary_accuracy,
    brier_score,
    confusion_matrix,
    is_mean_over_samples,
    log_loss,
    mean_over_samples,
    roc_auc,
    top_k_accuracy,
)
from minidl.typing import Array
from tests.metrics.table import ROWS, Row
from tests.tables import seeds

every = pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
sizes = st.integers(5, 30)


def same(found: Any, expected: Any) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def counts(rng: np.random.Generator, n: int) -> Array:
    """Integer weights, some of them 0, but for the first samples, which hold each class."""
    return np.append(rng.integers(1, 4, 5), rng.integers(0, 4, n))[:n]


def test_the_table_has_every_metric() -> None:
    others = {"PrecisionRecall", "is_mean_over_samples", "mean_over_samples"}
    assert {row.name.split()[0] for row in ROWS} == set(metrics.__all__) - others


@every
@given(seed=seeds, n=sizes)
def test_integer_weights_equal_repeated_samples(row: Row, seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    (p, y), w = row.draw(rng, n), counts(rng, n)
    same(row.metric(p, y, w), row.metric(np.repeat(p, w, axis=0), np.repeat(y, w, axis=0)))


@every
@given(seed=seeds, n=sizes)
def test_samples_of_weight_0_equal_dropped_ones_whatever_they_hold(row: Row, seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    (p, y), w = row.draw(rng, n), rng.uniform(0.5, 2.0, n)
    expected = row.metric(p, y, w)
    place = int(rng.integers(0, n + 1))
    more_p, more_y = np.insert(p, place, -7, axis=0), np.insert(y, place, -7, axis=0)
    same(row.metric(more_p, more_y, np.insert(w, place, 0.0)), expected)


@every
@given(seed=seeds, n=sizes, exponent=st.integers(-200, 200))
def test_only_the_ratios_of_weights_matter(row: Row, seed: int, n: int, exponent: int) -> None:
    rng = np.random.default_rng(seed)
    (p, y), w = row.draw(rng, n), rng.uniform(0.5, 2.0, n)
    scale = 10.0**exponent
    found, equal = row.metric(p, y, scale * w), row.metric(p, y, np.full(n, scale))
    if row.name == "confusion_matrix":
        found, equal = found / scale, equal / scale
    same(found, row.metric(p, y, w))
    same(equal, row.metric(p, y))


@every
@given(seed=seeds, n=st.integers(10, 30), weighted=st.booleans())
def test_means_over_samples_are_put_together_from_batches(row: Row, seed: int, n: int, weighted: bool) -> None:
    rng = np.random.default_rng(seed)
    (p, y), w = row.draw(rng, n), rng.uniform(0.5, 2.0, n) if weighted else None
    assert is_mean_over_samples(row.metric) is row.is_mean
    if row.is_mean:
        parts = [slice(0, 3), slice(3, 4), slice(4, n)]
        weights = [n if w is None else w[part].sum() for n, part in zip((3, 1, n - 4), parts, strict=True)]
        values = [row.metric(p[part], y[part], None if w is None else w[part]) for part in parts]
        same(np.average(values, weights=weights), row.metric(p, y, w))


@pytest.mark.parametrize("row", [row for row in ROWS if not row.is_mean], ids=lambda row: row.name)
def test_metrics_without_the_mark_are_no_means(row: Row) -> None:
    p, y = row.draw(np.random.default_rng(0), 40)
    halves = [row.metric(p[part], y[part]) for part in (slice(0, 20), slice(20, 40))]
    assert not np.allclose(np.mean(halves, axis=0), row.metric(p, y), rtol=1e-6)


@every
def test_weights_that_are_refused(row: Row) -> None:
    p, y = row.draw(np.random.default_rng(0), 6)
    for weight, error, words in (
        ([1, 1, 1, 1, 1, -0.5], DataError, r"sample_weight must not be negative, got -0\.5$"),
        (np.zeros(6), DataError, "the sum of sample_weight must be finite and above 0, got 0; no sample counts"),
        (np.full(6, 1e308), DataError, "above 0, got inf; divide the weights by the largest one"),
        ([1, 1, 1, 1, 1, np.nan], DataError, "sample_weight holds 1 number that is NaN"),
        (np.ones(5), ShapeError, r"sample_weight must hold one weight for each sample, \(6,\), got shape \(5,\)"),
        (np.ones(1), ShapeError, r"for each sample, \(6,\), got shape \(1,\)"),
        (np.ones((6, 2)), ShapeError, r"for each sample, \(6,\), got shape \(6, 2\)"),
        (2.0, ShapeError, "sample_weight must have the batch as its first axis"),
        ("heavy", DataError, "sample_weight must hold real numbers"),
    ):
        with pytest.raises(error, match=words):
            row.metric(p, y, weight)


@every
@pytest.mark.parametrize("tiny", [5e-324, 1e-310])
def test_weights_too_small_to_divide_by_are_0(row: Row, tiny: float) -> None:
    p, y = row.draw(np.random.default_rng(0), 6)
    same(row.metric(p, y, [1e3, 1e3, 1e3, 1e3, 1e3, tiny]), row.metric(p, y, [1e3, 1e3, 1e3, 1e3, 1e3, 0]))
    with pytest.raises(DataError, match="without samples of class 1"):
        roc_auc([0.1, 0.2, 0.3], [0, 0, 1], [1e3, 1e3, tiny])


@every
def test_weights_of_other_forms(row: Row) -> None:
    p, y = row.draw(np.random.default_rng(0), 6)
    w = np.array([1, 2, 3, 1, 1, 2])
    expected = row.metric(p, y, w.astype(float))
    for form in (w[:, None], w.tolist(), w.astype(np.float32), w.astype(np.uint8)):
        np.testing.assert_array_equal(row.metric(p, y, form), expected)
    np.testing.assert_array_equal(row.metric(p, y, np.ones(6, bool)), row.metric(p, y, np.ones(6)))


@given(seeds)
def test_weights_of_sequences_are_for_samples_or_for_positions(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores, y = rng.normal(size=(4, 3, 5)), rng.integers(0, 5, (4, 3))
    share = np.exp(scores) / np.exp(scores).sum(axis=-1, keepdims=True)
    w, mask = rng.uniform(0.5, 2, 4), np.arange(12).reshape(4, 3) % 4 < rng.integers(1, 4)
    for metric, p in ((accuracy, scores), (top_k_accuracy, scores), (log_loss, share), (brier_score, share)):
        same(metric(p, y, w), metric(p.reshape(12, 5), y.reshape(12), np.repeat(w, 3)))
        same(metric(p, y, mask), metric(p[mask], y[mask]))
    same(confusion_matrix(scores, y, mask, classes=5), confusion_matrix(scores[mask], y[mask], classes=5))
    p, true = share[..., :1], (y > 2) * 1
    true[0, 0], true[0, 1] = 0, 1
    for metric in (binary_accuracy, roc_auc):
        same(metric(p, true, w), metric(p.reshape(12), true.reshape(12), np.repeat(w, 3)))
    for wrong in (np.ones((4, 2)), np.ones((3, 3))):
        with pytest.raises(ShapeError, match=r"\(4,\), or one for each prediction, \(4, 3\), got shape"):
            accuracy(scores, y, wrong)


def test_marking_metrics() -> None:
    @mean_over_samples
    def hits(prediction: Array, target: Array) -> float:
        return float((prediction == target).mean())

    assert hits(np.arange(2), np.zeros(2)) == 0.5
    assert is_mean_over_samples(hits)
    assert is_mean_over_samples(mean_over_samples(lambda prediction, target: hits(prediction, target)))
    assert not is_mean_over_samples(lambda prediction, target: hits(prediction, target))
    wrong: Any = "accuracy"
    with pytest.raises(HyperparameterError, match=r"^metric must be a function such as metrics\.accuracy, got 'acc"):
        mean_over_samples(wrong)
