"""What recurrent layers share."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.arguments import flag, generator, whole_number
from minidl.initializers import glorot_uniform, orthogonal
from minidl.layers.masks import cleared, gradient_for
from minidl.layers.sequences import check_sequence, check_state, check_time_step
from minidl.modules import Layer, cached, check_step
from minidl.parameters import Parameter
from minidl.sums import as_rows, column_sums, product
from minidl.typing import Array, Batch, Seed, Shape

__all__ = ["Recurrent"]


class Recurrent(Layer):
    """The base of recurrent layers: each output and the next state depend on one time step and on the state before it.

    A class sets how many gates it has, and defines `cell` and `cell_back`. W, U and b have `units` columns for each
    gate. Inside, time comes first and then the gate, so that `cell` works on memory without gaps.

    >>> from minidl import GRU, LSTM
    >>> LSTM(3, 5).weight.shape, GRU(3, 5, return_sequences=True).output_shape((7, 3))
    ((3, 20), (7, 5))
    """

    takes_mask = mixes_steps = True
    gates = biases = states = 1
    """The number of gates, of blocks in b, and of arrays in a state. The first of these is the output h."""

    x: Array = cached()  # (t, n, inputs), 0 where masked
    z: Array = cached()  # (t, biases, n, units), as cell leaves it
    s: Array = cached()  # (states, t + 1, n, units), from the state before the first time step on
    mask: Array | None = cached()

    def __init__(self, inputs: int, units: int, *, return_sequences: bool = False, rng: Seed = None) -> None:
        name = type(self).__name__
        self.inputs = whole_number(f"{name}: inputs", inputs, 1)
        self.units = whole_number(f"{name}: units", units, 1)
        self.return_sequences = flag(f"{name}: return_sequences", return_sequences)
        self.weight = Parameter(np.zeros((self.inputs, self.gates * self.units)))
        self.recurrent_weight = Parameter(np.zeros((self.units, self.gates * self.units)))
        self.bias = Parameter(np.zeros(self.biases * self.units))
        self.initialize(rng)

    def initialize(self, rng: Seed) -> None:
        rng, gates = generator(rng), range(self.gates)
        self.weight.value = np.hstack([glorot_uniform(rng, (self.inputs, self.units)) for _ in gates])
        self.recurrent_weight.value = np.hstack([orthogonal(rng, (self.units, self.units)) for _ in gates])
        self.bias.value = np.zeros(self.bias.shape)

    def cell(self, z: Array, u: Array, old: Array, new: Array) -> None:
        """Compute one time step.

        Args:
            z: ``x W + b``, (biases, n, units). What it holds afterwards is handed to `cell_back`.
            u: U, (gates, units, units).
            old: the state before, (states, n, units).
            new: where to write the state.
        """
        raise NotImplementedError(f"{type(self).__name__} must define cell(z, u, old, new)")

    def cell_back(self, z: Array, old: Array, new: Array, ds: Array, da: Array, du: Array) -> None:
        """Propagate a gradient back through one time step.

        Args:
            z, old, new: as `cell` has left them.
            ds: dL/dnew. Replace it by the part of dL/dold that does not pass through U.
            da: where to write dL/d(x W + b), (gates, n, units).
            du: where to write dL/d(h U), the same array as da if there are as many blocks in b as gates.
        """
        raise NotImplementedError(f"{type(self).__name__} must define cell_back(z, old, new, ds, da, du)")

    def _by_gate(self, columns: Array) -> Array:
        """The columns of each gate: a view (gates, …, units) of an array (…, gates · units)."""
        return np.moveaxis(columns.reshape(*columns.shape[:-1], -1, self.units), -2, 0)

    def _run(self, x: Array, state: Array | None, mask: Array | None = None) -> tuple[Array, Array]:
        """Return z and s for x (t, n, inputs)."""
        w, u, b = (self._by_gate(each.value) for each in (self.weight, self.recurrent_weight, self.bias))
        z = np.empty((len(x), len(b), x.shape[1], self.units), np.result_type(x, b))
        np.matmul(x[:, None], w, out=z[:, : self.gates])
        z[:, self.gates :] = 0
        z += b[:, None]
        s = np.empty((self.states, len(x) + 1, x.shape[1], self.units), z.dtype)
        s[:, 0] = 0 if state is None else state
        for t in range(len(x)):
            self.cell(z[t], u, s[:, t], s[:, t + 1])
            if mask is not None:
                np.copyto(s[:, t + 1], s[:, t], where=~mask[:, t, None])
        return z, s

    def forward(self, x: Batch) -> Array:
        x, mask = x if isinstance(x, tuple) else (x, None)
        x = np.ascontiguousarray(cleared(x, mask).swapaxes(0, 1))  # a NaN there times 0 would be a NaN in dW
        z, s = self._run(x, None, mask)
        self.x, self.z, self.s, self.mask = x, z, s, mask
        h = s[0]
        return np.ascontiguousarray(h[1:].swapaxes(0, 1)) if self.return_sequences else np.array(h[-1])

    def step(self, x: Array, state: Any = None) -> tuple[Array, Any]:
        check_step(type(self))
        check_time_step(self, x)
        if state is not None:
            check_state(self, x, state.shape[1])
        _, s = self._run(x[None], state)
        return np.array(s[0, 1]), s[:, 1]

    def backward(self, grad: Array) -> Array:
        dx = self._parameters_back(grad).dot(self.weight.value.T).reshape(self.x.shape)
        return gradient_for(np.ascontiguousarray(dx.swapaxes(0, 1)), self.mask)

    def backward_parameters(self, grad: Array) -> None:
        self._parameters_back(grad)

    def _parameters_back(self, grad: Array) -> Array:
        """Write the gradients of the parameters, and return dL/d(x W + b) as rows."""
        da, du = self._through_time(grad)
        rows, through_u = (each.reshape(-1, self.weight.shape[1]) for each in (da, du))
        product(as_rows(self.x).T, rows, self.weight.grad)
        product(as_rows(self.s[0, :-1]).T, through_u, self.recurrent_weight.grad)
        column_sums(rows, self.bias.grad[: rows.shape[1]])
        if du is not da:
            column_sums(as_rows(du[:, :, -1]), self.bias.grad[rows.shape[1] :])
        return rows

    def _through_time(self, grad: Array) -> tuple[Array, Array]:
        """Return dL/d(x W + b) and dL/d(h U), (t, n, gates, units), from the last time step to the first."""
        s, mask = self.s, self.mask
        # A product with the view takes half as long again, for 32 × 512 by 512 × 128.
        u = np.ascontiguousarray(self.recurrent_weight.value.T)
        da = np.empty((len(self.z), s.shape[2], self.gates, self.units), grad.dtype)
        du = da if self.biases == self.gates else np.empty_like(da)
        ds = np.zeros(s[:, 0].shape, grad.dtype)
        if not self.return_sequences:
            ds[0] = grad
        for t in reversed(range(len(da))):
            if self.return_sequences:
                ds[0] += grad[:, t]
            if mask is not None:  # of masked samples nothing passes through the cell, and all passes by
                passed = mask[:, t, None]
                by, ds = ds * ~passed, ds * passed
            self.cell_back(self.z[t], s[:, t], s[:, t + 1], ds, da[t].swapaxes(0, 1), du[t].swapaxes(0, 1))
            ds[0] += du[t].reshape(du.shape[1], -1).dot(u)
            if mask is not None:
                ds += by
        return da, du

    def output_shape(self, shape: Shape | None) -> Shape | None:
        if shape is not None:
            check_sequence(self, shape, self.inputs, "sequences, samples")
        if not self.return_sequences:
            return (self.units,)
        return None if shape is None else (shape[0], self.units)
