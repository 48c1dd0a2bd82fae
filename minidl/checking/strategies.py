"""Hypothesis strategies for your own tests. No other module needs the hypothesis package."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from hypothesis import strategies as st

from minidl.layers import (
    ELU,
    GELU,
    BatchNorm,
    Dense,
    LayerNorm,
    LeakyReLU,
    ReLU,
    Residual,
    Sequential,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from minidl.modules import Layer
from minidl.typing import Array

__all__ = ["architectures", "batches", "seeds"]

KEEPING: tuple[Callable[[int], Layer], ...] = (
    lambda _: ReLU(),
    lambda _: Sigmoid(),
    lambda _: Tanh(),
    lambda _: LeakyReLU(),
    lambda _: ELU(),
    lambda _: GELU(),
    lambda _: SiLU(),
    lambda _: Softplus(),
    lambda _: Softmax(),
    LayerNorm,
    BatchNorm,
    lambda width: Residual(Dense(width, width), Tanh()),
)
"""Deterministic layers that return as many features as they take, as functions of that number."""


NORMS = 2
"""The most normalization layers in one network. Each magnifies rounding errors up to 1/√ε = 316 times."""


def seeds() -> st.SearchStrategy[int]:
    """Seeds for `numpy.random.default_rng`: Hypothesis draws one number, and the generator draws the arrays.

    Hypothesis itself would draw mostly extreme floats, such as 0 and 1e300. A generator's numbers look like data.
    """
    return st.integers(0, 2**32 - 1)


@st.composite
def batches(
    draw: st.DrawFn,
    shape: tuple[int, ...] | int,
    *,
    min_samples: int = 1,
    max_samples: int = 8,
    gap: float = 0.05,
) -> Array:
    """Batches of normal numbers, pushed away from 0, where ReLU and others have a kink.

    Args:
        shape: the shape of one sample, or its number of features.
        min_samples, max_samples: the range of the batch size.
        gap: the least distance of every number from 0.

    >>> from hypothesis import given
    >>> @given(batches(3))
    ... def test(x):
    ...     assert x.shape[1:] == (3,) and abs(x).min() >= 0.05
    >>> test()
    """
    rng = np.random.default_rng(draw(seeds()))
    samples = draw(st.integers(min_samples, max_samples))
    x = rng.normal(size=(samples, *((shape,) if isinstance(shape, int) else shape)))
    return x + np.copysign(gap, x)


@st.composite
def architectures(
    draw: st.DrawFn,
    inputs: int,
    *,
    outputs: int | None = None,
    max_depth: int = 5,
    max_width: int = 6,
    layers: Sequence[Callable[[int], Layer]] = KEEPING,
) -> Sequential:
    """Networks of 1 to `max_depth` Dense layers, with up to two layers that keep the width after each.

    At most two of these normalize, as normalization magnifies rounding errors.

    Args:
        inputs: the number of features of a sample.
        outputs: the number of outputs. None draws it.
        max_depth, max_width: the most Dense layers, and the most units of one.
        layers: the layers to draw from, as functions from the number of features to a layer. Add your own.

    >>> from hypothesis import given
    >>> from minidl.checking import check_gradients
    >>> @given(architectures(2), batches(2))
    ... def test(model, x):
    ...     check_gradients(model, x)
    """
    width, chain = inputs, list[Layer]()
    depth = draw(st.integers(1, max_depth))
    for level in range(depth):
        last = level == depth - 1
        units = outputs if last and outputs is not None else draw(st.integers(1, max_width))
        chain.append(Dense(width, units, rng=draw(seeds())))
        width = units
        for make in draw(st.lists(st.sampled_from(list(layers)), max_size=0 if last and outputs is not None else 2)):
            layer = make(width)
            if not _normalises(layer) or sum(map(_normalises, chain)) < NORMS:
                chain.append(layer)
    return Sequential(*chain)


def _normalises(layer: Layer) -> bool:
    return any(isinstance(module, BatchNorm | LayerNorm) for _, module in layer.modules())
