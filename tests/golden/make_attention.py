"""Writes attention.json beside it with PyTorch, on the CPU in float64: ``python -m tests.golden.make_attention``.

It needs torch and NumPy (last run with torch 2.13.0) and nothing of this project. Masks are True where there is data,
the opposite of PyTorch's. What PyTorch returns at masked positions is of no use, so 0 replaces it.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

HERE = Path(__file__).parent
D, HEADS, HIDDEN = 4, 2, 3
SELF = {"features": D, "heads": HEADS}

rng = np.random.default_rng(0)


def numbers(*shape: int) -> Any:
    return torch.tensor(rng.normal(size=shape).round(3))


def fixed(module: Any) -> Any:
    """The module in float64, with drawn parameters."""
    module = module.double()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(numbers(*parameter.shape))
    return module


def projections(attention: Any, name: str = "", what: str = "data") -> dict[str, Any]:
    """The parameters of PyTorch's attention, or their gradients, by the names of `SelfAttention`."""
    found = {f"{name}input.weight": attention.in_proj_weight, f"{name}output.weight": attention.out_proj.weight}
    if attention.in_proj_bias is not None:
        found |= {f"{name}input.bias": attention.in_proj_bias, f"{name}output.bias": attention.out_proj.bias}
    return {key: getattr(tensor, what).t() for key, tensor in found.items()}


def of_cross(attention: Any, what: str = "data") -> dict[str, Any]:
    """The same by the names of `CrossAttention`."""
    q, k, v, b = (
        getattr(tensor, what)
        for tensor in (
            attention.q_proj_weight,
            attention.k_proj_weight,
            attention.v_proj_weight,
            attention.in_proj_bias,
        )
    )
    out = attention.out_proj
    return {
        "query.weight": q.t(),
        "query.bias": b[:D],
        "key_value.weight": torch.cat([k, v]).t(),
        "key_value.bias": b[D:],
        "output.weight": getattr(out.weight, what).t(),
        "output.bias": getattr(out.bias, what),
    }


def of_block(block: Any, what: str = "data") -> dict[str, Any]:
    """The parameters of PyTorch's block, or their gradients, by the names of `TransformerBlock`."""
    found = projections(block.self_attn, "0.1.", what)
    pairs = (("0.0", block.norm1), ("1.0", block.norm2), ("1.1", block.linear1), ("1.3", block.linear2))
    for name, layer in pairs:
        found |= {f"{name}.{kind}": getattr(getattr(layer, kind), what).t() for kind in ("weight", "bias")}
    return found


def unseen(mask: Any, t: int, causal: bool) -> Any:
    """PyTorch's mask (n · heads, t, s), True where a query must not look. Masked queries see themselves."""
    blocked = torch.zeros(len(mask), t, mask.shape[1], dtype=torch.bool) | ~mask[:, None, :]
    if causal:
        blocked |= torch.triu(torch.ones(t, t, dtype=torch.bool), 1)
    if blocked.shape[1] == blocked.shape[2]:
        blocked &= ~torch.eye(t, dtype=torch.bool)
    return blocked.repeat_interleave(HEADS, dim=0)


def case(layer: str, kwargs: Any, parameters: Any, inputs: list[Any], mask: Any, run: Any, gradients: Any) -> Any:
    for x in inputs:
        x.requires_grad_()
    y, attention = run(*inputs)
    if mask is not None and len(inputs) == 1:
        y = torch.where(mask[..., None], y, 0)
    grad = numbers(*y.shape)
    y.backward(grad)
    return {
        "name": layer,
        "kwargs": kwargs,
        "parameters": {name: tensor.tolist() for name, tensor in parameters.items()},
        "x": [x.tolist() for x in inputs],
        "mask": None if mask is None else mask.tolist(),
        "y": y.tolist(),
        "attention": None if attention is None else attention.tolist(),
        "grad": grad.tolist(),
        "grad_x": [x.grad.tolist() for x in inputs],
        "gradients": {name: tensor.tolist() for name, tensor in gradients().items()},
    }


def self_attention(mask: Any = None, *, causal: bool = False, bias: bool = True) -> Any:
    module = fixed(nn.MultiheadAttention(D, HEADS, bias=bias, batch_first=True))
    x = numbers(3, 4, D)

    def run(x: Any) -> Any:
        blocked = unseen(torch.ones(3, 4, dtype=torch.bool) if mask is None else mask, 4, causal)
        return module(x, x, x, attn_mask=blocked, average_attn_weights=False)

    kwargs = SELF | ({"causal": True} if causal else {}) | ({} if bias else {"use_bias": False})
    return case("SelfAttention", kwargs, projections(module), [x], mask, run, lambda: projections(module, what="grad"))


def cross_attention(mask: Any = None) -> Any:
    module = fixed(nn.MultiheadAttention(D, HEADS, kdim=3, vdim=3, batch_first=True))

    def run(x: Any, memory: Any) -> Any:
        hidden = None if mask is None else ~mask
        return module(x, memory, memory, key_padding_mask=hidden, average_attn_weights=False)

    inputs = [numbers(3, 2, D), numbers(3, 4, 3)]
    kwargs = SELF | {"memory": 3}
    return case("CrossAttention", kwargs, of_cross(module), inputs, mask, run, lambda: of_cross(module, "grad"))


def block(mask: Any = None, *, causal: bool = False) -> Any:
    kind = nn.TransformerEncoderLayer
    module = fixed(kind(D, HEADS, HIDDEN, 0.0, activation="gelu", batch_first=True, norm_first=True))

    def run(x: Any) -> Any:
        blocked = unseen(torch.ones(3, 4, dtype=torch.bool) if mask is None else mask, 4, causal)
        return module(x, src_mask=blocked), None

    kwargs = SELF | {"hidden": HIDDEN} | ({"causal": True} if causal else {})
    return case(
        "TransformerBlock", kwargs, of_block(module), [numbers(3, 4, D)], mask, run, lambda: of_block(module, "grad")
    )


def positions(t: int) -> Any:
    table = fixed(nn.Embedding(5, D))
    run = lambda x: (x + table(torch.arange(t)), None)  # noqa: E731
    parameters, gradients = {"weight": table.weight.data}, lambda: {"weight": table.weight.grad}
    return case("PositionEmbedding", {"length": 5, "features": D}, parameters, [numbers(2, t, D)], None, run, gradients)


def waves(t: int, features: int) -> Any:
    """As PyTorch's tutorial on transformers makes them, with one cosine less if the width is odd."""
    table = torch.zeros(t, features, dtype=torch.float64)
    position = torch.arange(t, dtype=torch.float64)[:, None]
    divisor = torch.exp(torch.arange(0, features, 2, dtype=torch.float64) * (-np.log(10000.0) / features))
    table[:, 0::2] = torch.sin(position * divisor)
    table[:, 1::2] = torch.cos(position * divisor[: features // 2])
    x = numbers(1, t, features)
    return case("SinusoidalPositions", {"features": features}, {}, [x], None, lambda x: (x + table, None), dict)


RIGHT = torch.tensor([[True, True, True, True], [True, True, False, False], [True, False, True, False]])
LEFT = torch.tensor([[False, False, True, True], [False, True, True, True], [True, True, True, True]])

CASES = [
    *(self_attention(mask, causal=causal) for mask in (None, RIGHT, LEFT) for causal in (False, True)),
    self_attention(bias=False),
    *(cross_attention(mask) for mask in (None, RIGHT)),
    *(block(mask, causal=causal) for mask in (None, RIGHT, LEFT) for causal in (False, True)),
    *(positions(t) for t in (2, 5)),
    *(waves(6, features) for features in (1, 4, 5)),
]

if __name__ == "__main__":
    lines = ",\n".join(json.dumps(case) for case in CASES)
    (HERE / "attention.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")
