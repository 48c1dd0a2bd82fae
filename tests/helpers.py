"""Small things that many tests need."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import numpy as np

from minidl import Layer, Module, Optimizer, Parameter
from minidl.batch import arrays_in, mapped, rows, samples
from minidl.splitting import hold_out
from minidl.typing import Batch


def bits(*batches: Batch) -> list[bytes]:
    """The arrays' bits, so that NaN equals itself and −0 differs from 0."""
    return [np.ascontiguousarray(array).tobytes() for batch in batches for array in arrays_in(batch)]


def ones_like(batch: Batch) -> Batch:
    """A gradient of ones for an output."""
    return mapped(np.ones_like, batch)


def bits_of(thing: Module | Parameter | Optimizer) -> list[bytes]:
    """The bits of everything that a failed call must leave alone."""
    if isinstance(thing, Parameter):
        return bits(thing.value, thing.grad)
    if isinstance(thing, Optimizer):
        kept = [bits(np.asarray(value)) for value in thing.state().values()]
        owned = [bits_of(parameter) for vector in thing.vectors for parameter in vector]
        return [item for each in (*kept, *owned) for item in each]
    buffers = [getattr(module, name) for _, module in thing.modules() for name in module.buffers]
    return bits(*buffers) + [item for _, parameter in thing.named_parameters() for item in bits_of(parameter)]


@contextmanager
def unchanged(*things: Module | Parameter | Optimizer) -> Iterator[None]:
    """Assert that parameters, gradients and what optimizers remember have the same bits after the block as before."""
    before = [bits_of(thing) for thing in things]
    yield
    assert [bits_of(thing) for thing in things] == before


def python_calls(function: Callable[[], object]) -> int:
    """How many Python functions are called inside a function, itself included."""
    calls, before = 0, sys.getprofile()

    def profile(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(profile)
    try:
        function()
    finally:
        sys.setprofile(before)
    return calls


SEEDED = np.random.default_rng(0).bit_generator.state


def forward(layer: Layer, x: Batch) -> Batch:
    """`layer.forward(x)` with the same random numbers every time, as finite differences of dropout need them."""
    return repeatable(layer)(x)


def repeatable(layer: Layer) -> Callable[[Batch], Batch]:
    """Return the function `forward` of one layer, for many calls: the layer's generators are looked for only once."""
    members = [member for _, module in layer.modules() for member in vars(module).values()]
    generators = [member for member in members if isinstance(member, np.random.Generator)]

    def again(x: Batch) -> Batch:
        for generator in generators:
            generator.bit_generator.state = SEEDED
        return layer.forward(x)

    return again


def randomise(module: Module, rng: np.random.Generator) -> None:
    """Give all parameters, also biases that start at 0, normal values, and the gradients NaN.

    Values of size ½ keep sigmoids out of saturation, where differences would measure nothing but rounding.
    """
    parameters = module.parameters()
    parameters.value = 0.5 * rng.normal(size=parameters.size)
    parameters.grad = np.full(parameters.size, np.nan)


def held_out(x: Any, y: Any, share: float, **options: Any) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """Training data (x, y) and held-out data (x, y), as a fit splits them."""
    rest, held = hold_out(samples(x), share, **options)
    return (rows(x, rest), rows(y, rest)), (rows(x, held), rows(y, held))
