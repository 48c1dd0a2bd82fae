"""Weights that are used more than once. Their owner adds up the gradients."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from minidl.arguments import check_type
from minidl.batch import check_samples, joined, rows, samples, several
from minidl.errors import HyperparameterError, ShapeError, describe
from minidl.layers.sequential import Sequential
from minidl.modules import (
    Layer,
    Row,
    as_gradient,
    backward_without_dx,
    cached,
    check_step,
    check_tuple,
    input_shape,
)
from minidl.parameters import Parameter
from minidl.sums import as_rows, product
from minidl.typing import Array, ArrayLike, Batch, Seed, Shape

__all__ = ["Siamese", "Tied"]


class Siamese(Layer):
    """``y = (f(x_1), …, f(x_k))``: several inputs through one and the same layer (Bromley et al. 1994).

    All entries go through it as one batch, so one backward adds up the gradients of all. A `BatchNorm` inside sees them
    together.

    Shapes    x a tuple of arrays of equal shape   y a tuple of arrays of equal shape
    Backward  dx_k = ∂f/∂x_kᵀ g_k, and the gradients of f are summed over k     with g = dL/dy, a tuple

    Args:
        layer: f.

    Raises:
        ShapeError: shapes that differ. Otherwise as the layer raises.

    >>> import numpy as np
    >>> from minidl import Dense
    >>> left, right = Siamese(Dense(3, 2, rng=0))((np.ones((4, 3)), np.ones((4, 3))))
    >>> bool((left == right).all())
    True
    """

    takes_tuple = True
    parts: list[slice] = cached()
    y: Batch = cached()

    def __init__(self, layer: Layer) -> None:
        check_type("layer", layer, Layer)
        self.layer = layer
        self.takes_leading_axes = layer.takes_leading_axes

    def as_input(self, x: ArrayLike, name: str, dtype: Any) -> Batch:
        check_tuple(self, x)
        batch = tuple(self.layer.as_input(entry, f"{name}[{index}]", dtype) for index, entry in enumerate(x))
        check_samples(batch, name)
        return batch

    def forward(self, x: Any) -> Any:
        vars(self).pop("y", None)  # if it fails, backward would silently use an older batch
        check_tuple(self, x)
        parts = _parts(x)
        y = self.layer.forward(joined(x))
        self.parts, self.y = parts, y
        return tuple(rows(y, part) for part in parts)

    def step(self, x: Any, state: Any = None) -> tuple[Any, Any]:
        check_step(type(self))
        check_tuple(self, x)
        y, state = self.layer.step(joined(x), state)
        return tuple(rows(y, part) for part in _parts(x)), state

    def backward(self, grad: Any) -> Any:
        dx = self.layer.backward(self._joined(grad))
        return tuple(rows(dx, part) for part in self.parts)

    def backward_parameters(self, grad: Any) -> None:
        getattr(self.layer, backward_without_dx(type(self.layer)))(self._joined(grad))

    def _joined(self, grad: Any) -> Batch:
        return joined(as_gradient(grad, tuple(rows(self.y, part) for part in self.parts)))

    @property
    def gives_probabilities(self) -> bool | None:
        return self.layer.gives_probabilities

    def output_shape(self, shape: Shape | None) -> Shape | None:
        if shape is None:
            return None
        each = self._each(shape)
        return (None if each is None else self.layer.output_shape(each),) * len(shape)

    def summary_rows(self, path: str, shape: Shape | None) -> Iterator[Row]:
        return self.layer.summary_rows(f"{path}.layer".lstrip("."), None if shape is None else self._each(shape))

    def _each(self, shape: Shape) -> Shape | None:
        """The shape of each entry: all have the same one, so it is enough to know one."""
        known: set[Any] = set(shape) - {None}
        if len(known) > 1 or not several(shape):
            raise ShapeError(f"{describe(self)} takes several arrays of equal shape, got {shape}")
        return input_shape(self.layer, next(iter(known), None))


def _parts(x: tuple[Batch, ...]) -> list[slice]:
    """Where the samples of each input are when all are one batch."""
    ends = list(accumulate(map(samples, x), initial=0))
    return [slice(*ends) for ends in pairwise(ends)]


class Tied(Sequential):
    """``y = f(e(x)) Wᵀ``, where e is the first layer and W its weights (Press and Wolf 2017).

    The first layer, an `Embedding` or a `Dense`, turns ids or features into vectors. Its weights, transposed, turn
    vectors back into a score for each id, or a number for each feature. So a language model or an autoencoder needs
    half of the weights.

    Shapes    x as e takes it   W (d, features)   f(e(x)) = h (n, …, features)   y (n, …, d)
    Backward  dh = g W   dW = gᵀ h + that of e     with g = dL/dy, and h and g as rows: all axes but the last are one

    Args:
        layers: e, then the layers of f, if any.
        rng, dtype: as for `Sequential`.

    Raises:
        HyperparameterError: a first layer without a matrix called weight.
        ShapeError: layers that do not return as many features as e. Otherwise as for `Sequential`.

    >>> from minidl import Embedding, Tanh
    >>> model = Tied(Embedding(10, 4), Tanh(), rng=0)
    >>> model([[1, 2, 3]]).shape, model.parameters().size
    ((1, 3, 10), 40)
    """

    gives_probabilities = False
    scores: Array = cached()

    def __init__(self, *layers: Layer, rng: Seed = None, dtype: Any = None) -> None:
        weight = getattr(layers[0], "weight", None) if layers else None
        if not isinstance(weight, Parameter) or len(weight.shape) != 2:
            raise HyperparameterError(
                "Tied: the first layer must have a matrix as its weight, as Embedding and Dense do"
            )
        super().__init__(*layers, rng=rng, dtype=dtype)

    @property
    def weight(self) -> Parameter:
        """W, the weights of the first layer."""
        first: Any = self.layers[0]
        weight: Parameter = first.weight
        return weight

    def forward(self, x: Array) -> Array:
        h = super().forward(x)
        scores: Array = as_rows(h).dot(self.weight.value.T)
        self.scores = scores = scores.reshape(*h.shape[:-1], -1)
        return scores

    def step(self, x: Array, state: Any = None) -> tuple[Array, Any]:
        h, state = super().step(x, state)
        return h.dot(self.weight.value.T), state

    def backward(self, grad: Array) -> Array:
        rows = as_rows(as_gradient(grad, self.scores))
        dx = super().backward(self._hidden(rows))
        self._add(rows)
        return dx

    def backward_parameters(self, grad: Array) -> None:
        rows = as_rows(as_gradient(grad, self.scores))
        super().backward_parameters(self._hidden(rows))
        self._add(rows)

    def _hidden(self, rows: Array) -> Array:
        """dL/dh."""
        dh: Array = rows.dot(self.weight.value)
        return dh.reshape(self.y.shape)

    def _add(self, rows: Array) -> None:
        """Add the last layer's dW to that of the first, which has been written."""
        own, total = np.empty(self.weight.shape, rows.dtype), self.weight.grad
        product(rows.T, as_rows(self.y), own)
        total += own

    def summary_rows(self, path: str, shape: Shape | None) -> Iterator[Row]:
        yield from super().summary_rows(path, shape)
        yield Row(f"{path}.weight".lstrip("."), "transposed", self.output_shape(shape), 0, 0)

    def output_shape(self, shape: Shape | None) -> Shape | None:
        hidden, (size, features) = super().output_shape(shape), self.weight.shape
        if hidden is None:
            return None
        if hidden[-1:] != (features,):
            raise ShapeError(f"Tied multiplies by Wᵀ {features, size}, but its layers return samples of shape {hidden}")
        return (*hidden[:-1], size)
