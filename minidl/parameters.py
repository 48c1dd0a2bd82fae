"""Parameters, and the one flat vector in which they live.

All parameters of a model lie side by side in one contiguous array, their gradients in a second of the same
layout. `Parameter.value` and `Parameter.grad` are views into those two arrays; `ParameterVector` is the whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from minidl.errors import DataError, ShapeError, StateError
from minidl.typing import Array, ArrayLike

__all__ = [
    "Parameter",
    "ParameterVector",
    "check_owners",
    "contiguous_runs",
    "limited_to",
    "real_numbers",
    "share_memory",
]


class _Memory:
    """The two flat arrays behind some parameters, and whether these have moved elsewhere since."""

    __slots__ = ("grad", "moved", "value")

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

    __slots__ = ("_grad", "_memory", "_start", "_value", "decay")

    def __init__(self, value: ArrayLike, *, decay: bool = True) -> None:
        initial = real_numbers(value)
        _take_room(initial.size)
        dtype = initial.dtype if initial.dtype == np.float32 else np.dtype(np.float64)
        self.decay = decay
        self._bind(_Memory(initial.size, dtype), 0, initial.shape)
        self._value[...] = initial

    def _bind(self, memory: _Memory, start: int, shape: tuple[int, ...]) -> None:
        stop = start + int(np.prod(shape, dtype=int))
        self._memory, self._start = memory, start
        self._value = memory.value[start:stop].reshape(shape)
        self._grad = memory.grad[start:stop].reshape(shape)

    def _move(self, memory: _Memory, start: int) -> None:
        value, grad = self._value, self._grad
        self._memory.moved = True
        self._bind(memory, start, value.shape)
        self._value[...] = value
        self._grad[...] = grad

    @property
    def value(self) -> Array:
        """The array itself, a view of the flat vector."""
        return self._value

    @value.setter
    def value(self, value: ArrayLike) -> None:
        _copy(self._value, value, "value")

    @property
    def grad(self) -> Array:
        """The derivative of the loss with respect to `value`, of the same shape."""
        return self._grad

    @grad.setter
    def grad(self, grad: ArrayLike) -> None:
        _copy(self._grad, grad, "gradient")

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of `value` and `grad`."""
        return self._value.shape

    @property
    def size(self) -> int:
        """How many numbers `value` holds."""
        return self._value.size

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of `value` and `grad`: float32 or float64."""
        dtype: np.dtype[Any] = self._value.dtype
        return dtype

    def astype(self, dtype: Any) -> None:
        """Move into memory of another dtype; every vector over the old memory refuses further use."""
        if dtype != self.dtype:
            self._move(_Memory(self.size, np.dtype(dtype)), 0)

    def __getstate__(self) -> dict[str, Any]:
        # The value alone: pickled as they are, views of one array come apart into arrays of their own.
        return {"value": self._value.copy(), "decay": self.decay}

    def __setstate__(self, state: dict[str, Any]) -> None:
        Parameter.__init__(self, state["value"], decay=state["decay"])

    def __repr__(self) -> str:
        return f"Parameter(shape={self.shape}, dtype={self.dtype})"


class ParameterVector:
    """Parameters side by side in one contiguous array, and their gradients likewise.

    If the parameters already lie side by side in this order, nothing moves and the vector is a slice of what is
    there. Else they move into new memory, and every older vector over one of them refuses further use.

    Args:
        named: pairs (name, parameter) in reading order.

    Raises:
        StateError: a parameter that appears twice; at later use, parameters that have moved elsewhere since.

    >>> weight, bias = Parameter([[1.0, 2.0]]), Parameter([3.0])
    >>> vector = ParameterVector([("weight", weight), ("bias", bias)])
    >>> vector.value
    array([1., 2., 3.])
    >>> bias.value = [4.0]
    >>> vector.value
    array([1., 2., 4.])
    """

    def __init__(self, named: Iterable[tuple[str, Parameter]]) -> None:
        pairs = list(named)
        self.names: tuple[str, ...] = tuple(name for name, _ in pairs)
        self.parameters: tuple[Parameter, ...] = tuple(parameter for _, parameter in pairs)
        check_owners(pairs)
        self._pack()

    def _pack(self) -> None:
        runs = contiguous_runs(self.parameters)
        if len(runs) == 1 and share_memory(self.parameters):
            self._memory, self._start = runs[0][0]._memory, runs[0][0]._start
        else:
            dtypes = [parameter.dtype for parameter in self.parameters] or [np.dtype(np.float64)]
            self._memory, self._start = _Memory(sum(p.size for p in self.parameters), np.result_type(*dtypes)), 0
            start = 0
            for parameter in self.parameters:
                parameter._move(self._memory, start)
                start += parameter.size
        self._stop = self._start + sum(parameter.size for parameter in self.parameters)

    @property
    def moved(self) -> bool:
        """Whether the parameters have moved into other memory since this vector was made."""
        return self._memory.moved

    def check(self) -> None:
        """Raise `StateError` if the parameters have moved into other memory."""
        if self._memory.moved:
            raise StateError(
                "the parameters have moved since this vector was made, into a larger model or to another dtype; "
                "ask the outermost model for its parameters() again, and make the optimizer on what it gives"
            )

    @property
    def value(self) -> Array:
        """All parameters, (P,); writing into it changes them."""
        self.check()
        return self._memory.value[self._start : self._stop]

    @value.setter
    def value(self, value: ArrayLike) -> None:
        _copy(self.value, value, "value of all parameters")

    @property
    def grad(self) -> Array:
        """All gradients, (P,), in the same order."""
        self.check()
        return self._memory.grad[self._start : self._stop]

    @grad.setter
    def grad(self, grad: ArrayLike) -> None:
        _copy(self.grad, grad, "gradient of all parameters")

    @property
    def size(self) -> int:
        """P, the number of numbers."""
        return self._stop - self._start

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the two arrays: float32 or float64."""
        dtype: np.dtype[Any] = self._memory.value.dtype
        return dtype

    def items(self) -> Iterator[tuple[str, Parameter]]:
        """Pairs (name, parameter) in reading order."""
        return zip(self.names, self.parameters, strict=True)

    def __iter__(self) -> Iterator[Parameter]:
        return iter(self.parameters)

    def __len__(self) -> int:
        return len(self.parameters)

    def __getitem__(self, name: str) -> Parameter:
        if name not in self.names:
            raise KeyError(f"no parameter {name!r}; there are {', '.join(self.names) or 'none'}")
        return self.parameters[self.names.index(name)]

    def __getstate__(self) -> dict[str, Any]:
        return {"names": self.names, "parameters": self.parameters}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.names, self.parameters = state["names"], state["parameters"]
        self._pack()

    def __repr__(self) -> str:
        parts = ", ".join(f"{name} {parameter.shape}" for name, parameter in self.items())
        return f"ParameterVector({self.size}: {parts})"


def contiguous_runs(parameters: Sequence[Parameter]) -> list[list[Parameter]]:
    """The parameters cut into runs, each of which lies side by side in one memory.

    >>> a, b, c = Parameter([1.0]), Parameter([2.0]), Parameter([3.0])
    >>> vector = ParameterVector([("a", a), ("b", b), ("c", c)])
    >>> [len(run) for run in contiguous_runs([a, b, c])], [len(run) for run in contiguous_runs([a, c])]
    ([3], [1, 1])
    """
    runs: list[list[Parameter]] = []
    for parameter in parameters:
        last = runs[-1][-1] if runs else None
        if last is not None and last._memory is parameter._memory and last._start + last.size == parameter._start:
            runs[-1].append(parameter)
        else:
            runs.append([parameter])
    return runs


def share_memory(parameters: Sequence[Parameter]) -> bool:
    """Whether the parameters lie in one memory that is still in use, perhaps with others between them."""
    memories = {id(parameter._memory): parameter._memory for parameter in parameters}
    return len(memories) == 1 and not any(memory.moved for memory in memories.values())


def check_owners(named: Iterable[tuple[str, Parameter]]) -> None:
    """Raise `StateError` if a Parameter appears under two names."""
    owner: dict[int, str] = {}
    for name, parameter in named:
        if id(parameter) in owner:
            raise StateError(
                f"one Parameter is in two places, {owner[id(parameter)]!r} and {name!r}: the second gradient would "
                "overwrite the first; make a Parameter of its own for each place"
            )
        owner[id(parameter)] = name


def real_numbers(value: ArrayLike, what: str = "a parameter") -> Array:
    """The value as an array of real numbers of any type, or a `DataError` that says what it was meant for."""
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise DataError(f"{what} must be an array of numbers: {error}") from error
    if array.dtype.kind not in "biuf":
        raise DataError(f"{what} must be real numbers, got {array.dtype}")
    return array


def _copy(target: Array, value: ArrayLike, what: str) -> None:
    # A float array, as a layer's backward gives it, is the common case and skips the conversion.
    array = value if isinstance(value, np.ndarray) and value.dtype.kind == "f" else real_numbers(value, f"a {what}")
    if array.shape != target.shape:
        raise ShapeError(f"a {what} of shape {array.shape} was given, but the shape here is {target.shape}")
    np.copyto(target, array, casting="same_kind")
