"""A model as a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from minidl.batch import several
from minidl.errors import ShapeError
from minidl.notebook import table
from minidl.parameters import Parameter
from minidl.typing import Shape

__all__ = ["Row", "Summary", "aligned", "checked_shape", "format_bytes", "row"]


class Row(NamedTuple):
    """One layer of a summary.

    Attributes:
        path: where it is, such as "2" or "1.0".
        layer: how it is written.
        shape: shape of one output without the batch axis, None if not known.
        parameters: how many numbers it learns.
        memory: bytes of these and of their gradients.
        frozen: how many of these numbers are frozen.
        trainable: whether the layer itself is not frozen.
        silent: the class of a layer that does not define `output_shape`, "" otherwise.
    """

    path: str
    layer: str
    shape: Shape | None
    parameters: int
    memory: int
    frozen: int = 0
    trainable: bool = True
    silent: str = ""


def row(
    path: str, layer: Any, shape: Shape | None, parameters: Iterable[tuple[str, Parameter]], *, silent: bool = False
) -> Row:
    """The row of a layer, or of a parameter beside the layers, with the named parameters that are in it.

    `silent` is whether the layer does not define `output_shape`.
    """
    own = [parameter for _, parameter in parameters]
    memory = sum(parameter.value.nbytes + parameter.grad.nbytes for parameter in own)
    count, frozen = (sum(p.size for p in own if p.trainable in kinds) for kinds in ((True, False), (False,)))
    return Row(path, repr(layer), shape, count, memory, frozen, layer.trainable, type(layer).__name__ * silent)


def checked_shape(shape: Any) -> Shape:
    """Return what a user has passed as the shape of one sample: sizes, or a shape or None for each of several arrays.

    Raises:
        ShapeError: anything else.

    >>> checked_shape(((2,), None))
    ((2,), None)
    """
    if isinstance(shape, tuple):
        if shape[:1] == (None,) and any(isinstance(size, int | np.integer) for size in shape):
            raise ShapeError(f"a shape must be that of one sample, got {shape}; leave out the batch axis: x.shape[1:]")
        if all(isinstance(size, int | np.integer) and size > 0 for size in shape):
            return shape
        if several(shape) and all(part is None or checked_shape(part) == part for part in shape):
            return shape
    raise ShapeError(
        "a shape must be that of one sample, such as (28, 28, 1), or a tuple of shapes for several inputs, got "
        f"{shape!r:.80}"
    )


class Summary(NamedTuple):
    """The layers of a model. It prints as a table, also at the end of a notebook cell.

    >>> from minidl import Dense, ReLU, Sequential
    >>> summary = Sequential(Dense(2, 4), ReLU()).summary()
    >>> summary
    path  layer        output  parameters  memory
    ─────────────────────────────────────────────
    0     Dense(2, 4)  (n, 4)          12   192 B
    1     ReLU()       (n, 4)           0     0 B
    ─────────────────────────────────────────────
          total                        12   192 B
    """

    rows: list[Row]
    shape: Shape | None = None
    """The shape of one sample, None if it is not known."""

    @property
    def parameters(self) -> int:
        """How many numbers the model has to learn, frozen ones included."""
        return sum(row.parameters for row in self.rows)

    @property
    def trainable(self) -> int:
        """How many of them are not frozen."""
        return self.parameters - sum(row.frozen for row in self.rows)

    @property
    def memory(self) -> int:
        """Bytes of its parameters and their gradients."""
        return sum(row.memory for row in self.rows)

    def __repr__(self) -> str:
        head, *lines = aligned(self._table(), numbers=2)
        rule, last = "─" * len(head), len(self.rows)
        return "\n".join([head, rule, *lines[:last], rule, *lines[last:], *self._hint()])

    def _repr_html_(self) -> str:
        """The table, for a notebook."""
        lines = self._table()
        shown = table(lines, numbers=2, footer=len(lines) - len(self.rows) - 1)
        return "".join([shown, *(f"<div>{hint}</div>" for hint in self._hint())])

    def _table(self) -> list[tuple[str, ...]]:
        """The cells of each line, the head first."""
        lines: list[tuple[str, ...]] = [("path", "layer", "output", "parameters", "memory")]
        for row in self.rows:
            layer = row.layer + _mark(row)
            lines.append((row.path, layer, _batch(row.shape), f"{row.parameters:,}", format_bytes(row.memory)))
        lines.append(("", "total", "", f"{self.parameters:,}", format_bytes(self.memory)))
        if self.trainable < self.parameters:
            lines.append(("", "trainable", "", f"{self.trainable:,}", ""))
        return lines

    def _hint(self) -> list[str]:
        """A line or two that say how to learn the shapes that are not known, if there are any."""
        unknown = [row.silent for row in self.rows if "?" in _batch(row.shape)]
        silent = list(dict.fromkeys(filter(None, unknown)))
        hints = []
        if self.shape is None and unknown and not unknown[0]:  # what comes after a silent layer depends on that
            hints.append("? depends on the shape of a sample: call summary(x.shape[1:])")
        if silent:
            hints.append(f"? is not known: define output_shape(shape) in {' and '.join(silent)}")
        return hints


def _mark(row: Row) -> str:
    """What a table says about a layer of which something is frozen."""
    if not row.trainable or (row.frozen and row.frozen == row.parameters):
        return ", frozen"
    return ", partly frozen" if row.frozen else ""


def _batch(shape: Shape | None) -> str:
    """The shape of a batch.

    >>> _batch((2, 3)), _batch(((2,), None))
    ('(n, 2, 3)', '(n, 2) ?')
    """
    if shape is None:
        return "?"
    return " ".join(map(_batch, shape)) if several(shape) else f"({', '.join(map(str, ('n', *shape)))})"


def aligned(cells: Sequence[Sequence[str]], *, numbers: int) -> list[str]:
    """Lines of text with their cells below each other, the last `numbers` columns on the right.

    >>> aligned([("name", "size"), ("a", "1"), ("b", "10")], numbers=1)
    ['name  size', 'a        1', 'b       10']
    """
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    left = len(widths) - numbers
    lines = []
    for line in cells:
        padded = [text.ljust(width) for text, width in zip(line[:left], widths[:left], strict=True)]
        padded += [text.rjust(width) for text, width in zip(line[left:], widths[left:], strict=True)]
        lines.append("  ".join(padded).rstrip())
    return lines


def format_bytes(count: int) -> str:
    """A size as people read it.

    >>> format_bytes(136), format_bytes(2_000_000)
    ('136 B', '2.0 MB')
    """
    size, units = float(count), iter(("B", "kB", "MB", "GB"))
    unit = next(units)
    while size >= 1000 and unit != "GB":
        size, unit = size / 1000, next(units)
    return f"{count} B" if unit == "B" else f"{size:.1f} {unit}"
