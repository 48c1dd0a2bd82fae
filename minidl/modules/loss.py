"""The base of losses."""

from __future__ import annotations

import copy
from contextlib import suppress
from typing import Any

import numpy as np

from minidl.advice import add_conversion, add_tuple
from minidl.batch import arrays_in, float_type, mapped, rows, same_length, sample_shape, samples, several
from minidl.data import as_data
from minidl.errors import DataError, ShapeError, describe, warn
from minidl.modules.backward import as_gradient
from minidl.modules.layer import Layer, input_shape
from minidl.modules.module import Module, parameter_type
from minidl.typing import Array, ArrayLike, Batch, Shape

__all__ = ["Loss", "format_shape", "same_shape"]


class Loss(Module):
    """A number that says how far predictions are from targets: a mean over the batch.

    A loss defines ``forward(prediction, target)``, which returns the number and caches what ``backward()`` needs to
    return dL/dprediction. If a batch may hold nothing to average, both return 0 for it.

    Weights need no code in a loss: `weighted` and `weighted_gradient` follow from forward, backward and `each`.
    """

    takes_logits = False
    """Whether predictions are logits. A Sigmoid or Softmax at the end of the model is then one too many."""

    def forward(self, prediction: Array, target: Array) -> float:
        """Return the loss of a batch."""
        raise NotImplementedError(f"{type(self).__name__} must define forward(prediction, target)")

    def backward(self) -> Array:
        """Return dL/dprediction of the last forward."""
        raise NotImplementedError(f"{type(self).__name__} must define backward()")

    def check_target(self, target: ArrayLike, prediction: Shape | None = None, dtype: Any = None) -> Array:
        """The targets as `forward` takes them. Training calls it once, at the beginning.

        Args:
            target: targets for any number of samples.
            prediction: the shape of one prediction, without the batch axis. None means unknown.
            dtype: the float type of the predictions.

        Raises:
            DataError, ShapeError: targets that this loss cannot take.
        """
        self.check_one_array(prediction)
        array = as_data(target, "y", dtype=dtype)
        if prediction is not None:
            try:
                same_shape(("n", *prediction), ("n", *array.shape[1:]))
            except ShapeError as error:
                if self._forward_takes(array, prediction):
                    error.add_note("a loss that takes targets of another shape overrides check_target")
                if _may_be_classes(array, prediction):
                    classes = "y" if array.ndim == len(prediction) else "y[..., 0]"
                    error.add_note(f"if y holds classes, use CrossEntropyLoss(), which takes {classes}")
                raise
        return array

    def _forward_takes(self, target: Array, prediction: Shape) -> bool:
        """Whether forward takes some targets, whatever `check_target` says of them."""
        with suppress(Exception), np.errstate(all="ignore"):  # a loss of a user may raise what it likes
            some = target[:2]
            return bool(np.isscalar(copy.copy(self).forward(np.full((len(some), *prediction), 0.5), some)))
        return False

    def counts(self, target: Batch) -> Array | None:
        """How many numbers the mean averages for each sample, (n,). None, the default, means as many for each.

        The means of several batches are combined by these counts. A loss that leaves out some targets overrides it.

        Args:
            target: what `check_target` has returned, or some samples of it.
        """
        return None

    def classes(self, target: Batch) -> Array | None:
        """The class of each sample, (n,), of any type. None, the default, means that targets are not classes.

        A share of the samples is held out class by class. A loss whose targets may be classes overrides it.

        Args:
            target: what `check_target` has returned.
        """
        return None

    def each(self, prediction: Batch, target: Batch) -> tuple[Array, Array]:
        """The loss of each sample, and how many numbers it averages. Both are (n,).

        The loss of the batch is ``Σ count · value / Σ count``. This default calls forward once per sample, which is
        right for any loss that is a mean over samples. Override it to save time. Nothing changes.

        >>> from minidl import MSELoss
        >>> values, counts = MSELoss().each(np.array([[1.0], [3.0]]), np.array([[0.0], [1.0]]))
        >>> values.tolist(), counts.tolist()
        ([1.0, 4.0], [1, 1])
        """
        alone, n = copy.copy(self), samples(prediction)
        parts = (rows((prediction, target), slice(index, index + 1)) for index in range(n))
        return np.array([alone.forward(*part) for part in parts], np.float64), self.shares(target)

    def shares(self, target: Batch, weights: Array | None = None) -> Array:
        """How much each sample counts, (n,): ``weight · count``. Counts of None are the numbers of a target."""
        counts = self.counts(target)
        if counts is None:
            n, size = samples(target), arrays_in(target)[0].size
            counts = np.full(n, max(size // n, 1))
        return counts if weights is None else weights * counts

    def weighted(self, prediction: Batch, target: Batch, weights: Array) -> float:
        """``Σ w · count · value / Σ w · count``, the loss of a batch with weights, or 0 if nothing counts.

        A weight of 2 means the same as two equal samples, and a weight of 0 the same as none.

        Args:
            prediction, target: as forward takes them.
            weights: w, (n,), at least 0.

        >>> from minidl import MSELoss
        >>> MSELoss().weighted(np.array([[1.0], [3.0]]), np.array([[0.0], [1.0]]), np.array([2.0, 1.0]))
        2.0
        """
        chosen, share, _ = self._counting(target, weights)
        if not len(chosen):
            return 0.0
        values, _ = self.each(*rows((prediction, target), chosen))
        return float(share.dot(values))

    def weighted_gradient(self, prediction: Batch, target: Batch, weights: Array) -> Batch:
        """The gradient of `weighted` for the prediction. Arguments are the same. It calls forward and backward.

        Row i of the gradient without weights, ``count ∂value/∂prediction / Σ count``, is multiplied by
        ``w Σ count / Σ w · count``.

        >>> from minidl import MSELoss
        >>> MSELoss().weighted_gradient(np.array([[1.0], [3.0]]), np.array([[0.0], [1.0]]), np.array([3.0, 1.0]))
        array([[1.5],
               [1. ]])
        """
        chosen, _, factor = self._counting(target, weights)
        grad: Batch = mapped(lambda array: np.zeros(array.shape, float_type(array, np.float64)), prediction)
        if len(chosen):
            part, of_target = rows((prediction, target), chosen)
            self.forward(part, of_target)

            def fill(out: Array, row: Array) -> None:
                out[chosen] = row * factor.reshape(-1, *[1] * (row.ndim - 1))

            mapped(fill, grad, as_gradient(self.backward(), part))
        return grad

    def _counting(self, target: Batch, weights: Array) -> tuple[Array, Array, Array]:
        """The samples that count, the share of each in the sum of values, and the factor of each row of the gradient.

        Samples without weight are left out, so that they may hold anything, such as NaN.
        """
        counts = self.shares(target)
        shares = weights * counts
        chosen, total = np.flatnonzero(shares), shares.sum()
        return chosen, shares[chosen] / total, weights[chosen] / total * counts[chosen].sum()

    def check_one_array(self, prediction: Shape | None) -> None:
        """Raise `ShapeError` for the predictions of a model that returns several arrays."""
        if several(prediction):
            raise ShapeError(
                f"{type(self).__name__} takes one array, but the model returns {len(prediction or ())}; end it with "
                "Concatenate(), Add() or Multiply(), or write a loss that overrides check_target"
            )

    def check_data(self, model: Layer, x: ArrayLike, y: ArrayLike, of: str = "") -> tuple[Batch, Batch]:
        """Return inputs and targets as the model and this loss take them.

        Args:
            model: the model.
            x, y: inputs and targets, with the samples along the first axis.
            of: what a message puts before x and y, such as "validation ".

        Raises:
            DataError, ShapeError: data that the model or the loss cannot take. A note says so if they look swapped.
        """
        try:
            return self._check_data(model, x, y, of)
        except (DataError, ShapeError) as error:
            if self._look_swapped(model, x, y):
                error.add_note(f"{of}x and y look swapped: inputs come first, then targets")
            raise

    def _check_data(self, model: Layer, x: ArrayLike, y: ArrayLike, of: str) -> tuple[Batch, Batch]:
        inputs = model.check_input(x, f"{of}x")
        shape = model.output_shape(input_shape(model, sample_shape(inputs)))
        try:
            # Inputs may be wider than the model: a layer that subtracts large numbers first takes float64.
            dtype = parameter_type(model) or float_type(inputs, model.dtype)
            try:
                targets = self.check_target(y, shape, dtype)
            except ShapeError as error:
                add_conversion(error, y, f"{of}y", code=_indexes(y, shape))
                raise
            same_length(inputs, targets, of)
        except ShapeError as error:
            if of:
                error.add_note(f"raised by {of}y")
            with suppress(ValueError):  # entries that NumPy cannot stack
                add_tuple(error, x, f"{of}x", np.shape(y)[:1])
                _add_steps(error, model, shape, np.shape(y)[1:])
            raise
        return inputs, targets

    def _look_swapped(self, model: Layer, x: ArrayLike, y: ArrayLike) -> bool:
        for as_column in (False, True):  # targets (n,) may lack an axis besides
            with suppress(Exception):  # of any kind: a loss of a user may raise what it likes
                inputs, targets = self._check_data(model, y, np.asarray(x)[:, None] if as_column else x, "")
                return sample_shape(inputs) != sample_shape(targets)  # of equal shapes, values alone would tell
        return False

    def check_model(self, model: Layer) -> None:
        """Warn if the model ends in probabilities where this loss takes logits."""
        if self.takes_logits and model.gives_probabilities:
            warn(
                f"{type(self).__name__} takes logits and applies the last nonlinearity itself, but the model returns "
                f"probabilities; remove its last layer, {_maker(model)!r}",
                stacklevel=3,
            )

    def __call__(self, prediction: ArrayLike, target: ArrayLike) -> float:
        """Check the data, then call `forward`."""
        checked = as_data(prediction, "prediction")
        try:
            y = self.check_target(target, dtype=checked.dtype)
            with np.errstate(over="ignore"):  # losses that large are infinite, or computed again with care
                return self.forward(checked, y)
        except ShapeError as error:
            add_conversion(error, target, "y", code=_indexes(target, checked.shape[1:]))
            raise


def _indexes(target: ArrayLike, prediction: Shape | None) -> bool:
    """Whether a message about these shapes may write code such as y[:, None]. Other advice holds for lists, too."""
    return not isinstance(target, list) or prediction is None or 1 in (*np.shape(target)[1:], *prediction)


def _maker(model: Module) -> Module:
    """The last layer inside that returns probabilities, however deep."""
    return [module for _, module in model.modules() if isinstance(module, Layer) and module.gives_probabilities][-1]


def _add_steps(error: ShapeError, model: Module, prediction: Shape | None, target: Shape) -> None:
    """Add a note if the model predicts something at each time step, and the targets have no such axis."""
    if prediction is None or several(prediction) or len(prediction) != 2 or target[:1] == prediction[:1]:
        return
    layers = [module for _, module in model.modules() if isinstance(module, Layer)]
    pool = "put GlobalAveragePool1D() in front of the last Dense"
    if last := [layer for layer in layers if getattr(layer, "return_sequences", False)]:
        fix = f"leave out return_sequences=True in {describe(last[-1])}, or {pool}"
    elif any(layer.takes_mask for layer in layers):
        fix = pool
    else:
        return
    error.add_note(f"the model predicts at each of {prediction[0]} time steps; to predict once per sequence, {fix}")


def _may_be_classes(target: Array, prediction: Shape) -> bool:
    """Whether targets are whole numbers, one for each row of scores."""
    one_each = target.shape[1:] in (prediction[:-1], (*prediction[:-1], 1)) and prediction[-1:] > (1,)
    return one_each and bool((target == np.floor(target)).all() and target.min() >= 0)


def same_shape(prediction: tuple[Any, ...], target: tuple[Any, ...]) -> None:
    """Raise `ShapeError` unless the shapes are equal: NumPy would broadcast (n,) against (n, 1) into (n, n).

    >>> same_shape((5, 1), (5,))
    Traceback (most recent call last):
        ...
    minidl.errors.ShapeError: predictions have shape (5, 1), targets (5,); make them equal, e.g. with y[:, None]
    """
    if prediction != target:
        fix = "they must be equal"
        if prediction == (*target, 1):
            fix = "make them equal, e.g. with y[:, None]"
        elif (*prediction, 1) == target:
            fix = "make them equal, e.g. with y[:, 0]"
        raise ShapeError(f"predictions have shape {format_shape(prediction)}, targets {format_shape(target)}; {fix}")


def format_shape(shape: tuple[Any, ...]) -> str:
    """Write a shape as NumPy does. n stands for any number.

    >>> format_shape(("n", 2)), format_shape(("n",))
    ('(n, 2)', '(n,)')
    """
    return f"({', '.join(map(str, shape))}{',' * (len(shape) == 1)})"
