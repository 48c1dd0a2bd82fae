"""A container that adds what its layers give to what they were given."""

from __future__ import annotations

from minidl.errors import ShapeError
from minidl.layers.sequential import Sequential
from minidl.modules import Layer
from minidl.typing import Array, Shape

__all__ = ["Residual"]


class Residual(Sequential):
    """``y = x + f(x)``, f the layers one after the other (He et al. 2016).

    Shapes    x and y equal
    Backward  dx = g + ∂f/∂xᵀ g     with g = dL/dy

    Args:
        layers: as for `Sequential`; the last must give the shape that the first takes.

    Raises:
        ShapeError: layers that change the shape; otherwise as for `Sequential`.

    >>> import numpy as np
    >>> from minidl import Dense
    >>> layer = Residual(Dense(2, 2))
    >>> layer[0].weight.value = np.eye(2)
    >>> layer(np.array([[1.0, 2.0]]))
    array([[2., 4.]])
    """

    def __init__(self, *layers: Layer) -> None:
        super().__init__(*layers)

    def output_shape(self, shape: Shape | None) -> Shape | None:
        given = super().output_shape(shape)
        if shape is not None and given is not None and given != shape:
            raise ShapeError(f"Residual adds x and f(x), but x has samples of shape {shape} and f(x) of {given}")
        return shape if given is None else given

    @property
    def gives_probabilities(self) -> bool:
        return False

    def forward(self, x: Array) -> Array:
        y = super().forward(x)
        if y.shape != x.shape:
            raise ShapeError(f"Residual adds x and f(x), but x has shape {x.shape} and f(x) {y.shape}")
        return x + y

    def backward(self, grad: Array) -> Array:
        return grad + super().backward(grad)

    def backward_parameters(self, grad: Array) -> None:
        super().backward_parameters(grad)  # x alone, the other term, has none
