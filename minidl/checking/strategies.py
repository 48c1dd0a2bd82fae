"""Hypothesis strategies for tests of one's own; the only module that needs the hypothesis package."""

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
"""Layers that give as many features as they take, and the same for the same batch; each is offered the width."""


NORMS = 2
"""Most normalisations in one network: each magnifies up to 1/√ε = 316 times, and rounding errors with it."""


def seeds() -> st.SearchStrategy[int]:
    """Seeds for `numpy.random.default_rng`: hypothesis draws one number, the generator draws the arrays.

    Floats drawn one by one love zeros and 1e300; numbers of a generator look like data.
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
    """Batches of samples of a shape, normal numbers pushed away from 0, where kinks such as ReLU's are.

    Args:
        shape: of one sample, or its number of features.
        min_samples, max_samples: how many samples a batch has.
        gap: least distance of every number from 0.

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
    """Networks of 1 to `max_depth` Dense layers, between which layers that keep the width are drawn.

    At most two of those are normalisations, which magnify rounding errors.

    Args:
        inputs: number of features of a sample.
        outputs: number of outputs; drawn if None.
        max_depth, max_width: most Dense layers, most units in one.
        layers: what may stand between, functions from the number of features to a layer: add your own.

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
