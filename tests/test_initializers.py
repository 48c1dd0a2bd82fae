"""Initial values: their spread over many seeds."""

import numpy as np
import pytest

from minidl.initializers import Initializer, glorot_uniform, he_normal, zeros

CASES = [
    (he_normal, (50, 8), 2 / 50),
    (he_normal, (8, 50), 2 / 8),
    (glorot_uniform, (50, 8), 2 / 58),
    (glorot_uniform, (8, 50), 2 / 58),
]


@pytest.mark.parametrize(("initializer", "shape", "variance"), CASES)
def test_mean_and_variance_over_seeds(initializer: Initializer, shape: tuple[int, int], variance: float) -> None:
    values = np.array([initializer(np.random.default_rng(seed), shape) for seed in range(100)])
    assert values.shape == (100, *shape)
    # The standard error of the variance of 40,000 normal numbers is 0.7 %.
    assert values.var() == pytest.approx(variance, rel=0.03)
    assert abs(values.mean()) < 4 * np.sqrt(variance / values.size)
    assert np.unique(values).size == values.size


def test_shapes_of_the_distributions() -> None:
    rng = np.random.default_rng(0)
    uniform = glorot_uniform(rng, (100, 200))
    limit = np.sqrt(6 / 300)
    assert 0.99 * limit < uniform.max() <= limit
    assert -limit <= uniform.min() < -0.99 * limit
    normal = he_normal(rng, (100, 200)) / np.sqrt(2 / 100)
    assert np.mean(np.abs(normal) < 1) == pytest.approx(0.6827, abs=0.015)


def test_zeros() -> None:
    assert zeros(np.random.default_rng(0), (2, 3)).tolist() == [[0.0] * 3] * 2
