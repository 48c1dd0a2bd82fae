"""An array that is learned."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.errors import DataError, ShapeError, StateError
from minidl.typing import Array, ArrayLike

__all__ = ["Memory", "Parameter", "copy_into", "limited_to", "real_numbers"]


class Memory:
    """The two flat arrays behind some parameters, and whether these have moved elsewhere since."""

    def __init__(self, size: int, dtype: np.dtype[Any]) -> None:
        self.value = np.zeros(size, dtype)
        self.grad = np.zeros(size, dtype)
        self.moved = False


_room: ContextVar[int | None] = ContextVar("room", default=None)


@contextmanager
def limited_to(size: int) -> Iterator[None]:
    """Inside this block, Parameters of together more than `size` numbers are a `StateError`.

    Whoever makes layers from a file says so first: a few forged letters could else take all memory.
    """
    before = _room.set(size)
    try:
        yield
    finally:
        _room.reset(before)


def _take_room(size: int) -> None:
    room = _room.get()
    if room is not None:
        if size > room:
            raise StateError(f"a Parameter of {size} numbers, where there is room for {room}")
        _room.set(room - size)


class _InPlace:
    """An array that is copied into when it is set."""

    def __init__(self, what: str) -> None:
        self.what = what

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    if TYPE_CHECKING:
        # There is no __get__: reading finds the array in the instance, which takes a fortieth off a tiny step.
        def __get__(self, instance: object, owner: type) -> Array: ...

    def __set__(self, instance: object, value: ArrayLike) -> None:
        copy_into(vars(instance)[self.name], value, self.what)


class Parameter:
    """An array that is learned, together with its gradient.

    Setting `value` or `grad` copies in place, so that views of the flat vector stay views. A pickle or a copy
    takes the value along, not the gradient.

    Args:
        value: initial value of any shape; float32 stays, every other number becomes float64.
        decay: whether weight decay applies to it.

    Raises:
        ShapeError: a new value or gradient of another shape.
        DataError: a value that is not made of real numbers.

    >>> bias = Parameter([0.0, 1.0])
    >>> bias.value = [2.0, 3.0]
    >>> bias.value, bias.grad
    (array([2., 3.]), array([0., 0.]))
    """

    value = _InPlace("value")
    """The array itself, a view of the flat vector."""

    grad = _InPlace("gradient")
    """The derivative of the loss with respect to `value`, of the same shape."""

    decay: bool = True
    """Whether weight decay applies to it."""

    _memory: Memory
    _start: int

    def __init__(self, value: ArrayLike, *, decay: bool = True) -> None:
        initial = real_numbers(value)
        _take_room(initial.size)
        dtype = initial.dtype if initial.dtype == np.float32 else np.dtype(np.float64)
        self.decay = decay
        self._bind(Memory(initial.size, dtype), 0, initial.shape)
        self.value[...] = initial

    def _bind(self, memory: Memory, start: int, shape: tuple[int, ...]) -> None:
        stop = start + int(np.prod(shape, dtype=int))
        value, grad = memory.value[start:stop].reshape(shape), memory.grad[start:stop].reshape(shape)
        vars(self).update(_memory=memory, _start=start, value=value, grad=grad)

    def _move(self, memory: Memory, start: int) -> None:
        value, grad = self.value, self.grad
        self._memory.moved = True
        self._bind(memory, start, value.shape)
        self.value[...] = value
        self.grad[...] = grad

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of `value` and `grad`."""
        shape: tuple[int, ...] = self.value.shape
        return shape

    @property
    def size(self) -> int:
        """How many numbers `value` holds."""
        return self.value.size

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of `value` and `grad`: float32 or float64."""
        dtype: np.dtype[Any] = self.value.dtype
        return dtype

    def astype(self, dtype: Any) -> None:
        """Move into memory of another dtype; every vector over the old memory refuses further use."""
        if dtype != self.dtype:
            self._move(Memory(self.size, np.dtype(dtype)), 0)

    if not TYPE_CHECKING:  # which finds a misspelt name by itself

        def __setattr__(self, name: str, value: Any) -> None:
            if not hasattr(type(self), name):
                raise AttributeError(f"a Parameter has no {name!r}; what can be set are value, grad and decay")
            super().__setattr__(name, value)

    def __getstate__(self) -> dict[str, Any]:
        # The value alone: pickled as they are, views of one array come apart into arrays of their own.
        return {"value": self.value.copy(), "decay": self.decay}

    def __setstate__(self, state: dict[str, Any]) -> None:
        Parameter.__init__(self, state["value"], decay=state["decay"])

    def __repr__(self) -> str:
        return f"Parameter(shape={self.shape}, dtype={self.dtype})"


def real_numbers(value: ArrayLike, what: str = "a parameter") -> Array:
    """The value as an array of real numbers of any type, or a `DataError` that says what it was meant for."""
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise DataError(f"{what} must be an array of numbers: {error}") from error
    if array.dtype.kind not in "biuf":
        raise DataError(f"{what} must be real numbers, got {array.dtype}")
    return array


def copy_into(target: Array, value: ArrayLike, what: str) -> None:
    """Copy a value into the target, which has its shape, or say what it was meant for."""
    # A float array, as a layer's backward gives it, is the common case and skips the conversion.
    array = value if isinstance(value, np.ndarray) and value.dtype.kind == "f" else real_numbers(value, f"a {what}")
    if array.shape != target.shape:
        raise ShapeError(f"a {what} of shape {array.shape} was given, but the shape here is {target.shape}")
    np.copyto(target, array, casting="same_kind")
