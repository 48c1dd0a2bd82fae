"""Losses of many numbers, of very large numbers, and of classes that do not exist."""

from typing import Any

import numpy as np
import pytest

from minidl import (
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    DataError,
    HingeLoss,
    HuberLoss,
    Loss,
    MAELoss,
    MSELoss,
)
from minidl.typing import Array

ELEMENTWISE: list[tuple[Loss, float, float]] = [
    (BCELoss(), 0.7, 1.0),
    (BCEWithLogitsLoss(), 0.1, 1.0),
    (HingeLoss(), 0.1, 1.0),
    (MSELoss(), 0.1, 0.4),
    (MAELoss(), 0.1, 0.4),
    (HuberLoss(), 0.1, 0.4),
    (HuberLoss(0.1), 0.1, 0.4),
]


def each(loss: Loss, prediction: Any, target: Any) -> float:
    return loss.forward(np.asarray(prediction, np.float64), np.asarray(target))


@pytest.mark.parametrize(("loss", "prediction", "target"), ELEMENTWISE, ids=[repr(row[0]) for row in ELEMENTWISE])
@pytest.mark.parametrize("n", [600, 60_000, 10**6])
def test_a_mean_of_equal_losses_is_that_loss_in_float32(loss: Loss, prediction: float, target: float, n: int) -> None:
    p, y = np.full((n, 1), prediction, np.float32), np.full((n, 1), target, np.float32)
    value = loss.forward(p, y)
    assert value == pytest.approx(loss.forward(p[:1], y[:1]), rel=1e-6)
    assert value == pytest.approx(each(loss, p[:1], y[:1].astype(float)), rel=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize(("n", "k"), [(60_000, 10), (10**6, 2), (3, 50_000)])
def test_cross_entropy_of_many_samples_or_classes_in_float32(n: int, k: int, smoothing: float) -> None:
    row = np.linspace(-1, 1, k, dtype=np.float32)
    scores, classes = np.tile(row, (n, 1)), np.full(n, 1)
    loss = CrossEntropyLoss(smoothing)
    exact = each(loss, row[None].astype(float), np.array([1]))
    assert loss.forward(scores, classes) == pytest.approx(exact, rel=1e-6)


@pytest.mark.parametrize(
    ("loss", "target", "expected"),
    [
        (MAELoss(), 0.0, 1.0),
        (HuberLoss(), 0.0, 1.0),
        (HingeLoss(), -1.0, 1.0),
        (BCEWithLogitsLoss(), 0.0, 1.0),
    ],
    ids=repr,
)
@pytest.mark.parametrize(("dtype", "large"), [(np.float32, 3e38), (np.float64, 1e308)])
@pytest.mark.parametrize("n", [4, 1000])
def test_a_mean_is_finite_where_the_sum_overflows(
    loss: Loss, target: float, expected: float, dtype: Any, large: float, n: int
) -> None:
    prediction: Array = np.full((n, 1), large, dtype)
    with np.errstate(over="ignore"):
        assert loss.forward(prediction, np.full((n, 1), target, dtype)) == pytest.approx(expected * large, rel=1e-6)
    assert np.isfinite(loss.backward()).all()


@pytest.mark.parametrize(("dtype", "large"), [(np.float32, 1e25), (np.float64, 1e153)])
def test_squared_errors_that_overflow_in_their_type_or_in_their_sum(dtype: Any, large: float) -> None:
    loss = MSELoss()
    prediction = np.full((900, 1), large, dtype)
    with np.errstate(over="ignore"):
        assert loss.forward(prediction, np.zeros_like(prediction)) == pytest.approx(large * large, rel=1e-6)
        assert loss.forward(prediction[:1] * 10, np.zeros((1, 1), dtype)) == pytest.approx(100 * large**2, rel=1e-6)
        assert loss.forward(np.full((2, 1), 1e200), np.zeros((2, 1))) == np.inf


def test_a_class_below_0_is_refused_in_forward_too() -> None:
    scores = np.zeros((3, 4))
    for classes in ([0, 1, -1], [-4, 0, 0]):
        for call in (CrossEntropyLoss(), CrossEntropyLoss().forward, CrossEntropyLoss(0.1).forward):
            with pytest.raises(DataError, match=r"integers from 0, but there is -\d(\.0)? at"):
                call(scores, np.array(classes))
    with pytest.raises(DataError, match="targets must be below 4"):
        CrossEntropyLoss().forward(scores, np.array([0, 1, 4]))
