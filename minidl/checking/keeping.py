"""What layers and losses keep from call to call, share with each other, and put in files."""

from __future__ import annotations

import copy
import inspect
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from minidl.checking.contract import require, same_bits
from minidl.errors import CheckpointError, ContractError, MinidlWarning
from minidl.modules import Module
from minidl.modules.places import places_of
from minidl.saving.generators import load_states, states_of
from minidl.saving.models import check_remaking, encoded, model_content, remade
from minidl.typing import Array

__all__ = ["check_alone", "check_files", "check_size", "second_instance"]

CALLS = 3


def second_instance(module: Module) -> Any:
    """Another instance from the same arguments, with the same state, or None if that cannot be made.

    The constructor uses its own defaults again where these are lists or the like, so what instances share in them is
    shared here, too.
    """
    positional: list[Any] = []
    named: dict[str, Any] = {}
    for name, argument in inspect.signature(type(module)).parameters.items():
        if name not in vars(module) or isinstance(argument.default, list | dict | set | np.ndarray):
            continue
        value = copy.deepcopy(vars(module)[name])
        if argument.kind is argument.VAR_POSITIONAL:
            positional.extend(value)
        else:
            named[name] = value
    try:
        other = type(module)(*positional, **named).astype(np.float64)
        other.load_state(module.state())
        load_states(places_of(other), states_of(places_of(module)))
    except Exception:  # `check_files` reports what cannot be made again
        return None
    other.training = module.training
    return other


def check_alone(module: Module, begin: Callable[[Any, int], object], end: Callable[[Any, int], list[Array]]) -> None:
    """Check that instances used in turn do not disturb each other.

    Args:
        module: the original.
        begin: runs forward of an instance, on one of two batches.
        end: runs backward of it, and returns what it computes.

    Raises:
        ContractError: they do.
    """
    for make in (copy.deepcopy, second_instance):
        expected = []
        for batch in (0, 1):
            if (alone := make(module)) is None:
                return
            begin(alone, batch)
            expected.append(end(alone, batch))
        for order in ((0, 1), (1, 0)):
            pair = make(module), make(module)
            for batch in (0, 1):
                begin(pair[batch], batch)
            for batch in order:
                require(
                    all(map(same_bits, expected[batch], end(pair[batch], batch))),
                    "it returns other results if another instance is used between its forward and its backward: keep "
                    "what forward caches in attributes of self, not of the class, a default argument or the module",
                )


def check_size(module: Module, size: int, use: Callable[[int], object]) -> None:
    """Check that a module does not grow by every batch.

    Args:
        module: the module.
        size: the size of a batch, bytes.
        use: runs forward and backward on another batch for each number.

    Raises:
        ContractError: it grows by half of a batch or more per call.
    """
    sizes = []
    for number in range(3 * CALLS):
        use(number)
        if number % CALLS == CALLS - 1:
            sizes.append(_size([module, *_class_attributes(module)], set()))
    growth = int(np.diff(sizes).min()) // CALLS
    require(growth < 0.5 * size, f"it grows with every batch, by {growth} bytes per call: keep the last one only")


def _class_attributes(module: Module) -> list[Any]:
    kinds = {kind for _, part in module.modules() for kind in type(part).__mro__ if issubclass(kind, Module)}
    return [value for kind in kinds - {Module} for name, value in vars(kind).items() if not name.startswith("__")]


def _size(values: Iterable[Any], seen: set[int]) -> int:
    """The size of the numbers and strings in some values, and in whatever they hold, bytes."""
    total = 0
    for value in values:
        if isinstance(value, int | float | complex | np.generic):
            total += 8
        elif id(value) not in seen:
            seen.add(id(value))
            if isinstance(value, np.ndarray | str | bytes | bytearray):
                total += value.nbytes if isinstance(value, np.ndarray) else len(value)
            elif isinstance(value, Mapping):
                total += _size([*value.keys(), *value.values()], seen)
            elif isinstance(value, list | tuple | set | frozenset | deque):
                total += _size(value, seen)
            elif isinstance(value, Module) or (hasattr(value, "__dict__") and not callable(value)):
                total += _size(list(vars(value).values()), seen)
    return total


def _content(module: Module) -> tuple[dict[str, Any], dict[str, Array]]:
    """What a file holds of a module."""
    return encoded({**model_content(module), "generators": states_of(places_of(module))})


def check_files(module: Module, behave: Callable[[Any], list[Array]]) -> None:
    """Check that `minidl.save` takes a module, and that what is loaded behaves like the original.

    Raises:
        ContractError: it does not.
    """
    with warnings.catch_warnings(record=True) as left_out:
        warnings.simplefilter("always", MinidlWarning)
        try:
            check_remaking(module)
            before, again = _content(module), remade(module)
            after = _content(again)
        except CheckpointError as error:
            raise ContractError(f"minidl.save refuses it: {error}") from error
    if type(again) is not type(module):  # files find a type by its name, and it has been defined again since
        return
    same = before[0] == after[0] and all(map(same_bits, before[1].values(), after[1].values()))
    require(
        same or bool(left_out),  # saving itself warns of functions that it leaves out
        "remade from its arguments, as from a file, it has other arguments: the constructor must keep each one as it "
        "was given",
    )
    require(
        all(map(same_bits, behave(module), behave(again))),
        "remade from its arguments, parameters and buffers, as from a file, it returns another result: keep what "
        "forward changes or the constructor draws in a Parameter, or in an attribute named in buffers",
    )
