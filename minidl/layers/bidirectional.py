"""Two recurrent layers, one of which reads a sequence from its end."""

from __future__ import annotations

from copy import deepcopy

import numpy as np

from minidl.arguments import check_type
from minidl.errors import HyperparameterError
from minidl.layers.containers import check_layers
from minidl.layers.masks import gradient_for, without_mask
from minidl.layers.recurrence import Recurrent
from minidl.modules import Layer, backward_without_dx, cached
from minidl.typing import Array, Batch, Seed, Shape

__all__ = ["Bidirectional"]


class Bidirectional(Layer):
    """``y = [f(x), b(x)]``, where f reads a sequence from its beginning and b from its end (Schuster and Paliwal 1997).

    With sequences, both outputs at a time step stand side by side, so b has seen this step and all later ones. Without,
    they are the last output of each: that of f at the end, and that of b at the beginning.

    Shapes    x (n, t, inputs), or a pair of it and a mask (n, t)
              y (n, …, units of f + units of b), where … is t with return_sequences
    Backward  dx = ∂f/∂xᵀ g_f + ∂b/∂xᵀ g_b     with g = dL/dy = [g_f, g_b]

    A masked time step changes neither state, so b begins with the last step that holds data.

    Args:
        layer: f, a recurrent layer.
        backward_layer: b, with the same inputs and return_sequences. None makes a copy of f with new values.
        rng: seed or generator of those values.

    Raises:
        TypeError: a layer that is not recurrent.
        HyperparameterError: layers that differ in inputs or in return_sequences.
        StateError: the same layer twice. `step`, as b needs the end of the sequence first.

    >>> from minidl import LSTM
    >>> model = Bidirectional(LSTM(2, 3, return_sequences=True), rng=0)
    >>> model(np.zeros((4, 7, 2))).shape
    (4, 7, 6)
    """

    takes_mask = mixes_steps = True
    mask: Array | None = cached()

    def __init__(self, layer: Recurrent, backward_layer: Recurrent | None = None, *, rng: Seed = None) -> None:
        check_type("Bidirectional: layer", layer, Recurrent)
        if backward_layer is None:
            backward_layer = deepcopy(layer)
            backward_layer.initialize(rng)
        check_type("Bidirectional: backward_layer", backward_layer, Recurrent)
        check_layers((layer, backward_layer))
        for name in ("inputs", "return_sequences"):
            if getattr(layer, name) != getattr(backward_layer, name):
                raise HyperparameterError(f"Bidirectional: {name} must be equal, got {layer!r} and {backward_layer!r}")
        self.layer, self.backward_layer = layer, backward_layer

    def forward(self, x: Batch) -> Array:
        x, mask = x if isinstance(x, tuple) else (x, None)
        self.mask = mask
        backwards = x[:, ::-1]
        ahead = self.layer.forward(x if mask is None else (x, mask))
        back = self.backward_layer.forward(backwards if mask is None else (backwards, mask[:, ::-1]))
        return np.concatenate((ahead, self._turned(back)), axis=-1)

    def backward(self, grad: Array) -> Array:
        ahead, back = self._split(grad)
        dx = without_mask(self, self.layer.backward(ahead), self.mask)
        return gradient_for(dx + without_mask(self, self.backward_layer.backward(back), self.mask)[:, ::-1], self.mask)

    def backward_parameters(self, grad: Array) -> None:
        for layer, part in zip((self.layer, self.backward_layer), self._split(grad), strict=True):
            getattr(layer, backward_without_dx(type(layer)))(part)

    def _split(self, grad: Array) -> tuple[Array, Array]:
        """dL/dy of both layers."""
        units = self.layer.units
        return grad[..., :units], self._turned(grad[..., units:])

    def _turned(self, y: Array) -> Array:
        """Outputs or gradients of the backward layer, in the opposite order of time if they have one."""
        return y[:, ::-1] if self.layer.return_sequences else y

    def output_shape(self, shape: Shape | None) -> Shape | None:
        ahead, back = self.layer.output_shape(shape), self.backward_layer.output_shape(shape)
        return None if ahead is None or back is None else (*ahead[:-1], ahead[-1] + back[-1])
