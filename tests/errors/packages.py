"""Stand-ins for data of other packages, which NumPy cannot read as numbers, or only as objects."""

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


class Lazy:
    """A table of Polars that is not computed yet."""

    def collect(self) -> Array:
        return np.eye(2)


class Frame:
    """A table of pandas."""

    def __init__(self, **columns: list[Any]) -> None:
        self._data = columns

    def select_dtypes(self, kind: str) -> "Frame":
        raise NotImplementedError(kind)

    def __array__(self, *_: Any, **__: Any) -> Array:
        return np.array(list(zip(*self._data.values(), strict=True)), dtype=object)


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


Lazy.__module__ = "polars.lazyframe"
Tensor.__module__ = "torch"
Sparse.__module__ = "scipy.sparse._csr"
Frame.__module__ = Series.__module__ = "pandas"
