"""What a layer computes, and how closely two computations must agree."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.batch import arrays_in, mapped
from minidl.checking.contract import require, same_bits
from minidl.modules import Layer, Snapshot, training_as
from minidl.typing import Array, Batch

__all__ = ["answers", "both_modes", "check_mirrors", "layouts", "like", "modes", "rolled", "spread", "turned"]

DRAWS = 4


def like(y: Batch) -> Batch:
    """A fixed gradient dL/dy."""
    return mapped(lambda array: np.cos(np.arange(array.size, dtype=array.dtype)).reshape(array.shape), y)


def turned(x: Batch) -> Batch:
    """The samples of a batch in the opposite order, in memory of their own."""
    return mapped(lambda array: array[::-1].copy(), x)


def answers(layer: Layer, x: Batch, grad: Batch | None = None, *, training: bool = False) -> list[Batch]:
    """What a layer computes: y, dL/dx and the parameter gradients. Afterwards its state is as before.

    Args:
        layer: the layer.
        x: the batch.
        grad: dL/dy. By default, that of `like`.
        training: whether it computes as in training. Its generators draw the same numbers in each call.
    """
    with Snapshot([layer]), training_as(training):
        layer.parameters().grad = np.zeros(layer.parameters().size)
        y = layer.forward(x)
        dx = layer.backward(like(y) if grad is None else grad)
        return [mapped(np.array, y), mapped(np.array, dx), layer.parameters().grad.copy()]


def both_modes(layer: Layer, x: Batch) -> list[Batch]:
    """What a layer computes in evaluation, then in training."""
    return [*answers(layer, x), *answers(layer, x, training=True)]


def modes(layer: Layer, x: Batch) -> tuple[bool, ...]:
    """The values of `training` between which a layer distinguishes: most layers compute the same in evaluation."""
    layer.forward(turned(x))  # what an evaluation does not cache must not be right by chance
    same = all(map(same_bits, answers(layer, x), answers(layer, x, training=True)))
    return (True,) if same else (False, True)


def spread(layer: Layer, x: Batch, eps: float) -> list[float]:
    """How far each answer moves if x, the parameters and dL/dy are rounded: changed by a relative eps, up or down."""
    expected, parameters, rng = answers(layer, x), layer.parameters(), np.random.default_rng(0)
    value, grad, moves = parameters.value.copy(), like(expected[0]), [0.0] * len(expected)

    def rounded(array: Array) -> Array:
        factors: Array = 1.0 + eps * rng.choice([-1.0, 1.0], array.shape)
        return array * factors if array.dtype.kind == "f" else array

    for _ in range(DRAWS):
        parameters.value = rounded(value)
        found = answers(layer, mapped(rounded, x), mapped(rounded, grad))
        gaps = [_gap(one, other) for one, other in zip(found, expected, strict=True)]
        moves = [max(move, gap) if np.isfinite(gap) else move for move, gap in zip(moves, gaps, strict=True)]
    parameters.value = value
    return moves


def _gap(one: Batch, other: Batch) -> float:
    """The largest distance of two numbers in the same place."""
    pairs = zip(arrays_in(one), arrays_in(other), strict=True)
    return max(float(np.abs(a - b).max(initial=0.0)) for a, b in pairs)


def layouts(batch: Batch) -> list[tuple[str, Batch]]:
    """The same numbers in other places of memory, with the names of the layouts."""
    if isinstance(batch, tuple):
        each = zip(*map(layouts, batch), strict=True)
        return [(alike[0][0], tuple(array for _, array in alike)) for alike in each]
    array: Array = batch
    backwards = tuple(slice(None, None, -1) for _ in array.shape)
    return [
        ("Fortran-ordered", np.asfortranarray(array)),
        ("strided", np.repeat(array, 2, axis=-1)[..., ::2]),
        ("reversed", array[backwards].copy()[backwards]),
        ("read-only", np.frombuffer(array.tobytes(), array.dtype).reshape(array.shape)),
    ]


def rolled(array: Array, shift: int = 1) -> Array:
    """The samples moved on by some places, in memory of their own."""
    return np.roll(array, shift, axis=0)


def check_mirrors(grad: Any, x: Batch, name: str = "") -> None:
    """Check that dL/dx mirrors x: floats of the same shape for each of its arrays, zeros for ids and masks.

    Raises:
        ContractError: it does not.
    """
    if isinstance(x, tuple):
        mirrors = isinstance(grad, tuple) and len(grad) == len(x)
        what = f"a tuple of {len(grad)}" if isinstance(grad, tuple) else type(grad).__name__
        require(mirrors, f"backward must return dL/dx, a tuple of {len(x)} arrays as x is, got {what}")
        for index, pair in enumerate(zip(grad, x, strict=True)):
            check_mirrors(*pair, f"{name}[{index}]")
        return
    require(isinstance(grad, np.ndarray), f"backward must return dL/dx, an array, got {type(grad).__name__}")
    require(grad.dtype.kind == "f", f"backward must return an array of floats, got {grad.dtype}")
    shapes = grad.shape == x.shape
    require(shapes, f"backward returns dL/dx{name} of shape {grad.shape}, but x{name} has {x.shape}")
    require(x.dtype.kind == "f" or not grad.any(), f"x{name} has no derivative: backward must return zeros for it")
