"""How Keras stores the weights of each layer of minidl."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from minidl.integrations.layouts import Layout, Own, Rules, Weights, check_known, join, rule_for, weights_for
from minidl.layers import (
    GRU,
    LSTM,
    RNN,
    BatchNorm,
    Bidirectional,
    Conv1D,
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
    Standardize,
)
from minidl.modules import Module
from minidl.typing import Array

__all__ = ["KINDS", "keras_weights"]

NAMES = {"weight": "kernel", "recurrent_weight": "recurrent_kernel", "bias": "bias"}
NORM_NAMES = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}


def _kernel(own: Own) -> tuple[Layout, ...]:
    return ({NAMES[name]: places for name, places in own.items()},)


def _transposed_convolution(own: Own) -> tuple[Layout, ...]:
    return _kernel({**own, "weight": own["weight"].swapaxes(-1, -2)})


def _norm(own: Own) -> tuple[Layout, ...]:
    return ({NORM_NAMES[name]: places for name, places in own.items()},)


def _scale(own: Own) -> tuple[Layout, ...]:
    return ({"scale": own["weight"]},)


def _embedding(own: Own) -> tuple[Layout, ...]:
    return ({"embeddings": own["weight"]},)


def _slopes(own: Own) -> tuple[Layout, ...]:
    # With shared_axes, those of height and width, or of time, have length 1.
    return tuple({"alpha": own["weight"].reshape((1,) * axes + (-1,))} for axes in range(3))


def _offset_and_scale(own: Own) -> tuple[Layout, ...]:
    return ({"offset": own["offset"], "scale": own["scale"]},)


def _gru(own: Own) -> tuple[Layout, ...]:
    def swapped(places: Array) -> Array:
        r, z, rest = np.split(places, [units, 2 * units], axis=-1)
        return np.concatenate([z, r, rest], axis=-1)

    units, bias = len(own["recurrent_weight"]), own["bias"]
    both = np.stack([bias[: 3 * units], np.concatenate([bias[: 2 * units], bias[3 * units :]])])
    return _kernel({name: swapped(places) for name, places in {**own, "bias": both}.items()})


def _bidirectional(forward: Module, backward: Module, own: Own) -> tuple[Layout, ...]:
    layout = {}
    for place, layer, name in (("layer.", forward, "forward"), ("backward_layer.", backward, "backward")):
        part = {each.removeprefix(place): places for each, places in own.items() if each.startswith(place)}
        layouts = _gru(part) if isinstance(layer, GRU) else _kernel(part)
        layout.update({f"{name}.{each}": places for each, places in layouts[0].items()})
    return (layout,)


def _attention(heads: int, own: Own) -> tuple[Layout, ...]:
    layout = {}
    for kind in ("weight", "bias"):
        if f"output.{kind}" not in own:
            continue
        if f"input.{kind}" in own:
            parts = np.split(own[f"input.{kind}"], 3, axis=-1)
        else:
            parts = [own[f"query.{kind}"], *np.split(own[f"key_value.{kind}"], 2, axis=-1)]
        for name, places in zip(("query", "key", "value"), parts, strict=True):
            layout[f"{name}.{NAMES[kind]}"] = places.reshape(*places.shape[:-1], heads, -1)
        output = own[f"output.{kind}"]
        layout[f"output.{NAMES[kind]}"] = output if kind == "bias" else output.reshape(heads, -1, output.shape[-1])
    return (layout,)


BIAS = {f"{part}bias": 0.0 for part in ("", "forward.", "backward.")}
NORM = {"gamma": 1.0, "beta": 0.0}

RULES: Rules = {
    Dense: (_kernel, {}),
    ConvTranspose2D: (_transposed_convolution, {}),
    DepthwiseConv2D: (_kernel, {}),
    Conv2D: (_kernel, {}),
    BatchNorm: (_norm, NORM),
    LayerNorm: (_norm, NORM),
    GroupNorm: (_norm, NORM),
    RMSNorm: (_scale, {}),
    PReLU: (_slopes, {}),
    Embedding: (_embedding, {}),
    PositionEmbedding: (_embedding, {}),
    RNN: (_kernel, BIAS),
    LSTM: (_kernel, BIAS),
    GRU: (_gru, BIAS),
    Standardize: (_offset_and_scale, {}),
}
"""The layouts of each layer, and what its arrays hold that Keras can do without, but minidl cannot."""

KINDS: Mapping[type[Module], str] = {
    Dense: "Dense",
    ConvTranspose2D: "Conv2DTranspose",
    DepthwiseConv2D: "DepthwiseConv2D",
    Conv1D: "Conv1D",
    Conv2D: "Conv2D",
    BatchNorm: "BatchNormalization",
    LayerNorm: "LayerNormalization",
    GroupNorm: "GroupNormalization",
    RMSNorm: "RMSNormalization",
    PReLU: "PReLU",
    Embedding: "Embedding",
    PositionEmbedding: "Embedding",
    RNN: "SimpleRNN",
    LSTM: "LSTM",
    GRU: "GRU",
    Bidirectional: "Bidirectional",
    SelfAttention: "MultiHeadAttention",
    CrossAttention: "MultiHeadAttention",
    Standardize: "Normalization",
}
"""What Keras calls each layer."""


def keras_weights(model: Module) -> list[Weights]:
    """The weights of all layers, with Keras' layouts.

    Raises:
        StateError: a layer that Keras has no counterpart of.
    """

    def visit(module: Module, path: str) -> Iterator[Weights]:
        kind = next((KINDS[cls] for cls in type(module).__mro__ if cls in KINDS), "")
        rule = rule_for(RULES, module)
        if isinstance(module, Bidirectional):
            rule = (lambda own: _bidirectional(module.layer, module.backward_layer, own)), BIAS
        elif isinstance(module, SelfAttention | CrossAttention):
            rule = (lambda own: _attention(module.heads, own)), {}
        if rule is not None:
            without = "count" if isinstance(module, Standardize) else "none"
            yield weights_for(module, path, path, *rule, without=without)._replace(kind=kind)
            return
        check_known(module, path, "Keras")
        for inner, child in module.children():
            if isinstance(child, Module):
                yield from visit(child, join(path, inner))

    return list(visit(model, ""))
