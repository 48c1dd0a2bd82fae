"""The base of layers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache

import numpy as np

from minidl.advice import add_conversion
from minidl.arguments import generator, whole_number
from minidl.data import as_data
from minidl.errors import ShapeError
from minidl.modules.module import Module
from minidl.modules.summary import Row, Summary, row
from minidl.modules.threads import check_thread, evaluating
from minidl.typing import Array, ArrayLike, Seed, Shape

__all__ = ["Layer", "as_gradient", "backward_without_dx", "chained_rows"]


class Layer(Module):
    """A map from a batch to a batch that knows its own derivative.

    A layer defines `forward` and `backward`. ``forward(x)`` returns y and caches in ``self`` what backward needs.
    ``backward(grad)`` takes dL/dy, writes dL/dparameter into each ``Parameter.grad`` and returns dL/dx. The first axis
    of x is the batch.

    In evaluation, several threads may call forward at once. So what forward returns must come from its arguments and
    local variables, not from the attributes that it has just set.
    """

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

    def initialize(self, rng: Seed) -> None:
        """Draw new initial values. By default every layer inside does so. A layer that draws its own overrides this.

        Args:
            rng: one seed or generator for all of them, in reading order.
        """
        layers = [child for _, child in self.children() if isinstance(child, Layer)]
        if layers:
            rng = generator(rng)
        for layer in layers:
            layer.initialize(rng)

    def output_shape(self, shape: Shape | None) -> Shape | None:
        """The shape of one output for the shape of one input, both without the batch axis. None means unknown.

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
        return self.forward(self.check_input(x))

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
                with add_conversion(x, "x"):
                    return _in_parts(self, x if isinstance(x, np.ndarray) and x.ndim else as_data(x), batch_size)
            batch = self.check_input(x)
            y = self.forward(batch)
        # Some layers return their input, or a view of it or of what they hold.
        return y.copy() if y is batch or y.base is not None else y

    def check_input(self, x: ArrayLike, name: str = "x") -> Array:
        """The batch as `forward` takes it: finite floats of the dtype of the parameters.

        Raises:
            DataError, ShapeError: data that this layer cannot take.
            StateError: the layer is being trained in another thread.
        """
        check_thread(self)
        parameter = next(self.named_parameters(), None)
        array = as_data(x, name, dtype=None if parameter is None else parameter[1].dtype)
        with add_conversion(x, name):
            self.output_shape(array.shape[1:])  # raises for samples of the wrong shape
        return array

    def summary(self) -> Summary:
        """The layers with their output shapes, parameters and memory. Prints as a table."""
        return Summary(list(self.summary_rows("", None)))

    def summary_rows(self, path: str, shape: Shape | None) -> Iterator[Row]:
        """The rows of the summary for this layer. A container returns those of its layers."""
        yield row(path, self, self.output_shape(shape), self.named_parameters())


def as_gradient(grad: Array, y: Array) -> Array:
    """Return dL/dy in the type of y, for callers that hand a gradient to a model.

    As in PyTorch, a loss computed in float64 may follow a float32 model.

    Raises:
        ShapeError: a gradient that does not have the shape of y.
    """
    if not isinstance(grad, np.ndarray) or grad.shape != y.shape:
        given = f"shape {grad.shape}" if isinstance(grad, np.ndarray) else f"type {type(grad).__name__}"
        raise ShapeError(f"dL/dy must be an array of y's shape {y.shape}, got {given}")
    return grad if grad.dtype == y.dtype else grad.astype(y.dtype, casting="same_kind")


def _backward_without_dx(kind: type) -> str:
    """The name of the method to call for a caller that does not need dL/dx.

    That is "backward_parameters" if it is defined in the same class as backward. If a subclass overrides backward
    alone, the inherited backward_parameters still writes the gradients of the parent.
    """
    owner = next(base for base in kind.__mro__ if "backward" in vars(base))
    return "backward_parameters" if "backward_parameters" in vars(owner) else "backward"


backward_without_dx: Callable[[type], str] = cache(_backward_without_dx)
"""The same, with the answers cached: it is asked at every step."""


def _in_parts(layer: Layer, x: Array, size: int) -> Array:
    size = whole_number("batch_size", size, 1)
    y = first = layer.predict(x[:size])
    if len(x) > size:
        y = np.empty((len(x), *first.shape[1:]), first.dtype)
        y[:size] = first
    for start in range(size, len(x), size):
        y[start : start + size] = layer.forward(layer.check_input(x[start : start + size], f"x[{start}:]"))
    return y


def chained_rows(container: Layer, layers: Sequence[Layer], path: str, shape: Shape | None) -> Iterator[Row]:
    """The rows of a summary: those of layers one after the other, then what else the container holds."""
    for index, (name, child) in enumerate(container.children()):
        place = f"{path}.{name}" if path else name
        if index < len(layers):
            yield from layers[index].summary_rows(place, shape)
            shape = layers[index].output_shape(shape)
        else:
            parameters = child.named_parameters() if isinstance(child, Module) else [(name, child)]
            yield row(place, child, None, parameters)
