"""The base of layers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from minidl.arguments import whole_number
from minidl.data import as_data
from minidl.modules.module import Module
from minidl.modules.summary import Row, Summary, row
from minidl.typing import Array, ArrayLike, Seed, Shape

__all__ = ["Layer"]


class Layer(Module):
    """A map from a batch to a batch that knows its own derivative.

    A layer defines `forward` and `backward`. `forward(x)` keeps in ``self`` what `backward` needs; `backward(grad)`
    takes dL/dy, writes dL/dparameter into each ``Parameter.grad`` and gives dL/dx. The first axis of x is the batch.
    """

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "backward" in vars(cls) and "backward_parameters" not in vars(cls):
            # What a base class has written to save itself dL/dx knows nothing of this backward.
            cls.backward_parameters = Layer.backward_parameters  # type: ignore[method-assign]  # that is meant

    @property
    def mixes_samples(self) -> bool:
        """Whether a sample's output depends on the other samples of its batch, also in evaluation.

        A class that mixes them says ``mixes_samples = True``; what holds such a layer mixes them, too.
        """
        return any(isinstance(child, Layer) and child.mixes_samples for _, child in self.children())

    def forward(self, x: Array) -> Array:
        """Give y for a batch x; until backward it is not to be changed, as some layers read it again."""
        raise NotImplementedError(f"{type(self).__name__} must define forward(x)")

    def backward(self, grad: Array) -> Array:
        """Take dL/dy, overwrite the gradients of the parameters, and give dL/dx."""
        raise NotImplementedError(f"{type(self).__name__} must define backward(grad)")

    def backward_parameters(self, grad: Array) -> None:
        """`backward` for callers who do not want dL/dx, such as the first layer in training.

        Where that saves work, a class that defines `backward` defines this beside it, to write the same gradients.
        """
        self.backward(grad)

    def output_shape(self, shape: Shape | None) -> Shape | None:
        """The shape of one output for the shape of one input, both without the batch axis; None is unknown.

        Raises:
            ShapeError: inputs of that shape cannot be taken.
        """
        return None

    @property
    def gives_probabilities(self) -> bool:
        """Whether outputs are probabilities, for which a loss that takes logits is the wrong one."""
        return False

    def summary(self) -> Summary:
        """The layers with their output shapes, parameters and memory; prints as a table."""
        return Summary(list(self.summary_rows("", None)))

    def summary_rows(self, path: str, shape: Shape | None) -> Iterator[Row]:
        """The rows of the summary for this layer; a container gives those of its layers."""
        yield row(path, self, self.output_shape(shape), self.named_parameters())

    def initialize(self, rng: Seed) -> None:
        """Draw initial values anew, here those of the layers inside; a layer that draws some of its own overrides it.

        Args:
            rng: one seed or generator for all of them, in reading order.
        """
        layers = [child for _, child in self.children() if isinstance(child, Layer)]
        generator = np.random.default_rng(rng) if layers else None
        for layer in layers:
            layer.initialize(generator)

    def check_input(self, x: ArrayLike, name: str = "x") -> Array:
        """The batch as `forward` takes it: finite floats of the dtype of the parameters.

        Raises:
            DataError, ShapeError: data that this layer cannot take.
        """
        parameter = next(self.named_parameters(), None)
        array = as_data(x, name, dtype=None if parameter is None else parameter[1].dtype)
        self.output_shape(array.shape[1:])
        return array

    def __call__(self, x: ArrayLike) -> Array:
        """`forward`, after a check of the data."""
        return self.forward(self.check_input(x))

    def predict(self, x: ArrayLike, *, batch_size: int | None = None) -> Array:
        """`forward` as in evaluation, whatever `training` says; nothing else about the layer changes.

        Args:
            x: the inputs.
            batch_size: samples at a time, so that what layers keep does not grow with x; None takes all at once.

        Raises:
            DataError, ShapeError: data that this layer cannot take.
            HyperparameterError: a batch size that is not a positive integer.
        """
        with self.training_as(False):
            if batch_size is None:
                return self.forward(self.check_input(x))
            return self._in_parts(x if isinstance(x, np.ndarray) and x.ndim else as_data(x), batch_size)

    def _in_parts(self, x: Array, size: int) -> Array:
        size = whole_number("batch_size", size, 1)
        y = first = self.forward(self.check_input(x[:size]))
        if len(x) > size:
            y = np.empty((len(x), *first.shape[1:]), first.dtype)
            y[:size] = first
        for start in range(size, len(x), size):
            y[start : start + size] = self.forward(self.check_input(x[start : start + size], f"x[{start}:]"))
        return y
