"""Recurrent layers, which go through a sequence step by step and carry a state along."""

from __future__ import annotations

import numpy as np

from minidl.layers.recurrence import Recurrent
from minidl.typing import Array, Seed

__all__ = ["GRU", "LSTM", "RNN"]


class RNN(Recurrent):
    """``h_t = tanh(x_t W + h_{t−1} U + b)`` with h_0 = 0, the simple recurrent layer (Elman 1990).

    Shapes    x (n, t, inputs), or a pair of it and a mask (n, t)   W = weight (inputs, units)
              U = recurrent_weight (units, units)   b = bias (units,)
              y (n, units), the last h, or (n, t, units), every h, with return_sequences
    Backward  dh_t = g_t + da_{t+1} Uᵀ   da_t = dh_t (1 − h_t²)     with g = dL/dy, backwards in time
              dW = Σ x_tᵀ da_t   dU = Σ h_{t−1}ᵀ da_t   db = Σ da_t   dx_t = da_t Wᵀ

    A masked time step leaves the state unchanged, so its output repeats the one before, or is 0 if there is none. The
    last h is therefore that of the last time step with data. What `forward` is given at masked time steps makes no
    difference, not even NaN. `predict` and training refuse NaN anywhere in x, as everywhere.

    Args:
        inputs: the number of features of a time step.
        units: the number of features of h.
        return_sequences: whether to return h at every time step, not only at the last.
        rng: seed or generator of the initial values. For each gate, `initializers.glorot_uniform` draws W and
            `initializers.orthogonal` draws U. b starts at 0.

    Raises:
        HyperparameterError: a size that is not a positive integer.
        ShapeError: samples that are not (t, inputs).

    >>> layer = RNN(1, 1, return_sequences=True)
    >>> layer.weight.value, layer.recurrent_weight.value = [[1.0]], [[0.5]]
    >>> layer([[[1.0], [0.0], [0.0]]]).round(3)
    array([[[0.762],
            [0.363],
            [0.18 ]]])
    """

    def cell(self, z: Array, u: Array, old: Array, new: Array) -> None:
        z += np.matmul(old[0], u)
        np.tanh(z[0], out=new[0])

    def cell_back(self, z: Array, old: Array, new: Array, ds: Array, da: Array, du: Array) -> None:
        np.multiply(ds, 1 - new * new, out=da)
        ds[...] = 0


class LSTM(Recurrent):
    """``c_t = f c_{t−1} + i g``, ``h_t = o tanh c_t``: long short-term memory (Hochreiter and Schmidhuber 1997).

    The gates are i, f, o = σ(a) and g = tanh(a), with ``(a_i, a_f, a_g, a_o) = x_t W + h_{t−1} U + b``. The forget gate
    f is that of Gers et al. (2000). h_0 and c_0 are 0. Vectors are multiplied number by number.

    Shapes    x (n, t, inputs), or a pair of it and a mask (n, t)   W = weight (inputs, 4 units)
              U = recurrent_weight (units, 4 units)   b = bias (4 units,)   the gates in the order i, f, g, o
              y (n, units), the last h, or (n, t, units), every h, with return_sequences
    Backward  dh_t = γ_t + da_{t+1} Uᵀ     with γ = dL/dy, backwards in time
              dc_t = dh_t o (1 − tanh² c_t) + dc_{t+1} f_{t+1}
              da_i = dc g i (1 − i)   da_f = dc c_{t−1} f (1 − f)   da_g = dc i (1 − g²)   da_o = dh tanh(c) o (1 − o)
              dW, dU, db and dx as in `RNN`

    There is one bias. PyTorch has two, whose sum it is. The forget gate's bias starts at 1, so that the state lasts
    longer at first (Jozefowicz et al. 2015). Arguments, exceptions and masks are those of `RNN`.

    >>> layer = LSTM(2, 3, rng=0)
    >>> layer(np.zeros((4, 7, 2))).shape, layer.bias.value[3:6]
    ((4, 3), array([1., 1., 1.]))
    """

    gates, biases, states = 4, 4, 2

    def initialize(self, rng: Seed) -> None:
        super().initialize(rng)
        self.bias.value[self.units : 2 * self.units] = 1

    def cell(self, z: Array, u: Array, old: Array, new: Array) -> None:
        i, f, g, o = z
        h, c = new
        z += np.matmul(old[0], u)
        _sigmoid_in_place(z[:2])
        np.tanh(g, out=g)
        _sigmoid_in_place(o)
        np.multiply(f, old[1], out=c)
        c += i * g
        np.tanh(c, out=h)
        h *= o

    def cell_back(self, z: Array, old: Array, new: Array, ds: Array, da: Array, du: Array) -> None:
        (i, f, g, o), (dh, dc) = z, ds
        tanh_c, k = np.tanh(new[1]), z * (1 - z)  # k_i = i (1 − i), likewise f and o
        dc += dh * o * (1 - tanh_c * tanh_c)
        da[0] = dc * g * k[0]
        da[1] = dc * old[1] * k[1]
        da[2] = dc * i * (1 - g * g)
        da[3] = dh * tanh_c * k[3]
        dc *= f
        dh[...] = 0


class GRU(Recurrent):
    """``h_t = (1 − z) n + z h_{t−1}``: the gated recurrent unit (Cho et al. 2014) in the form of cuDNN and PyTorch.

    The gates are r, z = σ(a) and n = tanh(a), with ``(a_r, a_z) = x_t W + h_{t−1} U + b`` and
    ``a_n = x_t W_n + b_n + r m``, ``m = h_{t−1} U_n + b_m``. h_0 is 0. Vectors are multiplied number by number.

    Shapes    x (n, t, inputs), or a pair of it and a mask (n, t)   W = weight (inputs, 3 units)
              U = recurrent_weight (units, 3 units)   b = bias (4 units,)   the gates in the order r, z, n, and m in b
              y (n, units), the last h, or (n, t, units), every h, with return_sequences
    Backward  dh_t = g_t + dh_{t+1} z_{t+1} + (da_r, da_z, dm)_{t+1} Uᵀ     with g = dL/dy, backwards in time
              da_n = dh (1 − z) (1 − n²)   dm = da_n r   da_r = da_n m r (1 − r)   da_z = dh (h_{t−1} − n) z (1 − z)
              dW = Σ x_tᵀ (da_r, da_z, da_n)   dU = Σ h_{t−1}ᵀ (da_r, da_z, dm)   db = Σ (da_r, da_z, da_n, dm)
              dx_t = (da_r, da_z, da_n) Wᵀ

    PyTorch has two biases for r and z, whose sum is in b. Keras calls this form ``reset_after=True`` and has the gates
    in the order z, r, n. Arguments, exceptions and masks are those of `RNN`.

    >>> layer = GRU(2, 3, rng=0)
    >>> layer(np.zeros((4, 7, 2))).shape, layer.bias.shape
    ((4, 3), (12,))
    """

    gates, biases = 3, 4

    def cell(self, z: Array, u: Array, old: Array, new: Array) -> None:
        r, update, n, m = z
        h, inner = new[0], np.matmul(old[0], u)
        z[:2] += inner[:2]
        _sigmoid_in_place(z[:2])
        m += inner[2]
        n += r * m
        np.tanh(n, out=n)
        np.subtract(old[0], n, out=h)
        h *= update
        h += n

    def cell_back(self, z: Array, old: Array, new: Array, ds: Array, da: Array, du: Array) -> None:
        r, update, n, m = z
        dh = ds[0]
        da[2] = dn = dh * (1 - update) * (1 - n * n)
        da[0] = du[0] = dn * m * r * (1 - r)
        da[1] = du[1] = dh * (old[0] - n) * update * (1 - update)
        du[2] = dn * r
        dh *= update


def _sigmoid_in_place(z: Array) -> None:
    """Replace z by ``σ(z) = ½ + ½ tanh(z / 2)``.

    It takes half of the time of `activations.sigmoid` for 64 × 128. Near 0 the error is 1e-16, not relative, which
    makes no difference to a gate.
    """
    z *= 0.5
    np.tanh(z, out=z)
    z *= 0.5
    z += 0.5
