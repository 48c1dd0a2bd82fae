"""The base of everything that owns parameters."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np

from minidl.errors import HyperparameterError, ShapeError, StateError
from minidl.parameters import Parameter, ParameterVector, real_numbers

__all__ = ["Module", "saved"]


class _Saved:
    """Stands where forward will put a value: reading it before that is a `StateError`."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: object, owner: type) -> Any:
        # An attribute set by forward hides this object, so that reading it costs nothing.
        if instance is None:
            return self
        raise StateError(f"backward before forward: {instance!r} has no {self.name!r} yet; call forward first")


def saved() -> Any:
    """Declare an attribute that forward sets and backward reads, such as ``x: Array = saved()``."""
    return _Saved()


class Module:
    """The base of layers, losses and objectives: finds the parameters, and sets what holds for the whole tree.

    Parameters and modules are found where they are kept: in attributes, or in lists, tuples and dicts of them.
    Arguments of the constructor are kept as attributes of the same name, where `repr` reads them.
    """

    buffers: tuple[str, ...] = ()
    """Names of attributes that hold arrays or numbers that are not trained but belong to the state."""

    registered: ClassVar[dict[tuple[str, str], type[Module]]] = {}
    """Every type of module by (home, name), for files that name it; home is "minidl" or the module that defines it."""

    _training = True

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        Module.registered[cls.registered_as()] = cls

    @classmethod
    def registered_as(cls) -> tuple[str, str]:
        """Home and name under which files know this type; minidl's own types have one home, wherever they stand."""
        return "minidl" if cls.__module__.startswith("minidl.") else cls.__module__, cls.__qualname__

    def children(self) -> Iterator[tuple[str, Module | Parameter]]:
        """Pairs (name, what) of the parameters and modules directly below this one, in reading order."""
        for name, value in vars(self).items():
            yield from _members(name, value)

    def modules(self, name: str = "") -> Iterator[tuple[str, Module]]:
        """Pairs (path, module) of this module and all below it, such as ("model.0", Dense(2, 4))."""
        yield name, self
        for child_name, child in self.children():
            if isinstance(child, Module):
                yield from child.modules(f"{name}.{child_name}" if name else child_name)

    def named_parameters(self, prefix: str = "") -> Iterator[tuple[str, Parameter]]:
        """Pairs (path, parameter) in reading order, such as ("0.weight", …)."""
        for name, child in self.children():
            if isinstance(child, Parameter):
                yield prefix + name, child
            else:
                yield from child.named_parameters(f"{prefix}{name}.")

    def parameters(self) -> ParameterVector:
        """All parameters as one flat vector; see `ParameterVector`.

        Raises:
            StateError: a Parameter in two places.
        """
        return ParameterVector(self.named_parameters())

    @property
    def training(self) -> bool:
        """Whether this module, and when set all below it, behaves as in training (dropout drops) or evaluation."""
        return self._training

    @training.setter
    def training(self, training: bool) -> None:
        for _, module in self.modules():
            module._training = bool(training)

    @contextmanager
    def training_as(self, training: bool) -> Iterator[None]:
        """Be in training or evaluation inside a ``with`` block; afterwards every module is as it was."""
        before = [(module, module._training) for _, module in self.modules()]
        # Not by the setter: a second walk takes a quarter of the time of predict on one sample of a small network.
        for module, _ in before:
            module._training = bool(training)
        try:
            yield
        finally:
            for module, was in before:
                module._training = was

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the parameters, float64 if there are none."""
        return next((parameter.dtype for _, parameter in self.named_parameters()), np.dtype(np.float64))

    def astype(self, dtype: Any) -> Self:
        """Turn all parameters and buffers into float32 or float64, in place.

        Optimizers made before hold the old memory, and refuse to go on.

        Raises:
            HyperparameterError: another dtype.
        """
        if dtype not in (np.float32, np.float64, "float32", "float64", np.dtype(np.float32), np.dtype(np.float64)):
            raise HyperparameterError(f"dtype must be float32 or float64, got {dtype!r}")
        for _, parameter in self.named_parameters():
            parameter.astype(dtype)
        for _, module in self.modules():
            for name in module.buffers:
                value = getattr(module, name)
                if isinstance(value, np.ndarray) and value.dtype.kind == "f":
                    setattr(module, name, value.astype(dtype))
        self.parameters()
        return self

    def state(self) -> dict[str, Any]:
        """Copies of all parameters and buffers by path.

        Raises:
            StateError: a buffer that is neither an array nor a number.
        """
        state: dict[str, Any] = {name: parameter.value.copy() for name, parameter in self.named_parameters()}
        for path, module in self.modules():
            for name in module.buffers:
                value = getattr(module, name)
                if not isinstance(value, np.ndarray | np.bool_ | Real):
                    kind = type(value).__name__
                    raise StateError(f"the buffer {name!r} of {module!r} must be an array or a number, it is a {kind}")
                state[f"{path}.{name}" if path else name] = np.array(value)
        return state

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` gave; either all of it or, after an error, nothing.

        Raises:
            StateError: names that are missing or too many.
            ShapeError: an array of another shape.
            DataError: what is not made of real numbers.
        """
        expected = self.state()
        if missing := expected.keys() - state.keys():
            raise StateError(f"the state lacks {', '.join(sorted(missing))}")
        if unknown := state.keys() - expected.keys():
            raise StateError(f"the state has {', '.join(sorted(unknown))}, which {type(self).__name__} does not")
        given = {name: real_numbers(state[name], name) for name in expected}
        for name, array in expected.items():
            if given[name].shape != array.shape:
                raise ShapeError(f"{name} has shape {array.shape}, the state gives {given[name].shape}")
        for name, parameter in self.named_parameters():
            parameter.value = given[name]
        for path, module in self.modules():
            for name in module.buffers:
                key = f"{path}.{name}" if path else name
                value = np.array(given[key], dtype=expected[key].dtype)
                # A number stays one: a float64 array in its place would lift float32 arrays.
                present = getattr(module, name)
                setattr(module, name, value if isinstance(present, np.ndarray) else type(present)(value.item()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(_arguments(self))})"


def _members(name: str, value: object) -> Iterator[tuple[str, Module | Parameter]]:
    if isinstance(value, Module | Parameter):
        yield name, value
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _members(f"{name}.{index}", item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _members(f"{name}.{key}", item)


def _arguments(module: Module) -> Iterator[str]:
    """The constructor's arguments as code, those at their default left out."""
    for name, argument in inspect.signature(type(module)).parameters.items():
        if name not in vars(module) or name == "rng":  # a generator has no readable form
            continue
        value = vars(module)[name]
        if argument.kind is argument.VAR_POSITIONAL:
            yield from map(repr, value)
        elif argument.default is argument.empty:
            yield repr(value)
        elif not (value is argument.default or (np.isscalar(value) and value == argument.default)):
            yield f"{name}={getattr(value, '__name__', None) or repr(value)}"
