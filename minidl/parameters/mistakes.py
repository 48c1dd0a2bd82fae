"""What a Parameter says when it is used as if it were an array, and about a gradient of another shape."""

from __future__ import annotations

from typing import Any

from minidl.typing import Shape

__all__ = ["NotAnArray", "sum_over"]

BINARY = "add sub mul matmul truediv floordiv mod divmod pow lshift rshift and or xor"
OTHERS = (
    "neg pos abs invert lt le gt ge float int complex index round trunc floor ceil len iter getitem setitem contains "
    "array array_ufunc array_function"
)


class NotAnArray:
    """The base of an object that holds an array as its ``value``.

    Operators and the functions of NumPy raise an error that says to use ``value``.
    Equality and truth are those of any object.
    """

    _name = ""
    """The path of the object in its model, if it is known."""

    def __bool__(self) -> bool:
        return True  # otherwise Python would ask for the length


def _as_code(thing: NotAnArray) -> str:
    """How a layer that holds the object writes it, as in "self.weight" or "self.heads[0]".

    >>> thing = NotAnArray()
    >>> thing._name = "layers.0.heads.1"
    >>> _as_code(thing)
    'self.heads[1]'
    """
    *_, holder, last = ["", "", *thing._name.split(".")]
    if last.isidentifier():
        return f"self.{last}"
    return f"self.{holder}[{last}]" if holder.isidentifier() else "parameter"


def _refuse(self: NotAnArray, *_args: Any, **_options: Any) -> Any:
    raise TypeError(f"a {type(self).__name__} is not an array but holds one: use {_as_code(self)}.value")


for _operation in (*BINARY.split(), *(f"r{name}" for name in BINARY.split()), *OTHERS.split()):
    setattr(NotAnArray, f"__{_operation}__", _refuse)


def sum_over(given: Shape, shape: Shape) -> str:
    """Say which axes of a gradient are too many, if that is all that is wrong with its shape. Otherwise return "".

    >>> sum_over((5, 3), (3,)), sum_over((5, 7, 3), (3,)), sum_over((2, 3), (3, 2))
    ('; sum over the samples, axis 0', '; sum over all samples, axes 0 and 1', '')
    """
    extra = len(given) - len(shape)
    if extra < 1 or given[extra:] != shape:
        return ""
    if extra == 1:
        return "; sum over the samples, axis 0"
    return f"; sum over all samples, axes {', '.join(map(str, range(extra - 1)))} and {extra - 1}"
