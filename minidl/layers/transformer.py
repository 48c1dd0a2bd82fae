"""The block that transformers are built of."""

from __future__ import annotations

from minidl.arguments import generator, whole_number
from minidl.layers.attention import SelfAttention
from minidl.layers.dense import Dense
from minidl.layers.dropout import Dropout
from minidl.layers.gelu import GELU
from minidl.layers.normalization import LayerNorm
from minidl.layers.residual import Residual
from minidl.layers.sequential import Sequential
from minidl.modules import Layer
from minidl.typing import Seed

__all__ = ["TransformerBlock"]


class TransformerBlock(Sequential):
    """``h = x + attention(norm(x))``, ``y = h + f(norm(h))``, with ``f(z) = GELU(z W_1 + b_1) W_2 + b_2``.

    The norms stand in front of what they normalise ("pre-norm", Xiong et al. 2020), as in GPT-2 (Radford et al. 2019).
    Behind the last block, a model needs one more `LayerNorm`.

    Shapes    x and y (n, t, features)   W_1 (features, hidden)   W_2 (hidden, features)
    Backward  that of its layers: block[0] is the first `Residual`, block[0][1] the `SelfAttention`, block[1] the second

    Args:
        features: the size of the last axis.
        heads: how many heads the attention has. It must divide features.
        hidden: the number of features inside f. None means 4 features.
        causal: whether a position looks only at itself and at earlier ones.
        dropout: the probability that a number is dropped in training: of the attention, and of what each of the two
            sums adds to x and h.
        rng: seed or generator of the initial values and of dropout.

    Raises:
        HyperparameterError: arguments out of range.
        ShapeError: a batch that is not (n, t, features).

    >>> import numpy as np
    >>> block = TransformerBlock(4, 2, causal=True, rng=0)
    >>> block(np.ones((1, 3, 4))).shape
    (1, 3, 4)
    >>> block[0][1].attention.shape
    (1, 2, 3, 3)
    """

    def __init__(
        self,
        features: int,
        heads: int,
        *,
        hidden: int | None = None,
        causal: bool = False,
        dropout: float = 0.0,
        rng: Seed = None,
    ) -> None:
        rng = generator(rng)
        attention = SelfAttention(features, heads, causal=causal, dropout=dropout, rng=rng)
        self.features, self.heads, self.causal = attention.features, attention.heads, attention.causal
        self.dropout, self.hidden = attention.dropout, hidden
        inner = 4 * features if hidden is None else whole_number("TransformerBlock: hidden", hidden, 1)

        def with_dropout(*layers: Layer) -> Residual:
            return Residual(LayerNorm(features), *layers, *([Dropout(dropout, rng=rng)] if dropout else []))

        super().__init__(
            with_dropout(attention),
            with_dropout(Dense(features, inner, rng=rng), GELU(), Dense(inner, features, rng=rng)),
        )
