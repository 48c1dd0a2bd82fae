"""What the page *Images* derives and counts, against symbolic derivatives and the layers themselves."""

import re
from collections.abc import Callable

import numpy as np
import pytest

from minidl import (
    Adam,
    AveragePool2D,
    Conv2D,
    CrossEntropyLoss,
    Dense,
    Flatten,
    Layer,
    MaxPool2D,
    Sequential,
    ShapeError,
    Trainer,
)
from minidl.typing import Array
from tests.docs.conftest import ROOT
from tests.docs.formulas import slopes
from tests.docs.image_formulas import at, averaged, convolved, image, largest, pooled

PAGE = (ROOT / "docs" / "learn" / "images.md").read_text(encoding="utf-8")
SETTINGS = [(1, 0, 1), (2, 0, 1), (1, 1, 1), (2, 1, 2)]
"""Stride, padding and dilation."""


def size(n: int, k: int, s: int, p: int, d: int) -> int:
    """The page's formula for the size of an output."""
    return (n + 2 * p - d * (k - 1) - 1) // s + 1


def by_hand(W: Array, x: Array, g: Array, s: int, p: int, d: int) -> list[Array]:
    """dW, db and dx by the sums of the page: dx as the convolution of g, with zeros in it, and the turned kernel."""
    k, (_, height, width, _) = len(W), x.shape
    dW = np.zeros_like(W)
    for u, v, i, j in np.ndindex(k, k, *g.shape[1:3]):
        dW[u, v] += at(x, s * i + d * u - p, s * j + d * v - p).astype(float).T @ g[:, i, j]
    wide = np.zeros((len(x), s * g.shape[1], s * g.shape[2], g.shape[3]))
    wide[:, ::s, ::s] = g  # s − 1 zeros between its numbers
    turned, reach = W[::-1, ::-1].swapaxes(2, 3), d * (k - 1)
    dx = image(
        lambda a, b: sum(
            at(wide, a + p + d * u - reach, b + p + d * v - reach) @ turned[u, v] for u, v in np.ndindex(k, k)
        ),
        height,
        width,
    )
    return [dW, g.sum(axis=(0, 1, 2)), dx.astype(float)]


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_sums_of_the_page_are_the_derivatives_of_a_convolution(setting: tuple[int, int, int]) -> None:
    s, p, d = setting
    rng = np.random.default_rng(0)
    W, b, x = rng.normal(size=(2, 2, 2, 2)), rng.normal(size=2), rng.normal(size=(1, 3, 4, 2))
    height, width = (size(n, 2, s, p, d) for n in x.shape[1:3])
    g = rng.normal(size=(1, height, width, 2))
    derived = slopes(convolved(s, p, d, height, width), [W, b, x], g)
    for name, computed, expected in zip(("dW", "db", "dx"), by_hand(W, x, g, s, p, d), derived, strict=True):
        np.testing.assert_allclose(computed, expected, rtol=1e-12, atol=1e-12, err_msg=name)


def test_the_gradient_of_a_maximum_goes_to_where_it_came_from_and_that_of_a_mean_to_all() -> None:
    rng = np.random.default_rng(0)
    x, g = rng.normal(size=(1, 2, 4, 1)), rng.normal(size=(1, 1, 2, 1))
    everywhere = g.repeat(2, axis=1).repeat(2, axis=2)
    highest = x.reshape(2, 2, 2).max(axis=(0, 2)).reshape(1, 1, 2, 1).repeat(2, axis=1).repeat(2, axis=2)
    np.testing.assert_allclose(slopes(pooled(largest), [x], g)[0], everywhere * (x == highest))
    np.testing.assert_allclose(slopes(pooled(averaged), [x], g)[0], everywhere / 4)


def test_sizes_of_outputs() -> None:
    rng = np.random.default_rng(0)
    for _ in range(300):
        n, k, s, p, d = (int(rng.integers(low, high)) for low, high in ((1, 20), (1, 6), (1, 5), (0, 4), (1, 4)))
        same = Conv2D(1, 1, k, stride=s, padding="same", dilation=d)
        assert same.output_shape((n, n, 1)) == (-(-n // s),) * 2 + (1,)
        if n + 2 * p > d * (k - 1):
            layer = Conv2D(1, 1, k, stride=s, padding=p, dilation=d)
            assert layer.output_shape((n, n, 1)) == (size(n, k, s, p, d),) * 2 + (1,), (n, k, s, p, d)


@pytest.mark.parametrize("layers", [[(5, 1), (2, 2), (3, 1), (2, 2)], [(3, 1), (3, 1)], [(3, 2), (2, 1), (3, 3)]])
def test_the_receptive_field_is_as_wide_as_the_gradient_of_one_output(layers: list[tuple[int, int]]) -> None:
    def ones(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:  # noqa: ARG001
        return np.ones(shape)

    model = Sequential(*(Conv2D(1, 1, k, stride=s, initializer=ones) for k, s in layers))
    one = np.zeros(model.forward(np.zeros((1, 40, 40, 1))).shape)
    one[0, 1, 1, 0] = 1
    strides = [s for _, s in layers]
    field = 1 + sum((k - 1) * int(np.prod(strides[:index])) for index, (k, _) in enumerate(layers))
    assert model.backward(one)[0, :, :, 0].any(axis=0).sum() == field


def test_the_numbers_of_weights() -> None:
    dense, convolution = Dense(784, 24 * 24 * 16), Conv2D(1, 16, 5)
    assert convolution.output_shape((28, 28, 1)) == (24, 24, 16)
    numbers = [dense.parameters().size, 24 * 24 * 16 * (5 * 5 + 1), convolution.parameters().size]
    assert re.findall(r"^\| .* \| ([\d,]+) \|$", PAGE, re.MULTILINE)[:3] == [f"{number:,}" for number in numbers]


def fit(*layers: Layer) -> None:
    model = Sequential(*layers, rng=0)
    trainer = Trainer(model, CrossEntropyLoss(), Adam(model.parameters()))
    trainer.fit(np.zeros((5, 8, 8, 1)), np.zeros(5, int))


MISTAKES: list[Callable[[], object]] = [
    lambda: Conv2D(1, 8, 3).predict(np.zeros((5, 28, 28))),
    lambda: Conv2D(1, 8, 3).predict(np.zeros((5, 784))),
    lambda: Conv2D(3, 8, 3).predict(np.zeros((5, 3, 28, 28))),
    lambda: fit(Conv2D(1, 8, 3), Flatten(), Dense(100, 10)),
    lambda: fit(Conv2D(1, 8, 3, padding="same"), AveragePool2D(), Conv2D(8, 8, 5)),
    lambda: fit(Conv2D(1, 8, 3), MaxPool2D(), Dense(8, 10)),
]
"""What leads to each message in the page's table, in its order."""


def test_messages_in_the_table_are_those_that_a_reader_gets() -> None:
    table = PAGE.partition("## Frequent errors")[2].partition("\n\nEach message")[0]
    rows = re.findall(r"^\| (.+?) \|", table, re.MULTILINE)
    rows = [row for row in rows if row != "message"]
    for quoted, mistake in zip(rows, MISTAKES, strict=True):
        with pytest.raises(ShapeError, match=re.escape(quoted.strip("… "))):
            mistake()
