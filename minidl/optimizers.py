"""Optimizers: rules on flat arrays, applied in place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from typing import Any, TypeAlias

import numpy as np

from minidl.errors import HyperparameterError, ShapeError, StateError
from minidl.modules import Module
from minidl.parameters import Parameter, ParameterVector, check_owners, contiguous_runs, real_numbers, share_memory
from minidl.typing import Array

__all__ = ["SGD", "Momentum", "Optimizer", "Parameters", "hyperparameter"]

Parameters: TypeAlias = ParameterVector | Sequence[Parameter]
"""What an optimizer takes: ``model.parameters()``, or a list of Parameters."""

# Temporaries of this many numbers stay in the cache: Adam on 10 million parameters takes 12 ms instead of 18.
BLOCK = 65536


class _Hyperparameter:
    """A float that is checked whenever it is set, and kept in the instance under its own name."""

    def __init__(self, above: float, at_least: float, below: float, at_most: float) -> None:
        self.above, self.at_least, self.below, self.at_most = above, at_least, below, at_most

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __set__(self, instance: object, value: Any) -> None:
        # There is no __get__: reading finds the float in the instance, at the speed of any attribute.
        try:
            number = float("nan") if isinstance(value, bool | str) else float(value)
        except (TypeError, ValueError):
            number = float("nan")
        if not (isfinite(number) and self.above < number < self.below and self.at_least <= number <= self.at_most):
            raise HyperparameterError(f"{type(instance).__name__}: {self.name} must be {self}, got {value!r}")
        vars(instance)[self.name] = number

    def __str__(self) -> str:
        low = f"above {self.above:g}" if isfinite(self.above) else f"at least {self.at_least:g}"
        high = f"below {self.below:g}" if isfinite(self.below) else f"at most {self.at_most:g}"
        has_low, has_high = isfinite(max(self.above, self.at_least)), isfinite(min(self.below, self.at_most))
        return "a finite number " + " and ".join([low] * has_low + [high] * has_high)


def hyperparameter(
    *,
    above: float = float("-inf"),
    at_least: float = float("-inf"),
    below: float = float("inf"),
    at_most: float = float("inf"),
) -> Any:
    """Declare a hyper-parameter of an optimizer with its range, such as ``lr: float = hyperparameter(above=0)``.

    Setting it checks the range, raises `HyperparameterError`, and turns the value into a Python float: a NumPy
    float64 would lift float32 arrays.
    """
    return _Hyperparameter(above, at_least, below, at_most)


class Optimizer:
    """The base of optimizers: walks the parameters block by block, and keeps the arrays that the rule remembers.

    A rule defines `update(theta, grad, *slots)`, elementwise and in place. It is called several times a step, so it
    must not advance any state of its own; what evolves per step belongs into an overridden `step`.

    Args:
        parameters: ``model.parameters()``, or a list of Parameters.
        lr: learning rate η, above 0.

    Raises:
        HyperparameterError: no parameters; a learning rate that is not a finite number above 0, also when set later.
        StateError: at a step, parameters that have moved into a larger model or to another dtype.
    """

    slots: tuple[str, ...] = ()
    """Names of the arrays, shaped like the parameters and 0 at first, that `update` is handed after grad."""

    scalars: tuple[str, ...] = ()
    """Names of attributes that evolve from step to step and belong to the state."""

    lr: float = hyperparameter(above=0.0)

    def __init__(self, parameters: Parameters, lr: float) -> None:
        self.lr = lr
        self.steps = 0
        self.vectors = _vectors(parameters)
        self._slots = [[np.zeros(v.size, v.dtype) for _ in self.slots] for v in self.vectors]
        self.cut()

    def cut(self, size: int = BLOCK) -> None:
        """Cut parameters, gradients and slots into blocks of at most `size` numbers, as views."""
        self._blocks: list[tuple[Array, ...]] = []
        for vector, slots in zip(self.vectors, self._slots, strict=True):
            arrays = (vector.value, vector.grad, *slots)
            for start in range(0, vector.size, size):
                self._blocks.append(tuple(array[start : start + size] for array in arrays))

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

    def update(self, theta: Array, grad: Array, *slots: Any, **_: Any) -> None:
        """Change theta in place by the rule; all arrays are flat and of the same size."""
        raise NotImplementedError(f"{type(self).__name__} must define update(theta, grad, …)")

    def step(self) -> None:
        """Change the parameters once, by the gradients that backward has left."""
        for vector in self.vectors:
            vector.check()
        self.steps += 1
        for block in self._blocks:
            self.update(*block)

    def _hyperparameters(self) -> list[str]:
        # What a user's own rule keeps as a plain number counts as one, too.
        return [name for name, value in vars(self).items() if isinstance(value, float) and name not in self.scalars]

    def state(self) -> dict[str, Any]:
        """Everything that the next steps depend on: steps, hyper-parameters, scalars, and copies of the slots."""
        state: dict[str, Any] = {
            name: getattr(self, name) for name in ["steps", *self._hyperparameters(), *self.scalars]
        }
        for position, name in enumerate(self.slots):
            state[name] = np.concatenate([slots[position] for slots in self._slots])
        return state

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
        for position, name in enumerate(self.slots):
            start = 0
            for slots in self._slots:
                slots[position][...] = given[name][start : start + slots[position].size]
                start += slots[position].size

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_blocks"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.cut()

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={getattr(self, name):g}" for name in self._hyperparameters())
        return f"{type(self).__name__}({sum(vector.size for vector in self.vectors)} parameters, {arguments})"


class SGD(Optimizer):
    """``θ ← θ − η g``, gradient descent; stochastic when g comes from a batch.

    Args:
        parameters: ``model.parameters()``, or a list of Parameters.
        lr: learning rate η.

    >>> theta = Parameter([1.0, 2.0])
    >>> descent = SGD([theta], lr=0.1)
    >>> theta.grad = [1.0, 1.0]
    >>> descent.step()
    >>> theta.value
    array([0.9, 1.9])
    """

    def update(self, theta: Array, grad: Array) -> None:
        theta -= self.lr * grad


class Momentum(Optimizer):
    """``v ← μ v + g``,  ``θ ← θ − η v``: the heavy ball of Polyak (1964).

    With ``nesterov=True`` the step is ``θ ← θ − η (g + μ v)``, which looks ahead along v (Nesterov 1983, in the form
    of Sutskever et al. 2013). The learning rate stays outside the velocity, as in PyTorch; where it is inside, as in
    Polyak's paper, a changing η acts on future gradients only. A constant g ends in steps of η g / (1 − μ).

    Args:
        parameters: ``model.parameters()``, or a list of Parameters.
        lr: learning rate η.
        momentum: μ, from 0 (plain gradient descent) to below 1.
        nesterov: whether to look ahead.

    Raises:
        HyperparameterError: as for `Optimizer`; momentum outside [0, 1).

    >>> theta = Parameter([1.0])
    >>> ball = Momentum([theta], lr=0.1, momentum=0.5)
    >>> theta.grad = [1.0]
    >>> ball.step(); ball.step()
    >>> theta.value
    array([0.75])
    """

    slots = ("velocity",)
    momentum: float = hyperparameter(at_least=0.0, below=1.0)

    def __init__(self, parameters: Parameters, lr: float, momentum: float = 0.9, *, nesterov: bool = False) -> None:
        super().__init__(parameters, lr)
        self.momentum = momentum
        self.nesterov = nesterov

    def update(self, theta: Array, grad: Array, velocity: Array) -> None:
        velocity *= self.momentum
        velocity += grad
        if self.nesterov:
            theta -= self.lr * (grad + self.momentum * velocity)
        else:
            theta -= self.lr * velocity


def _vectors(parameters: Parameters) -> list[ParameterVector]:
    """The parameters as slices of the memory where they lie; loose ones are packed together."""
    if isinstance(parameters, ParameterVector):
        parameters.check()
        vectors = [parameters]
    else:
        listed = list(parameters) if isinstance(parameters, Iterable) else [parameters]
        if not all(isinstance(parameter, Parameter) for parameter in listed):
            raise HyperparameterError(
                f"an optimizer takes model.parameters() or a list of Parameters, got {type(parameters).__name__}"
            )
        runs = contiguous_runs(listed) if share_memory(listed) else [listed]
        named = [(str(index), parameter) for index, parameter in enumerate(listed)]
        check_owners(named)
        vectors = [ParameterVector([(str(index), parameter) for index, parameter in enumerate(run)]) for run in runs]
    if sum(vector.size for vector in vectors) == 0:
        raise HyperparameterError("there are no parameters to optimize; does the model have a layer that learns?")
    return vectors
