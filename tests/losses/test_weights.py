"""Weights of samples: what holds for the value and the gradient of a batch, for all losses."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import BCEWithLogitsLoss, CrossEntropyLoss, FocalLoss, HyperparameterError, Loss, MSELoss, ShapeError
from minidl.typing import Array
from tests.helpers import bits
from tests.reference import TOLERANCE, gradient_error
from tests.tables import LOSSES, LossCase, seeds
from tests.tables.losses import numbers

every_loss = pytest.mark.parametrize("case", LOSSES, ids=[case.name for case in LOSSES])
shapes = st.one_of(st.tuples(st.integers(1, 7)), st.tuples(st.integers(1, 7), st.integers(1, 3)))
EXACT = 1e-15


class PowerLoss(Loss):
    """``mean |ŷ − y|³`` over the positive targets alone, with nothing but what a loss must have."""

    def forward(self, prediction: Array, target: Array) -> float:
        self.d, self.n = np.where(target > 0, prediction - target, 0.0), max(int((target > 0).sum()), 1)
        return float((np.abs(self.d) ** 3).sum() / self.n)

    def backward(self) -> Array:
        grad: Array = 3 * self.d * np.abs(self.d) / self.n
        return grad

    def counts(self, target: Any) -> Array:
        positive: Array = (target > 0).reshape(len(target), -1).sum(axis=1)
        return positive


def unused(*_: Any) -> float:
    raise AssertionError


MORE = [
    LossCase("user's loss with counts", PowerLoss, numbers, unused),
    LossCase(
        "sequences with ignored targets",
        lambda: CrossEntropyLoss(0.1, ignore_index=1),
        lambda rng, shape: (rng.normal(size=(shape[0], 3, 4)), rng.integers(0, 4, (shape[0], 3))),
        unused,
    ),
    LossCase(
        "sequences of soft targets",
        CrossEntropyLoss,
        lambda rng, shape: (rng.normal(size=(shape[0], 3, 4)), rng.dirichlet(np.ones(4), (shape[0], 3))),
        unused,
    ),
]
every_loss_and_more = pytest.mark.parametrize("case", LOSSES + MORE, ids=[case.name for case in LOSSES + MORE])


def close(a: Any, b: Any) -> None:
    """Whether two results of sums of a few numbers agree to rounding."""
    np.testing.assert_allclose(a, b, rtol=EXACT, atol=EXACT * max(1.0, float(np.abs(b).max())))


def drawn(case: LossCase, seed: int, shape: tuple[int, ...]) -> tuple[Array, Array, np.random.Generator]:
    rng = np.random.default_rng(seed)
    return *case.draw(rng, shape), rng


@every_loss_and_more
@given(seeds, shapes)
def test_integer_weights_equal_repeated_samples(case: LossCase, seed: int, shape: tuple[int, ...]) -> None:
    p, y, rng = drawn(case, seed, shape)
    weights, loss = rng.integers(0, 4, len(p)), case.make()
    value, grad = loss.weighted(p, y, weights), loss.weighted_gradient(p, y, weights)
    places = np.repeat(np.arange(len(p)), weights)
    expected = np.zeros_like(p)
    if len(places):
        close(value, loss.forward(p[places], y[places]))
        np.add.at(expected, places, loss.backward())
    else:
        assert value == 0
    close(grad, expected)


@every_loss_and_more
@given(seeds, shapes)
def test_samples_of_weight_zero_are_as_if_dropped(case: LossCase, seed: int, shape: tuple[int, ...]) -> None:
    p, y, rng = drawn(case, seed, shape)
    weights, loss = rng.uniform(0.1, 3, len(p)) * (rng.random(len(p)) < 0.6), case.make()
    kept = weights > 0
    p[~kept] = np.nan
    value, grad = loss.weighted(p, y, weights), loss.weighted_gradient(p, y, weights)
    assert not grad[~kept].any()
    if kept.any():
        close(value, loss.weighted(p[kept], y[kept], weights[kept]))
        close(grad[kept], loss.weighted_gradient(p[kept], y[kept], weights[kept]))
    else:
        assert value == 0


@every_loss_and_more
@given(seeds, shapes, st.sampled_from([1e-300, 0.3, 1.0, 2.0**40, 1e300]))
def test_equal_weights_change_nothing(case: LossCase, seed: int, shape: tuple[int, ...], weight: float) -> None:
    p, y, _ = drawn(case, seed, shape)
    loss, weights = case.make(), np.full(len(p), weight)
    expected, grad = loss.forward(p, y), loss.backward()
    close(loss.weighted(p, y, weights), expected)
    close(loss.weighted_gradient(p, y, weights), grad)


@every_loss_and_more
@given(seeds, shapes)
def test_the_weighted_gradient_agrees_with_finite_differences(
    case: LossCase, seed: int, shape: tuple[int, ...]
) -> None:
    p, y, rng = drawn(case, seed, shape)
    loss, weights = case.make(), rng.uniform(0.1, 3, len(p))
    grad = loss.weighted_gradient(p, y, weights)
    assert gradient_error(lambda: loss.weighted(p, y, weights), p, grad) <= TOLERANCE


@every_loss
@given(seeds, shapes)
def test_each_is_the_loss_of_each_sample_and_nothing_changes(case: LossCase, seed: int, shape: tuple[int, ...]) -> None:
    p, y, _ = drawn(case, seed, shape)
    loss = case.make()
    loss.forward(p[::-1], y[::-1])
    before, grad = bits(p, y), bits(loss.backward())
    values, counts = loss.each(p, y)
    assert bits(p, y) == before
    assert bits(loss.backward()) == grad
    assert values.shape == counts.shape == (len(p),)
    for i in range(len(p)):
        rows = p[i].ravel() if p.shape == y.shape else [p[i]]
        terms = [case.plain(*pair) for pair in zip(np.array(rows).tolist(), y[i].ravel().tolist(), strict=True)]
        terms = [term for term in terms if term is not None]
        assert counts[i] == len(terms)
        assert values[i] == pytest.approx(sum(terms) / max(len(terms), 1), rel=1e-12, abs=1e-14)  # type: ignore[arg-type]


@every_loss_and_more
@given(seeds, shapes)
def test_what_a_loss_writes_itself_agrees_with_the_default(case: LossCase, seed: int, shape: tuple[int, ...]) -> None:
    p, y, _ = drawn(case, seed, shape)
    loss = case.make()
    values, counts = loss.each(p, y)
    expected, _ = Loss.each(loss, p, y)
    np.testing.assert_allclose(values, expected, rtol=1e-14, atol=1e-14)
    np.testing.assert_allclose(counts / max(counts.sum(), 1), loss.shares(y) / max(loss.shares(y).sum(), 1))


@every_loss
def test_float32_stays_float32(case: LossCase) -> None:
    p, y, rng = drawn(case, 0, (5, 2))
    weights = rng.uniform(0, 2, 5)
    small = p.astype(np.float32), case.make().check_target(y, dtype=np.float32)
    grad = case.make().weighted_gradient(*small, weights)
    assert grad.dtype == np.float32
    np.testing.assert_allclose(grad, case.make().weighted_gradient(p, y, weights), rtol=1e-4, atol=1e-5)
    assert case.make().weighted(*small, weights) == pytest.approx(case.make().weighted(p, y, weights), rel=1e-5)


def test_several_outputs() -> None:
    class Both(Loss):
        def forward(self, prediction: Any, target: Any) -> float:
            self.d = [p - y for p, y in zip(prediction, target, strict=True)]
            return float(sum((d**2).sum() for d in self.d) / len(self.d[0]))

        def backward(self) -> Any:
            return tuple(2 * d / len(d) for d in self.d)

    p, y = (np.ones((3, 2)), np.ones((3, 1))), (np.zeros((3, 2)), np.array([[0.0], [1.0], [2.0]]))
    weights = np.array([1.0, 0.0, 3.0])
    assert Both().weighted(p, y, weights) == 3.0
    first, second = Both().weighted_gradient(p, y, weights)
    np.testing.assert_array_equal(first, [[0.5, 0.5], [0, 0], [1.5, 1.5]])
    np.testing.assert_array_equal(second, [[0.5], [0], [-1.5]])


@given(seeds)
def test_pos_weight_is_the_loss_with_positive_samples_repeated(seed: int) -> None:
    rng = np.random.default_rng(seed)
    z, y = rng.normal(size=8), rng.integers(0, 2, 8).astype(float)
    weights = np.where(y == 1, 3.0, 1.0)
    sums = BCEWithLogitsLoss(pos_weight=3.0).forward(z, y) * 8
    assert sums == pytest.approx(BCEWithLogitsLoss().weighted(z, y, weights) * weights.sum(), rel=1e-14)


def test_pos_weight_for_each_output() -> None:
    z, y = np.array([[0.3, -1.0], [2.0, 0.1]]), np.array([[1.0, 0.0], [0.0, 1.0]])
    both = BCEWithLogitsLoss(pos_weight=[2.0, 5.0])
    columns = [BCEWithLogitsLoss(pos_weight=w).forward(z[:, i], y[:, i]) for i, w in enumerate((2.0, 5.0))]
    assert both.forward(z, y) == pytest.approx(sum(columns) / 2, rel=1e-14)
    with pytest.raises(ShapeError, match=r"pos_weight has 2 numbers, but predictions have shape \(2, 1\)"):
        both.forward(z[:, :1], y[:, :1])
    for wrong in (0, -1, "2", [1.0, 0.0], float("nan"), True):
        with pytest.raises(HyperparameterError, match="pos_weight must be a finite number, above 0, got"):
            BCEWithLogitsLoss(pos_weight=wrong)  # type: ignore[arg-type]


def test_focal_loss_of_no_focus_is_the_cross_entropy() -> None:
    rng = np.random.default_rng(0)
    z, y = rng.normal(size=(5, 2)), rng.random((5, 2))
    focal, plain = FocalLoss(0.0), BCEWithLogitsLoss()
    assert focal.forward(z, y) == pytest.approx(plain.forward(z, y), rel=1e-14)
    np.testing.assert_allclose(focal.backward(), plain.backward(), rtol=1e-13, atol=1e-16)
    for wrong in ({"gamma": -1}, {"alpha": 0}, {"alpha": 1}, {"gamma": None}):
        with pytest.raises(HyperparameterError, match=r"FocalLoss: (gamma|alpha) must be a finite number"):
            FocalLoss(**wrong)


def test_a_mean_of_large_losses_does_not_overflow() -> None:
    assert MSELoss().weighted(np.full((2, 3), 1e154), np.zeros((2, 3)), np.array([1.0, 3.0])) == pytest.approx(1e308)
