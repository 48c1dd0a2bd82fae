"""Tables in Markdown that also read well on a screen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import isnan

__all__ = ["share", "table", "time"]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose columns are aligned: the first one to the left, the others to the right."""
    cells = [list(head), *(list(row) for row in rows)]
    widths = [max(3, *(len(row[i]) for row in cells)) for i in range(len(head))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    lines = [
        [cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in [cells[0], rule, *cells[1:]]
    ]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def time(seconds: float) -> str:
    """Seconds in a readable unit."""
    if seconds < 1e-3:
        return f"{seconds * 1e6:.1f} µs"
    return f"{seconds * 1e3:.2f} ms" if seconds < 0.1 else f"{seconds * 1e3:.0f} ms"


def share(value: float) -> str:
    """A share in percent."""
    return "–" if isnan(value) else f"{value:.0%}"
