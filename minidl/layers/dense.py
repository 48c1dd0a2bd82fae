"""The fully connected layer."""

from __future__ import annotations

import numpy as np

from minidl.arguments import whole_number
from minidl.constants import ones
from minidl.errors import DataError, HyperparameterError, ShapeError
from minidl.initializers import Initializer, he_normal
from minidl.modules import Layer, saved
from minidl.parameters import Parameter
from minidl.typing import Array, Seed, Shape

__all__ = ["Dense"]


class Dense(Layer):
    """``y = x W + b``, every output a weighted sum of all inputs.

    Shapes    x (n, inputs)   W = weight (inputs, outputs)   b = bias (outputs,)   y (n, outputs)
    Backward  dW = xᵀ g   db = Σₙ g   dx = g Wᵀ     with g = dL/dy

    Args:
        inputs: number of features of a sample.
        outputs: number of units.
        use_bias: whether there is a b.
        initializer: draws W; b starts at 0.
        rng: seed or generator for that.

    Raises:
        HyperparameterError: sizes that are not positive integers, an initializer that is no function.
        ShapeError: a batch that is not (n, inputs).

    >>> layer = Dense(2, 1)
    >>> layer.weight.value, layer.bias.value = [[1.0], [2.0]], [0.5]
    >>> layer(np.array([[3.0, 4.0]]))
    array([[11.5]])
    """

    x: Array = saved()

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
        if not callable(initializer):
            raise HyperparameterError(
                f"Dense: initializer must be a function such as minidl.initializers.he_normal, got {initializer!r}"
            )
        self.use_bias, self.initializer = use_bias, initializer
        self.weight = Parameter(np.zeros((self.inputs, self.outputs)))
        if use_bias:
            self.bias = Parameter(np.zeros(self.outputs))
        self.initialize(rng)

    def initialize(self, rng: Seed) -> None:
        self.weight.value = self.initializer(np.random.default_rng(rng), (self.inputs, self.outputs))
        if self.use_bias:
            self.bias.value = np.zeros(self.outputs)

    def output_shape(self, shape: Shape | None) -> Shape:
        if shape is not None and shape != (self.inputs,):
            fix = "is the batch axis missing, as in x[None, :]?" if shape == () else "change one of the two"
            raise ShapeError(f"{self!r} takes samples of shape ({self.inputs},), got {shape}; {fix}")
        return (self.outputs,)

    def forward(self, x: Array) -> Array:
        self.x = x
        try:
            y: Array = x.dot(self.weight.value)
        except ValueError:
            self.output_shape(x.shape[1:])  # says it in the terms of this layer
            raise
        if self.use_bias:
            y += self.bias.value
        return y

    def backward(self, grad: Array) -> Array:
        Dense.backward_parameters(self, grad)  # in a subclass, self's may be that class's backward as a whole
        grad_x: Array = grad.dot(self.weight.value.T)
        return grad_x

    def backward_parameters(self, grad: Array) -> None:
        # dot into its place and a product with ones instead of a sum take a tenth off the step of a tiny network.
        try:
            self.x.T.dot(grad, self.weight.grad)
            if self.use_bias:
                ones(len(grad), grad.dtype).dot(grad, self.bias.grad)
        except ValueError as error:
            self._backward_cast(grad, error)

    def _backward_cast(self, grad: Array, error: ValueError) -> None:
        """`backward_parameters` of a gradient of another type than the parameters, or the reason why it cannot be."""
        self.output_shape(self.x.shape[1:])
        dtype, given = self.weight.dtype, (len(self.x), self.outputs)
        if grad.shape != given:
            raise ShapeError(f"{self!r}: dL/dy has shape {grad.shape}, but forward gave y of shape {given}") from error
        if grad.dtype == dtype:
            raise DataError(
                f"{self!r}: forward took x of type {self.x.dtype}, but the parameters are {dtype}; model(x) casts the "
                "data, and a layer before this one must give the type that it takes, which check_layer tells"
            ) from error
        # As in PyTorch: behind a float32 model, a loss may be computed in float64.
        Dense.backward_parameters(self, grad.astype(dtype, casting="same_kind"))
