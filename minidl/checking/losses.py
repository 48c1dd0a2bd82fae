"""The contract of a loss."""

from __future__ import annotations

import copy

import numpy as np

from minidl.checking.behavior import layouts
from minidl.checking.contract import check_copies, check_parameters, contract, near, require, same_bits
from minidl.checking.gradients import GradientReport, check_gradients
from minidl.checking.keeping import check_alone, check_size
from minidl.data import as_data
from minidl.errors import describe
from minidl.modules import Loss
from minidl.typing import Array, ArrayLike, Seed

__all__ = ["check_loss"]


def check_loss(
    loss: Loss, prediction: ArrayLike, target: ArrayLike, *, rng: Seed = 0, rtol: float = 1e-8
) -> GradientReport:
    """Check the gradient of a loss, and everything else that the framework relies on.

    - forward returns a Python float, the mean over the batch.
    - backward returns an array of the prediction's shape and type, and repeats itself bit for bit.
    - Neither writes to the arrays that it is given, or to those that it returned earlier.
    - The memory layout of predictions and targets makes no difference.
    - `each` returns the losses of samples and their counts, of which forward is the mean. It changes nothing.
    - A target with another number of samples, or with an axis too few, is refused.
    - Copies and pickles behave like the original.
    - Instances do not disturb each other, and do not keep every batch.

    A copy is checked, with parameters moved a little, so `loss` does not change.

    Args:
        loss: the loss.
        prediction: predictions for a batch.
        target: targets of the kind that the loss takes.
        rng: seed or generator of the random directions and of the parameters' moves.
        rtol: the largest relative error of the gradient.

    Returns:
        The report on the gradients.

    Raises:
        GradientError: a wrong gradient.
        ContractError: anything else that is wrong, the loss's own exceptions included.

    >>> from minidl import MSELoss
    >>> check_loss(MSELoss(), [[1.0], [2.0]], [[0.0], [3.0]]).error < 1e-8
    True
    """
    require(isinstance(loss, Loss), f"expected a Loss, got {describe(loss)}; derive its class from minidl.Loss")
    p = as_data(prediction, "prediction", dtype=np.float64)
    generator = np.random.default_rng(rng)
    with contract(loss):
        private = copy.deepcopy(loss).astype(np.float64)
        check_parameters(private)
        parameters = private.parameters()
        parameters.value += 0.1 * generator.normal(size=parameters.size)
        y = private.check_target(target, p.shape[1:], np.float64)
        _values(private, p, y)
        _dtype(copy.deepcopy(private), p, y)
        _refusals(private, p, y)
        _buffers(private, p, y)
        _layouts(private, p, y)
        check_copies(private, lambda thing: _behave(thing, p, y))
        _alone(private, p, y)
        _each(private, p, y)
        check_size(private, p.nbytes, lambda number: _behave(private, p * (1.0 - 2.0**-10 * number), y))
    return check_gradients(private, p, target, rng=generator, rtol=rtol)


def _values(loss: Loss, p: Array, y: Array) -> None:
    p_before, y_before = p.copy(), y.copy()
    value = loss.forward(p, y)
    require(type(value) is float, f"forward must return a Python float, got {type(value).__name__}; use float(…)")
    grad = loss.backward()
    require(isinstance(grad, np.ndarray), f"backward must return dL/dprediction, an array, got {type(grad).__name__}")
    require(grad.shape == p.shape, f"backward returns shape {grad.shape}, but the prediction has {p.shape}")
    first = grad.copy()
    require(same_bits(first, loss.backward()), "a second backward returns another gradient")
    require(same_bits(grad, first), "a later backward writes to the gradient that an earlier one returned")
    require(same_bits(p, p_before) and same_bits(y, y_before), "forward or backward writes to prediction or target")
    twice = loss.forward(np.concatenate([p, p]), np.concatenate([y, y]))
    require(
        near(np.array(twice), np.array(value)),
        f"the loss must be a mean over the batch, but it is {value} for the batch and {twice} for the batch twice",
    )


def _each(loss: Loss, p: Array, y: Array) -> None:
    value, grad = loss.forward(p, y), loss.backward()
    values, counts = loss.each(p, y)
    shapes = tuple(np.shape(part) for part in (values, counts))
    require(shapes == ((len(p),), (len(p),)), f"each must return two arrays of shape ({len(p)},), got shapes {shapes}")
    require(same_bits(grad, loss.backward()), "each changes what backward returns; it must not cache anything")
    whole = counts.sum()
    mean = (counts * values).sum() / (whole or 1)
    require(
        near(np.array(mean), np.array(value)),
        f"each must agree with forward: the mean of its values by its counts is {mean}, forward returns {value}",
    )
    shares = loss.shares(y)
    agree = near(counts / (whole or 1), shares / (shares.sum() or 1))
    require(agree, f"each returns the counts {counts}, but the method counts says {loss.counts(y)}; override both")


def _buffers(loss: Loss, p: Array, y: Array) -> None:
    loss.forward(p, y)
    grad = loss.backward()
    first = grad.copy()
    for shift in (1, 2):  # p may be of one sample, or hold the same one twice
        loss.forward(np.roll(p, shift, axis=0) * (1.0 - 2.0**-10 * shift), y)
        loss.backward()
    require(same_bits(grad, first), "a later call writes to the gradient that backward returned")


def _layouts(loss: Loss, p: Array, y: Array) -> None:
    expected = _behave(loss, p, y)
    targets = layouts(y)
    for (name, prediction), (other, target) in zip(layouts(p), [*targets[1:], targets[0]], strict=True):
        same = all(map(near, expected, _behave(loss, prediction, target)))
        require(same, f"a {name} prediction and a {other} target have another result than plain ones")


def _alone(loss: Loss, p: Array, y: Array) -> None:
    predictions = p, p * (1.0 - 2.0**-10)

    def end(thing: Loss, _: int) -> list[Array]:
        return [np.array(thing.backward()), thing.parameters().grad.copy()]

    check_alone(loss, lambda thing, batch: thing.forward(predictions[batch], y), end)


def _dtype(loss: Loss, p: Array, y: Array) -> None:
    loss.astype(np.float32)
    small = y.astype(np.float32) if y.dtype.kind == "f" else y
    loss.forward(p.astype(np.float32), small)
    kind = loss.backward().dtype
    require(kind == np.float32, f"the gradient for a float32 prediction must be float32, got {kind}")


def _refusals(loss: Loss, p: Array, y: Array) -> None:
    wrong = {"with one sample too few": y[1:]} if len(y) > 1 else {}
    if p.shape == y.shape and p.shape[1:] == (1,):
        wrong["of shape (n,) against (n, 1)"] = y[:, 0]
    for name, target in wrong.items():
        try:
            loss.forward(p, target)
        except ValueError:
            continue
        require(False, f"forward accepts a target {name}, which NumPy broadcasts; call same_shape first")


def _behave(loss: Loss, p: Array, y: Array) -> list[Array]:
    return [np.array(loss.forward(p, y)), np.array(loss.backward()), loss.parameters().grad.copy()]
