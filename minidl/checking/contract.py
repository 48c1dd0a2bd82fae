"""What the checks of layers, losses, optimizers and objectives share."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np

from minidl.errors import ContractError, GradientError
from minidl.modules import Module
from minidl.parameters import Parameter
from minidl.typing import Array

__all__ = ["called", "check_copies", "check_parameters", "contract", "near", "require", "same_bits"]

Thing = TypeVar("Thing", bound=Module)


def require(holds: bool, message: str) -> None:
    """Raise `ContractError` with the message unless the condition holds."""
    if not holds:
        raise ContractError(message)


def called(thing: object) -> str:
    """What messages call a thing: its repr, or its type where that is long or fails."""
    try:
        text = repr(thing)
    except Exception:
        return type(thing).__name__
    return text if len(text) <= 80 else type(thing).__name__


@contextmanager
def contract(thing: object) -> Iterator[None]:
    """Turn whatever goes wrong inside a ``with`` block into one error that names the thing checked."""
    name = called(thing)
    try:
        with np.errstate(all="ignore"):
            yield
    except GradientError:
        raise
    except ContractError as error:
        message = str(error)
        raise ContractError(message if message.startswith(name) else f"{name}: {message}") from error.__cause__
    except Exception as error:
        raise ContractError(f"{name} raises {type(error).__name__}: {error}") from error


def same_bits(one: Array, other: Array) -> bool:
    """Whether two arrays are equal bit for bit, NaN included."""
    return one.shape == other.shape and one.dtype == other.dtype and one.tobytes() == other.tobytes()


def near(one: Array, other: Array, dtype: type = np.float64) -> bool:
    """Whether two arrays are equal up to rounding in a type.

    >>> near(np.ones(2), np.ones(2) + 1e-15), near(np.ones(2), np.ones(2) + 1e-9)
    (True, False)
    """
    if one.shape != other.shape:
        return False
    size = max(1e-3, float(np.abs(other).max(initial=0.0)))
    return bool(np.allclose(one, other, rtol=0.0, atol=5e2 * float(np.finfo(dtype).eps) * size, equal_nan=True))


def check_parameters(module: Module) -> None:
    """Raise `ContractError` if a Parameter is kept where `Module.parameters` does not find it."""
    reached: dict[int, Any] = {}  # deepcopy lists what it has copied under the id of the dict itself
    copy.deepcopy(module, reached)
    kept = {id(thing): thing for thing in reached.get(id(reached), [])}
    found = {id(parameter) for _, parameter in module.named_parameters()}
    hidden = [thing for key, thing in kept.items() if isinstance(thing, Parameter) and key not in found]
    require(
        not hidden,
        f"{len(hidden)} of its Parameters are not found by parameters(), so they would not be trained; keep each in "
        "an attribute of its own, or in a list, tuple or dict of them",
    )


def check_copies(module: Thing, behave: Callable[[Thing], list[Array]]) -> None:
    """Raise `ContractError` unless a copy and a pickle behave like the original, and share no memory with it."""
    expected = behave(module)
    for how, duplicate in (("copy", copy.deepcopy), ("pickle", _pickled)):
        try:
            twin = duplicate(module)
        except Exception as error:
            if isinstance(error, pickle.PicklingError) or "<locals>" in str(error):
                continue  # pickle finds classes by name, and this one is defined where it cannot be found
            raise ContractError(f"it cannot be taken through {how}: {type(error).__name__}: {error}") from error
        results = behave(twin)
        require(
            all(same_bits(a, b) for a, b in zip(expected, results, strict=True)),
            f"its {how} gives other results than the original: is part of its state kept elsewhere than in attributes?",
        )
        require(
            not np.shares_memory(twin.parameters().value, module.parameters().value),
            f"its {how} shares parameters with the original",
        )


def _pickled(module: Thing) -> Thing:
    again: Thing = pickle.loads(pickle.dumps(module))
    return again
