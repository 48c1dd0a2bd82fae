"""What to do about data that is not an array of numbers."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence, Sized
from contextlib import suppress
from typing import Any

import numpy as np

from minidl.errors import ShapeError
from minidl.typing import Array

__all__ = ["add_conversion", "add_tuple", "array_code", "encode_text", "hidden_times", "make_boolean", "what_to_do"]

JOIN = "a model takes one array, so join several inputs"
SAME = "all samples must have the same shape, so cut or pad"


def what_to_do(value: Any, name: str, array: Array | None = None) -> str:
    """Say how to turn a value into an array of real numbers. Packages are recognised by name, not imported.

    Args:
        value: what was passed.
        name: what a message calls it. Its last word is taken as the name of the variable.
        array: what NumPy made of the value, None if it raised an error.

    >>> what_to_do({"a": [1.0]}, "x")
    'a model takes one array, so join several inputs, e.g. np.column_stack(list(x.values()))'
    >>> what_to_do(map(float, "12"), "validation x")
    'convert it first: list(x)'
    """
    x = name.rpartition(" ")[2]
    if _like_batches(value):
        return "batches are passed to fit, evaluate or adapt, alone and without y; here, pass an array"
    if code := _readable(value, x):
        return f"{JOIN}, e.g. np.column_stack({code})" if isinstance(value, Mapping) else f"convert it first: {code}"
    if isinstance(value, list | tuple) and value and (code := _readable(value[0], "each")):
        return f"convert its elements first: [{code} for each in {x}]"
    if isinstance(value, list | tuple) and array is None:
        lengths = {len(item) if isinstance(item, np.ndarray) and item.ndim else None for item in value}
        alike = len(lengths) == 1 and None not in lengths and not all(np.ndim(item) > 2 for item in value)
        return f"{SAME}; {_several(value, x)}" if alike else SAME
    if isinstance(value, str | bytes):
        return "a text is not data; if it is the name of a file, read the file first"
    if array is None or not (array.ndim or isinstance(value, np.ndarray | np.generic)):
        return "pass an array or a list of numbers"
    columns = _columns(value, x)
    return columns if hidden_times(value) else _of_array(array, x, columns)


def encode_text(value: Any, name: str) -> str:
    """Say how to turn text into ids. Return "" for any other value. The arguments are those of `what_to_do`.

    >>> encode_text("to be", "prompt")
    'turn it into ids first: vocabulary.encode(prompt), where vocabulary = Vocabulary(…) holds all characters'
    """
    x = name.rpartition(" ")[2]
    if isinstance(value, str):
        return f"turn it into ids first: vocabulary.encode({x}), where vocabulary = Vocabulary(…) holds all characters"
    with suppress(ValueError):  # entries that NumPy cannot stack
        texts = np.asarray(value)
        if texts.dtype.kind in "OU" and all(isinstance(text, str) for text in texts.flat):
            words = f"for one id per entry, such as a word, pass np.unique({x}, return_inverse=True)[1]"
            characters = f"np.stack([vocabulary.encode(text) for text in {x}]), where vocabulary = Vocabulary(…)"
            return words if texts.ndim > 1 else f"{words}; for ids of characters, pass {characters}"
    return ""


def make_boolean(mask: Array, x: Array) -> str:
    """Say how to make a mask of an array that is not Boolean.

    >>> make_boolean(np.array([[1, 0]]), np.zeros((1, 2, 3)))
    'convert it: np.asarray(mask, dtype=bool)'
    >>> make_boolean(np.array([2]), np.zeros((1, 2, 3)))
    'if these are lengths, make it np.arange(x.shape[1]) < np.reshape(mask, (-1, 1))'
    """
    if mask.shape == x.shape[:1]:
        return "if these are lengths, make it np.arange(x.shape[1]) < np.reshape(mask, (-1, 1))"
    return "convert it: np.asarray(mask, dtype=bool)" if np.isin(mask, (0, 1)).all() else "compare, as in x != 0"


def _several(arrays: Any, x: str) -> str:
    """What to do with several arrays that were passed as one. The shapes of all but the first axis may differ.

    >>> _several([np.zeros((5, 3)), np.ones((5, 3), bool)], "x")
    'x and its mask are a tuple: (x[0], x[1])'
    >>> _several((np.zeros((5, 1)), np.zeros((5, 2))), "y")
    'a loss takes one array of targets, so join several, e.g. np.column_stack(y)'
    """
    flat = all(np.ndim(array) <= 2 for array in arrays)
    joined = f"np.column_stack({x})" if flat else f"np.concatenate({x}, axis=-1)"
    if x == "y":
        return f"a loss takes one array of targets, so join several, e.g. {joined}"
    parts = ", ".join(f"{x}[{index}]" for index in range(len(arrays))) if len(arrays) < 4 else f"*{x}"
    if len(arrays) == 2 and np.asarray(arrays[1]).dtype == np.bool_ and np.ndim(arrays[1]) == 2:
        return f"{x} and its mask are a tuple: ({parts})"
    if isinstance(arrays, tuple):
        return f"{JOIN}, e.g. {joined}"
    return f"several inputs, or x and its mask, are a tuple: ({parts}); for a model of one input, join them: {joined}"


def array_code(value: Any, x: str) -> str:
    """Code that turns a value into an array.

    >>> array_code([1.0], "x")
    'np.asarray(x)'
    """
    code = _readable(value, x)
    return code if code.startswith(f"{x}.") else f"np.asarray({code or x})"


def _like_batches(value: Any) -> bool:
    """Whether a value has a length and can be looped over, but neither searched nor indexed."""
    known = isinstance(value, Container) or hasattr(value, "__getitem__") or hasattr(value, "toarray")
    return isinstance(value, Sized) and isinstance(value, Iterable) and not known


def _readable(value: Any, x: str) -> str:
    """Code that turns a value that NumPy takes for a single object into an array or a list, "" for other values."""
    if type(value).__module__.partition(".")[0] == "torch":
        return f"{x}.detach().cpu().to_dense().double().numpy()"  # it may be sparse, or of a type that NumPy lacks
    if hasattr(value, "toarray"):  # a sparse matrix of SciPy
        return f"{x}.toarray()"
    if isinstance(value, Mapping):
        return f"list({x}.values())"
    if hasattr(value, "collect"):  # a lazy table of Polars
        return f"{x}.collect()"
    single = isinstance(value, Sequence) or hasattr(value, "__array__") or not isinstance(value, Iterable)
    return "" if single else f"list({x})"


def hidden_times(value: Any) -> str:
    """The type of the first column of dates or times in a table of Polars, which would make numbers of them, or ""."""
    if type(value).__module__.partition(".")[0] != "polars" or hasattr(value, "collect"):
        return ""  # a lazy table would have to be computed first
    kinds = (str(kind).partition("(")[0] for kind in getattr(value, "dtypes", ()) if kind.is_temporal())
    return next((f"a column of {kind}" for kind in kinds), "")


def _columns(value: Any, x: str) -> str:
    """How to choose or encode the columns of a table of pandas or Polars. It is "" for all other values."""
    if hasattr(value, "select_dtypes"):
        return f'choose numeric columns with {x}.select_dtypes("number"), or encode text with pandas.get_dummies({x})'
    if hasattr(value, "with_columns"):
        choose = f"choose numeric columns with {x}.select(polars.selectors.numeric())"
        if hidden_times(value):
            return f"{choose}, or number times with {x}.with_columns(polars.selectors.temporal().to_physical())"
        return f"{choose}, or encode text with {x}.to_dummies(~polars.selectors.numeric())"
    return ""


def _of_array(array: Array, x: str, columns: str) -> str:
    kind, flat = array.dtype.kind, array.ravel().tolist()
    if kind in "Mm" or (kind == "O" and all(hasattr(item, "isoformat") for item in flat)):
        unit = f'"{"timedelta" if kind == "m" else "datetime"}64[s]"'
        return f"convert it first, e.g. to seconds: np.asarray({x}, {unit}).astype(float)"
    if kind == "c":
        return f"split it into real numbers: np.stack([np.real({x}), np.imag({x})], axis=-1)"
    with suppress(OverflowError, TypeError, ValueError):
        if kind == "O" and np.stack(flat).ndim > 1:  # a column of arrays or lists
            return f"convert it first: np.stack({x})"
        if None not in flat and array.astype(np.float64) is not None:
            return f"convert it first: np.asarray({x}, dtype=float)"
    with suppress(TypeError, ValueError):
        known = [item for item in flat if type(item).__name__ != "NAType"]  # pandas.NA
        if len(known) < len(flat) and np.asarray(known, np.float64) is not None:
            return f"fill missing values first, e.g. np.asarray({x}.fillna(0), dtype=float)"
    if columns:
        return columns
    if all(isinstance(item, str) for item in flat):
        if array.ndim == 1:
            return f"number the classes first: np.unique({x}, return_inverse=True)[1]"
        return "encode text as numbers first, e.g. with a column of 0 and 1 for each value"
    return "fill, drop or encode what is not a number"


def add_conversion(error: ShapeError, value: Any, name: str, *, code: bool = True) -> None:
    """Add a note to an error whose advice works for arrays only.

    Args:
        error: what was raised.
        value: what was passed, perhaps a list, a tuple or a table.
        name: what messages call it.
        code: whether the message indexes the value, as in y[:, None], which a list does not support.
    """
    x = name.rpartition(" ")[2]
    least = 1 if isinstance(value, tuple) else 2  # a list of lists is a list of samples
    with suppress(ValueError):  # entries that NumPy cannot stack: nothing is known of their shapes
        if isinstance(value, list | tuple) and len(value) > 1 and all(np.ndim(item) >= least for item in value):
            what = f"{type(value).__name__} of {len(value)} arrays"
            error.add_note(f"{name} is a {what}, each of which is one sample; {_several(value, x)}")
        elif code and not isinstance(value, np.ndarray) and np.shape(value)[1:] in ((), (1,)):
            what = type(value).__name__
            error.add_note(f"{name} is of type {what}: make it an array first, {x} = np.asarray({x})")


def add_tuple(error: ShapeError, value: Any, name: str, count: tuple[int, ...]) -> None:
    """Add a note to an error if a list looks like several inputs.

    Args:
        error: what was raised.
        value: what was passed as x.
        name: what messages call it.
        count: the number of targets, as a shape.
    """
    alike = isinstance(value, list) and value and count and all(np.shape(item)[:1] == count for item in value)
    if alike and len(value) != count[0]:
        advice = _several(value, name.rpartition(" ")[2])
        error.add_note(f"{name} is a list of {len(value)} arrays, each of which is one sample; {advice}")
