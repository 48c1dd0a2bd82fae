"""The curves of the page are those of the functions themselves."""

from collections.abc import Callable
from math import erf, sqrt

import numpy as np
import pytest

from minidl.playground.curves import curves
from minidl.playground.settings import choices
from minidl.typing import Array

EXPECTED: dict[str, Callable[[Array], Array]] = {
    "ReLU": lambda z: (abs(z) + z) / 2,
    "Tanh": lambda z: 1 - 2 / (np.exp(2 * z) + 1),
    "Sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "LeakyReLU": lambda z: np.maximum(0.01 * z, z),
    "ELU": lambda z: np.where(z > 0, z, np.exp(z) - 1),
    "GELU": lambda z: z / 2 * (1 + np.vectorize(erf)(z / sqrt(2))),
    "SiLU": lambda z: z / (1 + np.exp(-z)),
    "Softplus": lambda z: np.log(1 + np.exp(z)),
    "Identity": lambda z: z,
}


def test_there_is_a_curve_for_each_choice() -> None:
    offered = choices()["networks"]
    for name, drawn in curves().items():
        assert list(drawn) == offered[name]["values"]
    assert set(EXPECTED) == set(offered["activation"]["values"])


@pytest.mark.parametrize("name", EXPECTED)
def test_an_activation_is_drawn_with_its_derivative(name: str) -> None:
    curve = curves()["activation"][name]
    assert curve["x"] == [-4, 4]
    z = np.linspace(-4, 4, len(curve["lines"]["output"]))
    np.testing.assert_allclose(curve["lines"]["output"], EXPECTED[name](z), atol=1e-4)
    slope = (EXPECTED[name](z + 1e-6) - EXPECTED[name](z - 1e-6)) / 2e-6
    smooth = abs(z) > 1e-3  # at 0 some have a kink
    np.testing.assert_allclose(np.array(curve["lines"]["derivative"])[smooth], slope[smooth], atol=1e-4)
    both = [*curve["lines"]["output"], *curve["lines"]["derivative"]]
    assert curve["y"] == pytest.approx([min(both), min(4, max(both))], abs=1e-4)


@pytest.mark.parametrize(
    ("name", "loss"),
    [
        ("BCEWithLogitsLoss", lambda z: np.log(1 + np.exp(-z))),
        ("BCELoss", lambda p: -np.log(p)),
        ("MSELoss", lambda p: (1 - p) ** 2),
    ],
)
def test_a_loss_is_drawn_for_both_classes(name: str, loss: Callable[[Array], Array]) -> None:
    curve = curves()["loss"][name]
    inner = slice(1, -1)  # at 0 the logarithm is not finite
    low, high = curve["x"]
    x = np.linspace(low, high, len(curve["lines"]["class 1"]))[inner]
    np.testing.assert_allclose(curve["lines"]["class 1"][inner], loss(x), atol=1e-4)
    assert curve["lines"]["class 0"][::-1] == pytest.approx(curve["lines"]["class 1"])
    assert curve["y"][1] <= 4
