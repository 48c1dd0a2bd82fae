"""Paths cut off at the border of a box."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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
def test_what_is_kept_is_what_is_in_the_box(seed: int, steps: int) -> None:
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


def test_a_path_that_comes_back_is_two_pieces() -> None:
    pieces = clip_path(np.array([[0.0, 0.0], [5.0, 0.0], [5.0, 1.0], [0.0, 1.0]]), LOW, HIGH)
    assert [piece.tolist() for piece in pieces] == [[[0, 0], [3, 0]], [[3, 1], [0, 1]]]


def test_a_step_over_the_whole_box_shows_inside() -> None:
    (piece,) = clip_path(np.array([[-1e7, 0.0], [1e7, 0.0]]), LOW, HIGH)
    np.testing.assert_allclose(piece, [[-1, 0], [3, 0]], atol=1e-8)


@pytest.mark.parametrize("path", [[[9.0, 9.0], [9.0, -9.0]], [[9.0, 9.0], [9.0, 9.0]], [[0.0, 0.0]]])
def test_nothing_of_a_path_outside_or_of_one_point(path: list[list[float]]) -> None:
    assert clip_path(np.array(path), LOW, HIGH) == []


def test_enormous_numbers_end_at_the_border() -> None:
    (piece,) = clip_path(np.array([[0.0, 0.0], [1e300, 1e300]]), LOW, HIGH)
    np.testing.assert_allclose(piece, [[0, 0], [2, 2]])


def test_points_that_do_not_move_are_thinned_out_but_both_ends_stay() -> None:
    path = np.concatenate([np.linspace([0, 0], [2, 1], 50), np.full((9000, 2), [2.0, 1.0]), [[2.0, 1.000001]]])
    thin = thin_out(path, LOW, HIGH)
    assert len(thin) <= 51
    assert distances(path, [thin]).max() < 4 / 1000
    np.testing.assert_array_equal(thin[[0, -1]], path[[0, -1]])
    np.testing.assert_array_equal(thin_out(path[60:], LOW, HIGH), path[[60, -1]])
