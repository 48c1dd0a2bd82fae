"""Arrays that count what NumPy is asked to do with them, so that a slow habit fails on any machine, however busy."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import numpy as np

__all__ = ["SLOW", "Spy", "allocated", "counted", "forget", "new_ones_too", "spied"]

counted: Counter[str] = Counter()
"""How often each function was called."""

allocated: Counter[str] = Counter()
"""How many bytes the results of each function took that were not written into an array that was there."""

SLOW = {"where", "boolean index", "putmask", "copy"}
"""What takes a multiple of the time of multiplying by a mask, and copies of what nobody changes."""


class Spy(np.ndarray[Any, np.dtype[Any]]):
    """An array that counts what NumPy is asked to do with it, and makes every result count, too."""

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: Any = (), **options: Any) -> Any:
        name = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
        counted[name] += 1
        if out:
            options["out"] = tuple(plain(array) for array in out)
        result = getattr(ufunc, method)(*(plain(array) for array in inputs), **options)
        return spied(out[0]) if out else made(name, result)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        name = count(function.__name__, *args)
        result = function(*(plain(a) for a in args), **{name: plain(a) for name, a in kwargs.items()})
        return kwargs["out"] if "out" in kwargs else made(name, result)

    def __getitem__(self, key: Any) -> Any:
        return made(count_index(key), plain(self)[key])

    def __setitem__(self, key: Any, value: Any) -> None:
        count_index(key)
        plain(self)[key] = plain(value)

    def dot(self, other: Any, out: Any = None) -> Any:
        name = count("dot", self, other)
        result = plain(self).dot(plain(other), out=plain(out))
        return made(name, result) if out is None else out

    def astype(self, *args: Any, **options: Any) -> Any:
        return made(count("astype"), plain(self).astype(*args, **options))

    def copy(self, *args: Any, **options: Any) -> Any:
        return made(count("copy"), plain(self).copy(*args, **options))


def count(name: str, *args: Any) -> str:
    matrices = name in ("dot", "matmul") and all(getattr(array, "ndim", 0) == 2 for array in args[:2])
    name = f"{name} of matrices" if matrices else name
    counted[name] += 1
    return name


def count_index(key: Any) -> str:
    """Count an index by an array, one by booleans apart; slices and whole numbers only give a view."""
    arrays = [part for part in (key if isinstance(key, tuple) else (key,)) if isinstance(part, np.ndarray)]
    if not arrays:
        return "slice"
    return count("boolean index" if any(array.dtype == bool for array in arrays) else "index")


def made(name: str, result: Any) -> Any:
    """A result, as a spy, and its bytes counted unless it is a view."""
    if isinstance(result, np.ndarray) and result.base is None:
        allocated[name] += result.nbytes
    return spied(result)


def spied(thing: Any) -> Any:
    return thing.view(Spy) if isinstance(thing, np.ndarray) else thing


def plain(thing: Any) -> Any:
    if type(thing) in (list, tuple):  # the arrays that np.concatenate takes
        return type(thing)(map(plain, thing))
    return thing.view(np.ndarray) if isinstance(thing, Spy) else thing


@contextmanager
def new_ones_too() -> Iterator[None]:
    """Have arrays from ``np.zeros`` and ``np.empty``, which see no other array, count as well inside this block."""

    def counting(make: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *args, **options: made(count(make.__name__), make(*args, **options))

    with mock.patch.multiple(np, zeros=counting(np.zeros), empty=counting(np.empty)):
        yield


def forget() -> None:
    """Start again from nothing."""
    counted.clear()
    allocated.clear()
