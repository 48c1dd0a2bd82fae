"""Optimizers and clipping at very large gradients, and parameters of two types."""

from typing import Any

import numpy as np
import pytest

from minidl import (
    SGD,
    Adam,
    AdamW,
    AMSGrad,
    Dense,
    Group,
    HyperparameterError,
    Lion,
    Momentum,
    NAdam,
    Parameter,
    RMSProp,
    Sequential,
)
from tests.tables import OPTIMIZERS, OptimizerCase


@pytest.mark.parametrize("make", [Adam, AdamW, AMSGrad, NAdam, RMSProp, Lion])
@pytest.mark.parametrize(("dtype", "large"), [(np.float32, 1e18), (np.float32, 1.5e19), (np.float64, 1e154)])
def test_adaptive_rules_keep_moving_by_their_learning_rate(make: Any, dtype: Any, large: float) -> None:
    """A constant gradient, whatever its size, moves the parameters by the learning rate."""
    theta = Parameter(np.zeros(2, dtype))
    optimizer = make([theta], lr=1e-3)
    theta.grad = [large, -large]
    for _ in range(3000):
        before = theta.value.copy()
        optimizer.step()
    np.testing.assert_allclose(theta.value - before, [-1e-3, 1e-3], rtol=0.03)


@pytest.mark.parametrize("case", OPTIMIZERS, ids=[case.name for case in OPTIMIZERS])
@pytest.mark.parametrize(("dtype", "large"), [(np.float32, 1e20), (np.float32, 3e38), (np.float64, 1e200)])
@pytest.mark.parametrize("size", [2, 5000])
def test_clipping_by_norm_of_gradients_whose_squares_overflow(
    case: OptimizerCase, dtype: Any, large: float, size: int
) -> None:
    steps = []
    for scale in (1.0, large):
        theta = Parameter(np.zeros(size, dtype))
        optimizer = case.make([theta]).clip(norm=0.5)
        theta.grad = scale * np.linspace(-1, 1, size)
        for _ in range(3):
            optimizer.step()
        steps.append(theta.value.copy())
    assert np.abs(steps[0]).max() > 0
    np.testing.assert_allclose(steps[1], steps[0], rtol=1e-4, atol=1e-5 * np.abs(steps[0]).max())


def test_clipping_by_norm_counts_all_parameters_and_groups() -> None:
    first, second = Parameter(np.zeros(3)), Parameter(np.zeros(1))
    optimizer = SGD([Group([first]), Group([second])], lr=1.0).clip(norm=1.0)
    first.grad, second.grad = [0.0, 3e200, 0.0], [4e200]
    optimizer.step()
    np.testing.assert_allclose([*first.value, *second.value], [0, -0.6, 0, -0.8])


@pytest.mark.parametrize("bad", [np.inf, np.nan])
def test_clipping_does_not_hide_what_is_not_finite(bad: float) -> None:
    theta = Parameter(np.zeros(2))
    optimizer = SGD([theta], lr=1.0).clip(norm=1.0)
    theta.grad = [bad, 1.0]
    with np.errstate(all="ignore"):
        optimizer.step()
    assert np.isnan(theta.value[0])


def test_the_norm_of_many_equal_gradients_in_float32() -> None:
    theta = Parameter(np.zeros(10**6, np.float32))
    optimizer = SGD([theta], lr=1.0).clip(norm=1.0)
    theta.grad = np.full(10**6, 0.1)
    optimizer.step()
    np.testing.assert_allclose(theta.value, -1e-3, rtol=1e-6)


def test_parameters_of_two_types_are_refused_and_stay() -> None:
    single, double = Parameter(np.ones(1, np.float32)), Parameter([2.0])
    for given in (
        [single, double],
        [double, single],
        [Group([single]), Group([double], 0.1)],
        [Group([single, double])],
        [Group(Dense(1, 1).astype(np.float32).parameters()), Group([double])],
    ):
        with pytest.raises(HyperparameterError, match="must have one type, got float32 and float64; use astype"):
            Momentum(given, lr=0.1)
    assert single.dtype == np.float32
    assert double.dtype == np.float64
    double.astype(np.float32)
    assert Momentum([single, double], lr=0.1).vectors[0].dtype == np.float32
    SGD(Sequential(Dense(1, 1), Dense(1, 1), dtype=np.float32).parameters(), 0.1)
