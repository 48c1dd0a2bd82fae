"""States and modules as plain text and arrays, and back.

In the text a number, a string, a list, true, false and null stand for themselves. Everything else is an object with one
key that says what it is: ``{"array": name}``, ``{"dict": {…}}``, ``{"module": {…}}`` and so on.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import chain, count
from math import isfinite, prod
from typing import Any

import numpy as np

from minidl import initializers
from minidl.errors import CheckpointError, warn
from minidl.files import LEVELS
from minidl.modules import Layer, Module
from minidl.modules.places import is_generator
from minidl.typing import Array

__all__ = ["Decoder", "Encoder", "title_of"]

LONG = 100
"""A list of more numbers than this goes into an array."""

ROOM = 100_000
"""How many more elements than the file the parameters of modules may have while they are made."""

NOT_KEPT = ("rng", "dtype")
"""Arguments that a constructor need not keep: it draws values of a dtype, and the file holds the values."""


class Encoder:
    """Turns a tree of values into what JSON takes, and collects the arrays in it.

    Attributes:
        arrays: the arrays so far, by name.
    """

    def __init__(self) -> None:
        self.arrays: dict[str, Array] = {}
        self._levels = 0

    def encode(self, value: Any, name: str) -> Any:
        """Return the value as JSON takes it.

        Args:
            value: an array, number, string, None, module or initializer, or a list, tuple or dict of these.
            name: what messages and arrays call it.

        Raises:
            CheckpointError: another value, or a module that could not be made again.
            RecursionError: more than `LEVELS` levels.
        """
        self._levels += 1
        if self._levels > LEVELS:
            raise RecursionError
        node = self._encode(value, name)
        self._levels -= 1
        return node

    def _encode(self, value: Any, name: str) -> Any:
        if isinstance(value, np.generic):
            value = value.item()
        if value is None or isinstance(value, int | str):  # a bool is an int
            return value
        if isinstance(value, float):
            return value if isfinite(value) else {"float": str(value)}
        if isinstance(value, np.ndarray) and value.dtype.kind in "biuf" and not np.ma.is_masked(value):
            return {"array": self._keep(value, name)}
        if isinstance(value, tuple):
            return {"tuple": self._list(value, name)}
        if isinstance(value, list):
            return self._list(value, name)
        if isinstance(value, Mapping):
            for key in value:
                if not isinstance(key, str):
                    raise CheckpointError(f"{name} is a dict with the key {key!r}; a file holds only strings as keys")
            return {"dict": {key: self.encode(item, f"{name}/{key}") for key, item in value.items()}}
        if isinstance(value, Module):
            return {"module": self._module(value, name)}
        if _is_initializer(value):
            return {"initializer": value.__name__}
        raise CheckpointError(
            f"{name} is of type {type(value).__name__}; a file holds arrays of real numbers, numbers, strings, None, "
            "modules, the functions of minidl.initializers, and lists, tuples and dicts of these"
        )

    def _keep(self, array: Array, name: str) -> str:
        # Keys of a user's dict may hold anything, but names in the file are plain.
        plain = re.sub(r"\.\.|[^A-Za-z0-9_./-]", "_", name)[:400]
        names = chain([plain], (f"{plain}_{number}" for number in count(len(self.arrays))))
        unique = next(name for name in names if name not in self.arrays)
        self.arrays[unique] = array
        return unique

    def _list(self, value: Sequence[Any], name: str) -> Any:
        types = set(map(type, value)) if len(value) > LONG else set()
        if types and types <= {float, np.float64}:
            return {"list": self._keep(np.array(value, np.float64), name)}
        if types == {int}:
            with suppress(OverflowError):  # integers of more than 64 bits
                return {"list": self._keep(np.array(value, np.int64), name)}
        return [self.encode(item, f"{name}/{index}") for index, item in enumerate(value)]

    def _module(self, module: Module, name: str) -> dict[str, Any]:
        home, title = title_of(type(module))
        arguments = {}
        for argument in inspect.signature(type(module)).parameters.values():
            if argument.name not in vars(module):
                if argument.name in NOT_KEPT:
                    continue
                raise CheckpointError(
                    f"{name}, {title}, could not be made again: its constructor does not keep the argument "
                    f"{argument.name!r}; set self.{argument.name} there"
                )
            value = vars(module)[argument.name]
            if is_generator(value):
                arguments[argument.name] = {"generator": None}
            elif not callable(value) or isinstance(value, Module) or _is_initializer(value):
                arguments[argument.name] = self.encode(value, f"{name}.{argument.name}")
            elif value is not argument.default:
                _leave_out(argument, f"{name}, {title}")
        return {"home": home, "type": title, "arguments": arguments}


class Decoder:
    """Turns what an `Encoder` returned back into values.

    Args:
        arrays: all arrays of the file by name. Decoding takes each out of the dict, so each is used once.

    Attributes:
        room: how many elements the parameters of modules may have while they are made, whatever sizes the file names.
            A constructor may make them twice.
        types: types by home and name, where they are known. Others are looked for among all that are defined.
    """

    def __init__(self, arrays: dict[str, Array]) -> None:
        self.arrays = arrays
        parameters = (array for array in arrays.values() if array.dtype in (np.float32, np.float64))
        self.room = 2 * sum(array.size for array in parameters) + ROOM
        self.types: dict[tuple[str, str], type[Module]] = {}

    def decode(self, node: Any) -> Any:
        """Return the value that a node of the text stands for.

        Raises:
            CheckpointError: modules that are unknown or refuse their arguments.
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
            return self.arrays.pop(content)
        if kind == "list":
            array = self.arrays.pop(content)
            # A list of smaller numbers would take more than a few times its bytes in the file.
            if array.dtype not in (np.float64, np.int64) or array.ndim != 1:
                raise CheckpointError(f"is forged: it has a list of {array.dtype}, {array.ndim} axes")
            return array.tolist()
        if kind == "tuple":
            return tuple(self.decode(content))
        if kind == "dict":
            return {key: self.decode(item) for key, item in content.items()}
        if kind == "initializer" and content in initializers.__all__:
            return getattr(initializers, content)
        if kind == "module":
            return self._module(content)
        if kind == "generator":
            return np.random.default_rng(0)  # until all states are loaded, and each place has its own again
        raise CheckpointError(f"holds something unknown, {kind!r}; was it written by a newer minidl?")

    def _module(self, node: dict[str, Any]) -> Module:
        kind = self.types.get((node["home"], node["type"])) or _type_called(node["home"], node["type"])
        arguments = {name: self.decode(item) for name, item in node["arguments"].items()}
        sizes = sorted(size for size in arguments.values() if type(size) is int and size > 0)
        if node["home"] == "minidl" and issubclass(kind, Layer) and prod(sizes[-2:]) > self.room:
            raise CheckpointError(f"is forged: {node['type']} of {arguments} is larger than the file")
        signature = inspect.signature(kind)
        for name, argument in signature.parameters.items():
            if name in NOT_KEPT and argument.default is argument.empty:
                arguments.setdefault(name, np.random.default_rng(0) if name == "rng" else None)
        if unknown := arguments.keys() - signature.parameters.keys():
            raise CheckpointError(f"describes a {node['type']} with {sorted(unknown)}, which it does not take")
        bound = inspect.BoundArguments(signature, arguments)
        bound.apply_defaults()
        try:
            return kind(*bound.args, **bound.kwargs)
        except Exception as error:  # a constructor may refuse its arguments in any way
            raise CheckpointError(f"describes a {node['type']} that cannot be made: {error}") from error


def _leave_out(function: inspect.Parameter, name: str) -> None:
    """Warn that a file does not hold a function, or raise if the module could not be made again without it."""
    # The file holds the values that an initializer drew. Without any other function a module would be another one.
    if function.default is function.empty or not function.name.endswith("initializer"):
        raise CheckpointError(
            f"{name}, could not be made again: a file cannot hold the function passed as {function.name!r}; make it a "
            "method of a class of your own"
        )
    warn(
        f"{name}: the function passed as {function.name!r} is not one of minidl.initializers and is not saved; a "
        "loaded model has the default in its place",
        stacklevel=2,
    )


def title_of(kind: type[Module]) -> tuple[str, str]:
    """Home and name by which files know a type. All types of minidl share one home."""
    return "minidl" if kind.__module__.startswith("minidl.") else kind.__module__, kind.__qualname__


def _type_called(home: str, name: str) -> type[Module]:
    kinds = Module.__subclasses__()
    for kind in kinds:
        kinds += kind.__subclasses__()
    if same := [kind for kind in kinds if title_of(kind) == (home, name)]:
        # Several types of one name may be alive, as in a notebook. Take the one that the name means now.
        present = vars(sys.modules[home]).get(name) if home in sys.modules else None
        return next((kind for kind in same if kind is present), same[-1])
    # A layer defined in a script has another home when the script is imported.
    others = {title_of(kind): kind for kind in kinds if kind.__qualname__ == name}
    others = {title: kind for title, kind in others.items() if "minidl" not in (home, title[0])}
    if len(others) == 1:
        return next(iter(others.values()))
    raise CheckpointError(
        f"needs the type {name!r} of {home!r}, which {'several modules define' if others else 'nothing has defined'}; "
        "import the module that defines it before loading"
    )


def _is_initializer(value: Any) -> bool:
    name = getattr(value, "__name__", None)
    return name in initializers.__all__ and getattr(initializers, name) is value
