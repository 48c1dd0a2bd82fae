"""The base of layers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import numpy as np

from minidl.advice import add_conversion
from minidl.arguments import generator, whole_number
from minidl.batch import arrays_in, check_samples, joined, mapped, rows, sample_shape, samples, several
from minidl.data import as_data, as_ids, as_mask
from minidl.errors import DataError, ShapeError, describe
from minidl.modules.module import Module, parameter_type
from minidl.modules.stepping import forward_step
from minidl.modules.summary import Row, Summary, checked_shape, row
from minidl.modules.threads import check_thread, evaluating
from minidl.typing import Array, ArrayLike, Batch, Seed, Shape

__all__ = ["Layer", "check_tuple", "input_shape", "tuple_refused"]


class Layer(Module):
    """A map from a batch to a batch that knows its own derivative.

    A layer defines `forward` and `backward`. ``forward(x)`` returns y and caches in ``self`` what backward needs.
    ``backward(grad)`` takes dL/dy, writes dL/dparameter into each ``Parameter.grad`` and returns dL/dx. The first axis
    of x is the batch.

    Most layers take one array of floats. A class says so if its layers take something else:

    - ``takes_integers = True``: ids, integers from 0, which are never cast. They have no gradient: backward returns 0.
    - ``takes_tuple = True``: a tuple of arrays with the same first axis. backward returns a tuple, too.
    - ``takes_mask = True``: besides x, the pair (x, mask) with a Boolean mask (n, t), True where there is data. Of a
      pair, backward returns (dL/dx, zeros). A container hands a mask to such layers only.
    - ``takes_leading_axes = True``: it acts on the last axis, and takes any number of axes between it and the first.
    - ``mixes_steps = True``: in a sequence (n, t, …), the output at one time step depends on what x is at others, or on
      which one it is. Such a layer needs a `step` of its own.

    In evaluation, several threads may call forward at once. So what forward returns must come from its arguments and
    local variables, not from the attributes that it has just set.
    """

    takes_integers = takes_tuple = takes_mask = takes_leading_axes = open_output = mixes_steps = False

    def forward(self, x: Array) -> Array:
        """Return y for a batch x. Do not change y in place before backward: some layers read it again there."""
        raise NotImplementedError(f"{type(self).__name__} must define forward(x)")

    def backward(self, grad: Array) -> Array:
        """Take dL/dy of the last forward, overwrite the gradients of the parameters, and return dL/dx."""
        raise NotImplementedError(f"{type(self).__name__} must define backward(grad)")

    def backward_parameters(self, grad: Array) -> None:
        """`backward` for a caller that does not need dL/dx, such as the first layer in training.

        Override it beside `backward`, in the same class, where that saves work. It must write the same gradients.
        """
        self.backward(grad)

    def step(self, x: Array, state: Any = None) -> tuple[Array, Any]:
        """Compute one time step of a sequence as in evaluation, and return y and the state for the next one.

        Stepping through a sequence returns what `forward` returns for the whole of it. The data are not checked, and
        what forward caches for backward stays as it is.

        By default it is forward of x, without a state. A layer whose output depends on other time steps overrides it.

        Args:
            x: one time step, (n, …) where forward takes (n, t, …).
            state: what the last call returned, or None at the first time step. It is never changed, so several
                continuations may begin with the same state.

        Raises:
            StateError: the layer cannot step: it or a layer inside sets ``mixes_steps``, or a class overrides forward
                and not the step that it inherits.
        """
        return forward_step(self, x), None

    def initialize(self, rng: Seed) -> None:
        """Draw new initial values. By default every layer inside does so. A layer that draws its own overrides this.

        What is frozen inside stays as it is. All else is drawn again, trained layers included.

        Args:
            rng: one seed or generator for all of them, in reading order.
        """
        layers = [child for _, child in self.children() if isinstance(child, Layer)]
        rng = generator(rng) if layers else rng
        for layer in layers:
            _draw(layer, rng)

    def output_shape(self, shape: Shape | None) -> Shape | None:
        """The shape of one output for the shape of one input, both without the batch axis. None means unknown.

        Several arrays have a tuple of shapes. A layer that takes any number of leading axes answers None with the shape
        of an output without such axes. So does a container with ``open_output = True``, which ends in such layers.

        Raises:
            ShapeError: the layer cannot take inputs of that shape.
        """
        return None

    @property
    def mixes_samples(self) -> bool:
        """Whether a sample's output depends on the rest of its batch, even in evaluation.

        A class of such layers sets ``mixes_samples = True``. The default is True for a layer that contains one.
        """
        return any(isinstance(child, Layer) and child.mixes_samples for _, child in self.children())

    @property
    def gives_probabilities(self) -> bool | None:
        """Whether the outputs are probabilities: a loss that takes logits would then be the wrong one.

        None means that they are if the inputs are. A class whose outputs are probabilities sets
        ``gives_probabilities = True``. One that passes its inputs on, such as Dropout, sets it to None.
        """
        return False

    def __call__(self, x: ArrayLike) -> Array:
        """Check the data, then call `forward`."""
        check_thread(self)
        return self.forward(_checked(self, x, "x"))

    def predict(self, x: ArrayLike, *, batch_size: int | None = None) -> Array:
        """Check the data, then call `forward` as in evaluation. The layer itself does not change.

        The result is an array of its own, which may be changed. Several threads may predict with one model at once, but
        not while it is being trained.

        Args:
            x: the inputs.
            batch_size: samples per call of forward, so that what layers cache does not grow with x. None takes all.

        Raises:
            DataError, ShapeError: data that this layer cannot take.
            HyperparameterError: a batch size that is not a positive integer.
            StateError: the layer is being trained in another thread.
        """
        with evaluating(self):
            if batch_size is not None:
                return _in_parts(self, x, batch_size)
            batch = _checked(self, x, "x")
            return _own(self.forward(batch), batch)

    def check_input(self, x: ArrayLike, name: str = "x") -> Batch:
        """The batch as `forward` takes it: finite floats of the dtype of the parameters, or ids.

        Raises:
            DataError, ShapeError: data that this layer cannot take.
            StateError: the layer is being trained in another thread.
        """
        check_thread(self)
        return _checked(self, x, name)

    def as_input(self, x: ArrayLike, name: str, dtype: Any) -> Batch:
        """`check_input` without the shapes. A container leaves it to the layers that are given x.

        Args:
            x: the inputs.
            name: what a message calls them.
            dtype: the type to cast floats to. None leaves float32 and turns every other type into float64.
        """
        if self.takes_tuple or self.takes_integers or isinstance(x, tuple):
            return _as_input(self, x, name, dtype)
        return as_data(x, name, dtype=dtype)

    def summary(self, input_shape: Shape | None = None) -> Summary:
        """The layers with their output shapes, parameters and memory. Prints as a table.

        Args:
            input_shape: the shape of one sample, such as ``(28, 28, 1)``, or a tuple of shapes for several inputs. It
                makes known the shapes that depend on it.

        Raises:
            ShapeError: the layer cannot take inputs of that shape.
        """
        return Summary(list(self.summary_rows("", _one_sample(self, input_shape))), input_shape)

    def summary_rows(self, path: str, shape: Shape | None) -> Iterator[Row]:
        """The rows of the summary for this layer. A container returns those of its layers."""
        silent = type(self).output_shape is Layer.output_shape
        yield row(path, self, self.output_shape(shape), self.named_parameters(), silent=silent)


def _one_sample(layer: Layer, shape: Any) -> Shape | None:
    """The shape of one sample that the user of a layer has passed, as `output_shape` takes it."""
    return None if shape is None else input_shape(layer, checked_shape(shape))


def _draw(layer: Layer, rng: Seed) -> None:
    """Draw the initial values of a layer, but for what is frozen."""
    if any(module.trainable for _, module in layer.modules()):
        parameters = [parameter for _, parameter in layer.named_parameters()]
        frozen = [(parameter, parameter.value.copy()) for parameter in parameters if not parameter.trainable]
        layer.initialize(rng)
        for parameter, value in frozen:
            parameter.value = value


def _checked(layer: Layer, x: Any, name: str) -> Batch:
    batch = layer.as_input(x, name, parameter_type(layer))
    try:  # output_shape raises for samples of the wrong shape
        layer.output_shape(batch.shape[1:] if type(batch) is np.ndarray else input_shape(layer, sample_shape(batch)))
    except ShapeError as error:
        if name != "x":
            error.add_note(f"raised by {name}")
        if not isinstance(x, list | tuple):
            add_conversion(error, x, name)
        elif isinstance(x, list) and not _takes(layer, batch.shape):  # otherwise it is one sample, and needs the batch
            add_conversion(error, x, name, code=_takes(layer, (*batch.shape[1:], 1)))
        raise
    return batch


def _takes(layer: Layer, shape: Shape) -> bool:
    """Whether a layer takes samples of a shape."""
    try:
        layer.output_shape(shape)
    except ShapeError:
        return False
    return True


def _as_input(layer: Layer, x: Any, name: str, dtype: Any) -> Batch:
    if layer.takes_tuple:
        check_tuple(layer, x)
        batch = tuple(_as_array(layer, entry, f"{name}[{index}]", dtype) for index, entry in enumerate(x))
        check_samples(batch, name)
        return batch
    if not isinstance(x, tuple):
        return as_ids(x, name)
    if len(x) != 2 or not layer.takes_mask:
        raise tuple_refused(layer, x)
    array = layer.as_input(_not_a_tuple(x[0], f"{name}[0]"), name, dtype)
    return array, as_mask(x[1], f"the mask of {name}", array)


def _as_array(layer: Layer, x: ArrayLike, name: str, dtype: Any) -> Array:
    x = _not_a_tuple(x, name)
    return as_ids(x, name) if layer.takes_integers else as_data(x, name, dtype=dtype)


def _not_a_tuple(x: ArrayLike, name: str) -> ArrayLike:
    """Return one of several inputs. NumPy would stack the arrays of a tuple."""
    if isinstance(x, tuple):
        raise DataError(f"{name} must be one array, got a tuple of {len(x)}")
    return x


def check_tuple(layer: Layer, x: Any) -> None:
    """Raise `DataError` unless x is a tuple of inputs, for a layer that takes several."""
    if not isinstance(x, tuple) or not x:
        given = "an empty one" if isinstance(x, tuple) else type(x).__name__
        raise DataError(
            f"{describe(layer)} takes several inputs, a tuple of arrays, got {given}; pass (a, b), or put "
            "Branches(…) in front, which makes several arrays of one"
        )


def tuple_refused(layer: Layer, x: tuple[Any, ...]) -> DataError:
    """The error for a tuple that is given to a layer that takes one array."""
    fix = (
        "for several inputs, begin the model with a container that takes them: Parallel, Concatenate, Add, Multiply or "
        "Siamese; or join them, e.g. np.column_stack(x)"
    )
    with suppress(ValueError):  # NumPy cannot make an array of the second
        if len(x) == 2 and np.asarray(x[1]).dtype == np.bool_:
            fix = "if the second is a mask, the model needs a layer with takes_mask = True"
    return DataError(f"{describe(layer)} takes one array, got a tuple of {len(x)}; {fix}")


def input_shape(layer: Layer, shape: Shape | None) -> Shape | None:
    """The shape of one sample as `output_shape` of a layer takes it: without that of a mask."""
    return shape[0] if several(shape) and not layer.takes_tuple and layer.takes_mask and len(shape) == 2 else shape


def _in_parts(layer: Layer, x: Any, size: int) -> Array:
    size = whole_number("batch_size", size, 1)
    if not all(isinstance(array, np.ndarray) and array.ndim for array in arrays_in(x)):
        x = layer.check_input(x)
    check_samples(x, "x")
    starts = range(0, max(samples(x), 1), size)
    parts = ((f"x[{start}:]" if start else "x", rows(x, slice(start, start + size))) for start in starts)
    y: Array = joined([layer.forward(layer.check_input(part, name)) for name, part in parts])
    return y


def _own(y: Batch, batch: Batch) -> Array:
    """The outputs in memory of their own: some layers return their input, or a view of it or of what they hold."""
    own: Array
    if isinstance(y, tuple) or isinstance(batch, tuple):
        given = arrays_in(batch)
        own = mapped(lambda out: out.copy() if out.base is not None or any(out is each for each in given) else out, y)
    else:
        own = y.copy() if y is batch or y.base is not None else y
    return own
