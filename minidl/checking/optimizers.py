"""The contract of an optimizer."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from minidl.checking.adjustments import LONG, Make, check_clip, check_decay, check_extremes
from minidl.checking.contract import contract, require, same_bits
from minidl.errors import HyperparameterError, describe
from minidl.modules.places import Place, places_in
from minidl.optimizers import Group, Optimizer
from minidl.parameters import Parameter, ParameterVector
from minidl.saving.generators import load_states, states_of
from minidl.typing import Array

__all__ = ["check_optimizer"]

CURVATURES = np.geomspace(0.1, 1.0, 60)


def check_optimizer(make: Make, *, steps: int = 400) -> None:
    """Check that an optimizer descends, and everything else that the framework relies on.

    - It descends on a convex quadratic, and the same start ends at the same bits.
    - A new optimizer that loads a saved state resumes bit for bit.
    - Parameters cut into blocks, or taken whole, end at the same bits.
    - Its steps change all of its parameters, those of every group, and nothing else.
    - Gradients of exactly 0 keep everything finite. Very small and very large ones move the parameters.
    - Steps are counted, update writes into the slots, and a new learning rate acts.
    - Weight decay and `Optimizer.clip` act, and parameters with ``decay=False`` are left out of the decay.
    - float32 stays float32.
    - A learning rate that is not a positive finite number is refused.

    A rule may draw random numbers in `step`, from a generator with a seed that it keeps in an attribute. It must not do
    so in `update`, which runs block by block.

    Args:
        make: a function that takes what optimizers take, as ``lambda parameters: Momentum(parameters, lr=0.1)``.
        steps: the number of steps in which the quadratic must lose nine tenths of its value. Its curvatures are 0.1
            to 1.

    Raises:
        ContractError: anything that is wrong, the optimizer's own exceptions included.

    >>> from minidl import SGD
    >>> check_optimizer(lambda parameters: SGD(parameters, lr=0.5))
    """
    with contract(make):
        first = make(_parameters())
    require(isinstance(first, Optimizer), f"make must return an Optimizer, got {describe(first)}")
    with contract(first):
        require("vectors" in vars(first), "__init__ must call super().__init__(parameters, lr)")
        fresh = _with_own_generators(make)
        _descends(fresh, steps)
        for check in CHECKS:
            check(fresh)


def _with_own_generators(make: Make) -> Make:
    """The same function, with a copy of each generator: it may give one generator to all optimizers."""

    def fresh(parameters: Any) -> Optimizer:
        optimizer = make(parameters)
        for place in _places(optimizer).values():
            if not isinstance(place.container, tuple):
                place.container[place.key] = copy.deepcopy(place.generator)
        return optimizer

    return fresh


def _places(optimizer: Optimizer) -> dict[str, Place]:
    return dict(places_in(vars(optimizer), "optimizer"))


def _parameters(dtype: Any = np.float64) -> ParameterVector:
    start = np.random.default_rng(0).normal(size=CURVATURES.size).astype(dtype)
    return ParameterVector([("weight", Parameter(start[:50].reshape(5, 10))), ("bias", Parameter(start[50:]))])


def _step(optimizer: Optimizer, parameters: ParameterVector, steps: int = 1) -> Array:
    """The parameters after some steps on ``f(θ) = ½ Σ c θ²``, where c are the curvatures."""
    for _ in range(steps):
        parameters.grad = CURVATURES * parameters.value
        optimizer.step()
    return parameters.value.copy()


def _trained(make: Make, steps: int, dtype: Any = np.float64) -> tuple[Optimizer, ParameterVector]:
    """A new optimizer and its parameters, after some steps."""
    parameters = _parameters(dtype)
    optimizer = make(parameters)
    _step(optimizer, parameters, steps)
    return optimizer, parameters


def _descends(make: Make, steps: int) -> None:
    _, parameters = _trained(make, steps)
    before, after = (0.5 * float(CURVATURES @ point**2) for point in (_parameters().value, parameters.value))
    require(
        after <= 0.1 * before,
        f"{steps} steps on a convex quadratic took its value from {before:.4g} to {after:.4g}, expected a tenth or "
        "less: is the sign of the step right, the learning rate too small or too large for curvatures of 0.1 to 1?",
    )


def _repeats(make: Make) -> None:
    (_, one), (optimizer, other) = _trained(make, 10), _trained(make, 10)
    require(
        same_bits(one.value, other.value),
        "the same steps end at other parameters: does it draw without a seed, or keep something in the class?",
    )
    twins = copy.deepcopy((optimizer, other))
    require(
        same_bits(_step(optimizer, other, 3), _step(*twins, 3)),
        "a copy ends elsewhere than the original: keep what it remembers in slots and attributes of self, not of the "
        "class",
    )


def _slots(make: Make) -> None:
    optimizer, parameters = _trained(make, 2)
    require(optimizer.steps == 2, "two steps are not counted: an overridden step must call super().step()")
    trained, _ = _trained(make, LONG)
    for name in optimizer.slots:
        ends = []
        for start in (0.0, 0.5):
            twin, vector = copy.deepcopy((optimizer, parameters))
            twin.load_state({**twin.state(), name: np.full(vector.size, start)})
            ends.append(_step(twin, vector))
        # A running maximum need not change in one step, so look at many.
        changed = not same_bits(trained.state()[name], make(_parameters()).state()[name])
        require(
            same_bits(*ends) or changed,
            f"update reads the slot {name!r} but does not change it: write into the array, as in {name} *= 0.9, "
            f"because {name} = … makes a new one",
        )


def _resumes(make: Make) -> None:
    optimizer, parameters = _trained(make, 5)
    fresh = _parameters()
    resumed = make(fresh)
    fresh.value = parameters.value
    require(
        not (gained := optimizer.state().keys() - resumed.state().keys()),
        f"it has gained {', '.join(gained)} in its steps, and a new one has no place for it; set it in __init__, or "
        "begin its name with an underscore if it need not be saved",
    )
    resumed.load_state(copy.deepcopy(optimizer.state()))
    load_states(_places(resumed), states_of(_places(optimizer)))
    require(
        same_bits(_step(optimizer, parameters, 5), _step(resumed, fresh, 5)),
        "a new optimizer with the saved state ends at other parameters: name what it remembers in slots (arrays) or "
        "scalars",
    )
    pairs = zip(optimizer.state().values(), resumed.state().values(), strict=True)
    require(all(same_bits(np.asarray(a), np.asarray(b)) for a, b in pairs), "the states differ after the same steps")


def _blocks(make: Make) -> None:
    reason = (
        "update is called once per block, so it must be elementwise, without advancing any state of its own and "
        "without drawing random numbers; these, and rules on the whole vector, belong in step"
    )
    first, whole = _trained(make, 5)
    cut = _parameters()
    optimizer = make(cut)
    optimizer.cut(7)
    require(
        same_bits(whole.value, _step(optimizer, cut, 5)),
        f"parameters cut into blocks end elsewhere than taken whole: {reason}",
    )
    if places := _places(first):
        before = states_of(places)
        first.update(*(np.ones(CURVATURES.size) for _ in ("theta", "grad", *first.slots)))
        require(before == states_of(places), f"update draws random numbers: {reason}")


def _stays_put(make: Make) -> None:
    inner, outer = Parameter(np.ones(4)), Parameter(np.ones(3))
    everything = ParameterVector([("inner", inner), ("outer", outer)])
    optimizer = make(ParameterVector([("inner", inner)]))
    everything.grad = before = np.arange(7.0) + 1.0
    for _ in range(LONG):
        optimizer.step()
    require(bool((outer.value == 1.0).all()), "a step changes parameters that do not belong to the optimizer")
    require(same_bits(everything.grad, before), "a step writes to the gradients")
    require(bool((inner.value != 1.0).all()), f"{LONG} steps do not change some parameters whose gradient is not 0")


def _groups(make: Make) -> None:
    ends = []
    for factor in (1.0, 0.5):
        inner, outer = Parameter(np.ones(4)), Parameter(np.ones(3))
        optimizer = make([Group([inner]), Group([outer], factor)])
        inner.grad, outer.grad = np.arange(4) + 1.0, np.arange(3) + 1.0
        for _ in range(LONG):
            optimizer.step()
        require(bool((inner.value != 1.0).all() and (outer.value != 1.0).all()), "steps move only some of two groups")
        ends.append(outer.value)
    require(not same_bits(*ends), "a group with half the learning rate takes the same steps: read self.lr in update")


def _learning_rate(make: Make) -> None:
    ends, slots = [], []
    for factor in (1.0, 0.5):
        optimizer, parameters = _trained(make, 1)
        optimizer.lr *= factor
        ends.append(_step(optimizer, parameters, LONG))
        early = make(fresh := _parameters())
        early.lr *= factor
        _step(early, fresh)
        slots.append([early.state()[name] for name in early.slots])
    # Rprop begins with the learning rate, and keeps step sizes of its own after that.
    kept = not all(map(same_bits, *slots))
    require(
        kept or not same_bits(*ends),
        "with half the learning rate the next steps are the same: read self.lr in update, where schedules change it",
    )


def _dtype(make: Make) -> None:
    optimizer, parameters = _trained(make, 3, np.float32)
    lifted = [name for name in optimizer.slots if optimizer.state()[name].dtype != np.float32]
    require(not lifted and parameters.dtype == np.float32, f"float32 parameters end with other types: {lifted}")


def _refuses(make: Make) -> None:
    optimizer = make(_parameters())
    before = optimizer.lr
    for value in (float("nan"), 0.0, -1.0, float("inf")):
        try:
            optimizer.lr = value
        except HyperparameterError:
            require(optimizer.lr == before, "a learning rate is refused but set")
        else:
            require(False, f"lr = {value} is accepted; call super().__init__(parameters, lr) and let Optimizer set lr")


CHECKS = (
    _repeats,
    _slots,
    _resumes,
    _blocks,
    _stays_put,
    _groups,
    check_extremes,
    check_decay,
    check_clip,
    _learning_rate,
    _dtype,
    _refuses,
)
