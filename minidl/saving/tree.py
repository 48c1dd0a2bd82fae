"""States and modules as plain text and arrays, and back.

In the text a number, a string, a list, true, false and null stand for themselves; everything else is an object of one
key that says what it is: ``{"array": name}``, ``{"dict": {…}}``, ``{"module": {…}}`` and so on.
"""

from __future__ import annotations

import inspect
import re
import warnings
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from itertools import chain, count
from math import isfinite, prod
from typing import Any

import numpy as np

from minidl import initializers
from minidl.errors import CheckpointError, MinidlWarning
from minidl.modules import Layer, Module
from minidl.modules.places import is_generator
from minidl.typing import Array

__all__ = ["Decoder", "Encoder"]

LONG = 100
"""A list of more numbers than this goes into an array, and so does a text of ten times as many letters."""

ROOM = 100_000
"""How many numbers more than the file a module may have while it is made."""

NOT_KEPT = ("rng", "dtype")
"""Arguments that a constructor need not keep: it draws numbers of a type, and these are kept."""


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
        if isinstance(value, str) and len(value) > 10 * LONG:
            return {"text": self._keep(np.frombuffer(value.encode("utf-8", "surrogatepass"), np.uint8), name)}
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
            return {"dict": {_text(key, name): self.encode(item, f"{name}/{key}") for key, item in value.items()}}
        if isinstance(value, Module):
            return {"module": self._module(value, name)}
        if _is_initializer(value):
            return {"initializer": value.__name__}
        raise CheckpointError(
            f"{name} is of type {type(value).__name__}; a file holds arrays of real numbers, numbers, strings, None, "
            "modules, the functions of minidl.initializers, and lists, tuples and dicts of these"
        )

    def encode_all(self, content: Mapping[str, Any]) -> dict[str, Any]:
        """Each value as `encode` gives it."""
        try:
            return {name: self.encode(value, name) for name, value in content.items()}
        except RecursionError as error:
            raise CheckpointError("what is to be saved is nested too deeply, or holds itself") from error

    def _keep(self, array: Array, name: str) -> str:
        # Keys of a user's dict may hold anything; names in the file are plain.
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
        elif int in types and types <= {int, float, np.float64}:
            values, whole = np.array(value, object), np.array([type(item) is int for item in value])
            parts = [self._list(part.tolist(), name) for part in (values[whole], values[~whole])]
            return {"mixed": [*parts, {"array": self._keep(whole, name)}]}
        if types in ({list}, {tuple}) and len(set(map(len, value))) == 1 and value[0]:
            columns = [self._list(column, f"{name}/{index}") for index, column in enumerate(zip(*value, strict=True))]
            return {"rows" if types == {list} else "tuples": columns}
        return [self.encode(item, f"{name}/{index}") for index, item in enumerate(value)]

    def _module(self, module: Module, name: str) -> dict[str, Any]:
        home, title = type(module).registered_as()
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
            elif not _is_function(value):
                arguments[argument.name] = self.encode(value, f"{name}.{argument.name}")
            elif value is not argument.default:
                self._leave_out(argument, f"{name}, {title}")
        return {"home": home, "type": title, "arguments": arguments}

    def _leave_out(self, function: inspect.Parameter, name: str) -> None:
        # Initial values are saved anyway; without any other function a loaded module would not be what it was.
        if function.default is function.empty or not function.name.endswith("initializer"):
            raise CheckpointError(
                f"{name}, could not be made again: a file cannot hold the function given as {function.name!r}; make it "
                "a method of a class of your own"
            )
        warnings.warn(
            f"{name}: the function given as {function.name!r} is none of minidl.initializers and is not saved; a model "
            "loaded from the file has the default in its place",
            MinidlWarning,
            stacklevel=2,
        )


class Decoder:
    """Turns what an `Encoder` gave back into values.

    Args:
        arrays: all arrays of the file by name; each can be used once.

    Attributes:
        room: how many numbers modules may have while they are made, whatever the file says of their sizes. What a
            constructor makes twice is allowed for.
    """

    def __init__(self, arrays: Mapping[str, Array]) -> None:
        self.arrays = dict(arrays)
        parameters = (array for array in arrays.values() if array.dtype in (np.float32, np.float64))
        self.room = 2 * sum(array.size for array in parameters) + ROOM

    @cached_property
    def _generator(self) -> np.random.Generator:
        """Stands wherever there was one, until all states are loaded and each place gets its own again."""
        return np.random.default_rng(0)

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
            return self.arrays.pop(content)
        if kind == "list":
            return _checked(self.arrays.pop(content), np.float64, np.int64).tolist()
        if kind == "text":
            return str(_checked(self.arrays.pop(content), np.uint8).data, "utf-8", "surrogatepass")
        if kind == "tuple":
            return tuple(self.decode(content))
        if kind == "mixed":
            integers, floats, whole = self.decode(content)
            values = np.empty(len(whole), object)
            values[whole], values[~whole] = integers, floats
            return values.tolist()
        if kind in ("rows", "tuples"):
            return [row if kind == "tuples" else list(row) for row in zip(*self.decode(content), strict=True)]
        if kind == "dict":
            return {key: self.decode(item) for key, item in content.items()}
        if kind == "initializer" and content in initializers.__all__:
            return getattr(initializers, content)
        if kind == "module":
            return self._module(content)
        if kind == "generator":
            return self._generator
        raise CheckpointError(f"holds something unknown, {kind!r}; was it written by a newer minidl?")

    def _module(self, node: dict[str, Any]) -> Module:
        kind = _registered(node["home"], node["type"])
        arguments = OrderedDict((name, self.decode(item)) for name, item in node["arguments"].items())
        sizes = sorted(size for size in arguments.values() if type(size) is int and size > 0)
        if node["home"] == "minidl" and issubclass(kind, Layer) and prod(sizes[-2:]) > self.room:
            raise CheckpointError(f"is forged: {node['type']} of {dict(arguments)} is larger than the file")
        signature = inspect.signature(kind)
        for name, argument in signature.parameters.items():
            if name in NOT_KEPT and argument.default is argument.empty:
                arguments.setdefault(name, self._generator if name == "rng" else None)
        if unknown := arguments.keys() - signature.parameters.keys():
            raise CheckpointError(
                f"describes a {node['type']} with {', '.join(sorted(unknown))}, which it does not take"
            )
        bound = inspect.BoundArguments(signature, arguments)
        bound.apply_defaults()
        try:
            return kind(*bound.args, **bound.kwargs)
        except Exception as error:  # a constructor may refuse its arguments in any way
            raise CheckpointError(f"describes a {node['type']} that cannot be made: {error}") from error


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


def _is_function(value: Any) -> bool:
    """Whether it is a function or class, and none that a file can name."""
    return callable(value) and not isinstance(value, Module) and not _is_initializer(value)


def _is_initializer(value: Any) -> bool:
    name = getattr(value, "__name__", None)
    return name in initializers.__all__ and getattr(initializers, name) is value


def _checked(array: Array, *types: Any) -> Array:
    if array.dtype not in types or array.ndim != 1:
        raise CheckpointError(f"is forged: it has a list or a text of {array.dtype}")
    return array
