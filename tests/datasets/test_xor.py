"""The XOR data set."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import make_xor
from tests.helpers import bits
from tests.tables import seeds


@given(seeds, st.integers(1, 60))
def test_shapes_balance_and_class_rule_without_noise(seed: int, n: int) -> None:
    x, y = make_xor(n, noise=0.0, rng=seed)
    assert (x.shape, y.shape) == ((n, 2), (n, 1))
    assert x.dtype == y.dtype == np.float64
    np.testing.assert_array_equal(np.abs(x), 1.0)
    np.testing.assert_array_equal(y[:, 0], (x[:, 0] != x[:, 1]).astype(float))
    counts = [int(np.sum((x[:, 0] == a) & (x[:, 1] == b))) for a in (-1, 1) for b in (-1, 1)]
    assert max(counts) - min(counts) <= 1
    assert sum(counts) == n


@pytest.mark.parametrize("noise", [0.05, 0.25])
def test_clouds_have_their_mean_and_standard_deviation(noise: float) -> None:
    x, y = make_xor(40_000, noise=noise, rng=0)
    for a in (-1, 1):
        for b in (-1, 1):
            cloud = x[(np.sign(x[:, 0]) == a) & (np.sign(x[:, 1]) == b)]
            # About 4 standard errors of 10,000 samples. At noise 0.25, about 3 of 100,000 coordinates change sign.
            np.testing.assert_allclose(cloud.mean(axis=0), [a, b], atol=4 * noise / 100)
            np.testing.assert_allclose(cloud.std(axis=0), noise, rtol=0.03)
            assert abs(np.corrcoef(cloud.T)[0, 1]) < 0.04
    assert np.mean(y == 1) == 0.5


def test_a_sample_keeps_the_class_of_its_cloud() -> None:
    x, y = make_xor(1000, noise=1.0, rng=0)
    wrong = (x[:, 0] * x[:, 1] < 0) != (y[:, 0] == 1)
    assert 0.1 < wrong.mean() < 0.5
    assert np.mean(y) == 0.5


def test_defaults_and_order() -> None:
    x, y = make_xor(rng=0)
    assert bits(x, y) == bits(*make_xor(200, noise=0.25, rng=0))
    assert y[:8, 0].tolist() != [0.0, 1.0] * 4
    assert 0.15 < np.abs(np.abs(x) - 1).std() / np.sqrt(1 - 2 / np.pi) < 0.35


def test_reproducible_from_the_seed() -> None:
    assert bits(*make_xor(50, rng=3)) == bits(*make_xor(50, rng=np.random.default_rng(3)))
    assert bits(*make_xor(50, rng=3)) != bits(*make_xor(50, rng=4))


def test_noise_is_a_keyword() -> None:
    with pytest.raises(TypeError, match="positional"):
        make_xor(10, 0.1)  # type: ignore[call-arg]
