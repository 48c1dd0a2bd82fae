"""What layers and losses keep from call to call, share with each other, and put in files."""

from __future__ import annotations

import copy
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np

from minidl.checking.contract import require, same_bits
from minidl.errors import CheckpointError, ContractError, MinidlWarning
from minidl.modules import Module, training_as
from minidl.modules.caches import is_cached
from minidl.modules.places import places_of
from minidl.saving.generators import states_of
from minidl.saving.models import check_remaking, encoded, model_content, remade
from minidl.typing import Batch

__all__ = ["check_alone", "check_files", "check_size", "instance_of", "plain_arrays"]

Thing = TypeVar("Thing", bound=Module)

CALLS, WINDOWS = 4, 3
"""Calls between two measurements of the size, and the number of these."""

NUMBER = 8
"""Bytes that a layer may keep per call, for a record of its own."""


def instance_of(module: Thing) -> Thing:
    """A copy that shares with the module what two instances share: attributes of the class, and default arguments."""
    shared: list[Any] = []
    for _, part in module.modules():
        init = type(part).__init__
        shared += [*(getattr(init, "__defaults__", None) or ()), *_class_attributes(part)]
        shared += (getattr(init, "__kwdefaults__", None) or {}).values()
    return copy.deepcopy(module, {id(value): value for value in shared})


def _class_attributes(module: Module) -> Iterator[Any]:
    for kind in type(module).__mro__:
        if issubclass(kind, Module) and kind is not Module:
            yield from (value for name, value in vars(kind).items() if not name.startswith("__"))


def check_alone(module: Thing, begin: Callable[[Thing, int], object], end: Callable[[Thing, int], list[Batch]]) -> None:
    """Check that instances used in turn do not disturb each other.

    Args:
        module: the original.
        begin: runs forward of an instance, on one of two batches.
        end: runs backward of it, and returns what it computes.

    Raises:
        ContractError: they do.
    """
    expected, pair = [], (instance_of(module), instance_of(module))
    for batch in (0, 1):
        begin(alone := instance_of(module), batch)
        expected.append(end(alone, batch))
    for batch in (0, 1):
        begin(pair[batch], batch)
    require(
        all(all(map(same_bits, expected[batch], end(pair[batch], batch))) for batch in (0, 1)),
        "it returns other results if another instance is used between its forward and its backward: keep what forward "
        "caches in attributes of self, not of the class, a default argument or the module",
    )


def check_size(module: Module, size: int, use: Callable[[int], object]) -> None:
    """Check that a module does not grow by every batch.

    Args:
        module: the module.
        size: the size of a batch, bytes.
        use: runs forward and backward on another batch for each number.

    Raises:
        ContractError: it grows by half of a batch or more per call, and by more than a number.
    """
    sizes = []
    for number in range(CALLS * WINDOWS):
        with training_as(number % 2 == 0):
            use(number)
        if number % CALLS == CALLS - 1:
            sizes.append(_size(module))
    growth = int(np.diff(sizes).min()) // CALLS
    allowed = max(NUMBER, size // 2 - 1)
    require(growth <= allowed, f"it grows with every batch, by {growth} bytes per call: keep the last one only")


def _size(module: Module) -> int:
    """The size of the arrays, lists and the like that a module and its classes hold, bytes."""
    reached: dict[int, Any] = {}  # deepcopy lists what it has copied under the id of the dict itself
    for _, part in module.modules():
        kept = [value for value in _class_attributes(part) if isinstance(value, list | dict | set | deque | np.ndarray)]
        copy.deepcopy([vars(part), kept], reached)
    things = {id(thing): thing for thing in reached.get(id(reached), [])}.values()
    return sum(thing.nbytes for thing in things if isinstance(thing, np.ndarray)) + sum(
        len(item) if isinstance(item, str | bytes) else NUMBER
        for thing in things
        if isinstance(thing, list | dict | set | deque)
        for item in thing
    )


def check_files(module: Module, behave: Callable[[Any], list[Batch]]) -> None:
    """Check that `minidl.save` takes a module, and that what is loaded behaves like the original.

    Raises:
        ContractError: it does not.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MinidlWarning)  # saving itself warns of functions that it leaves out
        try:
            check_remaking(module)
            encoded({**model_content(module), "generators": states_of(places_of(module))})
            again = remade(module)
        except CheckpointError as error:
            raise ContractError(f"minidl.save refuses it: {error}") from error
    if type(again) is type(module):  # files find a type by its name, and it may have been defined again since
        require(
            all(map(same_bits, behave(module), behave(again))),
            "remade from its arguments, parameters and buffers, as from a file, it returns another result: the "
            "constructor must keep each argument as it was given; keep what forward changes or the constructor draws "
            "in a Parameter, or in an attribute named in buffers",
        )


def plain_arrays(module: Module) -> str:
    """Ask for the float64 array that made an output float64, and name the attributes that `astype` has left so."""
    found = [
        f"{path}.{name}" if path else name
        for path, each in module.modules()
        for name, value in vars(each).items()
        if isinstance(value, np.ndarray | np.float64) and value.dtype == np.float64
        if name not in each.float64_buffers and not is_cached(type(each), name)
    ]
    question = f"is it {' or '.join(found)}" if found else "is there a float64 array in forward"
    return f"{question}? A learned number must be a Parameter, and any other array of the layer a buffer"
