"""Weights from PyTorch, and weights for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from minidl.arguments import check_type
from minidl.errors import HyperparameterError, StateError
from minidl.integrations.layouts import Weights, as_array, collected, exported, join
from minidl.integrations.matching import Pairs, checked_names, inside, matched
from minidl.integrations.torch_layouts import place_of, torch_name, torch_stored, torch_weights
from minidl.layers import CrossAttention, GroupNorm, SelfAttention, TransformerBlock
from minidl.layers.kernels import Convolution
from minidl.modules import Module
from minidl.typing import Array, Shape

__all__ = ["load_torch", "torch_state"]


def load_torch(
    model: Module, state: Any, *, input_shape: Shape | None = None, names: Mapping[str, str] | None = None
) -> None:
    """Load the weights of a PyTorch model into a model of the same architecture. After an error, nothing has changed.

    Weights of `Dense` are transposed, kernels are permuted, and the two biases of a recurrent layer are added up. The
    weights behind the `Flatten` of an image are permuted from (channels, height, width) to (height, width, channels),
    `BatchNorm` included. The values take the model's float type.

    Layers are matched by name if all names are those of an ``nn.Sequential`` of the same layers. Otherwise shapes
    decide, but only if they leave a single possibility. If not, `names` is needed, and the error suggests one.

    Args:
        model: any module of minidl's layers.
        state: a PyTorch module, or what its ``state_dict()`` returns: arrays or tensors by name. A state says nothing
            about ε and the momentum of norms, so the model's remain. They are taken from a module.
        input_shape: the shape of one sample here, such as (28, 28, 1), or a tuple of shapes. It is needed for models
            that flatten images.
        names: a path in the model -> one in PyTorch, such as ``{"0": "conv1", "2": "blocks.0"}``. Both are of a layer,
            of a container of layers with equal names, or of an array. The second layer of an LSTM called "rnn" is
            "rnn:1". Layers that it leaves out are matched as above.

    Raises:
        DataError: a state that holds something other than arrays of real numbers.
        HyperparameterError: `names` with a path that does not exist; an input shape that is missing; settings of a
            module that minidl does not have, or that differ, such as strides.
        ShapeError: arrays that do not fit the layer of the same name; samples that the model cannot take.
        StateError: another number of layers, a layer without a counterpart, or several possibilities.
        TypeError: something other than a state or a module, such as a checkpoint that holds a state.

    >>> from minidl import Dense, ReLU, Sequential
    >>> model = Sequential(Dense(2, 3), ReLU(), Dense(3, 1))
    >>> linear = {"fc1.weight": np.arange(6).reshape(3, 2), "fc1.bias": np.zeros(3)}
    >>> load_torch(model, {**linear, "fc2.weight": np.ones((1, 3)), "fc2.bias": np.zeros(1)})
    >>> model[0].weight.value
    array([[0., 2., 4.],
           [1., 3., 5.]])
    """
    module = state if hasattr(state, "state_dict") else None
    state = state if module is None else module.state_dict()
    check_type("state", state, Mapping, "load_torch(model, module.state_dict())")
    _check_flat(state)
    arrays = {str(name): as_array(value, str(name)) for name, value in state.items()}
    names = {here: join(*place_of(there)) if there in arrays else there for here, there in checked_names(names).items()}
    own, stored = torch_weights(model, input_shape, names), torch_stored(arrays)
    pairs = matched(own if len(own) <= len(stored) else _once(own), stored, names, "PyTorch's state")
    settings = [] if module is None else _settings(pairs, module)
    if module is not None and any(isinstance(each, TransformerBlock) for _, each in model.modules()):
        _check_blocks(module)
    model.load_state({**model.state(), **collected(pairs)})
    for layer, name, value in settings:
        setattr(layer, name, value)


def torch_state(
    model: Module, *, input_shape: Shape | None = None, names: Mapping[str, str] | None = None
) -> dict[str, Array]:
    """Return the weights of a model for ``load_state_dict`` of the analogous PyTorch model: arrays by name.

    ``{name: torch.from_numpy(array) for name, array in torch_state(model).items()}`` makes tensors of them. It is the
    inverse of `load_torch`. The bias of a recurrent layer becomes PyTorch's first, and the second is 0.

    Names are those of an ``nn.Sequential`` of the same layers, of ``nn.MultiheadAttention``, and inside of a
    `TransformerBlock` those of ``nn.TransformerEncoderLayer``. The weights of an `Embedding` in `Tied` are there twice,
    the second time as those of a layer behind the others. ε and the momentum of norms are not part of a state.

    Args:
        model, input_shape: as in `load_torch`.
        names: a path in the model -> the one that PyTorch has for it, of a layer or of a container.

    Raises:
        HyperparameterError: `names` with a path that does not exist; an input shape that is missing.
        ShapeError: samples that the model cannot take.
        StateError: a layer that PyTorch has no counterpart of; two arrays of the same name.

    >>> from minidl import Dense
    >>> {name: array.shape for name, array in torch_state(Dense(2, 3), names={"": "fc"}).items()}
    {'fc.weight': (3, 2), 'fc.bias': (3,)}
    """
    state: dict[str, Array] = {}
    names = checked_names(names)
    owners = torch_weights(model, input_shape, names)
    for path in names:
        if not any(inside(path, weights.path) for weights in owners):
            raise HyperparameterError(
                f"names: {path!r} is not the path of a layer with weights, or of a container; layers with weights are "
                + ", ".join(repr(weights.path) for weights in owners)
            )
    for weights in owners:
        for name, array in exported(weights).items():
            full = torch_name(weights.name, name)
            if full in state:
                raise StateError(f"two arrays are called {full}; pass other names=")
            state[full] = array
    return state


def _once(weights: list[Weights]) -> list[Weights]:
    """Weights without those that `Tied` uses again: a state has them once if no other layer holds them."""
    seen: set[str] = set()
    kept = []
    for each in weights:
        if not each.values.keys() <= seen:
            kept.append(each)
        seen |= each.values.keys()
    return kept


def _settings(pairs: Pairs, module: Any) -> list[tuple[Module, str, float]]:
    """What norms of a PyTorch module have besides their state: triples (layer, attribute, value).

    Raises:
        HyperparameterError: settings that minidl does not have.
    """
    found: list[tuple[Module, str, float]] = []
    for weights, stored in pairs:
        layer = weights.layer
        _check_parts(layer, stored.path, module)
        norm: Any = module.get_submodule(stored.path) if hasattr(layer, "eps") else None
        if hasattr(norm, "eps"):
            # None is that of RMSNorm: the resolution of the float type.
            eps = np.finfo(stored.arrays["weight"].dtype).eps if norm.eps is None else norm.eps
            found.append((layer, "eps", float(eps)))
        if hasattr(norm, "momentum"):
            if norm.momentum is None:
                raise HyperparameterError(
                    f"{stored.path} has momentum=None, the mean over all batches, which BatchNorm lacks; pass a number"
                )
            found.append((layer, "momentum", float(norm.momentum)))
    return found


def _check_flat(state: Mapping[Any, Any]) -> None:
    """Raise `TypeError` for a checkpoint that holds a state among other things."""
    for name, value in state.items():
        if isinstance(value, Mapping):
            raise TypeError(f"state must hold arrays, but {name!r} is a {type(value).__name__}; pass state[{name!r}]")


def _check_blocks(module: Any) -> None:
    """Raise `HyperparameterError` for an ``nn.TransformerEncoderLayer`` that computes something other than a block."""
    for path, each in module.named_modules():
        if not (hasattr(each, "norm_first") and hasattr(each, "activation")):
            continue
        if not each.norm_first:
            raise HyperparameterError(f"{path or 'the module'} has norm_first=False; a TransformerBlock norms first")
        activation = getattr(each.activation, "__name__", repr(each.activation))  # a function, or a module
        if activation not in ("gelu", "GELU(approximate='none')"):
            raise HyperparameterError(
                f"{path or 'the module'} has activation={activation}; a TransformerBlock has the exact GELU, which is "
                'activation="gelu" in PyTorch; pass module.state_dict() to load the weights all the same'
            )


PARTS = (GroupNorm, "groups", "num_groups"), *((each, "heads", "num_heads") for each in (SelfAttention, CrossAttention))
"""Settings that shapes do not show, here and in PyTorch."""

STEPS = ("stride", "padding", "dilation", "output_padding")
"""Settings of convolutions that shapes do not show, either."""


def _check_parts(layer: Module, path: str, module: Any) -> None:
    """Raise `HyperparameterError` if a layer has other heads, groups, strides or paddings than its counterpart."""
    if isinstance(layer, Convolution):
        _check_steps(layer, path, module.get_submodule(path))
    for kind, own, name in PARTS:
        if isinstance(layer, kind):
            here, there = getattr(layer, own), getattr(module.get_submodule(path), name, None)
            if there not in (None, here):
                raise HyperparameterError(f"{path or 'the module'} has {there} {own}, {layer!r} {here}")


def _check_steps(layer: Module, path: str, other: Any) -> None:
    """Raise `HyperparameterError` if a convolution has other strides or paddings than its counterpart."""
    where = path or "the module"
    if (mode := getattr(other, "padding_mode", "zeros")) != "zeros":
        raise HyperparameterError(f"{where} has padding_mode={mode!r}; {layer!r} pads with zeros")
    for name in STEPS:
        here, there = getattr(layer, name, None), getattr(other, name, None)
        there = 0 if there == "valid" else there
        if isinstance(here, str | None) or isinstance(there, str | None):
            continue  # what "same" adds depends on the input
        # A `ZeroPad2d` in front may be the padding here, so only a padding that is missing here is refused.
        differs = np.less if name == "padding" else np.not_equal
        if np.any(differs(here, there)):
            raise HyperparameterError(f"{where} has {name}={there}, {layer!r} {name}={here}")
