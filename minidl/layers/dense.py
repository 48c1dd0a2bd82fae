"""The fully connected layer."""

from __future__ import annotations

import numpy as np

from minidl.arguments import flag, function, generator, whole_number
from minidl.errors import ShapeError
from minidl.initializers import Initializer, he_normal
from minidl.modules import Layer, cached
from minidl.parameters import Parameter
from minidl.sums import as_rows, column_sums, product
from minidl.typing import Array, Seed, Shape

__all__ = ["Dense"]


class Dense(Layer):
    """``y = x W + b``: every output is a weighted sum of all inputs.

    Shapes    x (n, …, inputs)   W = weight (inputs, outputs)   b = bias (outputs,)   y (n, …, outputs)
    Backward  dW = xᵀ g   db = Σ g   dx = g Wᵀ     with g = dL/dy, and x and g as rows: all axes but the last are one

    Args:
        inputs: the number of features of a sample.
        outputs: the number of units.
        use_bias: whether to add b.
        initializer: draws W. b starts at 0.
        rng: seed or generator of the initial values.

    Raises:
        HyperparameterError: a size that is not a positive integer; an initializer that is not a function.
        ShapeError: a batch that is not (n, …, inputs).

    >>> layer = Dense(2, 1)
    >>> layer.weight.value, layer.bias.value = [[1.0], [2.0]], [0.5]
    >>> layer(np.array([[3.0, 4.0]]))
    array([[11.5]])
    """

    takes_leading_axes = True
    x: Array = cached()

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        use_bias: bool = True,
        initializer: Initializer = he_normal,
        rng: Seed = None,
    ) -> None:
        self.inputs = whole_number("Dense: inputs", inputs, 1)
        self.outputs = whole_number("Dense: outputs", outputs, 1)
        self.initializer = function("Dense: initializer", initializer, "minidl.initializers.he_normal")
        self.use_bias = flag("Dense: use_bias", use_bias)
        self.weight = Parameter(np.zeros((self.inputs, self.outputs)))
        if self.use_bias:
            self.bias = Parameter(np.zeros(self.outputs))
        self.initialize(rng)

    def initialize(self, rng: Seed) -> None:
        self.weight.value = self.initializer(generator(rng), (self.inputs, self.outputs))
        if self.use_bias:
            self.bias.value = np.zeros(self.outputs)

    def forward(self, x: Array) -> Array:
        self.x = rows = x if x.ndim == 2 else as_rows(x)
        y: Array = rows.dot(self.weight.value)
        if self.use_bias:
            # Adding arrays of equal shape, as for one sample, takes half of the time of adding a vector to each row.
            y += self.bias.value if len(y) > 1 else self.bias.value[None]
        return y if rows is x else y.reshape(*x.shape[:-1], self.outputs)

    def backward(self, grad: Array) -> Array:
        Dense.backward_parameters(self, grad)  # Dense's own: that of a subclass may call backward
        rows = grad if grad.ndim == 2 else as_rows(grad)
        grad_x: Array = rows.dot(self.weight.value.T)
        return grad_x if rows is grad else grad_x.reshape(*grad.shape[:-1], self.inputs)

    def backward_parameters(self, grad: Array) -> None:
        rows = grad if grad.ndim == 2 else as_rows(grad)
        # Both write into their place, which saves a twentieth of the step of a 2-4-1 network.
        product(self.x.T, rows, self.weight.grad)
        if self.use_bias:
            column_sums(rows, self.bias.grad)

    def output_shape(self, shape: Shape | None) -> Shape:
        if shape is None:
            return (self.outputs,)
        if shape[-1:] != (self.inputs,):
            fix = "change one of the two"
            if shape == ():  # of samples x (n,), or of a single sample
                fix = "make it x[:, None]" if self.inputs == 1 else "is the batch axis missing, as in x[None, :]?"
            raise ShapeError(f"{self!r} takes samples of shape ({self.inputs},), got {shape}; {fix}")
        return (*shape[:-1], self.outputs)
