"""What the checks of layers, losses, optimizers and objectives share."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np

from minidl.batch import arrays_in, several, shapes_of
from minidl.errors import ContractError, GradientError, describe
from minidl.modules import Module
from minidl.parameters import Parameter
from minidl.typing import Batch, Shape

__all__ = ["check_copies", "check_parameters", "contract", "near", "require", "same_bits", "shapes_agree"]

Thing = TypeVar("Thing", bound=Module)


def require(holds: bool, message: str, error: type[Exception] = ContractError) -> None:
    """Raise an error with the message unless the condition holds."""
    if not holds:
        raise error(message)


@contextmanager
def contract(thing: object) -> Iterator[None]:
    """Name the thing checked in every error raised inside a ``with`` block, and turn other errors into ContractErrors.

    Args:
        thing: the thing, or its name.

    Raises:
        GradientError: raised inside.
        ContractError: any other exception raised inside.
    """
    try:
        with np.errstate(all="ignore"):
            yield
    except (ContractError, GradientError) as error:
        error.args = (f"{_name(thing)}: {error}",)
        raise
    except Exception as error:
        raise ContractError(f"{_name(thing)} raises {type(error).__name__}: {error}") from error


def _name(thing: object) -> str:
    return thing if isinstance(thing, str) else describe(thing)


def same_bits(one: Batch, other: Batch) -> bool:
    """Whether two arrays, or the arrays of two tuples, are equal bit for bit, NaN included."""
    if isinstance(one, tuple) or isinstance(other, tuple):
        return shapes_of(one) == shapes_of(other) and all(map(same_bits, arrays_in(one), arrays_in(other)))
    return bool(one.shape == other.shape and one.dtype == other.dtype and one.tobytes() == other.tobytes())


def shapes_agree(said: Shape | None, shape: Shape) -> bool:
    """Whether what `output_shape` returns agrees with a shape. None, also for one of several arrays, is unknown."""
    if said is None or not (several(said) and several(shape)) or len(said) != len(shape):
        return said in (None, shape)
    return all(map(shapes_agree, said, shape))


def near(
    one: Batch, other: Batch, dtype: type = np.float64, spread: Callable[[], float] = float, terms: float = 1e-3
) -> bool:
    """Whether two arrays, or the arrays of two tuples, are equal up to rounding in a type.

    Args:
        one, other: the arrays.
        dtype: the type.
        spread: returns how far they move if what they are computed from is rounded. Called only if it matters.
        terms: the size of what they are sums of. It matters where terms cancel.

    >>> near(np.ones(2), np.ones(2) + 1e-15), near(np.ones(2), np.ones(2) + 1e-9)
    (True, False)
    """
    if shapes_of(one) != shapes_of(other):
        return False
    if isinstance(one, tuple):
        return all(near(*pair, dtype, spread, terms) for pair in zip(one, other, strict=True))
    if same_bits(one, other):
        return True
    bound = 5e2 * float(np.finfo(dtype).eps) * max(terms, float(np.abs(other).max(initial=0.0)))
    if np.allclose(one, other, rtol=0.0, atol=bound, equal_nan=True):
        return True
    return bool(np.allclose(one, other, rtol=0.0, atol=bound + 1e1 * spread(), equal_nan=True))


def check_parameters(module: Module) -> None:
    """Check that `Module.parameters` finds every Parameter that the module holds.

    Raises:
        ContractError: it does not.
    """
    reached: dict[int, Any] = {}  # deepcopy lists what it has copied under the id of the dict itself
    copy.deepcopy(module, reached)
    held = {id(thing): thing for thing in reached.get(id(reached), [])}
    found = {id(parameter) for _, parameter in module.named_parameters()}
    hidden = sum(isinstance(thing, Parameter) and key not in found for key, thing in held.items())
    require(
        hidden == 0,
        f"parameters() does not find {hidden} of its Parameters, so training would skip them; keep each Parameter in "
        "an attribute of its own, or in a list, tuple or dict",
    )


def check_copies(module: Thing, behave: Callable[[Thing], list[Batch]]) -> None:
    """Check that a copy and a pickle behave like the original, and share no memory with it.

    Args:
        module: the original.
        behave: returns what a module computes.

    Raises:
        ContractError: they do not.
    """
    expected = behave(module)
    for how in ("copy", "pickle"):
        try:
            twin = copy.deepcopy(module) if how == "copy" else pickle.loads(pickle.dumps(module))
        except Exception as error:
            if isinstance(error, pickle.PicklingError) or "<locals>" in str(error):
                continue  # pickle finds classes by name, and this one is defined inside a function
            error.add_note(f"while making a {how}")
            raise
        require(
            all(map(same_bits, expected, behave(twin))),
            f"its {how} returns other results than the original: is part of its state held outside its attributes?",
        )
        require(
            not np.shares_memory(twin.parameters().value, module.parameters().value),
            f"its {how} shares parameters with the original",
        )
