"""Text as ids, and windows of ids."""

from __future__ import annotations

import numpy as np

from minidl.arguments import check_type, whole_number
from minidl.data import as_ids
from minidl.errors import DataError, ShapeError
from minidl.typing import Array, ArrayLike

__all__ = ["Vocabulary", "windows"]


class Vocabulary:
    """The characters of a text, numbered from 0 in the order of their code points.

    ``Vocabulary(vocabulary.characters)`` is the same vocabulary, so it is enough to save these characters.

    Args:
        text: holds each character at least once.

    Attributes:
        characters: each character once, in order: that of id i is ``characters[i]``.

    Raises:
        TypeError: a text that is not a string.
        DataError: an empty text.

    >>> vocabulary = Vocabulary("banana")
    >>> vocabulary.encode("nab")
    array([2, 0, 1])
    >>> vocabulary.decode([2, 0, 1])
    'nab'
    """

    def __init__(self, text: str) -> None:
        check_type("text", text, str)
        if not text:
            raise DataError("a vocabulary needs a text of at least one character, got an empty one")
        self.characters = "".join(sorted(set(text)))
        self._points = _code_points(self.characters)

    def encode(self, text: str) -> Array:
        """The ids of the characters of a text, (t,).

        Raises:
            TypeError: a text that is not a string.
            DataError: a character that the vocabulary does not hold.
        """
        check_type("text", text, str)
        points = _code_points(text)
        ids = self._points.searchsorted(points)
        unknown = self._points[np.minimum(ids, len(self) - 1)] != points
        if unknown.any():
            first = int(unknown.argmax())
            raise DataError(
                f"the text holds {text[first]!r} at index {first}, which is not among the {len(self)} characters of "
                "the vocabulary; make the vocabulary from all texts together"
            )
        return ids

    def decode(self, ids: ArrayLike) -> str:
        """The text of ids (t,).

        Raises:
            DataError: ids that are not integers, or that no character has.
            ShapeError: more than one axis.
        """
        if np.shape(ids) == (0,):
            return ""
        array = as_ids(ids, "ids", len(self))
        if array.ndim != 1:
            raise ShapeError(f"decode takes ids (t,), got shape {array.shape}; call it for each row")
        return "".join([self.characters[i] for i in array.tolist()])

    def __len__(self) -> int:
        return len(self.characters)

    def __repr__(self) -> str:
        return f"Vocabulary({self.characters!r})"


def windows(ids: ArrayLike, length: int, *, stride: int = 1) -> tuple[Array, Array]:
    """All windows of a sequence as inputs, and the same windows one id later as targets.

    Both are views that cannot be written to. Overlapping windows take the memory of the sequence, and training copies
    one batch of them at a time.

    For held-out data, cut the sequence first and its parts into windows then: windows that overlap are in both
    otherwise. With ``stride=length`` they do not overlap, so that `evaluate` sees each target once.

    Shapes    ids (t,)   x and y (n, length) with n = ⌊(t − length − 1) / stride⌋ + 1

    Args:
        ids: integers from 0.
        length: ids per window.
        stride: how far each window begins after the one before it.

    Raises:
        DataError: ids that are not integers from 0, or not more than `length` of them.
        ShapeError: more than one axis.
        HyperparameterError: a length or a stride that is not a positive integer.

    >>> x, y = windows([0, 1, 2, 3, 4], 2)
    >>> x.tolist(), y.tolist()
    ([[0, 1], [1, 2], [2, 3]], [[1, 2], [2, 3], [3, 4]])
    """
    length, stride = whole_number("length", length, 1), whole_number("stride", stride, 1)
    array = as_ids(ids, "ids")
    if array.ndim != 1:
        raise ShapeError(f"windows takes one sequence of ids (t,), got shape {array.shape}")
    if len(array) <= length:
        raise DataError(f"windows of {length} ids and their targets need a sequence of {length + 1}, got {len(array)}")
    view = np.lib.stride_tricks.sliding_window_view(array, length + 1)[::stride]
    return view[:, :-1], view[:, 1:]


def _code_points(text: str) -> Array:
    # surrogatepass: half of a pair is a character of Python's strings, too.
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
