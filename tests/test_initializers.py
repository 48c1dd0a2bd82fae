"""Initial values: their stated mean and variance over many seeds, and the shape of their distribution."""

import re
from math import sqrt

import numpy as np
import pytest

from minidl import ShapeError, initializers
from minidl.initializers import (
    Initializer,
    constant,
    glorot_normal,
    glorot_uniform,
    he_normal,
    he_uniform,
    lecun_normal,
    lecun_uniform,
    orthogonal,
    zeros,
)

Variances = dict[Initializer, tuple[int, int]]
NORMAL: Variances = {he_normal: (2, 0), glorot_normal: (2, 2), lecun_normal: (1, 0)}
UNIFORM: Variances = {he_uniform: (2, 0), glorot_uniform: (2, 2), lecun_uniform: (1, 0)}
"""The variance is the first number divided by in, or by in + out if the second number is 2."""
SHAPES = [(50, 8), (8, 50)]


def variance(initializer: Initializer, shape: tuple[int, int]) -> float:
    above, both = (NORMAL | UNIFORM)[initializer]
    return above / (sum(shape) if both else shape[0])


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("initializer", NORMAL | UNIFORM)
def test_mean_and_variance_over_seeds(initializer: Initializer, shape: tuple[int, int]) -> None:
    values = np.array([initializer(np.random.default_rng(seed), shape) for seed in range(100)])
    expected = variance(initializer, shape)
    assert values.shape == (100, *shape)
    # The standard error of the variance of 40,000 normal numbers is 0.7 %.
    assert values.var() == pytest.approx(expected, rel=0.03)
    assert abs(values.mean()) < 4 * sqrt(expected / values.size)
    assert np.unique(values).size == values.size


@pytest.mark.parametrize("initializer", UNIFORM)
def test_uniform_numbers_fill_their_interval_evenly(initializer: Initializer) -> None:
    limit = sqrt(3 * variance(initializer, (100, 200)))
    shares = np.sort(initializer(np.random.default_rng(0), (100, 200)).ravel() / limit)
    np.testing.assert_allclose(shares, np.linspace(-1, 1, 20_000), atol=0.03)
    assert np.abs(shares).max() <= 1


@pytest.mark.parametrize("initializer", NORMAL)
def test_normal_numbers_have_the_quantiles_of_a_normal_distribution(initializer: Initializer) -> None:
    size = np.abs(initializer(np.random.default_rng(0), (100, 200))) / sqrt(variance(initializer, (100, 200)))
    shares = [np.mean(size < deviations) for deviations in (1, 2, 3)]
    np.testing.assert_allclose(shares, [0.6827, 0.9545, 0.9973], atol=0.015)


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 4), (1, 1), (1, 3)])
def test_orthogonal_matrices_preserve_lengths(shape: tuple[int, int]) -> None:
    w = orthogonal(np.random.default_rng(0), shape)
    assert w.shape == shape
    product = w.T @ w if shape[0] >= shape[1] else w @ w.T
    np.testing.assert_allclose(product, np.eye(min(shape)), atol=1e-14)


@pytest.mark.parametrize("shape", [(6, 3), (3, 6), (4, 4)])
def test_orthogonal_matrices_favour_no_direction(shape: tuple[int, int]) -> None:
    values = np.array([orthogonal(np.random.default_rng(seed), shape) for seed in range(2000)])
    expected = 1 / max(shape)
    np.testing.assert_allclose((values * values).mean(axis=0), expected, rtol=0.15)
    # Without the sign correction, most of the diagonal would have one sign.
    np.testing.assert_allclose(values.mean(axis=0), 0, atol=5 * sqrt(expected / 2000))


def test_constant_and_zeros() -> None:
    rng = np.random.default_rng(0)
    assert zeros(rng, (2, 3)).tolist() == [[0.0] * 3] * 2
    assert constant(2)(rng, (2, 1)).tolist() == [[2.0], [2.0]]
    assert constant(2)(rng, (1,)).dtype == np.float64


@pytest.mark.parametrize("shape", [(3, 3, 16, 32), (5,), (), (0, 3), (3, 0)])
@pytest.mark.parametrize("initializer", [*NORMAL, *UNIFORM, orthogonal])
def test_shapes_that_do_not_say_how_many_inputs_are_summed_are_refused(
    initializer: Initializer, shape: tuple[int, ...]
) -> None:
    words = (
        rf"shape \(inputs, outputs\) of a matrix, got {re.escape(str(shape))}; .* draw \(k \* k \* channels, filters\)"
    )
    with pytest.raises(ShapeError, match=words):
        initializer(np.random.default_rng(0), shape)


@pytest.mark.parametrize("shape", [(3, 3, 16, 32), (5,), ()])
def test_constants_have_any_shape(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    assert (zeros(rng, shape).shape, constant(2)(rng, shape).shape) == (shape, shape)


def test_every_public_initializer_is_tested_here() -> None:
    assert {*initializers.__all__} - {"Initializer"} == {
        *(initializer.__name__ for initializer in NORMAL | UNIFORM),
        *("constant", "orthogonal", "zeros"),
    }


@pytest.mark.parametrize("initializer", [*NORMAL, *UNIFORM, orthogonal])
def test_the_same_seed_gives_the_same_values(initializer: Initializer) -> None:
    first, again, other = (initializer(np.random.default_rng(seed), (3, 2)) for seed in (1, 1, 2))
    assert first.tolist() == again.tolist() != other.tolist()
