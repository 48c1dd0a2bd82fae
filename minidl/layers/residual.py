"""A container that adds its input to the output of its layers."""

from __future__ import annotations

from typing import Any

from minidl.errors import HyperparameterError, ShapeError, describe
from minidl.layers.masks import gradient_for, split_mask, without_mask
from minidl.layers.sequential import Sequential
from minidl.modules import Layer
from minidl.typing import Array, ArrayLike, Batch, Seed, Shape

__all__ = ["Residual"]


class Residual(Sequential):
    """``y = x + f(x)``, where f is the layers one after the other (He et al. 2016).

    Shapes    x and y of equal shape
    Backward  dx = g + ∂f/∂xᵀ g     with g = dL/dy

    Args:
        layers, rng, dtype: as for `Sequential`. The last layer must return the shape that the first takes.

    Raises:
        ShapeError: layers that change the shape. Otherwise as for `Sequential`.
        HyperparameterError: a first layer that takes ids or several inputs: x is one array of floats.

    >>> import numpy as np
    >>> from minidl import Dense
    >>> layer = Residual(Dense(2, 2))
    >>> layer[0].weight.value = np.eye(2)
    >>> layer(np.array([[1.0, 2.0]]))
    array([[2., 4.]])
    """

    gives_probabilities = False

    def __init__(self, *layers: Layer, rng: Seed = None, dtype: Any = None) -> None:
        super().__init__(*layers, rng=rng, dtype=dtype)
        if self.takes_tuple or self.takes_integers:
            kind = "several inputs" if self.takes_tuple else "ids"
            raise HyperparameterError(
                f"Residual adds its input, one array of floats, but {describe(layers[0])} takes {kind}; put it in front"
            )

    def as_input(self, x: ArrayLike, name: str, dtype: Any) -> Batch:
        return Layer.as_input(self, x, name, dtype)  # not as the first layer alone takes it, since x is also a term

    def forward(self, x: Batch) -> Array:
        fx = super().forward(x)
        x, _ = split_mask(self, x)
        self._check(x.shape, fx.shape)
        y: Array = x + fx
        return y

    def step(self, x: Array, state: Any = None) -> tuple[Array, Any]:
        fx, state = super().step(x, state)
        return x + fx, state

    def backward(self, grad: Batch) -> Array:
        dx = without_mask(self, super().backward(grad), self.mask)
        return gradient_for(grad + dx, self.mask)

    def backward_parameters(self, grad: Batch) -> None:
        super().backward_parameters(grad)  # x alone, the other term, has no parameters

    def output_shape(self, shape: Shape | None) -> Shape | None:
        result = super().output_shape(shape)
        if shape is None:
            return result
        if result is not None:
            self._check(shape, result)
        return shape

    @staticmethod
    def _check(x: Shape, y: Shape) -> None:
        if x != y:
            raise ShapeError(f"Residual adds x and f(x), whose shapes must be equal: got {x} and {y}")
