"""Objectives: pure calls leave everything as it was, and the Hessian."""

import subprocess
import sys
from collections.abc import Callable
from math import exp, inf
from typing import Any

import numpy as np
import pytest

from minidl import Objective, Parameter, Quadratic, ShapeError
from minidl.typing import Array
from tests.helpers import bits, unchanged


class Remembers(Objective):
    """An objective with two buffers that each forward changes, one in place and one by assignment."""

    buffers = ("mean", "count")

    def __init__(self) -> None:
        self.theta = Parameter([1.0, 2.0])
        self.mean = np.zeros(2)
        self.count = 0

    def forward(self) -> float:
        self.mean += self.theta.value
        self.count += 1
        if self.theta.value[0] < 0:
            raise ValueError("not below 0")
        return float(self.theta.value.sum())

    def backward(self) -> None:
        self.theta.grad = np.ones(2)


CALLS: list[Callable[[Remembers, Array], object]] = [
    Remembers.value,
    Remembers.gradient,
    Remembers.value_and_gradient,
    Remembers.hessian,
    lambda objective, theta: objective.values_at([theta, theta]),
]


@pytest.mark.parametrize("call", CALLS)
def test_buffers_are_restored(call: Callable[[Remembers, Array], object]) -> None:
    objective = Remembers()
    objective.forward()
    with unchanged(objective):
        call(objective, np.array([3.0, 4.0]))
        with pytest.raises(ValueError, match="not below 0"):
            call(objective, np.array([-3.0, 4.0]))
    assert objective.mean.tolist() == [1.0, 2.0]
    assert objective.count == 1


def test_a_value_that_is_not_finite_raises_no_warning() -> None:
    class Far(Remembers):
        def forward(self) -> float:
            return float(np.exp(self.theta.value).sum())

    assert Far().value([1e4, 0.0]) == np.inf


class Caches(Objective):
    """``Σ m θ²`` for random m. Its generators and what it caches are in attributes, lists, tuples and dicts."""

    def __init__(self) -> None:
        self.theta = Parameter([1.0, 2.0])
        self.rng = np.random.default_rng(0)
        self.more = [(np.random.default_rng(1),), {"other": np.random.default_rng(2), "same": self.rng}]
        self.cache: dict[str, Array] = {}
        self.stack: list[Array] = []

    def forward(self) -> float:
        generators: list[Any] = [self.rng, self.more[0][0], *self.more[1].values()]  # type: ignore[attr-defined,index]
        self.cache["m"] = sum(rng.random(2) for rng in generators)
        self.stack.append(self.theta.value.copy())
        self.value_then = float((self.cache["m"] * self.stack[-1] ** 2).sum())
        return self.value_then

    def backward(self) -> None:
        self.theta.grad = 2 * self.cache["m"] * self.stack.pop()


PURE: list[Callable[[Objective, Array], object]] = [
    Objective.value,
    Objective.gradient,
    Objective.value_and_gradient,
    Objective.hessian,
]


@pytest.mark.parametrize("call", PURE)
def test_backward_belongs_to_the_last_forward_after_any_pure_call(
    call: Callable[[Objective, Array], object],
) -> None:
    expected, objective = Caches(), Caches()
    for each in (expected, objective):
        each.forward()
    cache, stack = objective.cache, objective.stack
    first = call(objective, np.array([3.0, 4.0]))
    assert repr(call(objective, np.array([3.0, 4.0]))) == repr(first)
    assert (objective.cache, objective.stack) == (cache, stack)
    assert objective.cache is cache
    assert objective.value_then == expected.value_then
    for each in (expected, objective):
        each.backward()
    assert bits(objective.parameters().grad) == bits(expected.parameters().grad)
    assert objective.forward() == expected.forward()  # the same numbers are drawn next


def test_a_pure_call_leaves_no_attribute_behind() -> None:
    objective = Caches()
    with pytest.raises(ShapeError):
        objective.value([1.0])
    objective.value([3.0, 4.0])
    assert "value_then" not in vars(objective)
    with pytest.raises(KeyError):
        objective.backward()


class Slopes(Objective):
    """Slopes ``(a⁵ + 2 b, b⁵)`` that are not the gradient of any function: the Hessian is the symmetric part."""

    def __init__(self) -> None:
        self.theta = Parameter([0.0, 0.0])

    def forward(self) -> float:
        return np.float64(0.0)

    def backward(self) -> None:
        a, b = self.theta.value
        self.theta.grad = [a**5 + 2 * b, b**5]


def test_the_hessian_by_hand() -> None:
    objective = Slopes()
    # The five-point difference of a⁵ is 5 a⁴ − 4 h⁴.
    np.testing.assert_allclose(objective.hessian([2.0, -3.0], step=0.5), [[79.75, 1.0], [1.0, 404.75]], rtol=1e-13)
    uneven = objective.hessian([2.0, -3.0], step=[0.5, 1.0])
    np.testing.assert_allclose(uneven, [[79.75, 1.0], [1.0, 401.0]], rtol=1e-13)
    np.testing.assert_allclose(objective.hessian([2.0, -3.0]), [[80.0, 1.0], [1.0, 405.0]], rtol=1e-9)
    np.testing.assert_allclose(np.diag(objective.hessian([0.0, 0.0])), -4 * np.finfo(float).eps ** (4 / 3), rtol=1e-9)


def test_many_values_are_those_of_each_point() -> None:
    """Also where forward draws numbers, or changes a buffer that it returns."""

    class Noisy(Remembers):
        def __init__(self) -> None:
            super().__init__()
            self.rng = np.random.default_rng(0)

        def forward(self) -> float:
            return super().forward() + self.count + float(self.rng.normal())

    objective = Noisy()
    points = np.arange(6.0).reshape(3, 2)
    values = objective.values_at(points)
    np.testing.assert_array_equal(values, [objective.value(theta) for theta in points])
    assert values.tolist() == [values[0], values[0] + 4, values[0] + 8]
    assert objective.values_at([]).shape == (0,)
    with pytest.raises(ShapeError, match=r"\(2,\), got \(3,\)"):
        objective.values_at(np.ones((2, 3)))


def test_values_are_python_numbers() -> None:
    objective = Slopes()
    assert type(objective.value([1.0, 2.0])) is float
    assert type(objective.value_and_gradient([1.0, 2.0])[0]) is float


class Overflows(Objective):
    """``eᶿ`` in Python numbers. Its backward overflows as well, at half that θ."""

    def __init__(self) -> None:
        self.theta = Parameter([1.0])

    def forward(self) -> float:
        return exp(self.theta.value[0])

    def backward(self) -> None:
        exp(2 * self.theta.value[0])
        self.theta.grad = [exp(self.theta.value[0])]


def test_python_numbers_that_overflow_are_infinite() -> None:
    objective = Overflows()
    objective.forward()
    with unchanged(objective):
        assert objective.value([1e3]) == inf
        assert objective.value([500.0]) == exp(500)
        for theta, value in ((1e3, inf), (500.0, exp(500))):
            found, grad = objective.value_and_gradient([theta])
            assert found == value
            assert np.isnan(grad).all()
            assert np.isnan(objective.gradient([theta])).all()
    assert objective.gradient([2.0]) == [exp(2)]


def test_other_errors_propagate() -> None:
    class Wrong(Overflows):
        def forward(self) -> float:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Wrong().value([1.0])


def test_a_pure_call_does_not_load_the_generators_of_numpy() -> None:
    code = "import sys, minidl; print(minidl.CubicValley().value([1, 1]), 'numpy.random' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.split() == ["52.0", "False"]


@pytest.mark.parametrize(
    ("dtype", "size"), [(np.float32, 1.0), (np.float32, 1e3), (np.float64, 1e3), (np.float64, 1e12)]
)
def test_the_hessian_far_from_0(dtype: Any, size: float) -> None:
    bowl = Quadratic([[2.0, 1.0], [1.0, 4.0]]).astype(dtype)
    expected = bowl.hessian([size, -size])
    np.testing.assert_allclose(expected, [[2.0, 1.0], [1.0, 4.0]], rtol=1e-4 if dtype == np.float32 else 1e-9)
