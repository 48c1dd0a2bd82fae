"""Metrics of classes and R² against plain loops, for every form of predictions and targets, and what they refuse."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import DataError, HyperparameterError, MinidlWarning, ShapeError
from minidl.metrics import (
    accuracy,
    balanced_accuracy,
    binary_accuracy,
    confusion_matrix,
    precision_recall,
    r2,
    top_k_accuracy,
)
from minidl.metrics import classes as classes_module
from minidl.typing import Array
from tests.tables import seeds

sizes = st.integers(1, 12)


def column(values: Array) -> Array:
    return values[:, None]


def as_float(values: Array) -> Array:
    return values.astype(np.float32)


def as_list(values: Array) -> Any:
    return values.tolist()


FORMS: list[Callable[[Array], Any]] = [lambda values: values, column, as_float, as_list]
"""The forms of classes (n,)."""


@pytest.mark.parametrize("form", FORMS)
@given(seed=seeds, n=sizes, k=st.integers(2, 5))
def test_accuracy_of_scores_and_of_classes(form: Callable[[Array], Any], seed: int, n: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    scores, classes = rng.normal(size=(n, k)), rng.integers(0, k, n)
    best = [max(range(k), key=row.__getitem__) for row in scores.tolist()]
    expected = sum(a == b for a, b in zip(best, classes.tolist(), strict=True)) / n
    assert accuracy(scores, form(classes)) == pytest.approx(expected)
    assert accuracy(form(np.array(best)), classes) == pytest.approx(expected)


@pytest.mark.parametrize("form", FORMS)
@given(seed=seeds, n=sizes, threshold=st.sampled_from([0.0, 0.5]))
def test_binary_accuracy(form: Callable[[Array], Any], seed: int, n: int, threshold: float) -> None:
    rng = np.random.default_rng(seed)
    values, classes = rng.normal(size=n), rng.integers(0, 2, n)
    outside = values.min() < 0 or values.max() > 1
    expected = sum((p > threshold) == (y == 1) for p, y in zip(values.tolist(), classes.tolist(), strict=True)) / n
    assert binary_accuracy(values, form(classes), threshold=threshold) == pytest.approx(expected)
    assert binary_accuracy(form(values), classes, threshold=threshold) == pytest.approx(expected)
    if threshold == 0.5:
        with pytest.warns(MinidlWarning, match="threshold=0 if they are logits") if outside else nullcontext():
            assert binary_accuracy(values, classes) == pytest.approx(expected)


@pytest.mark.parametrize("outside", [-0.01, 1.01])
def test_numbers_just_outside_of_probabilities_are_noticed(outside: float) -> None:
    with pytest.warns(MinidlWarning, match="threshold=0 if they are logits"):
        binary_accuracy([0.5, outside], [0, 1])
    assert binary_accuracy([0.0, 1.0], [0, 1]) == 1.0


def test_a_prediction_on_the_threshold_is_class_0() -> None:
    assert binary_accuracy([0.5, 0.5], [0, 1]) == 0.5
    assert binary_accuracy([0.5], [0]) == 1.0


@given(seeds, sizes, st.integers(2, 4))
def test_confusion_matrix_precision_and_recall(seed: int, n: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    scores, classes = rng.normal(size=(n, k)), rng.integers(0, k, n)
    predicted = scores.argmax(axis=1)
    pairs = list(zip(classes.tolist(), predicted.tolist(), strict=True))
    matrix = confusion_matrix(scores, classes)
    assert matrix.tolist() == [[pairs.count((true, found)) for found in range(k)] for true in range(k)]
    assert confusion_matrix(predicted, classes, classes=k).tolist() == matrix.tolist()
    assert confusion_matrix(column(predicted), column(classes), classes=k).tolist() == matrix.tolist()

    report = precision_recall(scores, classes)
    for c in range(k):
        hits = sum(pair == (c, c) for pair in pairs)
        found, true = sum(p == c for _, p in pairs), sum(t == c for t, _ in pairs)
        precision, recall = hits / found if found else 0.0, hits / true if true else 0.0
        f1 = 2 * precision * recall / (precision + recall) if hits else 0.0
        assert [report.precision[c], report.recall[c], report.f1[c]] == pytest.approx([precision, recall, f1])
    again = precision_recall(predicted, classes, classes=k)
    assert [values.tolist() for values in again] == [values.tolist() for values in report]


@given(seeds, st.integers(2, 5))
def test_classes_may_be_probabilities_and_have_further_axes(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    scores, shares = rng.normal(size=(4, 3, k)), rng.dirichlet(np.ones(k), (4, 3))
    best, true = scores.argmax(axis=-1), shares.argmax(axis=-1)
    for metric in (accuracy, confusion_matrix, balanced_accuracy, top_k_accuracy):
        options: dict[str, Any] = {"k": 2} if metric is top_k_accuracy else {}
        expected = metric(scores.reshape(12, k), true.reshape(12), **options)
        for form in (true, true[..., None], shares):
            np.testing.assert_array_equal(metric(scores, form, **options), expected)
        np.testing.assert_array_equal(metric(scores.reshape(12, k), shares.reshape(12, k), **options), expected)
    assert accuracy(scores, shares) == (best == true).mean()


def test_the_largest_confusion_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classes_module, "MOST_CLASSES", 3)
    assert confusion_matrix([2], [0]).shape == confusion_matrix([0], [0], classes=3).shape == (3, 3)
    for prediction, k in (([3], None), ([0], 4)):
        with pytest.raises(DataError, match="at most 3 classes, got 4"):
            confusion_matrix(prediction, [0], classes=k)


def test_the_size_of_the_confusion_matrix() -> None:
    assert confusion_matrix([0, 2], [0, 1]).tolist() == [[1, 0, 0], [0, 0, 1], [0, 0, 0]]
    assert confusion_matrix([0, 0], [0, 1]).shape == (2, 2)
    assert confusion_matrix([0], [0], classes=3).tolist() == [[1, 0, 0], [0, 0, 0], [0, 0, 0]]
    assert confusion_matrix([[0.0, 1.0, 0.0]], [0]).shape == (3, 3)
    assert confusion_matrix([[0.0], [1.0]], [0, 1]).tolist() == [[1, 0], [0, 1]]
    assert np.issubdtype(confusion_matrix([0], [0]).dtype, np.integer)


@given(seeds, sizes, st.integers(2, 5))
def test_top_k_accuracy_with_ties(seed: int, n: int, c: int) -> None:
    rng = np.random.default_rng(seed)
    scores, classes = rng.integers(0, 3, (n, c)) / 2, rng.integers(0, c, n)
    for k in range(1, c + 1):
        hits = 0
        for row, true in zip(scores.tolist(), classes.tolist(), strict=True):
            hits += true in sorted(range(c), key=lambda label: -row[label])[:k]
        assert top_k_accuracy(scores, classes, k=k) == pytest.approx(hits / n)
        assert top_k_accuracy(scores, np.eye(c)[classes], k=k) == top_k_accuracy(scores, classes[:, None], k=k)
    assert top_k_accuracy(scores, classes, k=1) == accuracy(scores, classes)
    assert top_k_accuracy(scores, classes, k=c) == 1.0


@given(seeds, sizes, st.integers(2, 4))
def test_balanced_accuracy_is_the_mean_recall_of_the_classes_that_occur(seed: int, n: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    scores, classes = rng.normal(size=(n, k)), rng.integers(0, k, n)
    recalls = precision_recall(scores, classes, zero_division=np.nan).recall
    assert balanced_accuracy(scores, classes) == pytest.approx(np.nanmean(recalls), rel=1e-12)
    # However large the numbers of the classes are, they take no memory.
    far = balanced_accuracy(scores.argmax(axis=1) * 10**12, classes * 10**12)
    assert far == balanced_accuracy(scores, classes)


def test_what_takes_the_place_of_0_by_0() -> None:
    # Class 1 is never predicted, class 2 has no samples, class 3 has neither.
    values: list[Any] = [0, 1, np.nan, np.float32(1)]
    for value in values:
        found = precision_recall([0, 0, 2], [0, 1, 0], classes=4, zero_division=value)
        np.testing.assert_array_equal(found.precision, [0.5, value, 0, value])
        np.testing.assert_array_equal(found.recall, [0.5, 0, value, value])
        np.testing.assert_array_equal(found.f1, [0.5, 0, 0, value])
    wrongs: list[Any] = [0.5, -1, "warn", None, True, np.inf, 10**400]
    for wrong in wrongs:
        with pytest.raises(HyperparameterError, match=r"^zero_division must be 0, 1 or NaN, got "):
            precision_recall([0], [0], zero_division=wrong)


def test_a_weighted_confusion_matrix_holds_sums() -> None:
    matrix = confusion_matrix([0, 1, 1], [0, 0, 0], [0.5, 0.25, 2.0])
    assert matrix.tolist() == [[0.5, 2.25], [0.0, 0.0]]
    assert confusion_matrix([0, 9], [0, 1], [1, 0]).shape == (1, 1)


def test_one_number_per_sample_needs_a_threshold() -> None:
    advice = r"^prediction must hold classes, .* pass prediction > 0\.5, or prediction > 0 if these are logits$"
    prediction, target = np.array([[0.7], [0.2], [0.4]]), [[1], [0], [1]]
    for metric in (balanced_accuracy, confusion_matrix, precision_recall):
        with pytest.raises(DataError, match=advice):
            metric(prediction, target)
        metric(prediction > 0.5, target)
    assert balanced_accuracy(prediction > 0.5, target) == 0.75


@given(seeds, st.integers(2, 12), st.integers(1, 3))
def test_r2(seed: int, n: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    p, y = rng.normal(size=(n, k)), rng.normal(size=(n, k))
    each = []
    for j in range(k):
        mean = sum(y[:, j].tolist()) / n
        unexplained = sum((a - b) ** 2 for a, b in zip(p[:, j].tolist(), y[:, j].tolist(), strict=True))
        each.append(1 - unexplained / sum((b - mean) ** 2 for b in y[:, j].tolist()))
    assert r2(p, y) == pytest.approx(sum(each) / k, rel=1e-9)
    assert r2(p[:, 0], y[:, 0]) == pytest.approx(each[0], rel=1e-9)
    assert r2(y, y) == 1.0
    assert r2(np.broadcast_to(y.mean(axis=0), y.shape), y) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: accuracy([[0.7], [0.2]], [1, 0]), DataError, r"prediction .* classes.* got 0\.7; .*binary_accuracy"),
        (
            lambda: accuracy([[-2.0]], [1]),
            DataError,
            "got -2; .* binary_accuracy, with threshold=0 if these are logits$",
        ),
        (lambda: accuracy([0, 1], [0.5, 1]), DataError, r"target must hold classes, integers from 0, got 0\.5"),
        (lambda: accuracy([0, 1], [1, -1]), DataError, "target must hold classes, integers from 0, got -1"),
        (lambda: accuracy([2.0**53 + 2], [0]), DataError, r"prediction must hold classes, .* got 9\.0072e\+15"),
        (lambda: accuracy([0, 1], [0, 1, 1]), ShapeError, "2 predictions but 3 targets"),
        (lambda: accuracy(np.zeros((2, 2, 2)), [0, 1]), ShapeError, r"got \(2, 2\) predictions for targets \(2,\)"),
        (lambda: accuracy(np.zeros((2, 3)), np.zeros((2, 4))), ShapeError, r"got \(2, 3\) predictions .* \(2, 4\)"),
        (lambda: accuracy([], []), DataError, "prediction is empty"),
        (lambda: accuracy([np.nan], [0]), DataError, "prediction holds 1 number that is NaN"),
        (
            lambda: binary_accuracy([[0.1, 0.9]], [1]),
            ShapeError,
            r"prediction must be one number per sample, .*\(1, 2\)",
        ),
        (
            lambda: binary_accuracy([0.1, 0.9], [1, 2]),
            DataError,
            "takes targets 0 and 1, got 2; use accuracy for more classes",
        ),
        (lambda: binary_accuracy([0.1], [[0, 1]]), ShapeError, r"one prediction, .*, got \(1,\) .* targets \(1, 2\)"),
        (lambda: confusion_matrix([1], [[0, 1]]), ShapeError, r"one prediction, .*, got \(1,\) .* targets \(1, 2\)"),
        (lambda: binary_accuracy([0.1, 0.9], [1]), ShapeError, "2 predictions but 1 targets"),
        (lambda: confusion_matrix([0, 3], [0, 1], classes=3), DataError, "a class 3, but classes = 3 means 0 to 2"),
        (lambda: confusion_matrix([0, 1], [0, 3], classes=3), DataError, "a class 3, but classes = 3 means 0 to 2"),
        (lambda: confusion_matrix([0, 1], [0]), ShapeError, "2 predictions but 1 targets"),
        (lambda: precision_recall([0.5], [0]), DataError, "prediction must hold classes"),
        (lambda: top_k_accuracy([0, 1], [0, 1]), ShapeError, r"a score for each class, \(n, …, c\), got shape \(2,\)"),
        (lambda: top_k_accuracy([[0.7]], [0]), ShapeError, r"a score for each class, .* got shape \(1, 1\)"),
        (lambda: top_k_accuracy([[1, 2]], [2], k=1), DataError, "a class 2 in target, but 2 scores mean .* 0 to 1"),
        (lambda: top_k_accuracy([[1, 2]], [0]), HyperparameterError, "k must be at most 2, the number of sc.* got 5$"),
        (lambda: top_k_accuracy([[1, 2]], [0.5], k=1), DataError, r"target must hold classes, .* got 0\.5; number the"),
        (lambda: r2([1.0, 2.0], [[1.0], [2.0]]), ShapeError, r"\(2,\), targets \(2, 1\); they must be equal"),
        (lambda: r2([1.0, 2.0], [3.0, 3.0]), DataError, "targets that are all the same"),
        (lambda: r2(np.full(3, 0.15), np.full(3, 0.1)), DataError, "targets that are all the same"),
        (lambda: accuracy([0, 1], [1, -1]), DataError, "got -1; number the classes from 0$"),
        (lambda: r2([[1.0, 2.0]] * 2, [[1.0, 3.0], [2.0, 3.0]]), DataError, "targets that are all the same"),
    ],
)
def test_invalid_predictions_and_targets_are_refused(
    call: Callable[[], object], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        call()


@pytest.mark.parametrize("scale", [1.0, 1e-200, 1e200])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_r2_of_all_sizes_and_types(dtype: Any, scale: float) -> None:
    target = -np.arange(200.0).astype(dtype)
    prediction = target + np.where(np.arange(200) % 2, 17, -17).astype(dtype)
    if dtype == np.float64:
        target, prediction = scale * target, scale * prediction
    expected = 1 - 17**2 / ((200**2 - 1) / 12)  # the variance of 1 to n is (n² − 1) / 12
    assert r2(prediction, target) == pytest.approx(expected, rel=1e-12)
