"""The base of everything that owns parameters."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from numbers import Real
from typing import Any, Self

import numpy as np

from minidl.arguments import check_type, flag, real_numbers
from minidl.dtypes import as_float_type
from minidl.errors import ShapeError, StateError
from minidl.modules.caches import cached, is_cached
from minidl.parameters import Parameter, ParameterVector
from minidl.typing import Array

__all__ = ["Module", "parameter_type", "training_as"]


class Module:
    """The base of layers, losses and objectives: it finds the parameters and modules below it.

    Parameters and modules are found in attributes, and in lists, tuples and dicts of them. Keep the constructor's
    arguments in attributes of the same name: `repr` and saving read them there.
    """

    buffers: tuple[str, ...] = ()
    """Names of attributes, arrays or numbers, that are not trained but belong to the state."""
    float64_buffers: tuple[str, ...] = ()
    """Names of buffers that `astype` leaves as they are, because float32 would lose digits that matter."""

    _training = _trainable = True
    always_shown: tuple[str, ...] = ()
    """Names of arguments that `repr` shows by position even at their default."""

    run_thread, user_threads = cached(), cached()
    """The thread of the run that is changing this module, and those that are evaluating it; see threads.py."""

    def children(self) -> Iterator[tuple[str, Module | Parameter]]:
        """Pairs (name, child) of the parameters and modules directly below, in the order of the attributes.

        A module that is found twice counts once. A Parameter that is found twice is refused by `parameters`.
        """
        seen: set[int] = set()
        for name, value in list(vars(self).items()):  # while forward in another thread adds one
            for path, child in _members(name, value) if isinstance(value, HOLDERS) else ():
                if id(child) not in seen:
                    yield path, child
                if isinstance(child, Module):
                    seen.add(id(child))

    def modules(self, path: str = "") -> Iterator[tuple[str, Module]]:
        """Pairs (path, module) of this module and all below it, such as ("model.0", Dense(2, 4))."""
        yield path, self
        for name, child in self.children():
            if isinstance(child, Module):
                yield from child.modules(f"{path}.{name}" if path else name)

    def named_parameters(self, prefix: str = "") -> Iterator[tuple[str, Parameter]]:
        """Pairs (path, parameter) in reading order, such as ("0.weight", …)."""
        for name, child in self.children():
            if isinstance(child, Parameter):
                yield prefix + name, child
            else:
                yield from child.named_parameters(f"{prefix}{name}.")

    def parameters(self) -> ParameterVector:
        """All parameters as one flat vector.

        If they do not lie side by side yet, the call moves them into one new array, of which each Parameter is then a
        view. See `ParameterVector`.

        Raises:
            StateError: a Parameter in two places.
        """
        return ParameterVector(self.named_parameters())

    @property
    def training(self) -> bool:
        """Whether this module behaves as in training (dropout drops) or as in evaluation.

        Setting it sets all modules below, too. `training_as` overrides it for a while. It is False for a module that is
        not `trainable`.
        """
        override = training_mode.get()
        return self._trainable and (self._training if override is None else override)

    @training.setter
    def training(self, training: bool) -> None:
        for _, module in self.modules():
            module._training = flag("training", training)

    @property
    def trainable(self) -> bool:
        """Whether training changes this module. Setting it sets all modules and parameters below, too.

        A frozen module stays as it is: it behaves as in evaluation, so `BatchNorm` keeps its running averages, and
        optimizers leave its parameters unchanged. Gradients still pass through it.
        """
        return self._trainable

    @trainable.setter
    def trainable(self, trainable: bool) -> None:
        _set_trainable(self, flag("trainable", trainable))

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the parameters, float64 if there are none."""
        return parameter_type(self) or np.dtype(np.float64)

    def astype(self, dtype: Any) -> Self:
        """Turn all parameters and buffers into float32 or float64, in place, but not a class's `float64_buffers`.

        Optimizers made before the call hold the old memory and refuse further steps.

        Raises:
            HyperparameterError: another dtype.
        """
        dtype = as_float_type(dtype)
        for _, parameter in self.named_parameters():
            parameter.astype(dtype)
        for _, module, name in _named_buffers(self):
            value = getattr(module, name)
            if isinstance(value, np.ndarray) and value.dtype.kind == "f" and name not in module.float64_buffers:
                setattr(module, name, value.astype(dtype))
        self.parameters()  # each Parameter has an array of its own now: lay them side by side again
        return self

    def state(self) -> dict[str, Any]:
        """Copies of all parameters and buffers by path.

        Raises:
            StateError: a buffer that is neither an array nor a number.
        """
        state: dict[str, Any] = {path: parameter.value.copy() for path, parameter in self.named_parameters()}
        for path, module, name in _named_buffers(self):
            value = getattr(module, name)
            if not isinstance(value, np.ndarray | np.bool_ | Real):
                kind = type(value).__name__
                raise StateError(f"the buffer {name!r} of {module!r} must be an array or a number, got {kind}")
            state[path] = np.array(value)
        return state

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Load what `state` returned. After an error, nothing has changed.

        Raises:
            StateError: missing or unknown names.
            ShapeError: an array of another shape.
            DataError: a value that is not made of real numbers.
        """
        expected = self.state()
        _check_names(self, state, expected)
        floats = {path: array.dtype if array.dtype.kind == "f" else None for path, array in expected.items()}
        new = {path: real_numbers(state[path], path, dtype) for path, dtype in floats.items()}
        for path, array in expected.items():
            if new[path].shape != array.shape:
                raise ShapeError(f"{path} must have shape {array.shape}, got {new[path].shape}")
        for path, parameter in self.named_parameters():
            parameter.value = new[path]
        for path, module, name in _named_buffers(self):
            setattr(module, name, _as_buffer(new[path], getattr(module, name)))

    def __getstate__(self) -> dict[str, Any]:
        # Copies and pickles drop what forward cached: it may be large, and it is the user's data.
        return {name: value for name, value in list(vars(self).items()) if not is_cached(type(self), name)}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(_arguments(self))})"


training_mode: ContextVar[bool | None] = ContextVar("mode", default=None)


@contextmanager
def training_as(training: bool | None) -> Iterator[None]:
    """Have all modules behave as in training, or as in evaluation, inside a ``with`` block.

    It holds for the current thread only, and changes no module. With None, each module's own flag decides.
    """
    token = training_mode.set(None if training is None else flag("training", training))
    try:
        yield
    finally:
        training_mode.reset(token)


def parameter_type(module: Module) -> np.dtype[Any] | None:
    """The type of the parameters, None if there are none.

    Every call of a model needs it, and `named_parameters` would take three times as long to find the first.
    """
    return _found_type(module) or next((parameter.dtype for _, parameter in module.named_parameters()), None)


def _found_type(module: Module) -> np.dtype[Any] | None:
    """The type of a parameter where most modules have one: in an attribute, or in one of the layers of a container."""
    for value in list(vars(module).values()):  # while forward in another thread adds one
        if type(value) is Parameter:
            return value.dtype
        if type(value) is tuple:
            for item in value:
                if isinstance(item, Module) and (dtype := _found_type(item)) is not None:
                    return dtype
    return None


def _set_trainable(module: Module, trainable: bool) -> None:
    for _, each in module.modules():
        each._trainable = trainable
    for _, parameter in module.named_parameters():
        parameter.trainable = trainable


def _named_buffers(root: Module) -> Iterator[tuple[str, Module, str]]:
    """Triples (path, module, attribute) of all buffers."""
    for path, module in root.modules():
        for name in module.buffers:
            yield f"{path}.{name}" if path else name, module, name


def _as_buffer(value: Array, present: Any) -> Any:
    """Return a copy of the value in the current type. A buffer that begins as an integer may become a float."""
    dtype = np.asarray(present).dtype
    kept = np.can_cast(value.dtype, dtype, "same_kind")
    array = np.array(value, dtype=dtype if kept else None)
    # A number stays a number: a float64 array in its place would turn float32 arrays into float64.
    return array if isinstance(present, np.ndarray) else (type(present) if kept else float)(array.item())


def _check_names(module: Module, state: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Raise an error unless a state has the expected names."""
    check_type("state", state, Mapping)
    if missing := expected.keys() - state.keys():
        raise StateError(f"the state lacks {', '.join(sorted(missing))}")
    if unknown := state.keys() - expected.keys():
        raise StateError(f"the state has {', '.join(sorted(unknown))}, which {type(module).__name__} does not have")


HOLDERS = (Module, Parameter, list, tuple, dict)
"""The types of attributes that are, or may hold, modules and parameters."""


def _members(name: str, value: object) -> Iterator[tuple[str, Module | Parameter]]:
    if isinstance(value, Module | Parameter):
        yield name, value
    elif isinstance(value, list | tuple):
        # The types first: a list of a million floats holds no module.
        if any(issubclass(kind, HOLDERS) for kind in set(map(type, value))):
            for index, item in enumerate(value):
                yield from _members(f"{name}.{index}", item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _members(f"{name}.{key}", item)


def _arguments(module: Module) -> Iterator[str]:
    """The constructor's arguments as code, without those at their default."""
    for name, argument in inspect.signature(type(module)).parameters.items():
        if name not in vars(module) or name == "rng":  # a generator has no readable form
            continue
        value = vars(module)[name]
        if argument.kind is argument.VAR_POSITIONAL:
            yield from map(repr, value)
        elif argument.default is argument.empty or name in module.always_shown:
            yield repr(value)
        elif not (value is argument.default or (np.isscalar(value) and value == argument.default)):
            yield f"{name}={getattr(value, '__name__', None) or repr(value)}"
