"""Paths clipped to a box."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import SGD, Rosenbrock, minimize
from minidl.plotting.paths import clip_path, inside, thin_out
from minidl.typing import Array

LOW, HIGH = np.array([-1.0, -2.0]), np.array([3.0, 2.0])


def random_path(seed: int, steps: int) -> Array:
    return np.random.default_rng(seed).normal(scale=3.0, size=(steps + 1, 2))


def along(path: Array, samples: int = 200) -> Array:
    """Points on the path, close together."""
    share = np.linspace(0, 1, samples)[:, None, None]
    points: Array = ((1 - share) * path[:-1] + share * path[1:]).reshape(-1, 2)
    return points


def distances(points: Array, segments: list[Array]) -> Array:
    """The distance of each point from the nearest segment."""
    found = np.full(len(points), np.inf)
    for piece in segments:
        for start, end in pairwise(piece):
            step = end - start
            share = np.clip((points - start) @ step / max(step @ step, 1e-300), 0, 1)
            found = np.minimum(found, np.linalg.norm(start + share[:, None] * step - points, axis=1))
    return found


@given(seed=st.integers(0, 2**32 - 1), steps=st.integers(1, 12))
def test_the_pieces_are_what_lies_in_the_box(seed: int, steps: int) -> None:
    path = random_path(seed, steps)
    pieces = clip_path(path, LOW, HIGH)
    for piece in pieces:
        assert len(piece) >= 2
        assert inside(piece, LOW, HIGH).all()
        assert distances(along(piece, 20), [path]).max() < 1e-9
    points = along(path)
    points = points[inside(points, LOW, HIGH)]
    if len(points):
        assert distances(points, pieces).max() < 1e-9


def test_a_path_that_stays_inside_is_one_piece() -> None:
    path = np.array([[0.0, 0.0], [1.0, 1.0], [1.0, 1.0], [2.0, -1.0]])
    (piece,) = clip_path(path, LOW, HIGH)
    np.testing.assert_array_equal(piece, path)


def test_a_path_that_returns_is_two_pieces() -> None:
    pieces = clip_path(np.array([[0.0, 0.0], [5.0, 0.0], [5.0, 1.0], [0.0, 1.0]]), LOW, HIGH)
    assert [piece.tolist() for piece in pieces] == [[[0, 0], [3, 0]], [[3, 1], [0, 1]]]


BY_HAND: list[tuple[list[tuple[float, float]], list[list[list[float]]]]] = [
    # steps of exactly 1, and along a side of the box
    ([(2.5, 0), (3.5, 0)], [[[2.5, 0], [3, 0]]]),
    ([(3, 0), (3, 1)], [[[3, 0], [3, 1]]]),
    ([(-1, 0), (-1, 9)], [[[-1, 0], [-1, 2]]]),
    ([(0, 2), (1, 2)], [[[0, 2], [1, 2]]]),
    ([(-3, -2), (2, -2)], [[[-1, -2], [2, -2]]]),
    # leaves, returns, and continues inside
    ([(0, 0), (5, 0), (5, 1), (0, 1), (1, 1)], [[[0, 0], [3, 0]], [[3, 1], [0, 1], [1, 1]]]),
    # leaves and returns through points on the side
    ([(0, 0), (3, 0), (5, 0), (3, 1), (0, 1)], [[[0, 0], [3, 0]], [[3, 1], [0, 1]]]),
    # touching the side from inside
    ([(0, 0), (3, 0), (0, 1)], [[[0, 0], [3, 0], [0, 1]]]),
]


@pytest.mark.parametrize(("path", "pieces"), BY_HAND)
@pytest.mark.parametrize("back", [False, True])
def test_pieces_by_hand(path: list[tuple[float, float]], pieces: list[list[list[float]]], back: bool) -> None:
    found = [piece.tolist() for piece in clip_path(np.array(path[::-1] if back else path, dtype=float), LOW, HIGH)]
    assert found == ([piece[::-1] for piece in pieces[::-1]] if back else pieces)


def test_a_step_across_the_whole_box_keeps_the_part_inside() -> None:
    (piece,) = clip_path(np.array([[-1e7, 0.0], [1e7, 0.0]]), LOW, HIGH)
    np.testing.assert_allclose(piece, [[-1, 0], [3, 0]], atol=1e-8)


@pytest.mark.parametrize(
    "path",
    [
        [(9, 9), (9, -9)],
        [(-9, 1), (-9, -1)],
        [(1, 9), (-1, 9)],
        [(1, -9), (-1, -9)],
        [(9, 9), (9, 9)],
        [(0, 0)],
        [(-2, -1), (0, -3)],  # touching a corner
        [(5, 0), (3, 0), (5, 1)],  # touching a side
    ],
)
def test_nothing_of_a_path_outside_or_of_one_point(path: list[tuple[float, float]]) -> None:
    assert clip_path(np.array(path, dtype=float), LOW, HIGH) == []


def test_enormous_steps_end_at_the_border() -> None:
    (piece,) = clip_path(np.array([[0.0, 0.0], [1e300, 1e300]]), LOW, HIGH)
    np.testing.assert_allclose(piece, [[0, 0], [2, 2]])


def test_points_that_do_not_move_are_thinned_out_but_both_ends_stay() -> None:
    path = np.concatenate([np.linspace([0, 0], [2, 1], 50), np.full((9000, 2), [2.0, 1.0]), [[2.0, 1.000001]]])
    thin = thin_out(path, LOW, HIGH)
    assert len(thin) <= 51
    assert distances(path, [thin]).max() < 4 / 1000
    np.testing.assert_array_equal(thin[[0, -1]], path[[0, -1]])
    np.testing.assert_array_equal(thin_out(path[60:], LOW, HIGH), path[[60, -1]])


def quarter_circle() -> Array:
    angle = np.linspace(0.0, np.pi / 2, 3000)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def zigzag() -> Array:
    x = np.linspace(0.0, 1.0, 6000)
    return np.stack([x, np.abs(4.0 * x % 2.0 - 1.0)], axis=1)


def stairs() -> Array:
    """A path whose steps are all parallel to an axis."""
    time = np.linspace(0.0, 6.0, 3001)
    return np.stack(
        [np.interp(time, range(7), corners) for corners in ([0, 1, 1, 2, 2, 3, 3], [0, 0, 1, 1, 2, 2, 3])], 1
    )


def down_rosenbrock() -> Array:
    valley = Rosenbrock([-1.2, 1.0])
    path = minimize(valley, SGD(valley.parameters(), lr=1e-3), steps=6000).path
    assert path is not None
    return path


@pytest.mark.parametrize("draw", [quarter_circle, zigzag, stairs, down_rosenbrock])
def test_a_thinned_path_looks_the_same(draw: Callable[[], Array]) -> None:
    path = draw() * [1.0, -7.0] + [20.0, 3.0]  # far from 0 and not square
    margin = 0.5 * np.ptp(path, axis=0)
    low, high = path.min(axis=0) - margin, path.max(axis=0) + margin
    thin = thin_out(path, low, high)
    assert len(thin) < len(path) / 2
    assert distances((path - low) / (high - low), [(thin - low) / (high - low)]).max() < 2 / 1000
    np.testing.assert_array_equal(thin[[0, -1]], path[[0, -1]])


def test_the_first_point_in_each_cell_of_a_grid_stays() -> None:
    low, high = np.array([100.3, -7.1]), np.array([110.3, 12.9])
    points = [(0, 0), (0.4, 0.9), (0.6, 0.9), (0.6, 1.1), (1.4, 2.9), (1.4, 3.1), (0.4, 3.1), (0.4, 3.2), (0.4, 3.3)]
    thin = thin_out(low + points, low, high, steps=10)
    assert np.round(thin - low, 9).tolist() == [list(points[index]) for index in (0, 2, 3, 5, 6, 8)]
    for side in ([10.0, 0.0], [0.0, 20.0]):
        line = low + np.linspace([0.0, 0.0], side, 20_001)
        assert len(thin_out(line, low, high)) == 1002  # one for each of 0 … 1000, and the end
