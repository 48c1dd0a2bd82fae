"""Attention: every position of a sequence looks at others."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.arguments import flag, generator, number, whole_number
from minidl.batch import several
from minidl.data import as_mask
from minidl.errors import DataError, HyperparameterError, ShapeError, StateError, describe
from minidl.initializers import lecun_normal
from minidl.layers.dense import Dense
from minidl.layers.dropout import dropout_factor
from minidl.layers.heads import attend, attend_backward, by_head
from minidl.layers.masks import cleared, gradient_for
from minidl.layers.sequences import check_sequence, check_state, check_time_step
from minidl.modules import Layer, cached, check_step
from minidl.typing import Array, ArrayLike, Batch, Seed, Shape

__all__ = ["CrossAttention", "SelfAttention"]


class SelfAttention(Layer):
    """``y = [A_1 V_1, …, A_h V_h] W + b``, ``A = softmax(Q Kᵀ / √k)``: each position looks at others (Vaswani 2017).

    A product ``x W + b`` makes of each position a query, a key and a value of k = features / heads numbers for each
    head. A[i, j] is how much position i looks at position j.

    A mask (n, t), as in ``layer((x, mask))``, is True where there is data. Masked positions are not looked at. Their y
    is 0, without b, and neither their x nor their dL/dy makes a difference to forward and backward, even if it is NaN.
    `predict` and training refuse NaN anywhere in x.

    Shapes    x and y (n, t, features)   A = attention (n, heads, t, t)   input.weight (features, 3 features) for
              queries, keys and values, each head by head   output.weight (features, features)
    Backward  dV = Aᵀ g′   dS = A ∘ (dA − rowsum(dA ∘ A)) / √k with dA = g′ Vᵀ   dQ = dS K   dK = dSᵀ Q, per head, and
              the rest as in `Dense`     with g′ = g Wᵀ, g = dL/dy

    Args:
        features: the size of the last axis.
        heads: how many heads there are. It must divide features.
        causal: whether a position looks only at itself and at earlier ones, so that `step` is possible.
        dropout: the probability that a number of A is dropped in training.
        use_bias: whether to add b to the four products. It starts at 0.
        rng: seed or generator of the initial values and of dropout.

    Raises:
        HyperparameterError: arguments out of range.
        ShapeError: a batch that is not (n, t, features).
        StateError: `step` of attention that is not causal.

    Attributes:
        attention: A in the last forward, before dropout. Rows of masked positions mean nothing.

    >>> layer = SelfAttention(4, 2, causal=True, rng=0)
    >>> y = layer(np.ones((1, 3, 4)))
    >>> layer.attention[0, 1].round(2)
    array([[1.  , 0.  , 0.  ],
           [0.5 , 0.5 , 0.  ],
           [0.33, 0.33, 0.33]])
    """

    takes_mask = mixes_steps = True
    mask: Array | None = cached()
    qkv: Array = cached()
    factor: Array | None = cached()
    attention: Array = cached()
    mixed: Array = cached()

    def __init__(
        self,
        features: int,
        heads: int,
        *,
        causal: bool = False,
        dropout: float = 0.0,
        use_bias: bool = True,
        rng: Seed = None,
    ) -> None:
        self.features, self.heads = _sizes("SelfAttention", features, heads)
        self.causal = flag("SelfAttention: causal", causal)
        self.dropout = number("SelfAttention: dropout", dropout, at_least=0, below=1)
        self.use_bias = flag("SelfAttention: use_bias", use_bias)
        self.rng = generator(rng)
        self.input = Dense(features, 3 * features, use_bias=use_bias, initializer=lecun_normal, rng=self.rng)
        self.output = Dense(features, features, use_bias=use_bias, initializer=lecun_normal, rng=self.rng)

    def forward(self, x: Batch) -> Array:
        x, mask = x if type(x) is tuple else (x, None)
        qkv = by_head(self.input.forward(cleared(x, mask)), self.heads, 3)
        factor = _factor(self, (*qkv.shape[1:4], x.shape[1]), x.dtype)
        mixed, attention = attend(*qkv, mask=mask, causal=self.causal, factor=factor)
        self.mask, self.qkv, self.factor, self.mixed, self.attention = mask, qkv, factor, mixed, attention
        return cleared(self.output.forward(mixed), mask)

    def backward(self, grad: Array) -> Batch:
        n, t, _ = grad.shape
        grad = self.output.backward(cleared(grad, self.mask))
        grad_in = np.empty((n, t, 3 * self.features), grad.dtype)
        parts = by_head(grad_in, self.heads, 3)
        attend_backward(grad, self.mixed, self.attention, self.qkv, parts, causal=self.causal, factor=self.factor)
        return gradient_for(self.input.backward(grad_in), self.mask)

    def step(self, x: Array, state: Any = None) -> tuple[Array, Any]:
        """Return y for the next time step x (n, features), and the next state: the keys and values so far.

        All positions in the state are earlier, so x may look at all of them. A state is never changed.
        """
        check_step(type(self))
        if not self.causal:
            raise StateError(f"{self!r} looks at later positions, too, so it takes no steps; make it with causal=True")
        check_time_step(self, x)
        q, k, v = by_head(self.input.step(x)[0][:, None], self.heads, 3)
        if state is not None:
            check_state(self, x, len(state[0]))
            k, v = (np.concatenate(pair, axis=2) for pair in zip(state, (k, v), strict=True))
        mixed, _ = attend(q, k, v)
        return self.output.step(mixed[:, 0])[0], (k, v)

    def output_shape(self, shape: Shape | None) -> Shape | None:
        if shape is not None:
            check_sequence(self, shape, self.features)
        return shape


class CrossAttention(Layer):
    """``y = [A_1 V_1, …, A_h V_h] W + b``, ``A = softmax(Q Kᵀ / √k)``: queries look at a memory (Vaswani et al. 2017).

    As `SelfAttention`, but the queries are made of one sequence, the keys and values of another, the memory, such as
    what an encoder returns.

    A mask (n, s), as in ``layer(((queries, memory), mask))``, is True where the memory holds data. A container that is
    given a mask passes it along as that of the memory. What is masked is not looked at, even if `forward` is given NaN
    there, and its gradient is 0. If all of a sample's memory is masked, its queries see nothing: y is b, and their
    gradient is 0.

    Shapes    queries and y (n, t, features)   memory (n, s, memory)   A = attention (n, heads, t, s)
              query.weight (features, features)   key_value.weight (memory, 2 features)
              output.weight (features, features)
    Backward  as in `SelfAttention`. It returns the gradients of the queries and of the memory

    Args:
        features: the number of features of queries and outputs.
        heads: how many heads there are. It must divide features.
        memory: the number of features of the memory. None means as many as the queries have.
        dropout: the probability that a number of A is dropped in training.
        use_bias: whether to add b to the products. It starts at 0.
        rng: seed or generator of the initial values and of dropout.

    Raises:
        HyperparameterError: arguments out of range.
        DataError, ShapeError: inputs that are not queries and memory of these sizes.
        StateError: `step`, as the memory is not one moment.

    Attributes:
        attention: A in the last forward, before dropout. It is 0 where all of a sample's memory is masked.

    >>> layer = CrossAttention(4, 2, memory=3, rng=0)
    >>> layer((np.ones((1, 5, 4)), np.ones((1, 2, 3)))).shape
    (1, 5, 4)
    >>> layer.attention.shape
    (1, 2, 5, 2)
    """

    takes_tuple = takes_mask = mixes_steps = True
    mask: Array | None = cached()
    q: Array = cached()
    kv: Array = cached()
    factor: Array | None = cached()
    attention: Array = cached()
    mixed: Array = cached()

    def __init__(
        self,
        features: int,
        heads: int,
        *,
        memory: int | None = None,
        dropout: float = 0.0,
        use_bias: bool = True,
        rng: Seed = None,
    ) -> None:
        self.features, self.heads = _sizes("CrossAttention", features, heads)
        self.memory = None if memory is None else whole_number("CrossAttention: memory", memory, 1)
        self.dropout = number("CrossAttention: dropout", dropout, at_least=0, below=1)
        self.use_bias = flag("CrossAttention: use_bias", use_bias)
        self.rng = generator(rng)
        self.query = Dense(features, features, use_bias=use_bias, initializer=lecun_normal, rng=self.rng)
        self.key_value = Dense(
            memory or features, 2 * features, use_bias=use_bias, initializer=lecun_normal, rng=self.rng
        )
        self.output = Dense(features, features, use_bias=use_bias, initializer=lecun_normal, rng=self.rng)

    def as_input(self, x: ArrayLike, name: str, dtype: Any) -> Batch:
        pair, mask = _pair_and_mask(x)
        batch = super().as_input(pair, name, dtype)
        if len(batch) != 2:
            fix = "pass (queries, memory), or ((queries, memory), mask)"
            raise DataError(f"{self!r} takes two inputs, queries and a memory, got a tuple of {len(batch)}; {fix}")
        return batch if mask is None else (batch, as_mask(mask, f"the mask of {name}", batch[1]))

    def forward(self, x: Batch) -> Array:
        (queries, memory), mask = _pair_and_mask(x)
        if mask is not None and mask.shape != memory.shape[:2]:  # a container's may be that of another sequence
            raise ShapeError(f"{self!r}: the mask must be (n, s) for the memory {memory.shape}, got {mask.shape}")
        (q,) = by_head(self.query.forward(queries), self.heads, 1)
        kv = by_head(self.key_value.forward(cleared(memory, mask)), self.heads, 2)
        factor = _factor(self, (*q.shape[:3], memory.shape[1]), queries.dtype)
        mixed, attention = attend(q, *kv, mask=mask, factor=factor)
        self.mask, self.q, self.kv, self.factor, self.mixed, self.attention = mask, q, kv, factor, mixed, attention
        return self.output.forward(mixed)

    def backward(self, grad: Array) -> Batch:
        (n, t, d), s = grad.shape, self.attention.shape[-1]
        grad = self.output.backward(grad)
        grad_q, grad_kv = np.empty((n, t, d), grad.dtype), np.empty((n, s, 2 * d), grad.dtype)
        parts = *by_head(grad_q, self.heads, 1), *by_head(grad_kv, self.heads, 2)
        attend_backward(grad, self.mixed, self.attention, (self.q, *self.kv), parts, factor=self.factor)
        grads = self.query.backward(grad_q), cleared(self.key_value.backward(grad_kv), self.mask)
        return grads if self.mask is None else (grads, np.zeros(self.mask.shape, grad.dtype))

    def step(self, x: Array, state: Any = None) -> tuple[Array, Any]:
        """Refuse to step: the memory of a step would have to be all of it."""
        raise StateError(f"{self!r} takes no steps, as it needs the whole memory; call forward")

    def output_shape(self, shape: Shape | None) -> Shape | None:
        if shape is None:
            return None
        pair = shape[0] if several(shape) and several(shape[0]) else shape  # without that of the mask
        if not several(pair) or len(pair) != 2:
            raise ShapeError(f"{describe(self)} takes two inputs, queries and a memory, got samples of shape {pair}")
        queries, memory = pair
        if queries is not None:
            check_sequence(self, queries, self.features, "queries")
        if memory is not None:
            check_sequence(self, memory, self.memory or self.features, "memory")
        return None if queries is None else queries


def _sizes(name: str, features: object, heads: object) -> tuple[int, int]:
    features, heads = whole_number(f"{name}: features", features, 1), whole_number(f"{name}: heads", heads, 1)
    if features % heads:
        raise HyperparameterError(f"{name}: features must be a multiple of heads, got {features} for {heads} heads")
    return features, heads


def _factor(layer: SelfAttention | CrossAttention, shape: Shape, dtype: Any) -> Array | None:
    """The factors of dropout. None means 1."""
    return dropout_factor(layer.rng, layer.dropout, shape, dtype) if layer.dropout and layer.training else None


def _pair_and_mask(x: Any) -> tuple[Any, Any]:
    """The inputs of `CrossAttention`, and its mask or None."""
    return x if isinstance(x, tuple) and len(x) == 2 and isinstance(x[0], tuple) else (x, None)
