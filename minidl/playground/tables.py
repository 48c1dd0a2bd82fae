"""Data that people bring: points with classes, as clicked or as a table of comma-separated values."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from minidl.playground.settings import MAX_CLASSES, MissingError, SettingError

__all__ = ["Table", "check_classes", "class_names", "read_table", "table"]

MAX_SAMPLES = 1000
LARGEST = 1e100  # squares of larger numbers overflow


class Table(NamedTuple):
    """A table that has been read.

    Attributes:
        rows: the two features and the class of each sample. Classes are numbered from 0.
        names: what the table calls the classes.
    """

    rows: list[list[Any]]
    names: list[str]


@lru_cache(maxsize=1)  # whoever asks for a table asks several times
def read_table(text: str) -> Table:
    r"""Read a table of two features and a class in its last column. A first line without numbers is a header.

    Columns are separated by semicolons, tabs, commas or spaces. Text in double quotes is one cell. Numbers may have a
    decimal comma where commas do not separate them. Two to six classes of any name become 0, 1, … in their order.

    Raises:
        MissingError: an empty table.
        SettingError: another number of columns or classes, features that are not numbers, or too many lines.

    >>> read_table("width,height,kind\n1,2.5,cat\n3,4,dog")
    Table(rows=[[1.0, 2.5, 0], [3.0, 4.0, 1]], names=['cat', 'dog'])
    """
    text = text.removeprefix("\ufeff").replace("\N{MINUS SIGN}", "-")  # some programs begin a file with this mark
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not lines:
        raise MissingError("csv", "paste a table: two columns of features and a column of classes, a sample per line")
    unquoted = re.sub('"[^"]*"', "", lines[0][1])
    mark = next((mark for mark in ";\t," if mark in unquoted), " ")
    cells = [(number, _cells(line, mark)) for number, line in lines]
    if len(cells[0][1]) == 3 and not any(_is_number(cell) for cell in cells[0][1][:2]):
        cells = cells[1:]
    if not cells:
        raise SettingError("csv", "the table has a header but no samples")
    if len(cells) > MAX_SAMPLES:
        raise SettingError("csv", f"the table must have at most {MAX_SAMPLES} samples, got {len(cells)}")
    for number, row in cells:
        if len(row) != 3:
            raise SettingError("csv", f"line {number} must have three columns, x1, x2 and the class, got {len(row)}")
        for cell in row[:2]:
            if not _is_number(cell):
                raise SettingError("csv", f"line {number}: a feature must be a finite number, got {cell!r:.40}")
        if not row[2]:
            raise SettingError("csv", f"line {number}: the class is missing")
    names = sorted({row[2] for _, row in cells}, key=lambda name: (not _is_number(name), _key(name)))
    if not 2 <= len(names) <= MAX_CLASSES:
        first = f"{', '.join(names[:5])}{', …' if len(names) > 5 else ''}"
        raise SettingError("csv", f"the last column must hold 2 to {MAX_CLASSES} classes, got {len(names)}: {first}")
    found: list[list[Any]] = [[float(row[0]), float(row[1]), names.index(row[2])] for _, row in cells]
    for column, name in enumerate(("first", "second")):
        if len({row[column] for row in found}) == 1:
            raise SettingError(
                "csv", f"the {name} feature is the same in all samples, so it does not tell samples apart"
            )
    return Table(found, names)


def _cells(line: str, mark: str) -> list[str]:
    """The cells of a line."""
    line = line.expandtabs(1) if mark == " " else line
    row = next(csv.reader([line], delimiter=mark, skipinitialspace=True))
    cells = [cell.strip().strip("'") for cell in row]
    return cells if mark == "," else [cell.replace(",", ".") for cell in cells[:2]] + cells[2:]


def check_classes(points: Sequence[Sequence[float]], field: str) -> None:
    """Raise `MissingError` unless there are two points of each class up to the largest, so that one may be held out."""
    counts = [sum(point[2] == label for point in points) for label in range(_classes_in(points))]
    if min(counts) < 2:
        got = f"{', '.join(map(str, counts[:-1]))} and {counts[-1]}"
        raise MissingError(field, f"at least two points of each class are needed, got {got}")


def class_names(settings: Mapping[str, Any]) -> list[str]:
    """Return the names of the classes in the data of a network. Classes that are numbers are called class 0 and so on.

    >>> class_names({"data": "blobs", "classes": 3})
    ['class 0', 'class 1', 'class 2']
    """
    if settings["data"] == "csv":
        return [f"class {name}" if _is_number(name) else name for name in read_table(settings["csv"]).names]
    of_points = _classes_in(settings["points"]) if settings["data"] == "points" else 2
    return [f"class {label}" for label in range(settings["classes"] if settings["data"] == "blobs" else of_points)]


def table(name: str, rows: Sequence[Sequence[float]], width: int) -> str:
    """Return code that makes an array of rows, with as many on a line as fit.

    >>> print(table("data", [[0.0, 1.5, 1], [2.0, 3.0, 0]], 40))
    data = np.array([
        [0.0, 1.5, 1], [2.0, 3.0, 0],
    ])
    """
    lines = [""]
    for row in rows:
        cell = f"[{', '.join(map(repr, row))}],"
        if lines[-1] and len(lines[-1]) + 1 + len(cell) > width:
            lines.append("")
        lines[-1] += f"{' ' if lines[-1] else '    '}{cell}"
    return "\n".join([f"{name} = np.array([", *lines, "])"])


def _classes_in(points: Sequence[Sequence[float]]) -> int:
    """The number of classes, which is at least two."""
    return max([1, *(int(point[2]) for point in points)]) + 1


def _is_number(text: str) -> bool:
    try:
        return abs(float(text)) < LARGEST
    except ValueError:
        return False


def _key(name: str) -> Any:
    return float(name) if _is_number(name) else name
