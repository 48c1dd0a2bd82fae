"""The contract of a layer."""

from __future__ import annotations

import copy
import inspect
import warnings
from collections.abc import Callable
from contextlib import suppress

import numpy as np

from minidl.checking.contract import called, check_copies, check_parameters, contract, near, require, same_bits
from minidl.checking.gradients import GradientReport, check_gradients
from minidl.data import as_data
from minidl.errors import CheckpointError, MinidlWarning
from minidl.modules import Layer, training_as
from minidl.saving import remade
from minidl.typing import Array, ArrayLike, Seed

__all__ = ["check_layer"]


def check_layer(layer: Layer, x: ArrayLike, *, rng: Seed = 0, rtol: float = 1e-8) -> GradientReport:
    """Check the gradients of a layer, and everything else that the framework relies on.

    Shapes chain; float32 stays float32; arrays that were handed in or out are not written to; the memory layout of the
    input makes no difference; backward repeats itself bit for bit; a batch of one works; samples do not mix, except
    where ``mixes_samples`` says so; evaluation is deterministic and changes nothing; copies, pickles and what a file
    brings back behave alike; a seed decides the initial values; all parameters are found; the gradients agree with
    finite differences, in training and in evaluation.
    The layer itself is left as it is: copies are checked, their parameters moved a little from where they are.

    Args:
        layer: the layer.
        x: a batch for it, of at least two samples that differ, preferably away from kinks.
        rng: seed or generator for `check_gradients`.
        rtol: largest relative error of a gradient.

    Returns:
        The report on the gradients in training.

    Raises:
        GradientError: a gradient that is wrong.
        ContractError: anything else that is wrong, the layer's own exceptions included.

    >>> from minidl import Dense
    >>> print(check_layer(Dense(2, 1, rng=0), [[1.0, 2.0], [3.0, 4.0]]).error < 1e-8)
    True
    """
    require(isinstance(layer, Layer), f"expected a Layer, got {called(layer)}; derive its class from minidl.Layer")
    generator = np.random.default_rng(rng)
    batch = as_data(x, dtype=np.float64)
    require(len(batch) > 1, "check_layer needs a batch of at least two samples")
    with contract(layer):
        _constructor(layer)
        moved = _moved(layer, batch, generator)
        for check in CHECKS:
            check(copy.deepcopy(moved), batch.copy())
    with training_as(False):
        check_gradients(moved, batch, rng=generator, rtol=rtol)
    return check_gradients(moved, batch, rng=generator, rtol=rtol)


def _moved(layer: Layer, x: Array, rng: np.random.Generator) -> Layer:
    """A copy in float64 and training, away from initial values: a scale of 1 or a bias of 0 would hide slips."""
    moved = copy.deepcopy(layer).astype(np.float64)
    moved.training = True
    parameters = moved.parameters()
    parameters.value += 0.1 * rng.normal(size=parameters.size)
    moved.forward(x.copy())
    return moved


def _shapes(layer: Layer, x: Array) -> None:
    y = layer.forward(x)
    require(isinstance(y, np.ndarray), f"forward must give an array, got {type(y).__name__}")
    require(y.dtype.kind == "f", f"forward must give an array of floats, got {y.dtype}")
    require(y.shape[:1] == x.shape[:1], f"forward must keep the batch axis: x has shape {x.shape}, y {y.shape}")
    grad = layer.backward(_like(y))
    require(isinstance(grad, np.ndarray), f"backward must give dL/dx, an array, got {type(grad).__name__}")
    require(grad.dtype.kind == "f", f"backward must give an array of floats, got {grad.dtype}")
    require(grad.shape == x.shape, f"backward gives dL/dx of shape {grad.shape}, but x has {x.shape}")
    layer.output_shape(None)
    said = layer.output_shape(x.shape[1:])
    require(
        said is None or said == y.shape[1:], f"output_shape says {said} for each sample, forward gives {y.shape[1:]}"
    )


def _constructor(layer: Layer) -> None:
    for name, argument in inspect.signature(type(layer)).parameters.items():
        kept = name in vars(layer) or name in ("rng", "dtype") or argument.kind is argument.VAR_KEYWORD
        require(kept, f"the constructor's argument {name!r} must be kept as self.{name}, where repr and saving read it")
    check_parameters(layer)


def _dtype(layer: Layer, x: Array) -> None:
    layer.astype(np.float32)
    small = x.astype(np.float32)
    y = layer.forward(small)
    require(
        y.dtype == np.float32, f"float32 in must give float32 out, got {y.dtype}: is there a float64 array in forward?"
    )
    grad = layer.backward(_like(y))
    require(grad.dtype == np.float32, f"backward must keep float32, got {grad.dtype}")


def _arrays_untouched(layer: Layer, x: Array) -> None:
    before = x.copy()
    y = layer.forward(x)
    require(same_bits(x, before), "forward writes to its input x")
    handed_out, grad = y.copy(), _like(y)
    grad_before = grad.copy()
    dx = layer.backward(grad)
    dx_before = dx.copy()
    require(same_bits(grad, grad_before), "backward writes to the gradient that it is given")
    require(same_bits(x, before), "backward writes to the input x of forward")
    layer.backward(grad)
    layer.forward(x[::-1].copy())
    layer.backward(grad[::-1].copy())
    require(same_bits(y, handed_out), "a later call writes to the y that forward gave")
    require(same_bits(dx, dx_before), "a later call writes to the dL/dx that backward gave")


def _layouts(layer: Layer, x: Array) -> None:
    expected = _behave(layer, x)
    wide = np.zeros((*x.shape[:-1], 2 * x.shape[-1]))
    wide[..., ::2] = x
    locked = x.copy()
    locked.setflags(write=False)
    layouts = {"Fortran-ordered": np.asfortranarray(x), "strided": wide[..., ::2], "read-only": locked}
    for name, batch in layouts.items():
        require(_all(near, expected, _behave(layer, batch)), f"a {name} batch gives another result than a plain one")
    single = x.astype(np.float32)
    require(
        _all(_near_single, _behave(layer, single.astype(np.float64)), _behave(layer, single)),
        "a float32 batch gives another result than the same numbers in float64",
    )


def _repeats(layer: Layer, x: Array) -> None:
    y = layer.forward(x)
    grad = _like(y)
    layer.parameters().grad = np.full(layer.parameters().size, np.nan)
    first, parameters = layer.backward(grad).copy(), layer.parameters().grad.copy()
    again = layer.backward(grad)
    require(same_bits(first, again), "backward called again gives another dL/dx: it must not change what forward kept")
    require(
        same_bits(parameters, layer.parameters().grad),
        "backward called again gives other parameter gradients: it must not change what forward kept",
    )
    layer.parameters().grad = np.full(parameters.shape, np.nan)
    layer.backward_parameters(grad)
    require(
        same_bits(parameters, layer.parameters().grad),
        "backward_parameters gives other parameter gradients than backward",
    )


def _samples(layer: Layer, x: Array) -> None:
    layer.training = False
    y = layer.forward(x).copy()
    one = layer.forward(x[:1])
    require(one.shape == (1, *y.shape[1:]), f"a batch of one gives shape {one.shape}, expected {(1, *y.shape[1:])}")
    grad = layer.backward(_like(one))
    require(
        grad.shape == x[:1].shape,
        f"for a batch of one, backward gives dL/dx of shape {grad.shape}, but x has {x[:1].shape}",
    )
    if not layer.mixes_samples:
        advice = "; where that is meant, set mixes_samples = True in the class"
        require(near(one, y[:1]), f"a sample alone gives another result than within its batch{advice}")
        require(near(layer.forward(x[::-1].copy()), y[::-1]), f"the order of the samples makes a difference{advice}")
        (_, both, total), *alone = _behave(layer, x[:2]), _behave(layer, x[:1]), _behave(layer, x[1:2], 1)
        require(
            near(both, np.concatenate([dx for _, dx, _ in alone])),
            f"dL/dx of a sample alone is another than within its batch{advice}",
        )
        require(
            near(total, alone[0][2] + alone[1][2]),
            "the parameter gradients of two samples are not the sum of those of each alone",
        )


def _initial(layer: Layer, _: Array) -> None:
    twins = layer, copy.deepcopy(layer)
    for twin in twins:
        twin.initialize(0)
    require(
        same_bits(*(twin.parameters().value for twin in twins)),
        "initialize(0) twice gives other parameters: draw all of them from np.random.default_rng(rng)",
    )


def _evaluation(layer: Layer, x: Array) -> None:
    layer.training = True
    state = layer.state()
    first, second = layer.predict(x).copy(), layer.predict(x)
    require(same_bits(first, second), "two predictions differ: what is random belongs into training")
    require(layer.training, "predict leaves the layer in evaluation")
    after = layer.state()
    require(all(same_bits(state[name], after[name]) for name in state), "predict changes parameters or buffers")


def _copies(layer: Layer, x: Array) -> None:
    check_copies(layer, lambda thing: _behave(thing, x))
    layer.forward(x)
    check_copies(layer, lambda thing: _behave(thing, x))


def _files(layer: Layer, x: Array) -> None:
    layer.forward(x[::-1].copy())
    with warnings.catch_warnings(), suppress(CheckpointError):  # what cannot be saved says so when it is to be
        warnings.simplefilter("ignore", MinidlWarning)
        again = remade(layer)
        require(
            _all(same_bits, _behave(layer, x), _behave(again, x)),
            "made again of arguments, parameters and buffers, as from a file, it gives another result: what forward "
            "changes, or the constructor draws, belongs into a Parameter or is to be named in buffers",
        )


CHECKS: tuple[Callable[[Layer, Array], None], ...] = (
    _shapes,
    _arrays_untouched,
    _repeats,
    _evaluation,
    _samples,
    _dtype,
    _layouts,
    _copies,
    _files,
    _initial,
)


def _like(y: Array, before: int = 0) -> Array:
    """A gradient dL/dy, the same for every call; of a later part of a batch, if so many samples are before it."""
    grad: Array = np.cos(np.arange(y.size, dtype=y.dtype) + before * y[0].size).reshape(y.shape)
    return grad


def _behave(layer: Layer, x: Array, before: int = 0) -> list[Array]:
    """What comes out of the layer: y, dL/dx and parameter gradients, in evaluation, for a fixed dL/dy."""
    layer.parameters().grad = np.zeros(layer.parameters().size)
    with training_as(False):
        y = layer.forward(x)
        dx = layer.backward(_like(y, before))
    return [y, dx, layer.parameters().grad.copy()]


def _near_single(one: Array, other: Array) -> bool:
    """Whether two arrays are equal up to rounding in float32."""
    return near(one, other, np.float32)


def _all(same: Callable[[Array, Array], bool], results: list[Array], others: list[Array]) -> bool:
    return all(same(a, b) for a, b in zip(results, others, strict=True))
