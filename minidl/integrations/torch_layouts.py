"""How PyTorch stores the weights of each layer of minidl."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import numpy as np

from minidl.errors import StateError, describe
from minidl.integrations.channels import Orders, orders_of
from minidl.integrations.layouts import Layout, Own, Rules, Stored, Weights, check_known, join, rule_for, weights_for
from minidl.layers import (
    GRU,
    LSTM,
    RNN,
    BatchNorm,
    Bidirectional,
    Conv2D,
    ConvTranspose2D,
    CrossAttention,
    Dense,
    DepthwiseConv2D,
    Embedding,
    GroupNorm,
    LayerNorm,
    PositionEmbedding,
    PReLU,
    RMSNorm,
    SelfAttention,
    Tied,
    TransformerBlock,
)
from minidl.modules import Module
from minidl.typing import Array, Shape

__all__ = ["place_of", "torch_name", "torch_stored", "torch_weights"]


def _dense(own: Own) -> tuple[Layout, ...]:
    linear = {name: places.T for name, places in own.items()}
    return linear, {f"in_proj_{name}": places for name, places in linear.items()}


def _self_attention(own: Own) -> tuple[Layout, ...]:
    linear, in_proj = _dense({name.removeprefix("input."): places for name, places in own.items()})
    return in_proj, linear


def _convolution(own: Own) -> tuple[Layout, ...]:
    # (height, width, channels, filters) becomes (filters, channels, height, width).
    return ({**own, "weight": np.moveaxis(own["weight"], (-1, -2), (0, 1))},)


def _transposed_convolution(own: Own) -> tuple[Layout, ...]:
    return ({**own, "weight": np.moveaxis(own["weight"], (-2, -1), (0, 1))},)


def _depthwise(own: Own) -> tuple[Layout, ...]:
    kernels = own["weight"].reshape(*own["weight"].shape[:-2], 1, -1)
    return _convolution({**own, "weight": kernels})


def _same(own: Own) -> tuple[Layout, ...]:
    return (own,)


def _positions(own: Own) -> tuple[Layout, ...]:
    places = own["weight"]
    return {"weight": places}, {"": places}, {"": places[None]}  # an Embedding, or a bare Parameter


def _recurrent(own: Own) -> tuple[Layout, ...]:
    bias, columns = own["bias"], own["weight"].shape[1]
    kept = columns - (len(bias) - columns)  # a GRU's last two blocks are two biases, here as well
    return (
        {
            "weight_ih_l0": own["weight"].T,
            "weight_hh_l0": own["recurrent_weight"].T,
            "bias_ih_l0": bias[:columns],
            "bias_hh_l0": np.concatenate([bias[:kept], bias[columns:]]),
        },
    )


def _bidirectional(own: Own) -> tuple[Layout, ...]:
    layout = {}
    for part, suffix in (("layer.", ""), ("backward_layer.", "_reverse")):
        one = {name.removeprefix(part): places for name, places in own.items() if name.startswith(part)}
        layout.update({name + suffix: places for name, places in _recurrent(one)[0].items()})
    return (layout,)


def _cross_attention(own: Own) -> tuple[Layout, ...]:
    query, key_value = own["query.weight"].T, own["key_value.weight"].T
    key, value = np.split(key_value, 2)
    bias = {}
    if "query.bias" in own:
        bias = {"in_proj_bias": np.concatenate([own["query.bias"], own["key_value.bias"]])}
    apart = {"q_proj_weight": query, "k_proj_weight": key, "v_proj_weight": value, **bias}
    if query.shape[1] != key.shape[1]:
        return (apart,)
    return {"in_proj_weight": np.concatenate([query, key_value]), **bias}, apart


RECURRENT = {f"bias_{which}_l0{end}": 0.0 for which in ("ih", "hh") for end in ("", "_reverse")}
NORM = {"weight": 1.0, "bias": 0.0}

RULES: Rules = {
    Dense: (_dense, {}),
    ConvTranspose2D: (_transposed_convolution, {}),
    DepthwiseConv2D: (_depthwise, {}),
    Conv2D: (_convolution, {}),
    BatchNorm: (_same, NORM),
    LayerNorm: (_same, NORM),
    GroupNorm: (_same, NORM),
    RMSNorm: (_same, {}),
    PReLU: (_same, {}),
    Embedding: (_same, {}),
    PositionEmbedding: (_positions, {}),
    RNN: (_recurrent, RECURRENT),
    LSTM: (_recurrent, RECURRENT),
    GRU: (_recurrent, RECURRENT),
    Bidirectional: (_bidirectional, RECURRENT),
}
"""The layouts of each layer, and what its arrays hold that PyTorch can do without, but minidl cannot."""

BLOCK = {"0.0": "norm1", "0.1": "self_attn", "1.0": "norm2", "1.1": "linear1", "1.3": "linear2"}
"""The layers of a `TransformerBlock`, and what TransformerEncoderLayer calls them."""


def torch_weights(model: Module, input_shape: Shape | None, names: Mapping[str, str]) -> list[Weights]:
    """The weights of all layers, with PyTorch's layouts.

    Args:
        model: any module.
        input_shape: the shape of one sample, or None.
        names: what PyTorch calls a layer or a container, by its path.

    Raises:
        HyperparameterError: it takes an input shape to tell the layouts.
        ShapeError: samples that the model cannot take.
        StateError: a layer that PyTorch has no counterpart of, or features in an order that PyTorch cannot have.
    """
    orders = orders_of(model, input_shape)

    def visit(module: Module, path: str, name: str) -> Iterator[Weights]:
        name = names.get(path, name)
        rule = rule_for(RULES, module)
        if rule is not None:
            layouts, defaults = rule
            yield weights_for(module, path, name, lambda own: layouts(_reordered(module, path, own, orders)), defaults)
        elif isinstance(module, SelfAttention | CrossAttention):
            queries = _self_attention if isinstance(module, SelfAttention) else _cross_attention
            yield weights_for(module, path, name, queries, without="output.")
            yield from visit(module.output, join(path, "output"), join(name, "out_proj"))
        elif isinstance(module, TransformerBlock):
            layers = dict(module.modules())
            for inner, called in BLOCK.items():
                yield from visit(layers[inner], join(path, inner), join(name, called))
        else:
            check_known(module, path, "PyTorch")
            for inner, child in module.children():
                if isinstance(child, Module):
                    yield from visit(child, join(path, inner), join(name, inner))
            if isinstance(module, Tied) and isinstance(module.layers[0], Embedding):
                # A Linear that shares the weights of an Embedding is in PyTorch's state as well.
                last = join(path, str(len(module)))
                called = names.get(last, join(name, str(len(module))))
                yield weights_for(module.layers[0], last, called, _same, state=join(path, "0"))

    return list(visit(model, "", ""))


def _reordered(layer: Module, path: str, own: Own, orders: Orders) -> Own:
    """The indices with the features in PyTorch's order."""
    if path not in orders:
        return own
    taken, returned = (order.places for order in orders[path])
    if taken is None and returned is None:
        return own
    if isinstance(layer, Dense):
        weight = own["weight"] if taken is None else own["weight"][taken]
        columns = slice(None) if returned is None else returned
        return {name: places[..., columns] for name, places in {**own, "weight": weight}.items()}
    if isinstance(layer, GroupNorm):
        raise StateError(f"{describe(layer)} behind Flatten has groups of neighbours that are none in PyTorch")
    return {name: places[taken] if len(places) > 1 else places for name, places in own.items()}


def torch_name(path: str, name: str) -> str:
    """The name of an array in PyTorch's state, of a layer that is called as in `place_of`.

    >>> torch_name("lstm:1", "weight_ih_l0")
    'lstm.weight_ih_l1'
    """
    module, _, number = path.partition(":")
    return join(module, name.replace("_l0", f"_l{number}") if number else name)


RECURRENT_NAME = re.compile(r"(weight|bias)_(ih|hh)_l(\d+)(_reverse)?")
KNOWN = {"weight", "bias", "running_mean", "running_var", "in_proj_weight", "in_proj_bias"}
KNOWN |= {"q_proj_weight", "k_proj_weight", "v_proj_weight", "bias_k", "bias_v"}


def place_of(full: str) -> tuple[str, str]:
    """The layer that an array of PyTorch's state belongs to, and the array's name in it.

    Each layer of a recurrent module with `num_layers` is one. The second of "lstm" is called "lstm:1". A Parameter of a
    module of the user's own counts as a layer, and its array has no name.

    >>> place_of("lstm.weight_ih_l1"), place_of("positions")
    (('lstm:1', 'weight_ih_l0'), ('positions', ''))
    """
    path, _, name = full.rpartition(".")
    recurrent = RECURRENT_NAME.fullmatch(name)
    if recurrent:
        which, side, number, end = recurrent.groups()
        return path if number == "0" else f"{path}:{number}", f"{which}_{side}_l0{end or ''}"
    return (path, name) if name in KNOWN else (full, "")


def torch_stored(state: Mapping[str, Array]) -> list[Stored]:
    """A state of PyTorch, layer by layer.

    >>> [stored.path for stored in torch_stored({"fc.weight": np.ones((2, 2)), "fc.bias": np.ones(2)})]
    ['fc']
    """
    layers: dict[str, dict[str, Array]] = {}
    for full, array in state.items():
        if full.rpartition(".")[2] != "num_batches_tracked":
            path, name = place_of(full)
            layers.setdefault(path, {})[name] = array
    return [Stored(path, arrays) for path, arrays in layers.items()]
