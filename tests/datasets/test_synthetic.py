"""Synthetic data sets: geometry, sizes, noise, order, and what they refuse."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import HyperparameterError, ShapeError, make_blobs, make_circles, make_moons, make_spirals, make_xor
from minidl.typing import Array
from tests.helpers import bits
from tests.tables import seeds

Made = tuple[Array, Array]
TWO_CLASSES: list[Callable[..., Made]] = [make_moons, make_circles, make_spirals]
ALL: list[Callable[..., Made]] = [*TWO_CLASSES, make_xor, make_blobs]


def rows(x: Array, y: Array) -> list[list[float]]:
    """The samples with their classes, sorted."""
    return sorted(np.column_stack([x, y]).tolist())


@pytest.mark.parametrize("make", TWO_CLASSES)
@given(seed=seeds, n=st.integers(1, 41))
def test_two_classes_of_equal_size(make: Callable[..., Made], seed: int, n: int) -> None:
    x, y = make(n, rng=seed)
    assert (x.shape, y.shape) == ((n, 2), (n, 1))
    assert x.dtype == y.dtype == np.float64
    assert y.sum() == n // 2
    assert set(y[:, 0]) <= {0.0, 1.0}


@pytest.mark.parametrize("make", ALL)
def test_reproducible_from_the_seed(make: Callable[..., Made]) -> None:
    assert bits(*make(50, rng=3)) == bits(*make(50, rng=np.random.default_rng(3)))
    assert bits(*make(50, rng=3)) != bits(*make(50, rng=4))


@pytest.mark.parametrize("make", TWO_CLASSES)
def test_shuffling_changes_only_the_order(make: Callable[..., Made]) -> None:
    x, y = make(40, shuffle=False)
    mixed_x, mixed_y = make(40, rng=0)
    assert y[:, 0].tolist() == [0.0] * 20 + [1.0] * 20
    assert mixed_y.tolist() != y.tolist()
    assert rows(x, y) == rows(mixed_x, mixed_y)


@pytest.mark.parametrize("make", TWO_CLASSES)
def test_noise_has_its_standard_deviation(make: Callable[..., Made]) -> None:
    clean, noisy = make(20_000, shuffle=False), make(20_000, shuffle=False, noise=0.3, rng=0)
    difference = noisy[0] - clean[0]
    np.testing.assert_allclose(difference.std(axis=0), 0.3, rtol=0.03)
    np.testing.assert_allclose(difference.mean(axis=0), 0, atol=0.01)
    assert bits(clean[1]) == bits(noisy[1])
    assert make(20, noise=0.1, rng=0)[0].std() > 0


def test_moons_are_interleaving_half_circles() -> None:
    x, y = make_moons(101, shuffle=False)
    outer, inner = x[y[:, 0] == 0], x[y[:, 0] == 1]
    assert (len(outer), len(inner)) == (51, 50)
    np.testing.assert_allclose(np.hypot(*outer.T), 1)
    np.testing.assert_allclose(np.hypot(*(inner - [1, 0.5]).T), 1)
    assert outer[:, 1].min() >= 0
    assert inner[:, 1].max() <= 0.5
    np.testing.assert_allclose(outer[[0, 25, -1]], [[1, 0], [0, 1], [-1, 0]], atol=1e-15)
    np.testing.assert_allclose(inner[[0, -1]], [[0, 0.5], [2, 0.5]], atol=1e-15)
    np.testing.assert_allclose(np.diff(np.arccos(np.clip(outer[:, 0], -1, 1))), np.pi / 50)


def test_circles_have_their_radii_and_even_angles() -> None:
    for factor in (0.0, 0.3, 0.8):
        x, y = make_circles(24, shuffle=False, factor=factor)
        np.testing.assert_allclose(np.hypot(*x.T), np.where(y[:, 0] == 0, 1, factor))
        angles = np.arctan2(x[:12, 1], x[:12, 0]) % (2 * np.pi)
        np.testing.assert_allclose(angles, 2 * np.pi * np.arange(12) / 12, atol=1e-15)
    assert np.hypot(*make_circles(2, shuffle=False)[0].T).tolist() == [1.0, 0.8]


def test_spirals_intertwine() -> None:
    for turns in (0.5, 1.5, 2.25):
        x, y = make_spirals(100, shuffle=False, turns=turns)
        arm, other = x[y[:, 0] == 0], x[y[:, 0] == 1]
        radius = np.linspace(0, 1, 50)
        np.testing.assert_allclose(np.hypot(*arm.T), radius, atol=1e-15)
        np.testing.assert_allclose(np.unwrap(np.arctan2(arm[1:, 1], arm[1:, 0])), 2 * np.pi * turns * radius[1:])
        np.testing.assert_allclose(other, -arm)
    assert bits(*make_spirals(9, shuffle=False)) == bits(*make_spirals(9, shuffle=False, turns=1.5))


@given(seeds, st.integers(1, 30), st.integers(1, 4), st.integers(1, 3))
def test_blobs_are_divided_evenly_among_classes(seed: int, n: int, k: int, d: int) -> None:
    x, y = make_blobs(n, d, centers=k, rng=seed)
    assert (x.shape, y.shape) == ((n, d), (n,))
    assert np.issubdtype(y.dtype, np.integer)
    counts = np.bincount(y, minlength=k)
    assert len(counts) == k
    assert counts.max() - counts.min() <= 1


def test_blobs_have_their_centers_and_spread() -> None:
    centers = np.array([[0.0, 5.0, -5.0], [3.0, 0.0, 0.0]])
    x, y = make_blobs(20_000, centers=centers, cluster_std=0.5, rng=0)
    for c in (0, 1):
        np.testing.assert_allclose(x[y == c].mean(axis=0), centers[c], atol=0.02)
        np.testing.assert_allclose(x[y == c].std(axis=0), 0.5, rtol=0.03)
    x, y = make_blobs(20_000, rng=0)
    assert x.shape == (20_000, 2)
    assert set(y) == {0, 1, 2}
    assert x[y == 1].std(axis=0) == pytest.approx([1, 1], rel=0.03)


def test_centers_are_drawn_from_the_box() -> None:
    x, y = make_blobs(3000, 1, centers=3000, cluster_std=0.0, center_box=(2.0, 5.0), rng=0)
    np.testing.assert_allclose(np.sort(x[:, 0]), np.linspace(2, 5, 3000), atol=0.1)
    everywhere = make_blobs(3000, centers=np.int64(3000), cluster_std=0.0, rng=0)[0]
    assert [everywhere.min(), everywhere.max()] == pytest.approx([-10, 10], rel=0.01)
    assert sorted(y) == list(range(3000))


def test_blobs_are_shuffled_by_default() -> None:
    assert make_blobs(7, centers=3, shuffle=False)[1].tolist() == [0, 1, 2, 0, 1, 2, 0]
    mixed = make_blobs(60, centers=3, rng=0)[1]
    assert mixed.tolist() != [0, 1, 2] * 20
    assert sorted(mixed) == sorted([0, 1, 2] * 20)


def test_defaults() -> None:
    assert [len(make()[0]) for make in ALL] == [100, 100, 200, 200, 100]


@pytest.mark.parametrize("make", ALL)
@pytest.mark.parametrize("n", [0, -1, 2.0, True, "9", None])
def test_only_positive_integers_are_accepted_as_sizes(make: Callable[..., Made], n: Any) -> None:
    with pytest.raises(HyperparameterError, match=r"n_samples must be a positive integer, got"):
        make(n)
    assert len(make(np.int64(1))[0]) == 1


BAD: list[tuple[Callable[..., Made], dict[str, Any], type[Exception], str]] = [
    (make_blobs, {"centers": [1.0, 2.0]}, ShapeError, r"centers must be a number or an array \(k, d\), got.*\(2,\)"),
    (make_blobs, {"centers": np.zeros((0, 2))}, ShapeError, r"centers must be .* got shape \(0, 2\)"),
]


@pytest.mark.parametrize(("make", "options", "error", "words"), BAD)
def test_what_is_out_of_range_is_refused(
    make: Callable[..., Made], options: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        make(4, **options)
