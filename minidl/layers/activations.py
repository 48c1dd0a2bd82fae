"""Elementwise layers."""

from __future__ import annotations

import numpy as np

from minidl.arguments import number
from minidl.modules import Layer, cached
from minidl.typing import Array, Shape

__all__ = ["ELU", "Activation", "Identity", "LeakyReLU", "ReLU", "SiLU", "Sigmoid", "Softplus", "Tanh", "sigmoid"]


class Activation(Layer):
    """The base of elementwise layers: each number of the output depends on the same number of the input.

    >>> ReLU().output_shape((3, 4))
    (3, 4)
    """

    takes_leading_axes = True

    def output_shape(self, shape: Shape | None) -> Shape | None:
        return shape


class ReLU(Activation):
    """``y = max(0, x)``

    Shapes    x and y of any equal shape
    Backward  dx = g where x > 0, and 0 elsewhere     with g = dL/dy; at the kink x = 0 the derivative is taken as 0

    >>> ReLU()(np.array([[-1.0, 0.0, 2.0]]))
    array([[0., 0., 2.]])
    """

    y: Array = cached()

    def forward(self, x: Array) -> Array:
        y = np.zeros(x.shape, x.dtype)
        self.y = np.maximum(x, y, out=y)  # with 0.0 instead of an array it takes three times as long for 128 × 256
        return y

    def backward(self, grad: Array) -> Array:
        # y > 0 exactly where x > 0. A product with a mask of 0.0 and 1.0 takes an eighth of np.where for 128 × 256.
        grad_x: Array = self.y.astype(bool).astype(self.y.dtype)
        grad_x *= grad
        return grad_x


class Sigmoid(Activation):
    """``y = σ(x) = 1 / (1 + e⁻ˣ)``, exact to a few units in the last place, even far below 0.

    Shapes    x and y of any equal shape
    Backward  dx = g y (1 − y)     with g = dL/dy

    Above x = 37 the result in float64 is exactly 1 and the derivative 0, so a loss after it sends no signal back. For
    training, end the model without a Sigmoid and use `BCEWithLogitsLoss`.

    >>> Sigmoid()(np.array([[-1000.0, 0.0, 1000.0]]))
    array([[0. , 0.5, 1. ]])
    """

    gives_probabilities = True
    y: Array = cached()

    def forward(self, x: Array) -> Array:
        self.y = y = sigmoid(x)
        return y

    def backward(self, grad: Array) -> Array:
        grad_x: Array = grad * self.y * (1 - self.y)
        return grad_x


class Identity(Activation):
    """``y = x``

    Shapes    x and y of any equal shape
    Backward  dx = g     with g = dL/dy

    >>> Identity()(np.array([[1.0, 2.0]]))
    array([[1., 2.]])
    """

    gives_probabilities = None

    def forward(self, x: Array) -> Array:
        return x

    def backward(self, grad: Array) -> Array:
        return grad


class Tanh(Activation):
    """``y = tanh x``

    Shapes    x and y of any equal shape
    Backward  dx = g (1 − y²)     with g = dL/dy

    >>> Tanh()(np.array([[-100.0, 0.0, 100.0]]))
    array([[-1.,  0.,  1.]])
    """

    y: Array = cached()

    def forward(self, x: Array) -> Array:
        self.y = y = np.tanh(x)
        return y

    def backward(self, grad: Array) -> Array:
        grad_x: Array = grad * (1 - self.y * self.y)
        return grad_x


class LeakyReLU(Activation):
    """``y = x`` for x > 0, otherwise ``y = a x`` (Maas et al. 2013).

    Shapes    x and y of any equal shape
    Backward  dx = g for x > 0, otherwise a g     with g = dL/dy. At the kink x = 0 the derivative is taken as a

    Args:
        negative_slope: a, at least 0 and below 1.

    Raises:
        HyperparameterError: a slope outside [0, 1).

    >>> LeakyReLU(0.1)(np.array([[-1.0, 0.0, 2.0]]))
    array([[-0.1,  0. ,  2. ]])
    """

    x: Array = cached()

    def __init__(self, negative_slope: float = 0.01) -> None:
        self.negative_slope = number("LeakyReLU: negative_slope", negative_slope, at_least=0, below=1)

    def forward(self, x: Array) -> Array:
        self.x = x
        # 0 times infinity would be NaN.
        return np.maximum(x, self.negative_slope * x if self.negative_slope else 0)

    def backward(self, grad: Array) -> Array:
        # On large arrays, the maximum of a and a mask of floats takes a seventh of the time of np.where.
        grad_x: Array = np.maximum((self.x > 0).astype(grad.dtype), self.negative_slope)
        grad_x *= grad
        return grad_x


class ELU(Activation):
    """``y = x`` for x > 0, otherwise ``y = α (eˣ − 1)`` (Clevert et al. 2015).

    Shapes    x and y of any equal shape
    Backward  dx = g for x > 0, otherwise g (y + α)     with g = dL/dy

    Args:
        alpha: α, above 0. Far below 0, y is −α. There is a kink at 0 unless α = 1.

    Raises:
        HyperparameterError: an α that is not above 0.

    >>> ELU()(np.array([[-100.0, 0.0, 2.0]]))
    array([[-1.,  0.,  2.]])
    """

    e: Array = cached()
    y: Array = cached()

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = number("ELU: alpha", alpha, above=0)

    def forward(self, x: Array) -> Array:
        # e is y below 0, and 0 above 0.
        e = np.expm1(np.minimum(x, 0))
        e *= self.alpha
        y = np.maximum(x, 0)
        y += e
        self.e, self.y = e, y
        return y

    def backward(self, grad: Array) -> Array:
        grad_x: Array = self.e + self.alpha
        if self.alpha != 1.0:  # otherwise it is 1 above 0 already
            above = (self.y > 0).astype(grad.dtype)
            grad_x *= 1 - above
            grad_x += above
        grad_x *= grad
        return grad_x


class SiLU(Activation):
    """``y = x σ(x)``, also called swish (Elfwing et al. 2018).

    Shapes    x and y of any equal shape
    Backward  dx = g (s + y (1 − s))     with g = dL/dy, s = σ(x)

    >>> SiLU()(np.array([[-1000.0, 0.0, 1000.0]]))
    array([[  -0.,    0., 1000.]])
    """

    sigmoid: Array = cached()
    y: Array = cached()

    def forward(self, x: Array) -> Array:
        self.sigmoid = s = sigmoid(x)
        self.y = y = x * s
        return y

    def backward(self, grad: Array) -> Array:
        grad_x: Array = grad * (self.sigmoid + self.y * (1 - self.sigmoid))
        return grad_x


class Softplus(Activation):
    """``y = ln(1 + eˣ)``, a smooth ReLU, exact for x of any size.

    Shapes    x and y of any equal shape
    Backward  dx = g σ(x)     with g = dL/dy

    PyTorch returns y = x above x = 20, which is off by up to 2e-9.

    >>> Softplus()(np.array([[-1000.0, 0.0, 1000.0]])).round(4)
    array([[0.000e+00, 6.931e-01, 1.000e+03]])
    """

    x: Array = cached()

    def forward(self, x: Array) -> Array:
        self.x = x
        return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))

    def backward(self, grad: Array) -> Array:
        return grad * sigmoid(self.x)


def sigmoid(x: Array) -> Array:
    """``σ(x) = 1 / (1 + e⁻ˣ)``, exact to a few units in the last place for x of any size.

    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """
    # 1 / (1 + e) for x > 0, otherwise e / (1 + e), with e = e^−|x| ≤ 1, so nothing overflows.
    e = np.exp(-np.abs(x))
    y: Array = np.maximum(e, x > 0) / (1 + e)
    return y
