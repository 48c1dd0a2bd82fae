"""What to do about data that is not an array of numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from minidl.errors import ShapeError, describe
from minidl.typing import Array

__all__ = ["add_conversion", "what_to_do"]

JOIN = "a model takes one array, so join several inputs"


def what_to_do(value: Any, name: str, array: Array | None = None) -> str:
    """Say how to turn a value into an array of real numbers. Packages are recognised by name, not imported.

    Args:
        value: what was passed.
        name: what a message calls it. Its last word is taken as the name of the variable.
        array: what NumPy made of the value, None if it raised an error.

    >>> what_to_do({"a": [1.0]}, "x")
    'a model takes one array, so join several inputs, e.g. np.column_stack(list(x.values()))'
    >>> what_to_do(map(float, "12"), "validation x")
    'it can be read only once, so make a list of it: list(x)'
    """
    x = name.rpartition(" ")[2]
    package = type(value).__module__.partition(".")[0]
    if package == "torch":
        return _of_tensor(value, x)
    if package in ("scipy", "sparse") and hasattr(value, "todense"):
        return f"convert it first: {x}.toarray()" if hasattr(value, "toarray") else f"convert it first: {x}.todense()"
    if isinstance(value, Mapping):
        return f"{JOIN}, e.g. np.column_stack(list({x}.values()))"
    if value is None:
        return "pass an array"
    if isinstance(value, str | bytes):
        return "a text is not data; if it is the name of a file, read the file first"
    if hasattr(value, "columns") and hasattr(value, "dtypes"):
        return _of_table(value, x)
    if isinstance(value, list | tuple):
        return _of_list(value, x, array)
    if array is not None and (array.ndim or isinstance(value, np.ndarray | np.generic)):
        return _of_array(array, x)
    if hasattr(value, "__next__"):
        return f"it can be read only once, so make a list of it: list({x})"
    if isinstance(value, Iterable):
        return f"make a list of it: list({x})"
    return "pass an array or a list of numbers"


def _of_tensor(tensor: Any, x: str) -> str:
    dense = ".to_dense()" if "strided" not in str(getattr(tensor, "layout", "strided")) else ""
    # NumPy has no bfloat16.
    double = ".double()" if "bfloat16" in str(getattr(tensor, "dtype", "")) else ""
    return f"convert it first: {x}.detach().cpu(){dense}{double}.numpy()"


def _of_table(table: Any, x: str) -> str:
    """Advice for a DataFrame, which becomes an array of objects if one of its columns is not numeric."""
    bad = [column for column in table.columns if _floats(np.asarray(table[column])) is None]
    if not bad:
        return f"convert it first: np.asarray({x}, dtype=float)"
    which = "column" if len(bad) == 1 else "columns"
    fix = "drop or encode them"
    if type(table).__module__.startswith("pandas"):
        fix = f'drop them with {x}.select_dtypes("number"), or encode text with pandas.get_dummies({x}, dtype=float)'
    return f"not numeric: {which} {', '.join(map(repr, bad))}; {fix}"


def _of_list(items: Any, x: str, array: Array | None) -> str:
    kinds = {type(item) for item in items}
    first = next((item for item in items if type(item).__module__ not in ("builtins", "numpy")), None)
    if type(first).__module__.startswith(("torch", "scipy")):
        *_, call = what_to_do(first, "each").split()
        return f"convert its elements first: [{call} for each in {x}]"
    if array is None:
        if kinds == {np.ndarray} and len({len(np.atleast_1d(item)) for item in items}) == 1:
            return f"{JOIN}, e.g. np.column_stack({x})"
        return "all samples must have the same shape, so cut or pad them"
    if any(issubclass(kind, Mapping) for kind in kinds):
        return f"convert its elements first: [list(each.values()) for each in {x}]"
    if all(issubclass(kind, Iterable) for kind in kinds) and not any(issubclass(kind, Sequence) for kind in kinds):
        return f"convert its elements first: [list(each) for each in {x}]"
    return _of_array(array, x)


def _of_array(array: Array, x: str) -> str:
    kind, flat = array.dtype.kind, array.ravel().tolist()
    if kind in "Mm" or (kind == "O" and all(hasattr(item, "isoformat") for item in flat)):
        unit = f'"{"timedelta" if kind == "m" else "datetime"}64[s]"'
        return f"convert it first, e.g. to seconds: np.asarray({x}, {unit}).astype(float)"
    if kind == "c":
        return f"split it into real numbers: np.stack([np.real({x}), np.imag({x})], axis=-1)"
    if kind == "V":
        return f"convert it first: np.column_stack([{x}[field] for field in {x}.dtype.names])"
    if _floats(array) is not None:
        return f"convert it first: np.asarray({x}, dtype=float)"
    if all(isinstance(item, str) for item in flat):
        if array.ndim == 1:
            return f"number the classes first: np.unique({x}, return_inverse=True)[1]"
        return "encode text as numbers first, e.g. with a column of 0 and 1 for each value"
    if len({np.shape(item) for item in flat if isinstance(item, np.ndarray)}) == 1:
        return f"make one array of it: np.stack({x})"
    bad = next((item for item in flat if _floats(np.array([item], object)) is None), None)
    return f"fill, drop or encode what is not a number, such as {describe(bad)}"


def _floats(array: Array) -> Array | None:
    """The array as floats, if all of its elements are numbers or the text of numbers."""
    if array.dtype.kind not in "biufUSTO" or any(item is None for item in array.ravel().tolist()):
        return None
    try:
        return array.astype(np.float64)
    except (OverflowError, TypeError, ValueError):
        return None


@contextmanager
def add_conversion(value: Any, name: str) -> Iterator[None]:
    """Add a note to a `ShapeError` raised inside a ``with`` block, if its advice works for arrays only.

    Args:
        value: what was passed, perhaps a list, a tuple or a table.
        name: what messages call it.
    """
    try:
        yield
    except ShapeError as error:
        x = name.rpartition(" ")[2]
        if isinstance(value, list | tuple) and len(value) > 1 and all(np.ndim(item) > 1 for item in value):
            kind = f"{type(value).__name__} of {len(value)} arrays"
            error.add_note(f"{name} is a {kind}, each of which is one sample; {JOIN}, e.g. np.column_stack({x})")
        elif not isinstance(value, np.ndarray):
            error.add_note(f"{name} is of type {type(value).__name__}: make it an array first, {x} = np.asarray({x})")
        raise
