"""Lines in a plane where a function changes its sign."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from contourpy import LineType, contour_generator

from minidl.typing import Array

__all__ = ["crossings"]

HALVINGS = 10  # a cell of the grid is then cut into a thousand parts, far less than a pixel


def crossings(positive: Callable[[Array], Array], xs: Array, ys: Array, on_grid: Array) -> list[Array]:
    """The lines that separate the points where a function is positive from all others, each (m, 2).

    Each line has a vertex on every edge of the grid that it crosses, found by bisection. A line that is interpolated
    between grid points would zigzag along a kink or a step of the function.

    Args:
        positive: takes points (m, 2), and returns whether the function is positive at each of them, (m,).
        xs: the coordinates of the columns of the grid, ascending.
        ys: those of its rows.
        on_grid: whether the function is positive at each point of the grid, (rows, columns).

    >>> xs = ys = np.linspace(-1.0, 1.0, 4)
    >>> (line,) = crossings(lambda points: points[:, 0] > 0.2, xs, ys, np.tile(xs > 0.2, (4, 1)))
    >>> line[:, 0].round(3).tolist()
    [0.2, 0.2, 0.2, 0.2]
    """
    # At +1 and −1, each line crosses edges halfway. Counted in cells, that tells on which edge a vertex lies.
    generator = contour_generator(z=np.where(on_grid, 1.0, -1.0), line_type=LineType.Separate)
    lines = [np.asarray(line) for line in generator.lines(0.0)]
    if not lines:
        return []
    halfway = np.concatenate(lines)
    first, last = np.floor(halfway).astype(int), np.ceil(halfway).astype(int)
    corner = np.stack([xs[first[:, 0]], ys[first[:, 1]]], axis=1)
    edge = np.stack([xs[last[:, 0]], ys[last[:, 1]]], axis=1) - corner
    begins = on_grid[first[:, 1], first[:, 0]]
    low, high = np.zeros((len(corner), 1)), np.ones((len(corner), 1))
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        same = (positive(corner + middle * edge) == begins)[:, None]
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    found = corner + (low + high) / 2 * edge
    return np.split(found, np.cumsum([len(line) for line in lines])[:-1])
