"""Weights from Keras."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from minidl.errors import HyperparameterError, StateError, describe
from minidl.integrations.keras_layouts import KINDS, keras_weights
from minidl.integrations.layouts import Stored, Weights, as_array, collected, join
from minidl.integrations.matching import checked_names, in_order, matched
from minidl.layers import BatchNorm, GroupNorm, LayerNorm, Parallel, RMSNorm, Standardize
from minidl.layers.kernels import Convolution
from minidl.modules import Module

__all__ = ["load_keras"]


def load_keras(model: Module, keras_model: Any, *, names: Mapping[str, str] | None = None) -> None:
    """Load the weights of a Keras model into a model of the same architecture. After an error, nothing has changed.

    The gates of a `GRU` are permuted, its two biases are added up, kernels are reshaped, and norms take over ε and the
    momentum, which is 1 − μ here. `Normalization` becomes `Standardize`. The values take the model's float type.

    If both models are chains, as ``keras.Sequential`` is, layers with weights are matched in their order. Otherwise
    kinds and shapes must leave a single possibility, or `names` is needed, and the error suggests one.

    Args:
        model: any module of minidl's layers.
        keras_model: a Keras model or layer that has been built.
        names: a path in the model -> the name of a layer in Keras, such as ``{"0": "dense_1"}``, with that of each
            model inside of another in front: "encoder.dense_1".

    Raises:
        HyperparameterError: `names` with a path that does not exist; settings that minidl does not have, such as
            ``GRU(reset_after=False)`` or channels that come first, or that differ, such as strides.
        ShapeError: a layer of another kind or shape in a chain.
        StateError: a Keras model that has not been built, another number of layers, a layer without a counterpart, or
            several possibilities.
        TypeError: something other than a Keras model.
        ImportError: Keras is not installed.
    """
    try:
        import keras
    except ImportError as error:
        raise ImportError("this needs the package keras, version 3; pip install keras") from error
    if not isinstance(keras_model, keras.layers.Layer):
        raise TypeError(f"load_keras takes a model, and then a Keras model; got {describe(keras_model)}")
    names = checked_names(names)
    own, found = keras_weights(model), list(_leaves(keras_model, "", keras))
    layers = {path: layer for path, layer in found if layer.weights}
    stored = [_stored(path, layer, keras) for path, layer in layers.items()]
    chains = not any(isinstance(each, Parallel) for _, each in model.modules()) and _is_chain(keras_model, keras)
    what = "the Keras model"
    pairs = in_order(own, stored, what) if chains and not names else matched(own, stored, names, what)
    settings = [each for weights, there in pairs for each in _settings(weights, layers[there.path])]
    model.load_state({**model.state(), **collected(pairs)})
    for layer, name, value in settings:
        setattr(layer, name, value)


def _leaves(layer: Any, path: str, keras: Any) -> Iterator[tuple[str, Any]]:
    """The layers of a model and of the models in it."""
    if not isinstance(layer, keras.Model):
        yield path or layer.name, layer.layer if isinstance(layer, keras.layers.TimeDistributed) else layer
        return
    if not layer.built:
        raise StateError(f"the Keras model {layer.name!r} has no weights yet; call it with a batch, or build it")
    for each in layer.layers:
        yield from _leaves(each, join(path, each.name), keras)


def _is_chain(model: Any, keras: Any) -> bool:
    """Whether each layer takes what the one before it in the list returns."""
    if isinstance(model, keras.Sequential):
        return all(_is_chain(each, keras) for each in model.layers)
    if not isinstance(model, keras.Model):
        return True
    if any(isinstance(each, keras.Model) for each in model.layers):
        return False
    try:
        return all(after.input is before.output for before, after in pairwise(model.layers))
    except (AttributeError, ValueError):  # a layer that is called twice has no single input
        return False


def _stored(path: str, layer: Any, keras: Any) -> Stored:
    """The arrays of a layer.

    Raises:
        HyperparameterError: settings that minidl does not have.
    """
    _check_settings(path, layer, keras)
    kind = next((name for name in dict.fromkeys(KINDS.values()) if isinstance(layer, getattr(keras.layers, name))), "")
    if kind == "Bidirectional":
        parts = {"forward": layer.forward_layer, "backward": layer.backward_layer}
    elif kind == "MultiHeadAttention":
        parts = {name: getattr(layer, f"{name}_dense") for name in ("query", "key", "value", "output")}
    else:
        parts = {"": layer}
    arrays = {
        join(part, each.name): as_array(each.value, each.path)
        for part, inner in parts.items()
        for each in inner.weights
    }
    if kind == "Normalization":
        arrays = {"offset": arrays["mean"].ravel(), "scale": np.sqrt(arrays["variance"]).ravel()}
    return Stored(path, arrays, kind or type(layer).__name__)


ALLOWED: Mapping[str, tuple[Any, ...]] = {
    "reset_after": (True,),
    "go_backwards": (False,),
    "merge_mode": ("concat",),
    "data_format": ("channels_last",),
    "recurrent_activation": ("sigmoid",),
    "attention_axes": (None, (1,), [1]),
}
"""Settings that change what weights mean, and the values for which minidl has a counterpart."""


def _check_settings(path: str, layer: Any, keras: Any) -> None:
    layers = keras.layers
    directions = [layer.forward_layer, layer.backward_layer] if isinstance(layer, layers.Bidirectional) else []
    for each in (layer, *directions):
        allowed = dict(ALLOWED)
        if isinstance(each, layers.SimpleRNN | layers.LSTM | layers.GRU):
            allowed["activation"] = ("tanh",)
        if any(each is backward for backward in directions[1:]):
            allowed["go_backwards"] = (True,)
        for name, value in each.get_config().items():
            if value not in allowed.get(name, (value,)):
                raise HyperparameterError(
                    f"{path} in Keras has {name}={value!r}, for which minidl has no counterpart, only for "
                    f"{allowed[name][0]!r}"
                )
    if isinstance(layer, layers.BatchNormalization | layers.LayerNormalization | layers.GroupNormalization):
        axes = [layer.axis] if isinstance(layer.axis, int) else list(layer.axis)
        spec = getattr(layer, "input_spec", None)
        if axes != [-1] and axes != [(getattr(spec, "ndim", None) or 0) - 1]:
            raise HyperparameterError(f"{path} in Keras has axis={layer.axis!r}; norms act on the last axis, -1, here")


def _settings(weights: Weights, layer: Any) -> Iterator[tuple[Module, str, float]]:
    """What norms have besides their weights: triples (layer, attribute, value).

    Raises:
        HyperparameterError: other groups, or convolutions with other strides or paddings.
    """
    norm = weights.layer
    if isinstance(norm, BatchNorm | LayerNorm | GroupNorm | RMSNorm):
        yield norm, "eps", float(layer.epsilon)
    if isinstance(norm, BatchNorm):
        yield norm, "momentum", 1 - float(layer.momentum)
    if isinstance(norm, GroupNorm) and norm.groups != layer.groups:
        raise HyperparameterError(f"{layer.name} in Keras has {layer.groups} groups, {norm!r} {norm.groups}")
    if isinstance(norm, Convolution):
        _check_steps(norm, layer)
    if isinstance(norm, Standardize):
        yield norm, "count", 1  # it has seen data, of which Keras does not tell how many


def _check_steps(layer: Convolution, other: Any) -> None:
    """Raise `HyperparameterError` if a convolution has other strides, dilations or paddings than its counterpart."""
    for name, theirs in (("stride", "strides"), ("dilation", "dilation_rate")):
        here, there = getattr(layer, name), getattr(other, theirs)
        if np.any(np.not_equal(here, there)):
            raise HyperparameterError(f"{other.name} in Keras has {theirs}={there}, {layer!r} {name}={here}")
    # A `ZeroPadding2D` in front may be the padding here, so only a padding that is missing here is refused.
    missing = other.padding == "same" and np.any(np.greater(layer.kernel_size, layer.stride))
    if other.padding == "causal" or (missing and layer.padding in (0, (0, 0))):
        raise HyperparameterError(
            f"{other.name} in Keras has padding={other.padding!r}, {layer!r} padding={layer.padding!r}"
        )
