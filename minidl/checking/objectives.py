"""The contract of an objective."""

from __future__ import annotations

import copy

import numpy as np

from minidl.checking.contract import check_copies, check_parameters, contract, require, same_bits
from minidl.checking.gradients import GradientReport, check_gradients
from minidl.checking.keeping import check_alone
from minidl.errors import describe
from minidl.modules import Objective, Snapshot
from minidl.typing import Array, Seed

__all__ = ["check_objective"]


def check_objective(objective: Objective, *, rng: Seed = 0, rtol: float = 1e-8) -> GradientReport:
    """Check the gradient of an objective, and everything else that the framework relies on.

    - The gradients agree with finite differences, at the parameters and at other points around them.
    - forward returns a Python float, and the same one when it is called again.
    - backward overwrites all gradients.
    - Neither changes the parameters, nor do `value` and `gradient` at another point.
    - Copies and pickles behave like the original, and instances do not disturb each other.

    A copy is checked, so `objective` does not change.

    Args:
        objective: the objective. Its parameters are the first of the points at which it is checked.
        rng: seed or generator of the other points and the random directions.
        rtol: the largest relative error of a gradient.

    Returns:
        The report on the gradients.

    Raises:
        GradientError: a wrong gradient.
        ContractError: anything else that is wrong, the objective's own exceptions included.

    >>> from minidl import CubicValley
    >>> check_objective(CubicValley(1.0, 1.0)).error < 1e-8
    True
    """
    require(
        isinstance(objective, Objective),
        f"expected an Objective, got {describe(objective)}; derive its class from minidl.Objective, or pass "
        "FunctionObjective(f, start=[1.0, 2.0], derivative=df) for a function",
    )
    generator = np.random.default_rng(rng)
    with contract(objective):
        private = copy.deepcopy(objective).astype(np.float64)
        check_parameters(private)
        require(private.parameters().size > 0, "it has no parameters; keep a Parameter in an attribute")
        _values(private)
        _purity(private, generator)
        check_copies(private, _behave)
        _alone(private, generator)
    return check_gradients(objective, rng=generator, rtol=rtol)


def _values(objective: Objective) -> None:
    parameters = objective.parameters()
    before = parameters.value.copy()
    start = Snapshot([objective])
    value = objective.forward()
    require(type(value) is float, f"forward must return a Python float, got {type(value).__name__}; use float(…)")
    start.rewind()
    require(value == objective.forward(), "two calls of forward at one point return different values")
    objective.backward()
    grad = parameters.grad.copy()
    objective.backward()
    require(same_bits(grad, parameters.grad), "a second backward writes other gradients: it must overwrite, not add")
    require(same_bits(before, parameters.value), "forward or backward changes the parameters")


def _purity(objective: Objective, rng: np.random.Generator) -> None:
    parameters = objective.parameters()
    value, grad = parameters.value.copy(), parameters.grad.copy()
    elsewhere = _nearby(value, rng)
    found, slope = objective.value_and_gradient(elsewhere)
    require(found == objective.value(elsewhere), "value and value_and_gradient return different values at one point")
    require(same_bits(slope, objective.gradient(elsewhere)), "gradient and value_and_gradient differ at one point")
    require(
        same_bits(value, parameters.value) and same_bits(grad, parameters.grad),
        "a value or gradient at another point changes the parameters or their gradients",
    )


def _behave(objective: Objective) -> list[Array]:
    value, grad = objective.value_and_gradient(objective.parameters().value)
    return [np.array(value), grad]


def _alone(objective: Objective, rng: np.random.Generator) -> None:
    value = objective.parameters().value
    points = value.copy(), _nearby(value, rng)

    def begin(thing: Objective, batch: int) -> None:
        thing.parameters().value = points[batch]
        thing.forward()

    def end(thing: Objective, _: int) -> list[Array]:
        thing.backward()
        return [thing.parameters().grad.copy()]

    check_alone(objective, begin, end)


def _nearby(value: Array, rng: np.random.Generator) -> Array:
    """Another point, which is on the same side of 0."""
    move: Array = 1e-3 * np.abs(rng.normal(size=value.shape)) * np.where(value == 0.0, 1.0, value)
    return value + move
