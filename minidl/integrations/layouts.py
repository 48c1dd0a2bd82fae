"""The weights of a layer, and how another framework stores the same numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from minidl.arguments import real_numbers
from minidl.errors import StateError, describe
from minidl.modules import Module
from minidl.parameters import Parameter
from minidl.typing import Array

__all__ = [
    "Layout",
    "Layouts",
    "Own",
    "Rules",
    "Stored",
    "Weights",
    "as_array",
    "check_known",
    "collected",
    "exported",
    "fitting",
    "join",
    "rule_for",
    "weights_for",
]

Own: TypeAlias = Mapping[str, Array]
"""The indices of a layer's numbers, by the names and in the shapes of its arrays."""

Layout: TypeAlias = Mapping[str, Array]
"""For each array of the other framework, which of the layer's numbers stand where: indices, in the array's shape.

One layout serves both directions. Where two places stand for one number, that number is their sum: PyTorch's recurrent
layers have two biases. To export, the first place gets the number, and the others get 0.
"""

Layouts: TypeAlias = Callable[[Own], tuple[Layout, ...]]
"""Makes the layouts in which another framework may store a layer's numbers."""

Rules: TypeAlias = Mapping[type[Module], tuple[Layouts, Mapping[str, float]]]
"""The layouts of each class of layers, and what an array holds if the other framework's layer does without."""


class Stored(NamedTuple):
    """The arrays that another framework holds for one of its layers.

    Attributes:
        path: the path of that layer.
        arrays: the arrays by name.
        kind: the name of its class, "" if it is unknown.
    """

    path: str
    arrays: Mapping[str, Array]
    kind: str = ""

    def __str__(self) -> str:
        return _described(self.path, self.kind, self.arrays)


class Weights(NamedTuple):
    """The parameters and buffers of one layer, and all the layouts in which another framework may store them.

    Attributes:
        path: the layer's path in its model.
        layer: the layer.
        name: the path that the counterpart has in an analogous model of the other framework.
        values: the layer's part of the model's state.
        layouts: the layouts. To export, the first one counts.
        defaults: what an array holds if the other layer lacks it, such as the bias of a layer that was made without.
        kind: the class that its counterpart must have, "" if that is unknown.
    """

    path: str
    layer: Module
    name: str
    values: Mapping[str, Array]
    layouts: tuple[Layout, ...]
    defaults: Mapping[str, float] = {}
    kind: str = ""

    def __str__(self) -> str:
        return _described(self.path, self.kind, self.layouts[0])


def _described(path: str, kind: str, arrays: Mapping[str, Array]) -> str:
    shapes = ", ".join(f"{name} {array.shape}".strip() for name, array in arrays.items())
    return f"{path or 'the whole'} {kind}({shapes})"


def _numbered(values: Mapping[str, Array]) -> dict[str, Array]:
    """The indices of a layer's numbers, in the shapes of its arrays."""
    ends = np.cumsum([array.size for array in values.values()])
    return {
        name: np.arange(end - array.size, end).reshape(array.shape)
        for (name, array), end in zip(values.items(), ends, strict=True)
    }


def join(path: str, name: str) -> str:
    """A path and a name below it. Both may be empty."""
    return ".".join(filter(None, (path, name)))


def as_array(value: Any, name: str) -> Array:
    """A tensor or an array as an array of real numbers. No package need be imported to ask a tensor for its values.

    Raises:
        DataError: anything else. The message calls it `name`.
    """
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        # NumPy lacks bfloat16. Every narrow float type is exact in float32.
        value = (value.float() if value.is_floating_point() and value.element_size() < 4 else value).numpy()
    return real_numbers(value, name)


def rule_for(rules: Rules, module: Module) -> tuple[Layouts, Mapping[str, float]] | None:
    """The rule of the class of a layer, or of one that it is derived from."""
    return next((rules[cls] for cls in type(module).__mro__ if cls in rules), None)


def check_known(module: Module, path: str, framework: str) -> None:
    """Raise `StateError` if a module without a rule has parameters of its own."""
    if any(isinstance(child, Parameter) for _, child in module.children()):
        raise StateError(
            f"{describe(module)}, at {path or 'the root'!r}, has no counterpart in {framework} that minidl knows; set "
            "its parameters yourself, and load the layers around it one by one"
        )


def weights_for(
    layer: Module,
    path: str,
    name: str,
    layouts: Layouts,
    defaults: Mapping[str, float] = {},
    *,
    without: str = "none",
    state: str | None = None,
) -> Weights:
    """The weights of a layer, by a function that makes layouts of the indices of its numbers.

    Args:
        layer, path, name, defaults: as in `Weights`.
        layouts: the function.
        without: how the names of arrays begin that are not among these weights.
        state: the path of the layer in the model's state, if it is another one.
    """
    values = {name: np.asarray(value) for name, value in layer.state().items() if not name.startswith(without)}
    prefix = path if state is None else state
    full = {join(prefix, name): value for name, value in values.items()}
    return Weights(path, layer, name, full, layouts(_numbered(values)), defaults)


def fitting(weights: Weights, stored: Stored) -> Layout | None:
    """The layout in which these arrays are stored, or None if there is none."""
    for layout in weights.layouts if weights.kind == stored.kind else ():
        missing = layout.keys() - stored.arrays.keys()
        if missing <= weights.defaults.keys() and all(
            name in layout and layout[name].shape == array.shape for name, array in stored.arrays.items()
        ):
            return layout
    return None


def exported(weights: Weights) -> dict[str, Array]:
    """The layer's numbers as the other framework stores them.

    Each array lies row by row in memory. safetensors writes memory as it is, and refuses transposed tensors of PyTorch.
    """
    numbers = np.concatenate([array.ravel() for array in weights.values.values()])
    taken = np.zeros(len(numbers), bool)
    arrays = {}
    for name, places in weights.layouts[0].items():
        arrays[name] = np.where(taken[places], 0, numbers[places]).astype(numbers.dtype, order="C")
        taken[places] = True
    return arrays


def _imported(weights: Weights, stored: Stored, layout: Layout) -> dict[str, Array]:
    """The layer's part of the model's state, from arrays that fit the layout."""
    dtype = np.result_type(*weights.values.values())
    numbers = np.zeros(sum(array.size for array in weights.values.values()), dtype)
    for name, places in layout.items():
        given = stored.arrays[name] if name in stored.arrays else np.full(places.shape, weights.defaults[name])
        np.add.at(numbers, places.ravel(), given.ravel().astype(dtype))
    return {name: numbers[places] for name, places in _numbered(weights.values).items()}


def collected(pairs: Iterable[tuple[Weights, Stored]]) -> dict[str, Array]:
    """The state of all these layers by full name, from the arrays that are stored for each of them.

    Raises:
        StateError: two different arrays for weights that the model shares.
    """
    state: dict[str, Array] = {}
    for weights, stored in pairs:
        layout = fitting(weights, stored)
        assert layout is not None
        for name, array in _imported(weights, stored, layout).items():
            if name in state and not np.array_equal(state[name], array, equal_nan=True):
                raise StateError(
                    f"{name} is shared in the model, but {stored.path} holds other values; a model without Tied has "
                    "room for both"
                )
            state[name] = array
    return state
