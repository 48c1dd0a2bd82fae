"""The formulas of the documentation in symbols, and their derivatives by SymPy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import sympy

from minidl import (
    ELU,
    GELU,
    GRU,
    LSTM,
    RNN,
    Add,
    AveragePool2D,
    BatchNorm,
    Branches,
    Concatenate,
    Conv1D,
    Conv2D,
    ConvTranspose2D,
    CrossAttention,
    Dense,
    DepthwiseConv2D,
    Flatten,
    GlobalAveragePool1D,
    GlobalAveragePool2D,
    GroupNorm,
    Identity,
    Layer,
    LayerNorm,
    LeakyReLU,
    MaxPool2D,
    Multiply,
    Parallel,
    PositionEmbedding,
    PReLU,
    ReLU,
    Reshape,
    Residual,
    RMSNorm,
    SelfAttention,
    Sequential,
    Siamese,
    Sigmoid,
    SiLU,
    SinusoidalPositions,
    Softmax,
    Softplus,
    Tanh,
    Tied,
)
from minidl.typing import Array, Shape
from tests.docs.attention_formulas import at_positions, cross_attention, self_attention, waves
from tests.docs.image_formulas import averaged, convolved, convolved_line, depthwise, largest, pooled, transposed
from tests.docs.recurrent_formulas import gru, lstm, rnn

__all__ = ["LAYERS", "LayerFormula", "network", "slopes"]


def symbols(name: str, shape: Shape) -> Array:
    """An array of symbols, with which NumPy's sums and matrix products compute as with numbers."""
    listed = sympy.symbols(f"{name}:{int(np.prod(shape))}", real=True)
    return np.array(listed, dtype=object).reshape(shape)


def each(function: Callable[[Any], Any]) -> Callable[[Array], Array]:
    """A function of one symbol, for arrays of them."""
    return np.vectorize(function, otypes=[object])


exp, log, tanh, size, root = (each(f) for f in (sympy.exp, sympy.log, sympy.tanh, sympy.Abs, sympy.sqrt))


def slopes(formula: Callable[..., Any], values: Sequence[Array], grad: Array | None = None) -> list[Array]:
    """The derivatives of ``Σ g y`` with y = formula(*arrays), by each of the arrays, at the values given.

    Args:
        formula: takes arrays of symbols, and gives an array of expressions or, without `grad`, one expression.
        values: the arrays, as numbers.
        grad: g; 1 if y is one number.
    """
    weights = np.ones(()) if grad is None else grad
    derivative = _derivative(formula, tuple(array.shape for array in values), weights.shape)
    found = np.array(derivative(*chain(*(array.ravel().tolist() for array in (*values, weights)))))
    borders = np.cumsum([array.size for array in values])[:-1]
    return [part.reshape(array.shape) for part, array in zip(np.split(found, borders), values, strict=True)]


@cache
def _derivative(formula: Callable[..., Any], shapes: tuple[Shape, ...], y_shape: Shape) -> Callable[..., list[float]]:
    arrays = [symbols(f"v{index}_", shape) for index, shape in enumerate(shapes)]
    g = symbols("g", y_shape)
    y = np.array(formula(*arrays), dtype=object)
    assert y.shape == y_shape
    total, names = np.asarray(g * y, dtype=object).sum(), [symbol for array in arrays for symbol in array.ravel()]
    derivatives = [sympy.diff(total, name) for name in names]
    compiled: Callable[..., list[float]] = sympy.lambdify([*names, *g.ravel()], derivatives, "math", cse=True)
    return compiled


def sigma(x: Array) -> Any:
    return 1 / (1 + exp(-x))


def where_positive(x: Array, above: Callable[[Any], Any], below: Callable[[Any], Any]) -> Array:
    return each(lambda t: sympy.Piecewise((above(t), t > 0), (below(t), True)))(x)


def relu(x: Array) -> Array:
    return where_positive(x, lambda t: t, lambda _: sympy.S.Zero)


def elu(alpha: Any) -> Callable[[Array], Array]:
    return lambda x: where_positive(x, lambda t: t, lambda t: alpha * (sympy.exp(t) - 1))


def gelu(x: Array) -> Any:
    return x * each(lambda t: (1 + sympy.erf(t / sympy.sqrt(2))) / 2)(x)


def gelu_by_tanh(x: Array) -> Any:
    return x * (1 + tanh(sympy.sqrt(2 / sympy.pi) * (x + 0.044715 * x**3))) / 2


def softmax(x: Array) -> Any:
    return exp(x) / exp(x).sum(axis=-1, keepdims=True)


def dense(W: Array, b: Array, x: Array) -> Any:
    return x @ W + b


def normalised(axis: int) -> Callable[[Array, Array, Array], Any]:
    def formula(w: Array, b: Array, x: Array) -> Any:
        m = x.sum(axis=axis, keepdims=True) / x.shape[axis]
        v = ((x - m) ** 2).sum(axis=axis, keepdims=True) / x.shape[axis]
        return w * (x - m) / root(v + EPS) + b

    return formula


def grouped(w: Array, b: Array, x: Array) -> Any:
    """GroupNorm of two groups."""
    groups = np.stack(np.split(x, 2, axis=-1))
    m = groups.sum(axis=(2, 3), keepdims=True) / 2
    v = ((groups - m) ** 2).sum(axis=(2, 3), keepdims=True) / 2
    return w * np.concatenate(list((groups - m) / root(v + EPS)), axis=-1) + b


def rms(w: Array, x: Array) -> Any:
    return w * x / root((x**2).sum(axis=-1, keepdims=True) / x.shape[-1] + EPS)


def evaluated(w: Array, b: Array, x: Array) -> Any:
    return w * (x - MEAN) / root(VARIANCE + EPS) + b


def residual(W: Array, b: Array, V: Array, c: Array, x: Array) -> Any:
    return x + (tanh(x @ W + b) @ V + c)


def network(W: Array, b: Array, V: Array, c: Array, x: Array) -> Any:
    """Q1.2 of the assignment."""
    return sigma(relu(x @ W + b) @ V + c)


EPS, MEAN, VARIANCE = 1e-3, np.array([0.3, -0.2]), np.array([0.5, 2.0])


def batch_norm_in_evaluation() -> BatchNorm:
    layer = BatchNorm(2, eps=EPS)
    layer.running_mean, layer.running_var, layer.training = MEAN, VARIANCE, False
    return layer


class LayerFormula(NamedTuple):
    """A layer, and its y as a formula of its parameters, in reading order, and x, or several inputs."""

    name: str
    make: Callable[[], Layer]
    formula: Callable[..., Array]
    shape: Shape = (3, 2)
    """That of x, or one shape for each of several inputs."""


LAYERS = [
    LayerFormula("Dense", lambda: Dense(3, 2), dense, (2, 3)),
    LayerFormula("Dense without bias", lambda: Dense(3, 2, use_bias=False), lambda W, x: x @ W, (2, 3)),
    LayerFormula("Identity", Identity, lambda x: x),
    LayerFormula("ReLU", ReLU, relu),
    LayerFormula(
        "LeakyReLU",
        lambda: LeakyReLU(0.2),
        lambda x: where_positive(x, lambda t: t, lambda t: sympy.Rational(1, 5) * t),
    ),
    LayerFormula("ELU", ELU, elu(1)),
    LayerFormula("ELU of 0.5", lambda: ELU(0.5), elu(sympy.Rational(1, 2))),
    LayerFormula("GELU", GELU, gelu),
    LayerFormula("GELU by tanh", lambda: GELU(approximate=True), gelu_by_tanh),
    LayerFormula("SiLU", SiLU, lambda x: x * sigma(x)),
    LayerFormula("Softplus", Softplus, lambda x: log(1 + exp(x))),
    LayerFormula("Sigmoid", Sigmoid, sigma),
    LayerFormula("Tanh", Tanh, tanh),
    LayerFormula("Softmax", Softmax, softmax, (2, 3)),
    LayerFormula("Flatten", Flatten, lambda x: x.reshape(len(x), -1), (2, 2, 3)),
    LayerFormula("BatchNorm", lambda: BatchNorm(2, eps=EPS), normalised(axis=0)),
    LayerFormula("BatchNorm in evaluation", batch_norm_in_evaluation, evaluated),
    LayerFormula("LayerNorm", lambda: LayerNorm(3, eps=EPS), normalised(axis=-1), (2, 3)),
    LayerFormula("Conv1D", lambda: Conv1D(2, 2, 2), convolved_line, (2, 3, 2)),
    LayerFormula("Conv2D", lambda: Conv2D(2, 2, 2), convolved(1, 0, 1, 2, 2), (1, 3, 3, 2)),
    LayerFormula(
        "Conv2D with everything",
        lambda: Conv2D(1, 2, 2, stride=2, padding=1, dilation=2),
        convolved(2, 1, 2, 2, 2),
        (2, 3, 4, 1),
    ),
    LayerFormula("ConvTranspose2D", lambda: ConvTranspose2D(2, 1, 3, stride=2, padding=0), transposed, (1, 2, 2, 2)),
    LayerFormula("DepthwiseConv2D", lambda: DepthwiseConv2D(2, 2, multiplier=2), depthwise, (1, 3, 2, 2)),
    LayerFormula("MaxPool2D", MaxPool2D, pooled(largest), (1, 3, 4, 1)),
    LayerFormula("AveragePool2D", AveragePool2D, pooled(averaged), (1, 3, 4, 2)),
    LayerFormula("GlobalAveragePool1D", GlobalAveragePool1D, lambda x: x.sum(axis=1) / 3, (2, 3, 2)),
    LayerFormula("GlobalAveragePool2D", GlobalAveragePool2D, lambda x: x.sum(axis=(1, 2)) / 6, (2, 2, 3, 2)),
    LayerFormula("GroupNorm", lambda: GroupNorm(2, 2, eps=EPS), grouped, (2, 2, 2)),
    LayerFormula("RMSNorm", lambda: RMSNorm(3, eps=EPS), rms, (2, 3)),
    LayerFormula("PReLU", PReLU, lambda a, x: relu(x) - a * relu(-x), (2, 3)),
    LayerFormula("PReLU of features", lambda: PReLU(3), lambda a, x: relu(x) - a * relu(-x), (2, 2, 3)),
    LayerFormula("Reshape", lambda: Reshape(3, -1), lambda x: x.reshape(len(x), 3, 2), (2, 2, 3)),
    LayerFormula("Residual", lambda: Residual(Dense(2, 3), Tanh(), Dense(3, 2)), residual),
    LayerFormula(
        "Branches and Multiply",
        lambda: Sequential(Branches(Dense(2, 2), Tanh()), Multiply()),
        lambda W, b, x: (x @ W + b) * tanh(x),
    ),
    LayerFormula(
        "Branches, Add and Concatenate",
        lambda: Sequential(Branches(Sequential(Branches(Dense(2, 2), Identity()), Add()), Sigmoid()), Concatenate()),
        lambda W, b, x: np.concatenate([x @ W + b + x, sigma(x)], axis=1),
    ),
    LayerFormula(
        "Branches of three",
        lambda: Sequential(Branches(Tanh(), Identity(), ReLU()), Add()),
        lambda x: tanh(x) + x + relu(x),
    ),
    LayerFormula(
        "Parallel and Concatenate",
        lambda: Sequential(Parallel(Dense(2, 1), Tanh()), Concatenate()),
        lambda W, b, x1, x2: np.concatenate([x1 @ W + b, tanh(x2)], axis=1),
        ((3, 2), (3, 2)),
    ),
    LayerFormula("Add", Add, lambda x1, x2, x3: x1 + x2 + x3, ((2, 3),) * 3),
    LayerFormula("Multiply", Multiply, lambda x1, x2, x3: x1 * x2 * x3, ((2, 3),) * 3),
    LayerFormula(
        "Concatenate of axis 1",
        lambda: Concatenate(axis=1),
        lambda x1, x2: np.concatenate([x1, x2], axis=1),
        ((2, 1, 3), (2, 2, 3)),
    ),
    LayerFormula(
        "Siamese",
        lambda: Sequential(Siamese(Sequential(Dense(2, 2), Tanh())), Multiply()),
        lambda W, b, x1, x2: tanh(x1 @ W + b) * tanh(x2 @ W + b),
        ((2, 2), (2, 2)),
    ),
    LayerFormula("Tied", lambda: Tied(Dense(3, 2), Tanh()), lambda W, b, x: tanh(x @ W + b) @ W.T, (2, 3)),
    LayerFormula("Q1.2", lambda: Sequential(Dense(2, 4), ReLU(), Dense(4, 1), Sigmoid()), network),
    LayerFormula("RNN", lambda: RNN(2, 2, return_sequences=True), rnn, (2, 2, 2)),
    LayerFormula("LSTM", lambda: LSTM(2, 1), lstm, (2, 2, 2)),
    LayerFormula("GRU", lambda: GRU(2, 1), gru, (2, 2, 2)),
    LayerFormula("SelfAttention", lambda: SelfAttention(2, 1), self_attention(1), (1, 2, 2)),
    LayerFormula(
        "SelfAttention, causal", lambda: SelfAttention(2, 2, causal=True), self_attention(2, causal=True), (1, 3, 2)
    ),
    LayerFormula("CrossAttention", lambda: CrossAttention(2, 2, memory=1), cross_attention, ((1, 2, 2), (1, 3, 1))),
    LayerFormula("PositionEmbedding", lambda: PositionEmbedding(3, 2), at_positions, (2, 2, 2)),
    LayerFormula("SinusoidalPositions", lambda: SinusoidalPositions(3), waves, (2, 2, 3)),
]
