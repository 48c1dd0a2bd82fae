"""The flat vector that holds all parameters side by side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from minidl.arguments import copy_into, got
from minidl.errors import StateError, describe
from minidl.parameters.parameter import Memory, Parameter
from minidl.typing import Array, ArrayLike

__all__ = ["ParameterVector", "check_owners", "contiguous_runs", "share_memory"]


class ParameterVector:
    """Parameters side by side in one contiguous array, and their gradients in a second one.

    If the parameters already lie side by side in this order, nothing moves, and the vector is a slice of their memory.
    Otherwise they move into new memory, and every older vector over one of them refuses further use.

    Args:
        named: pairs (name, parameter) in reading order.

    Raises:
        StateError: a parameter that appears twice. When the vector is used later: parameters that have moved.

    >>> weight, bias = Parameter([[1.0, 2.0]]), Parameter([3.0])
    >>> vector = ParameterVector([("weight", weight), ("bias", bias)])
    >>> vector.value
    array([1., 2., 3.])
    >>> bias.value = [4.0]
    >>> vector.value
    array([1., 2., 4.])
    """

    def __init__(self, named: Iterable[tuple[str, Parameter]]) -> None:
        try:
            pairs = [(name, parameter) for name, parameter in named]
        except (TypeError, ValueError) as error:
            raise TypeError(f"named must be pairs (name, parameter), {got(named)}; see Module.parameters") from error
        self.names: tuple[str, ...] = tuple(name for name, _ in pairs)
        self.parameters: tuple[Parameter, ...] = tuple(parameter for _, parameter in pairs)
        check_owners(pairs)
        self._pack()

    def _pack(self) -> None:
        for name, parameter in self.items():
            parameter._name = name  # for messages
        runs = contiguous_runs(self.parameters)
        if len(runs) == 1 and share_memory(self.parameters):
            self._memory, self._start = runs[0][0]._memory, runs[0][0]._start
        else:
            dtypes = [parameter.dtype for parameter in self.parameters] or [np.dtype(np.float64)]
            self._memory, self._start = Memory(sum(p.size for p in self.parameters), np.result_type(*dtypes)), 0
            start = 0
            for parameter in self.parameters:
                parameter._move(self._memory, start)
                start += parameter.size
        self._stop = self._start + sum(parameter.size for parameter in self.parameters)

    @property
    def moved(self) -> bool:
        """Whether the parameters have moved to other memory since this vector was made."""
        return self._memory.moved

    def check(self) -> None:
        """Raise `StateError` if the parameters have moved to other memory."""
        if self._memory.moved:
            raise StateError(
                "the parameters have moved since this vector was made, into a larger model or to another dtype; "
                "call parameters() of the outermost model again, and make the optimizer on the result"
            )

    @property
    def value(self) -> Array:
        """All parameters, (P,); writing into it changes them."""
        self.check()
        return self._memory.value[self._start : self._stop]

    @value.setter
    def value(self, value: ArrayLike) -> None:
        copy_into(self.value, value, "value of all parameters")

    @property
    def grad(self) -> Array:
        """All gradients, (P,), in the same order."""
        self.check()
        return self._memory.grad[self._start : self._stop]

    @grad.setter
    def grad(self, grad: ArrayLike) -> None:
        copy_into(self.grad, grad, "gradient of all parameters")

    @property
    def size(self) -> int:
        """P, the number of elements."""
        return self._stop - self._start

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the two arrays: float32 or float64."""
        return self._memory.dtype

    def items(self) -> Iterator[tuple[str, Parameter]]:
        """Pairs (name, parameter) in reading order."""
        return zip(self.names, self.parameters, strict=True)

    def __iter__(self) -> Iterator[Parameter]:
        return iter(self.parameters)

    def __len__(self) -> int:
        return len(self.parameters)

    def __getitem__(self, name: str) -> Parameter:
        if name not in self.names:
            raise KeyError(f"no parameter {name!r}; the names are {', '.join(self.names) or 'none'}")
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
    """Split parameters into runs that lie side by side in one memory.

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
    """Whether all parameters lie in one memory that is still in use, perhaps with others between them."""
    memories = [parameter._memory for parameter in parameters]
    return bool(memories) and all(memory is memories[0] for memory in memories) and not memories[0].moved


def check_owners(named: Iterable[tuple[str, object]]) -> None:
    """Raise `StateError` if a Parameter or a module appears under two names."""
    owner: dict[int, str] = {}
    for name, thing in named:
        if id(thing) in owner:
            raise StateError(
                f"{describe(thing)} is in two places, {owner[id(thing)]!r} and {name!r}, where the second would "
                "overwrite the first one's gradient or cache; make one for each place, share it by Siamese or "
                "Tied, or use a property for another name"
            )
        owner[id(thing)] = name
