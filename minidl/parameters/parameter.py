"""An array that is learned, and its gradient."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.arguments import check_exact, copy_into, flag, real_numbers
from minidl.dtypes import as_float_type
from minidl.errors import ShapeError, StateError
from minidl.parameters.mistakes import NotAnArray, sum_over
from minidl.typing import Array, ArrayLike

__all__ = ["Memory", "Parameter", "limited_to"]


class Memory:
    """The two flat arrays that hold some parameters, and whether the parameters have moved elsewhere since."""

    def __init__(self, size: int, dtype: np.dtype[Any]) -> None:
        self.value, self.grad = _aligned(size, dtype), _aligned(size, dtype)
        self.dtype, self.moved = dtype, False
        # How often a flag of one of the parameters was set or one has moved. After a change, optimizers look again.
        self.changes = 0


def _aligned(size: int, dtype: np.dtype[Any]) -> Array:
    """Zeros that begin at a multiple of 64 bytes, the length of a line of the processor's cache.

    Where NumPy puts them, the product of one sample with a matrix (784, 256) takes an eighth longer.
    """
    room = np.zeros(size * dtype.itemsize + 64, np.uint8)
    start = -room.ctypes.data % 64
    return room[start : start + size * dtype.itemsize].view(dtype)


class _View:
    """An attribute that holds a view of the flat memory: setting it copies into that memory."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    if TYPE_CHECKING:
        # There is no __get__: reading finds the array in the instance, which saves 2.5 % of a step of a 2-4-1 network.
        def __get__(self, instance: object, owner: type) -> Array: ...

    def __set__(self, instance: Parameter, value: ArrayLike) -> None:
        target = vars(instance)[self.name]
        if type(value) is np.ndarray and value.dtype.kind == "f" and value.shape == target.shape:
            target[...] = value  # what backward sets in every step needs no checks
        else:
            _copy_with_name(instance, self.name, value)


def _copy_with_name(parameter: Parameter, attribute: str, value: ArrayLike) -> None:
    target, what = vars(parameter)[attribute], {"grad": "gradient"}.get(attribute, attribute)
    try:
        copy_into(target, value, f"{what} of {parameter._name}" if parameter._name else what)
    except ShapeError as error:
        if attribute == "grad":
            error.args = (f"{error}{sum_over(np.shape(value), target.shape)}",)
        raise


class _Flag:
    """An attribute that is True or False, and that optimizers look at."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    if TYPE_CHECKING:

        def __get__(self, instance: object, owner: type) -> bool: ...

    def __set__(self, instance: Parameter, value: bool) -> None:
        vars(instance)[self.name] = flag(f"Parameter: {self.name}", value)
        instance._memory.changes += 1


class Parameter(NotAnArray):
    """An array that is learned, together with its gradient.

    Setting `value` or `grad` copies in place, so both stay views of the flat vector. Copies and pickles hold the value
    but not the gradient.

    Args:
        value: the initial value, of any shape. float32 stays float32; every other type becomes float64.
        decay: whether weight decay applies to it.

    Raises:
        ShapeError: a new value or gradient of another shape.
        DataError: a value that is not made of real numbers, or holds integers that the type cannot represent.

    >>> bias = Parameter([0.0, 1.0])
    >>> bias.value = [2.0, 3.0]
    >>> bias.value, bias.grad
    (array([2., 3.]), array([0., 0.]))
    """

    value = _View()
    """The array itself, a view of the flat vector."""

    grad = _View()
    """The derivative of the loss with respect to `value`, of the same shape."""

    decay = _Flag()
    """Whether weight decay applies to it."""

    trainable = _Flag()
    """Whether optimizers change it. Setting it on a layer sets it for all parameters in it."""

    _memory: Memory
    _start: int

    def __init__(self, value: ArrayLike, *, decay: bool = True) -> None:
        initial = real_numbers(value, "a parameter's value")
        _take_room(initial.size)
        dtype = initial.dtype if initial.dtype == np.float32 else np.dtype(np.float64)
        check_exact(initial, dtype, "a parameter's value")
        self._bind(Memory(initial.size, dtype), 0, initial.shape)
        self.value[...] = initial
        self.decay, self.trainable = decay, True

    def _bind(self, memory: Memory, start: int, shape: tuple[int, ...]) -> None:
        stop = start + int(np.prod(shape, dtype=int))
        value, grad = memory.value[start:stop].reshape(shape), memory.grad[start:stop].reshape(shape)
        vars(self).update(_memory=memory, _start=start, value=value, grad=grad)

    def _move(self, memory: Memory, start: int) -> None:
        value, grad = self.value, self.grad
        self._memory.moved = True
        self._memory.changes += 1
        self._bind(memory, start, value.shape)
        self.value[...] = value
        self.grad[...] = grad

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of `value` and `grad`."""
        return tuple(self.value.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return self.value.size

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of `value` and `grad`: float32 or float64."""
        return self._memory.dtype

    def astype(self, dtype: Any) -> None:
        """Move into memory of another dtype. Every vector over the old memory refuses further use.

        Raises:
            HyperparameterError: neither float32 nor float64.
        """
        if (new := as_float_type(dtype)) != self.dtype:
            self._move(Memory(self.size, new), 0)

    if not TYPE_CHECKING:  # type checkers find a misspelled name themselves

        def __setattr__(self, name: str, value: Any) -> None:
            if not hasattr(type(self), name):
                raise AttributeError(f"a Parameter has no attribute {name!r}; set value, grad, decay or trainable")
            super().__setattr__(name, value)

    def __getstate__(self) -> dict[str, Any]:
        # A pickled view would come back as an array of its own, outside the flat vector.
        flags = {"decay": self.decay, "trainable": self.trainable}
        return {"value": self.value.copy(), "name": self._name, **flags}

    def __setstate__(self, state: dict[str, Any]) -> None:
        Parameter.__init__(self, state["value"], decay=state["decay"])
        self.trainable, self._name = state["trainable"], state.get("name", "")

    def __repr__(self) -> str:
        return f"Parameter(shape={self.shape}, dtype={self.dtype})"


_room: ContextVar[int | None] = ContextVar("room", default=None)


@contextmanager
def limited_to(size: int) -> Iterator[None]:
    """Limit the Parameters made inside a ``with`` block to `size` elements in all.

    Code that builds layers from a file uses it: a forged size could otherwise take all memory.
    """
    token = _room.set(size)
    try:
        yield
    finally:
        _room.reset(token)


def _take_room(size: int) -> None:
    """Take room for `size` elements where `limited_to` applies.

    Raises:
        StateError: there is less room.
    """
    room = _room.get()
    if room is not None:
        if size > room:
            raise StateError(f"a Parameter of {size} elements exceeds the limit: {room} are left")
        _room.set(room - size)
