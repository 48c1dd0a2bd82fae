"""The base of optimizers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from math import inf, sqrt
from typing import Any, NamedTuple, Self

import numpy as np

from minidl.arguments import real_numbers
from minidl.errors import HyperparameterError, ShapeError, StateError
from minidl.modules import Module
from minidl.optimizers.groups import Parameters, parts_of
from minidl.optimizers.hyperparameters import hyperparameter
from minidl.parameters import ParameterVector
from minidl.typing import Array

__all__ = ["Optimizer"]

# Temporaries of this many numbers stay in the cache: Adam on 10 million parameters takes 11 ms instead of 18.
BLOCK = 98304

MOST_KEPT = 2**25 - 2**16  # bytes, a little less than the 32 MB up to which glibc adapts what it keeps


class _Block(NamedTuple):
    """A stretch of the parameters that is updated in one call."""

    arrays: tuple[Array, ...]  # theta, grad and the slots
    factor: float  # of the learning rate
    decay: bool  # whether weight decay applies


def keep_freed_memory() -> None:
    """Have the C library keep what is freed for the next temporaries, instead of giving it back to the system.

    glibc keeps up to twice the largest block that was freed so far. Until that was a large one, the temporaries of
    each call may be taken from the system anew, page by page: a rule written plainly takes up to five times as long.
    """
    np.empty(MOST_KEPT, np.uint8)


class Optimizer:
    """The base of optimizers: walks the parameters block by block, and keeps the arrays that the rule remembers.

    A rule defines `update(theta, grad, *slots)`, elementwise and in place. It is called several times a step, so it
    must not advance any state of its own; what evolves per step belongs into an overridden `step`.

    Args:
        parameters: ``model.parameters()``, a list of Parameters, or a list of `Group`.
        lr: learning rate η, above 0.
        weight_decay: λ, from 0 on, for all parameters but those made with ``decay=False``.

    Raises:
        HyperparameterError: no parameters; a learning rate that is not a finite number above 0, also when set later.
        StateError: at a step, parameters that have moved into a larger model or to another dtype.
    """

    slots: tuple[str, ...] = ()
    """Names of the arrays, shaped like the parameters and 0 at first, that `update` is handed after grad."""

    scalars: tuple[str, ...] = ()
    """Names of attributes that evolve from step to step and belong to the state."""

    lr: float = hyperparameter(above=0.0)
    weight_decay: float = hyperparameter(at_least=0.0)
    max_norm, max_value = inf, inf

    def __init__(self, parameters: Parameters, lr: float, *, weight_decay: float = 0.0) -> None:
        keep_freed_memory()
        self.lr, self.weight_decay = lr, weight_decay
        self.steps = 0
        parts = parts_of(parameters)
        self.vectors = [vector for vector, _ in parts]
        self._factors = [factor for _, factor in parts]
        self._grouped = any(factor != 1.0 for factor in self._factors)
        size, dtype = sum(vector.size for vector in self.vectors), np.result_type(*(v.dtype for v in self.vectors))
        self._slots = {name: np.zeros(size, dtype) for name in self.slots}
        self.cut()

    def clip(self, *, norm: float = inf, value: float = inf) -> Self:
        """Keep gradients small before each step, as in ``Adam(model.parameters()).clip(norm=1.0)``.

        Args:
            norm: if all gradients together are longer, they are scaled by ``norm / (length + 1e-6)``, as in PyTorch.
            value: after that, each number is cut to ±value.

        Raises:
            HyperparameterError: a bound that is not above 0.
        """
        for bound in (norm, value):
            if not bound > 0.0:
                raise HyperparameterError(f"bounds of gradients must be above 0, got norm={norm} and value={value}")
        self.max_norm, self.max_value = float(norm), float(value)
        return self

    def cut(self, size: int = BLOCK) -> None:
        """Cut parameters, gradients and slots into blocks of at most `size` numbers, as views."""
        self._blocks: list[_Block] = []
        self._decays = self._decay_flags()
        offset = 0
        for vector, factor in zip(self.vectors, self._factors, strict=True):
            start = 0
            for decay, length in _runs([(parameter.decay, parameter.size) for parameter in vector]):
                for begin in range(start, start + length, size):
                    end = min(begin + size, start + length)
                    slots = (slot[offset + begin : offset + end] for slot in self._slots.values())
                    arrays = (vector.value[begin:end], vector.grad[begin:end], *slots)
                    self._blocks.append(_Block(arrays, factor, decay))
                start += length
            offset += start

    def _decay_flags(self) -> list[bool]:
        return [parameter.decay for vector in self.vectors for parameter in vector]

    def check_owner(self, module: Module) -> None:
        """Raise `StateError` unless all parameters that this optimizer moves belong to `module`."""
        owned = {id(parameter) for parameter in module.parameters()}
        for vector in self.vectors:
            vector.check()
        if any(id(parameter) not in owned for vector in self.vectors for parameter in vector):
            raise StateError(
                f"the optimizer moves parameters that {type(module).__name__} does not have; make it on the "
                "parameters() of what is trained"
            )

    def moves(self, module: Module) -> list[str]:
        """What of `module` is moved, in order: factors of the learning rate, and paths of parameters."""
        paths = {id(parameter): path for path, parameter in module.named_parameters()}
        return [
            f"{factor:g}: {' '.join(paths[id(parameter)] for parameter in vector)}"
            for vector, factor in zip(self.vectors, self._factors, strict=True)
        ]

    def rebind(self) -> None:
        """Go on with the same parameters where they lie now, after they have moved."""
        self.vectors = [ParameterVector(vector.items()) for vector in self.vectors]
        self.cut()

    def update(self, theta: Array, grad: Array, *slots: Any, **_: Any) -> None:
        """Change theta in place by the rule; all arrays are flat and of the same size."""
        raise NotImplementedError(f"{type(self).__name__} must define update(theta, grad, …)")

    def decayed(self, theta: Array, grad: Array) -> Array:
        """The gradient with weight decay, ``g + λ θ``; a rule that decays beside the gradient overrides it."""
        return grad + self.weight_decay * theta

    def step(self) -> None:
        """Change the parameters once, by the gradients that backward has left."""
        for vector in self.vectors:
            vector.check()
        self.steps += 1
        if self.weight_decay == 0.0 and self.max_norm == self.max_value == inf and not self._grouped:
            for arrays, _, _ in self._blocks:
                self.update(*arrays)
        else:
            self._adjusted_step()

    def _adjusted_step(self) -> None:
        """One step with clipping, weight decay and groups."""
        if self._decays != self._decay_flags():  # somebody has changed one since
            self.cut()
        scale = 1.0 if self.max_norm == inf else self._scale()
        for (theta, grad, *slots), factor, decay in self._blocks:
            if scale != 1.0:
                grad = grad * scale
            if self.max_value != inf:
                grad = np.clip(grad, -self.max_value, self.max_value)
            with nullcontext() if factor == 1.0 else self._rate(factor):
                if decay and self.weight_decay != 0.0:
                    grad = self.decayed(theta, grad)
                self.update(theta, grad, *slots)

    @contextmanager
    def _rate(self, factor: float) -> Iterator[None]:
        """A learning rate that is a multiple of the present one, inside a ``with`` block."""
        lr = self.lr
        self.lr = lr * factor
        try:
            yield
        finally:
            self.lr = lr

    def _scale(self) -> float:
        """The factor that brings all gradients together to at most the largest norm."""
        norm = sqrt(sum(float(vector.grad.dot(vector.grad)) for vector in self.vectors))
        return min(1.0, self.max_norm / (norm + 1e-6))

    def _hyperparameters(self) -> list[str]:
        # What a user's own rule keeps as a plain number or a flag counts as one, too.
        others = {"steps", *self.scalars}
        numbers = (name for name, value in vars(self).items() if isinstance(value, float | int))  # a bool is an int
        return [name for name in numbers if name not in others and not name.startswith("_")]

    def state(self) -> dict[str, Any]:
        """Everything that the next steps depend on: steps, hyper-parameters, scalars, and copies of the slots."""
        names = ["steps", *self._hyperparameters(), *self.scalars]
        return {name: getattr(self, name) for name in names} | {name: a.copy() for name, a in self._slots.items()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` gave; either all of it or, after an error, nothing.

        Raises:
            StateError: names that are missing or too many, as from another optimizer.
            ShapeError: slots for another number of parameters.
            DataError: slots that are not made of real numbers.
        """
        expected = self.state()
        if expected.keys() != state.keys():
            raise StateError(
                f"{type(self).__name__} keeps {', '.join(expected)}, but the state has {', '.join(state) or 'nothing'}"
            )
        given = {name: real_numbers(state[name], name) for name in self.slots}
        for name, array in given.items():
            if array.shape != expected[name].shape:
                raise ShapeError(f"{name} has shape {expected[name].shape}, the state gives {array.shape}")
        try:
            for name in expected.keys() - given.keys():
                setattr(self, name, state[name])
        except HyperparameterError:
            for name in expected.keys() - given.keys():
                setattr(self, name, expected[name])
            raise
        for name, array in given.items():
            self._slots[name][...] = array

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_blocks"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.cut()

    def __repr__(self) -> str:
        values = {name: getattr(self, name) for name in self._hyperparameters()}
        shown = {
            name: value for name, value in values.items() if value or not (name == "weight_decay" or value is False)
        }
        arguments = ", ".join(f"{name}={v:g}" if isinstance(v, float) else f"{name}={v}" for name, v in shown.items())
        return f"{type(self).__name__}({sum(vector.size for vector in self.vectors)} parameters, {arguments})"


def _runs(pieces: list[tuple[bool, int]]) -> list[tuple[bool, int]]:
    """Neighbours that agree, put together: their lengths added up.

    >>> _runs([(True, 2), (True, 3), (False, 1)])
    [(True, 5), (False, 1)]
    """
    runs: list[tuple[bool, int]] = []
    for flag, length in pieces:
        if runs and runs[-1][0] == flag:
            runs[-1] = (flag, runs[-1][1] + length)
        else:
            runs.append((flag, length))
    return runs
