"""The names that type hints share."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

# Not numpy.typing.NDArray: importing it would cost every user 4.5 ms.
Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]
"""Any NumPy array; the docstrings give shapes and types."""

ArrayLike: TypeAlias = "Any"
"""What `numpy.asarray` takes: an array, numbers, nested lists, a data frame."""

Seed: TypeAlias = "int | np.random.Generator | None"
"""Where randomness comes from: a seed, a generator to go on with, or None for fresh entropy."""

Batch: TypeAlias = "Any"
"""An array, or a tuple of arrays with the same first axis. Hints that say Array are of what takes or returns one."""

Shape: TypeAlias = tuple[Any, ...]
"""The shape of one sample, without the batch axis: integers, or a shape for each array of a tuple."""
