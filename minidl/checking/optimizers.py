"""The contract of an optimizer."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from minidl.checking.contract import called, contract, require, same_bits
from minidl.errors import HyperparameterError
from minidl.optimizers import Group, Optimizer
from minidl.optimizers.groups import Parameters
from minidl.parameters import Parameter, ParameterVector
from minidl.typing import Array

__all__ = ["check_optimizer"]

Make: TypeAlias = Callable[[Any], Optimizer]

CURVATURES = np.geomspace(0.1, 1.0, 60)


def check_optimizer(make: Make, *, steps: int = 400) -> None:
    """Check an optimizer: that it goes downhill, and everything else that the framework relies on.

    It makes a convex quadratic smaller; repeated from the same state it gives the same bits; a saved state that is
    loaded into a new optimizer goes on bit for bit; the parameters cut into blocks or taken whole give the same bits;
    it changes nothing but its parameters, and those of all groups; steps are counted, slots written to, and a new
    learning rate acts; float32 stays float32; a learning rate that is not a number is refused.

    Args:
        make: takes what optimizers take, as ``lambda parameters: Momentum(parameters, lr=0.1)``.
        steps: within so many steps the quadratic must lose nine tenths of its value; its curvatures are 0.1 to 1.

    Raises:
        ContractError: anything that is wrong, the optimizer's own exceptions included.

    >>> from minidl import SGD
    >>> check_optimizer(lambda parameters: SGD(parameters, lr=0.5))
    """
    first = _make(make, _parameters())
    with contract(first):
        _descends(make, steps)
        for check in (_repeats, _slots, _resumes, _blocks, _stays_put, _groups, _learning_rate, _dtype, _refuses):
            check(make)


def _parameters(dtype: Any = np.float64) -> ParameterVector:
    start = np.random.default_rng(0).normal(size=CURVATURES.size).astype(dtype)
    return ParameterVector([("weight", Parameter(start[:50].reshape(5, 10))), ("bias", Parameter(start[50:]))])


def _make(make: Make, parameters: Parameters) -> Optimizer:
    with contract(make):
        optimizer = make(parameters)
    require(isinstance(optimizer, Optimizer), f"make must give an Optimizer, got {called(optimizer)}")
    require("vectors" in vars(optimizer), f"{called(optimizer)}: __init__ must call super().__init__(parameters, lr)")
    return optimizer


def _step(optimizer: Optimizer, parameters: ParameterVector, count: int = 1) -> Array:
    """The parameters after so many steps on f(θ) = ½ Σ c θ², c the curvatures."""
    for _ in range(count):
        parameters.grad = CURVATURES * parameters.value
        optimizer.step()
    return parameters.value.copy()


def _descends(make: Make, steps: int) -> None:
    parameters = _parameters()
    start = parameters.value.copy()
    end = _step(_make(make, parameters), parameters, steps)
    before, after = (0.5 * float(CURVATURES @ (point * point)) for point in (start, end))
    require(
        after <= 0.1 * before,
        f"after {steps} steps on a convex quadratic its value went from {before:.4g} to {after:.4g}, expected a tenth "
        "or less: is the sign of the step right, the learning rate too small or too large for curvatures of 0.1 to 1?",
    )


def _repeats(make: Make) -> None:
    ends = []
    for _ in range(2):
        parameters = _parameters()
        ends.append(_step(_make(make, parameters), parameters, 10))
    require(same_bits(*ends), "the same steps from the same start end elsewhere: does it draw without a seed?")
    parameters = _parameters()
    optimizer = _make(make, parameters)
    _step(optimizer, parameters, 3)
    twins, theirs = copy.deepcopy((parameters, optimizer)), []
    for vector, twin in ((parameters, optimizer), twins):
        theirs.append(_step(twin, vector, 3))
    require(same_bits(*theirs), "a copy goes another way than the original")


def _slots(make: Make) -> None:
    parameters = _parameters()
    optimizer = _make(make, parameters)
    _step(optimizer, parameters, 2)
    require(optimizer.steps == 2, "two steps are not counted: a step of one's own must call super().step()")
    for name in optimizer.slots:
        ends, before = [], np.full(parameters.size, 0.5)
        for start in (np.zeros(parameters.size), before):
            vector, twin = copy.deepcopy((parameters, optimizer))
            twin.load_state({**twin.state(), name: start})
            ends.append(_step(twin, vector))
        require(
            same_bits(*ends) or not same_bits(twin.state()[name], before),
            f"update reads the slot {name!r} but leaves it as it is: write into the array, as in {name} *= 0.9; "
            f"{name} = … makes another one",
        )


def _groups(make: Make) -> None:
    ends = []
    for factor in (1.0, 0.5):
        inner, outer = Parameter(np.ones(4)), Parameter(np.ones(3))
        optimizer = _make(make, [Group([inner]), Group([outer], factor)])
        for parameter in (inner, outer):
            parameter.grad = np.arange(parameter.size) + 1.0
        optimizer.step()
        require(bool((inner.value != 1.0).all() and (outer.value != 1.0).all()), "a step moves only some of two groups")
        ends.append(outer.value)
    require(not same_bits(*ends), "a group with half of the learning rate takes the same step: read self.lr in update")


def _learning_rate(make: Make) -> None:
    ends = []
    for factor in (1.0, 0.5):
        parameters = _parameters()
        optimizer = _make(make, parameters)
        _step(optimizer, parameters)
        optimizer.lr *= factor
        ends.append(_step(optimizer, parameters))
    require(
        not same_bits(*ends),
        "with half of the learning rate the next step is the same: read self.lr in update, where schedules change it",
    )


def _resumes(make: Make) -> None:
    parameters = _parameters()
    optimizer = _make(make, parameters)
    point, state = _step(optimizer, parameters, 5), copy.deepcopy(optimizer.state())
    expected = _step(optimizer, parameters, 5)
    fresh = _parameters()
    fresh.value = point
    resumed = _make(make, fresh)
    resumed.load_state(state)
    require(
        same_bits(expected, _step(resumed, fresh, 5)),
        "a new optimizer with the saved state goes another way: name what it remembers in slots (arrays) or scalars",
    )
    require(
        all(_same(a, b) for a, b in zip(optimizer.state().values(), resumed.state().values(), strict=True)),
        "the states differ after the same steps",
    )


def _blocks(make: Make) -> None:
    whole, cut = _parameters(), _parameters()
    expected = _step(_make(make, whole), whole, 5)
    optimizer = _make(make, cut)
    optimizer.cut(7)
    require(
        same_bits(expected, _step(optimizer, cut, 5)),
        "the parameters cut into blocks go another way than taken whole: update is called once a block and must be "
        "elementwise, without advancing any state of its own; that, and rules on the whole vector, belong into step",
    )


def _stays_put(make: Make) -> None:
    inner, outer = Parameter(np.ones(4)), Parameter(np.ones(3))
    everything = ParameterVector([("inner", inner), ("outer", outer)])
    optimizer = _make(make, ParameterVector([("inner", inner)]))
    everything.grad = np.arange(7.0) + 1.0
    before = everything.grad.copy()
    optimizer.step()
    require(bool((outer.value == 1.0).all()), "a step changes parameters that do not belong to the optimizer")
    require(same_bits(everything.grad, before), "a step writes to the gradients")
    require(
        not (inner.value == 1.0).any(),
        "a step leaves some parameters where they are, though none of their gradients is 0",
    )


def _dtype(make: Make) -> None:
    parameters = _parameters(np.float32)
    optimizer = _make(make, parameters)
    _step(optimizer, parameters, 3)
    lifted = [name for name in optimizer.slots if optimizer.state()[name].dtype != np.float32]
    require(not lifted and parameters.dtype == np.float32, f"float32 parameters end with other types: {lifted}")


def _refuses(make: Make) -> None:
    optimizer = _make(make, _parameters())
    before = optimizer.lr
    for value in (float("nan"), 0.0, -1.0, float("inf")):
        try:
            optimizer.lr = value
        except HyperparameterError:
            require(optimizer.lr == before, "a refused learning rate is taken over all the same")
            continue
        require(False, f"lr = {value} is taken; call super().__init__(parameters, lr) and leave lr to the base class")


def _same(one: Any, other: Any) -> bool:
    return same_bits(one, other) if isinstance(one, np.ndarray) else bool(one == other)
