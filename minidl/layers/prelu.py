"""PReLU."""

from __future__ import annotations

import numpy as np

from minidl.arguments import number, whole_number
from minidl.constants import ones
from minidl.layers.features import check_features
from minidl.modules import Layer, cached
from minidl.parameters import Parameter
from minidl.typing import Array, Shape

__all__ = ["PReLU"]


class PReLU(Layer):
    """``y = max(0, x) + a min(0, x)``, a `LeakyReLU` that learns its slope a (He et al. 2015).

    Shapes    x and y (n, …, features), or any equal shape for one slope   a = weight (features,)
    Backward  da = Σ g min(0, x)   dx = g for x > 0, otherwise a g     with g = dL/dy. At the kink x = 0 the derivative
              is taken as a

    Weight decay leaves a alone: it would turn the layer into a ReLU.

    Args:
        features: the number of slopes: 1 for all features together, or the size of the last axis.
        slope: the initial value of a.

    Raises:
        HyperparameterError: features that are not a positive integer, a slope that is not a finite number.
        ShapeError: samples with another number of features.

    >>> PReLU()(np.array([[-1.0, 0.0, 2.0]]))
    array([[-0.25,  0.  ,  2.  ]])
    """

    x: Array = cached()

    def __init__(self, features: int = 1, slope: float = 0.25) -> None:
        self.features = whole_number("PReLU: features", features, 1)
        self.slope = number("PReLU: slope", slope)
        self.weight = Parameter(np.full(self.features, self.slope), decay=False)

    def forward(self, x: Array) -> Array:
        self.x = x
        y: Array = np.minimum(x, 0) * self.weight.value
        y += np.maximum(x, 0)
        return y

    def backward(self, grad: Array) -> Array:
        rows = (grad * np.minimum(self.x, 0)).reshape(-1, self.features)
        ones(len(rows), grad.dtype).dot(rows, self.weight.grad)
        # 1 above 0, otherwise a. As in LeakyReLU, masks of floats take less time than np.where.
        above = (self.x > 0).astype(grad.dtype)
        grad_x: Array = (1 - above) * self.weight.value
        grad_x += above
        grad_x *= grad
        return grad_x

    def output_shape(self, shape: Shape | None) -> Shape | None:
        if self.features > 1:
            check_features(self, shape, self.features)
        return shape
