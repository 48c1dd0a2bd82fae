"""States and modules as plain text and arrays, and back.

In the text a number, a string, a list, true, false and null stand for themselves; everything else is an object of one
key that says what it is: ``{"array": name}``, ``{"dict": {…}}``, ``{"module": {…}}`` and so on.
"""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

import numpy as np

from minidl import initializers
from minidl.errors import CheckpointError, MinidlWarning
from minidl.modules import Module
from minidl.typing import Array

__all__ = ["Decoder", "Encoder"]

LONG = 100
"""A list of more floats than this goes into an array."""

KEPT_ELSEWHERE = ("rng", "dtype")
"""Arguments of constructors that are not kept: the generators and the arrays that they lead to are."""


class Encoder:
    """Turns a tree of values into what JSON takes, and collects the arrays in it.

    Attributes:
        arrays: the arrays so far, by name.
    """

    def __init__(self) -> None:
        self.arrays: dict[str, Array] = {}

    def encode(self, value: Any, name: str) -> Any:
        """The value as JSON takes it.

        Args:
            value: an array, number, string, None, module or initializer, or a list, tuple or dict of these.
            name: what to call it, in messages and in names of arrays.

        Raises:
            CheckpointError: something else, or a module that could not be made again.
        """
        if isinstance(value, np.generic):
            value = value.item()
        if value is None or isinstance(value, bool | int | str):
            return value
        if isinstance(value, float):
            return value if isfinite(value) else {"float": str(value)}
        if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
            return {"array": self._keep(value, name)}
        if isinstance(value, list | tuple):
            return self._sequence(value, name)
        if isinstance(value, Mapping):
            return {"dict": {_text(key, name): self.encode(item, f"{name}/{key}") for key, item in value.items()}}
        if isinstance(value, Module):
            return {"module": self._module(value, name)}
        if _is_initializer(value):
            return {"initializer": value.__name__}
        raise CheckpointError(
            f"{name} is of type {type(value).__name__}; a file holds arrays of real numbers, numbers, strings, None, "
            "modules, the functions of minidl.initializers, and lists, tuples and dicts of these"
        )

    def _keep(self, array: Array, name: str) -> str:
        # Keys of a user's dict may hold anything; names in the file are plain.
        plain = re.sub(r"\.\.|[^A-Za-z0-9_./-]", "_", name)[:400]
        unique = plain
        while unique in self.arrays:
            unique = f"{plain}_{len(self.arrays)}"
        self.arrays[unique] = array
        return unique

    def _sequence(self, value: Sequence[Any], name: str) -> Any:
        if isinstance(value, tuple):
            return {"tuple": [self.encode(item, f"{name}/{index}") for index, item in enumerate(value)]}
        if len(value) > LONG and all(type(item) is float for item in value):
            return {"list": self._keep(np.array(value), name)}
        return [self.encode(item, f"{name}/{index}") for index, item in enumerate(value)]

    def _module(self, module: Module, name: str) -> dict[str, Any]:
        home, title = type(module).registered_as()
        arguments = {}
        for argument in _arguments(type(module)):
            if argument.name not in vars(module):
                raise CheckpointError(
                    f"{name}, {title}, could not be made again: its constructor does not keep the argument "
                    f"{argument.name!r}; set self.{argument.name} there"
                )
            value = vars(module)[argument.name]
            optional = argument.default is not argument.empty
            if optional and callable(value) and not isinstance(value, Module) and not _is_initializer(value):
                warnings.warn(
                    f"{name}, {title}: the function given as {argument.name!r} is none of minidl.initializers and is "
                    "not saved; a model loaded from the file has the default in its place",
                    MinidlWarning,
                    stacklevel=2,
                )
                continue
            arguments[argument.name] = self.encode(value, f"{name}.{argument.name}")
        return {"home": home, "type": title, "arguments": arguments}


class Decoder:
    """Turns what an `Encoder` gave back into values.

    Args:
        arrays: all arrays of the file by name.
    """

    def __init__(self, arrays: Mapping[str, Array]) -> None:
        self.arrays = arrays
        self.numbers = sum(array.size for array in arrays.values())

    def decode(self, node: Any) -> Any:
        """The value that a node of the text stands for.

        Raises:
            CheckpointError: modules that are not known or refuse their arguments.
            LookupError, TypeError, ValueError: text that no `Encoder` made.
        """
        if isinstance(node, list):
            return [self.decode(item) for item in node]
        if not isinstance(node, dict):
            return node
        ((kind, content),) = node.items()
        if kind == "float":
            return float(content)
        if kind == "array":
            return self.arrays[content]
        if kind == "list":
            return self.arrays[content].tolist()
        if kind == "tuple":
            return tuple(self.decode(item) for item in content)
        if kind == "dict":
            return {key: self.decode(item) for key, item in content.items()}
        if kind == "initializer" and content in initializers.__all__:
            return getattr(initializers, content)
        if kind == "module":
            return self._module(content)
        raise CheckpointError(f"holds something unknown, {kind!r}; was it written by a newer minidl?")

    def _module(self, node: dict[str, Any]) -> Module:
        kind = _registered(node["home"], node["type"])
        arguments = {name: self.decode(item) for name, item in node["arguments"].items()}
        if node["home"] == "minidl" and any(type(size) is int and size > self.numbers for size in arguments.values()):
            raise CheckpointError(f"is forged: {node['type']} of {arguments} is larger than the file")
        placed: list[Any] = []
        signature = _arguments(kind)
        if any(argument.kind is argument.VAR_POSITIONAL for argument in signature):
            for argument in signature:
                if argument.kind in (argument.POSITIONAL_ONLY, argument.POSITIONAL_OR_KEYWORD):
                    placed.append(arguments.pop(argument.name))
                elif argument.kind is argument.VAR_POSITIONAL:
                    placed.extend(arguments.pop(argument.name))
        try:
            return kind(*placed, **arguments)
        except Exception as error:  # a constructor may refuse its arguments in any way
            raise CheckpointError(f"describes a {node['type']} that cannot be made: {error}") from error


def _arguments(kind: type[Module]) -> list[inspect.Parameter]:
    return [item for name, item in inspect.signature(kind).parameters.items() if name not in KEPT_ELSEWHERE]


def _registered(home: str, name: str) -> type[Module]:
    known = Module.registered
    if (home, name) in known:
        return known[home, name]
    # A layer defined in a script has another home when the script is imported.
    others = [kind for (where, title), kind in known.items() if title == name and "minidl" not in (home, where)]
    if len(others) == 1:
        return others[0]
    raise CheckpointError(
        f"needs the type {name!r} of {home!r}, which {'several modules define' if others else 'nothing has defined'}; "
        "import the module that defines it before loading"
    )


def _text(key: Any, name: str) -> str:
    if not isinstance(key, str):
        raise CheckpointError(f"{name} is a dict with the key {key!r}; a file holds only strings as keys")
    return key


def _is_initializer(value: Any) -> bool:
    name = getattr(value, "__name__", None)
    return name in initializers.__all__ and getattr(initializers, name) is value
