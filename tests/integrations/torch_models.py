"""Modules of PyTorch that its own classes do not have."""

from collections.abc import Callable
from typing import Any

from tests.integrations.packages import real

torch: Any = real("torch")
nn: Any = torch.nn


class Apply(nn.Module):  # type: ignore[misc]
    """Modules by name, and how they are called."""

    def __init__(self, forward: Callable[[Any, Any], Any], **modules: Any) -> None:
        super().__init__()
        for name, module in modules.items():
            setattr(self, name, module)
        self.call = forward

    def forward(self, x: Any) -> Any:
        return self.call(self, x)


def last(kind: str, *sizes: int, **options: Any) -> Any:
    """A recurrent module that returns the last output."""
    return Apply(lambda self, x: self.rnn(x)[0][:, -1], rnn=getattr(nn, kind)(*sizes, batch_first=True, **options))


def every(kind: str, *sizes: int, **options: Any) -> Any:
    """A recurrent module that returns all outputs."""
    return Apply(lambda self, x: self.rnn(x)[0], rnn=getattr(nn, kind)(*sizes, batch_first=True, **options))


def encoder_layer(features: int, heads: int) -> Any:
    options = {"activation": "gelu", "norm_first": True, "batch_first": True, "dropout": 0.0}
    return nn.TransformerEncoderLayer(features, heads, 4 * features, **options)


def gpt(positions: Any, *, tied: bool = False, shown: bool = True) -> Any:
    def forward(self: Any, x: Any) -> Any:
        t = x.shape[1]
        mask = nn.Transformer.generate_square_subsequent_mask(t)
        positions = self.positions if isinstance(self.positions, nn.Parameter) else self.positions.weight
        h = self.tokens(x) + positions[..., :t, :]
        for block in self.blocks:
            h = block(h, src_mask=mask, is_causal=True)
        return nn.functional.linear(self.norm(h), self.head.weight if shown else self.tokens.weight)

    # In another order than that of the computation: names alone say what belongs where.
    head, tokens = nn.Linear(6, 11, bias=False), nn.Embedding(11, 6)
    if tied:
        head.weight = tokens.weight
    blocks = nn.ModuleList([encoder_layer(6, 2), encoder_layer(6, 2)])
    heads = {"head": head} if shown else {}
    return Apply(forward, **heads, norm=nn.LayerNorm(6), blocks=blocks, positions=positions, tokens=tokens)


def own_attention(self: Any, x: Any) -> Any:
    """Causal attention with two heads, whose queries, keys and values are one product."""
    parts = [part.unflatten(-1, (2, 3)).transpose(1, 2) for part in self.qkv(x).chunk(3, dim=-1)]
    y = nn.functional.scaled_dot_product_attention(*parts, is_causal=True)
    return self.out(y.transpose(1, 2).flatten(2))
