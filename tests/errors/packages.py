"""Stand-ins for data of other packages, which NumPy cannot read as numbers, or only as objects."""

from typing import Any

import numpy as np

from minidl.typing import Array


class Tensor:
    """A tensor of PyTorch that requires a gradient or lies on a device."""

    layout, dtype = "torch.strided", "torch.float32"

    def __array__(self, *_: Any, **__: Any) -> Array:
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.")


class Half(Tensor):
    """A tensor of a type that NumPy lacks."""

    dtype = "torch.bfloat16"


class Sparse:
    """A sparse matrix of SciPy, which is an object to NumPy."""

    def toarray(self) -> Array:
        return np.eye(2)

    todense = toarray


class Frame:
    """A table of pandas."""

    def __init__(self, **columns: list[Any]) -> None:
        self.columns, self.dtypes, self._data = list(columns), None, columns

    def __getitem__(self, name: str) -> list[Any]:
        return self._data[name]

    def __array__(self, *_: Any, **__: Any) -> Array:
        return np.array(list(zip(*self._data.values(), strict=True)), dtype=object)


class Series:
    """A column of pandas, which cannot be indexed by [:, None]."""

    def __init__(self, *values: Any) -> None:
        self._values = values

    def __array__(self, *_: Any, **__: Any) -> Array:
        return np.array(self._values)


Tensor.__module__ = Half.__module__ = "torch"
Sparse.__module__ = "scipy.sparse._csr"
Frame.__module__ = Series.__module__ = "pandas"
