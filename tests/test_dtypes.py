"""The spellings of float32 and float64, everywhere that takes a dtype."""

import ctypes
import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import Dense, HyperparameterError, Layer, Parameter
from minidl.dtypes import as_float_type

SINGLE = [np.float32, "float32", "f4", "f", "single", "=f4", np.dtype("f4"), np.single, ctypes.c_float]
DOUBLE = [np.float64, "float64", "f8", "d", "double", "float", float, np.dtype("f8"), np.double, ctypes.c_double]
OTHERS: list[Any] = [
    None, int, "int", "i4", "f2", np.float16, "complex64", complex, bool, object, "S", "f4,f4", "f4,,", "a", "nonsense",
    "", 32, 4.0, [], {}, (), [("a", "f4")], ("f4", (2,)), np.zeros(2), np.dtype("f4").newbyteorder(),
]  # fmt: skip


def of_parameter(dtype: Any) -> Any:
    parameter = Parameter([1.0])
    parameter.astype(dtype)
    return parameter


CONTAINERS = [
    kind
    for kind in vars(minidl).values()
    if inspect.isclass(kind) and issubclass(kind, Layer) and "dtype" in inspect.signature(kind).parameters
]


def of_container(kind: Any, dtype: Any) -> Any:
    return kind(Dense(2, 2), dtype=dtype)


PLACES: dict[str, Callable[[Any], Any]] = {
    "Parameter": of_parameter,
    "astype": lambda dtype: Dense(2, 2).astype(dtype),
    **{kind.__name__: partial(of_container, kind) for kind in CONTAINERS},
}


@pytest.mark.parametrize("place", PLACES)
def test_every_place_takes_every_spelling(place: str) -> None:
    for spellings, kind in ((SINGLE, np.float32), (DOUBLE, np.float64)):
        for spelling in spellings:
            made = PLACES[place](spelling)
            assert made.dtype == kind, spelling
            found = [made] if isinstance(made, Parameter) else list(made.parameters())
            assert found
            assert all(array.dtype == kind for each in found for array in (each.value, each.grad)), spelling


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("wrong", OTHERS, ids=str)
def test_no_place_takes_another_type(place: str, wrong: Any) -> None:
    if wrong is None and place not in ("Parameter", "astype"):
        assert PLACES[place](None).dtype == np.float64  # that of the layers
        return
    with pytest.raises(HyperparameterError, match=r"^dtype must be float32 or float64, got "):
        PLACES[place](wrong)


def test_the_places_are_found() -> None:
    assert {"Sequential", "Residual", "Parallel"} <= PLACES.keys()


def test_nothing_has_changed_after_an_error() -> None:
    parameter = Parameter(np.ones(3, np.float32))
    for wrong in ("f2", "nonsense", None):
        with pytest.raises(HyperparameterError):
            parameter.astype(wrong)
    assert parameter.dtype == np.float32
    assert as_float_type("f") is as_float_type(np.float32)
