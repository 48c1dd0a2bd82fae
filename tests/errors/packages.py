"""Stand-ins for data of other packages, which NumPy cannot read as numbers, or only as objects."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from minidl.typing import Array


class Tensor:
    """A tensor of PyTorch that requires a gradient or lies on a device."""

    def __array__(self, *_: Any, **__: Any) -> Array:
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.")


class Sparse:
    """A sparse matrix of SciPy, which is an object to NumPy."""

    def toarray(self) -> Array:
        return np.eye(2)

    def __len__(self) -> int:
        raise TypeError("sparse array length is ambiguous; use getnnz()")

    def __iter__(self) -> Iterator["Sparse"]:
        return iter([Sparse(), Sparse()])


class Lazy:
    """A table of Polars that is not computed yet."""

    def collect(self) -> Array:
        return np.eye(2)


class Frame:
    """A table of pandas."""

    def __init__(self, **columns: list[Any]) -> None:
        self._data = columns
        self.dtypes = [np.dtype(object)] * len(columns)

    def select_dtypes(self, kind: str) -> "Frame":
        raise NotImplementedError(kind)

    def __array__(self, *_: Any, **__: Any) -> Array:
        return np.array(list(zip(*self._data.values(), strict=True)), dtype=object)


class NAType:
    """The type of ``pandas.NA``."""


class Gaps(Frame):
    """A table of pandas with missing values, which are ``pandas.NA`` in columns of nullable types."""

    def fillna(self, value: float) -> Array:
        gaps = np.frompyfunc(lambda item: item is NA or item is None, 1, 1)(np.asarray(self))
        return np.where(gaps, value, np.asarray(self))


class Kind:
    """The type of a column of Polars."""

    def __init__(self, name: str) -> None:
        self.name = name

    def is_temporal(self) -> bool:
        return self.name.startswith("Date")

    def __str__(self) -> str:
        return self.name


class Polar:
    """A table of Polars, which turns dates and times into floats if other columns are numbers."""

    def __init__(self, *kinds: str) -> None:
        self.columns = list(kinds)
        self.dtypes = [Kind(kind) for kind in kinds]

    def with_columns(self) -> "Polar":
        raise NotImplementedError

    def __array__(self, *_: Any, **__: Any) -> Array:
        return np.full((2, len(self.columns)), "u" if "String" in self.columns else 1.0)


class Series:
    """A column of pandas, which cannot be indexed by [:, None]."""

    def __init__(self, *values: Any) -> None:
        self._values = values

    def __array__(self, *_: Any, **__: Any) -> Array:
        return np.array(self._values)


class Column(list[Any]):
    """A column of pandas that holds lists or arrays."""

    def __array__(self, *_: Any, **__: Any) -> Array:
        array = np.empty(len(self), object)
        array[:] = list(self)
        return array


NA = NAType()

Polar.__module__ = "polars.dataframe.frame"
Lazy.__module__ = "polars.lazyframe"
Tensor.__module__ = "torch"
Sparse.__module__ = "scipy.sparse._csr"
Frame.__module__ = Series.__module__ = "pandas"
