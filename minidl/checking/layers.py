"""The contract of a layer."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache, partial

import numpy as np

from minidl.batch import arrays_in, as_floats, float_type, joined, mapped, rows, sample_shape, samples, shapes_of
from minidl.checking.behavior import answers, both_modes, check_mirrors, layouts, like, modes, rolled, spread, turned
from minidl.checking.case import NO_FUNCTION
from minidl.checking.contract import check_copies, check_parameters, contract, near, require, same_bits, shapes_agree
from minidl.checking.gradients import GradientReport, check_gradients
from minidl.checking.keeping import check_alone, check_files, check_size, instance_of, plain_arrays
from minidl.checking.noise import EPS
from minidl.checking.stepping import check_stepping
from minidl.errors import ContractError, describe
from minidl.modules import Layer, Snapshot, backward_without_dx, input_shape, training_as
from minidl.parameters import Parameter
from minidl.typing import Array, ArrayLike, Batch, Seed

__all__ = ["check_layer"]

ADVICE = "if that is intended, set mixes_samples = True in the class"


def check_layer(layer: Layer, x: ArrayLike, *, rng: Seed = 0, rtol: float = 1e-8) -> GradientReport:
    """Check the gradients of a layer, and everything else that the framework relies on.

    - The gradients agree with finite differences, in training and in evaluation, and are linear in dL/dy.
    - The shapes of outputs and gradients are right, also for a batch of one, and float32 stays float32.
    - No call writes to an array that was handed in or out earlier.
    - The memory layout of x and of dL/dy makes no difference.
    - backward repeats itself bit for bit.
    - Samples do not mix, unless ``mixes_samples`` is true.
    - Stepping through sequences (n, t, features) or ids (n, t) returns what forward returns, if `step` raises no error.
    - Evaluation is deterministic and changes nothing.
    - Copies, pickles and layers loaded from a file behave like the original, in training, too.
    - Instances do not disturb each other, and do not keep every batch.
    - The same seed draws the same initial values, and a generator draws others each time.
    - `Module.parameters` finds every Parameter, and the constructor keeps its arguments in attributes.
    - `minidl.save` takes it. What only warns there passes.

    x may be ids, a tuple of arrays, or a pair (x, mask), as the layer takes it. Ids and masks are neither moved nor
    differentiated. The gradients that backward returns for them must be 0.

    Copies are checked, with parameters moved a little, so `layer` does not change.

    Args:
        layer: the layer.
        x: a batch of at least two different samples, preferably away from kinks.
        rng: seed or generator of the random directions and of the parameters' moves.
        rtol: the largest relative error of a gradient.

    Returns:
        The report on the gradients in training.

    Raises:
        GradientError: a wrong gradient.
        ContractError: anything else that is wrong, the layer's own exceptions included.

    >>> from minidl import Dense
    >>> print(check_layer(Dense(2, 1, rng=0), [[1.0, 2.0], [3.0, 4.0]]).error < 1e-8)
    True
    """
    require(isinstance(layer, Layer), f"expected a Layer, got {describe(layer)}; derive its class from minidl.Layer")
    generator = np.random.default_rng(rng)
    batch = layer.as_input(x, "x", np.float64)
    require(samples(batch) > 1, "check_layer needs a batch of at least two samples")
    with contract(layer):
        _constructor(layer)
        moved = _moved(layer, batch, generator)
        for check in CHECKS:
            check(instance_of(moved), mapped(np.copy, batch))
        both = modes(moved, batch)
    for training in both:
        with training_as(training):
            report = check_gradients(moved, batch, rng=generator, rtol=rtol)
    with contract(layer):
        _alone_backward(moved, batch)
    return report


def _constructor(layer: Layer) -> None:
    for name, argument in inspect.signature(type(layer)).parameters.items():
        kept = name in vars(layer) or name in ("rng", "dtype") or argument.kind is argument.VAR_KEYWORD
        where = f"the constructor must keep its argument {name!r} as self.{name}, where repr and saving read it"
        require(kept, where)
        reason = f"{where}, but a Parameter is there, which minidl.save refuses; keep that under another name"
        require(not isinstance(vars(layer).get(name), Parameter), reason)
    check_parameters(layer)


def _moved(layer: Layer, x: Batch, rng: np.random.Generator) -> Layer:
    """A copy in float64 and training, away from initial values: a scale of 1 or a bias of 0 would hide mistakes."""
    moved = instance_of(layer).astype(np.float64)
    moved.training = True
    parameters = moved.parameters()
    parameters.value += 0.1 * rng.normal(size=parameters.size)
    moved.forward(mapped(np.copy, x))
    return moved


def _shapes(layer: Layer, x: Batch) -> None:
    y = layer.forward(x)
    for array in arrays_in(y):
        require(isinstance(array, np.ndarray), f"forward must return an array, got {type(array).__name__}")
        require(array.dtype.kind == "f", f"forward must return an array of floats, got {array.dtype}")
        kept = array.shape[:1] == (samples(x),)
        require(kept, f"forward must keep the batch axis: x has shape {shapes_of(x)}, y {shapes_of(y)}")
    grad = layer.backward(like(y))
    check_mirrors(grad, x)
    layer.output_shape(None)
    said, shape = layer.output_shape(input_shape(layer, sample_shape(x))), sample_shape(y)
    agree = shapes_agree(said, shape)
    require(agree, f"output_shape returns {said}, but the samples that forward returns have {shape}")


def _untouched(layer: Layer, x: Batch) -> None:
    x_before = mapped(np.copy, x)
    y = layer.forward(x)
    require(same_bits(x, x_before), "forward writes to its input x")
    y_before, grad = mapped(np.copy, y), like(y)
    grad_before = mapped(np.copy, grad)
    dx = layer.backward(grad)
    dx_before = mapped(np.copy, dx)
    require(same_bits(grad, grad_before), "backward writes to the gradient that it is given")
    require(same_bits(x, x_before), "backward writes to the input x of forward")
    layer.backward(grad)
    for other in (turned(x), mapped(rolled, x)):
        layer.forward(other)
        layer.backward(turned(grad))
    require(same_bits(y, y_before), "a later call writes to the y that forward returned")
    require(same_bits(dx, dx_before), "a later call writes to the dL/dx that backward returned")


def _repeats(layer: Layer, x: Batch) -> None:
    start = Snapshot([layer])
    y = mapped(np.copy, layer.forward(x))
    start.rewind()
    require(same_bits(y, layer.forward(x)), NO_FUNCTION)
    grad = like(layer.forward(x))
    results = []
    for backward in (layer.backward, layer.backward, getattr(layer, backward_without_dx(type(layer)))):
        layer.parameters().grad = np.full(layer.parameters().size, np.nan)
        dx = backward(grad)
        results.append((mapped(np.array, dx), layer.parameters().grad.copy()))
    (first, written), (again, rewritten), (_, alone) = results
    reason = "it must not change what forward cached"
    require(same_bits(first, again), f"a second backward returns another dL/dx: {reason}")
    require(same_bits(written, rewritten), f"a second backward writes other parameter gradients: {reason}")
    require(same_bits(written, alone), "backward_parameters writes other parameter gradients than backward")


def _evaluation(layer: Layer, x: Batch) -> None:
    before = layer.state()
    first, second = mapped(np.copy, layer.predict(x)), layer.predict(x)
    require(same_bits(first, second), "two predictions differ: random numbers belong in training")
    require(layer.training, "predict leaves the layer in evaluation")
    after = layer.state()
    require(all(same_bits(before[name], after[name]) for name in before), "predict changes parameters or buffers")


@training_as(False)
def _samples(layer: Layer, x: Batch) -> None:
    y, first = mapped(np.copy, layer.forward(x)), rows(x, slice(1))
    one = layer.forward(first)
    found, shape = shapes_of(one), shapes_of(rows(y, slice(1)))
    require(found == shape, f"forward returns shape {found} for a batch of one, expected {shape}")
    found, shape = shapes_of(layer.backward(like(one))), shapes_of(first)
    require(found == shape, f"backward returns dL/dx of shape {found} for a batch of one, but x has {shape}")
    if layer.mixes_samples:
        return
    move = _moves(layer, x, EPS)
    one, backwards = layer.forward(first), layer.forward(turned(x))
    same = near(one, rows(y, slice(1)), spread=partial(move, 0))
    require(same, f"a sample alone has another result than within its batch; {ADVICE}")
    same = near(backwards, turned(y), spread=partial(move, 0))
    require(same, f"the order of the samples makes a difference; {ADVICE}")


def _moves(layer: Layer, x: Batch, eps: float) -> Callable[[int], float]:
    """How far rounding moves each answer, as a function of its number, measured at the first call."""
    measured = cache(partial(spread, layer, x, eps))
    return lambda answer: measured()[answer]


def _alone_backward(layer: Layer, x: Batch) -> None:
    """What gradients of a whole batch do not show: a backward that is wrong for a batch of one."""
    if layer.mixes_samples:
        return
    move = _moves(layer, x, EPS)
    y, dx, total = answers(layer, rows(x, slice(2)))
    each = [slice(i, i + 1) for i in (0, 1)]
    parts = [answers(layer, rows(x, alone), rows(like(y), alone)) for alone in each]
    same = near(dx, joined([part[1] for part in parts]), spread=partial(move, 1))
    require(same, f"a sample alone has another dL/dx than within its batch; {ADVICE}")
    same = near(total, parts[0][2] + parts[1][2], spread=partial(move, 2))
    require(same, "the parameter gradients of two samples are not the sum of those of each alone")


def _dtype(layer: Layer, x: Batch) -> None:
    if not layer.parameters() and float_type(x, None) is None:
        return  # nothing says which type the output of ids alone should have
    layer.astype(np.float32)
    y = layer.forward(as_floats(x, np.float32))
    for array in arrays_in(y):
        kind = array.dtype
        message = f"the output for a float32 input must be float32, got {kind}: {plain_arrays(layer)}"
        require(kind == np.float32, message)
    for array in arrays_in(layer.backward(like(y))):
        require(array.dtype == np.float32, f"backward must keep float32, got {array.dtype}")


def _layouts(layer: Layer, x: Batch) -> None:
    for training in modes(layer, x):
        expected = answers(layer, x, training=training)
        grads = layouts(like(expected[0]))
        # x and dL/dy in different layouts, so that two mistakes do not cancel
        for (name, batch), (other, grad) in zip(layouts(x), [*grads[1:], grads[0]], strict=True):
            if not all(map(near, expected, answers(layer, batch, grad, training=training))):
                same = all(map(near, expected, answers(layer, batch, training=training)))
                what = f"backward of a {other} gradient" if same else f"a {name} batch"
                raise ContractError(f"{what} has another result than a plain one")


def _single(layer: Layer, x: Batch) -> None:
    single = as_floats(x, np.float32)
    double = as_floats(single, np.float64)
    move = _moves(layer, double, float(np.finfo(np.float32).eps))
    pairs = zip(answers(layer, double), answers(layer, single), strict=True)
    sizes = (1e-3, 1.0, 1.0)  # of the terms: gradients are sums of terms like dL/dy, which is 1
    require(
        all(near(*pair, np.float32, partial(move, index), sizes[index]) for index, pair in enumerate(pairs)),
        "a float32 batch has another result than the same numbers in float64",
    )


def _copies(layer: Layer, x: Batch) -> None:
    check_copies(layer, lambda thing: both_modes(thing, x))


def _files(layer: Layer, x: Batch) -> None:
    layer.forward(turned(x))
    check_files(layer, lambda thing: both_modes(thing, x))


def _alone(layer: Layer, x: Batch) -> None:
    batches = x, turned(x)

    def end(thing: Layer, batch: int) -> list[Batch]:
        return [mapped(np.array, thing.backward(like(ys[batch]))), thing.parameters().grad.copy()]

    ys = [layer.forward(batch) for batch in batches]
    check_alone(layer, lambda thing, batch: thing.forward(batches[batch]), end)


def _size(layer: Layer, x: Batch) -> None:
    whole = all(bool((array == np.round(array)).all()) for array in arrays_in(x))

    def use(number: int) -> None:
        def other(array: Array) -> Array:
            return rolled(array, number) if whole or array.dtype.kind != "f" else array * (1.0 - 2.0**-10 * number)

        layer.backward(like(layer.forward(mapped(other, x))))

    check_size(layer, sum(array.nbytes for array in arrays_in(x)), use)


def _initial(layer: Layer, _: Batch) -> None:
    def drawn(rng: Seed) -> Array:
        layer.initialize(rng)
        return layer.parameters().value.copy()

    first = drawn(0)
    require(
        same_bits(first, drawn(0)),
        "initialize(0) draws other parameters the second time: draw all of them from np.random.default_rng(rng)",
    )
    generator = np.random.default_rng(0)
    require(
        same_bits(first, drawn(generator)),
        "initialize draws other parameters from np.random.default_rng(0) than from 0: make rng = "
        "np.random.default_rng(rng) once, and draw all of them from it",
    )
    draws = not same_bits(first, drawn(1))
    require(
        not (draws and same_bits(first, drawn(generator))),
        "initialize draws the same parameters from a generator the second time: draw from the generator itself, not "
        "from a copy or a seed of it",
    )


CHECKS = (
    *(_shapes, _untouched, training_as(False)(_untouched), _evaluation, _repeats, _samples, _dtype, _layouts),
    *(_single, _copies, _files, _alone, _size, _initial, check_stepping),
)
