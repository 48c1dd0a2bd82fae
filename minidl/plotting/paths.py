"""Paths in a plane, clipped to a box."""

from __future__ import annotations

import numpy as np

from minidl.typing import Array

__all__ = ["clip_path", "inside", "thin_out"]


def inside(points: Array, low: Array, high: Array) -> Array:
    """Whether each of the points (n, 2) lies in the box, (n,)."""
    return np.asarray(((points >= low) & (points <= high)).all(axis=-1))


def clip_path(path: Array, low: Array, high: Array) -> list[Array]:
    """The pieces of a path that lie in a box, each (m, 2) with m ≥ 2. They end on the border where the path leaves it.

    The four sides clip each segment (Liang and Barsky 1984). A step across the whole box keeps the part inside.

    Args:
        path: (n, 2), finite.
        low: the corner of the box with the smallest coordinates, (2,).
        high: the opposite corner, (2,).

    >>> clip_path(np.array([[0.0, 0.0], [4.0, 2.0]]), np.array([-1.0, -1.0]), np.array([1.0, 1.0]))
    [array([[0. , 0. ],
           [1. , 0.5]])]
    """
    start, step = path[:-1], np.diff(path, axis=0)
    with np.errstate(all="ignore"):
        to_low, to_high = (low - start) / step, (high - start) / step
    parallel = step == 0
    between = (start >= low) & (start <= high)
    enter = np.where(parallel, np.where(between, 0.0, 1.0), np.minimum(to_low, to_high)).max(axis=1, initial=0.0)
    leave = np.where(parallel, np.where(between, 1.0, 0.0), np.maximum(to_low, to_high)).min(axis=1, initial=1.0)
    kept = np.flatnonzero(enter < leave)
    enter, leave = enter[kept, None], leave[kept, None]
    first = np.clip(start[kept] + enter * step[kept], low, high)
    last = np.clip(start[kept] + leave * step[kept], low, high)
    continues = (np.diff(kept) == 1) & (leave[:-1, 0] == 1.0) & (enter[1:, 0] == 0.0)
    groups = np.split(np.arange(len(kept)), 1 + np.flatnonzero(~continues))
    return [np.vstack([first[group[:1]], last[group]]) for group in groups if len(group)]


def thin_out(path: Array, low: Array, high: Array, steps: int = 1000) -> Array:
    """The path without points that lie in the same cell as the point before them. Both ends stay.

    A cell is 1/`steps` of the box. Thousands of steps close to a minimum would only make the file large.
    """
    cells = np.round((path - low) / (high - low) * steps)
    moved = np.any(cells[1:] != cells[:-1], axis=1)
    moved[-1:] = True
    return np.asarray(path[np.concatenate([[True], moved])])
