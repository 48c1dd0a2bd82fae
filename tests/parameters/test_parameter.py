"""An array that is learned."""

import copy
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from minidl import DataError, Parameter, ParameterVector, ShapeError, StateError
from minidl.parameters.parameter import limited_to
from tests.helpers import bits, unchanged


@pytest.mark.parametrize("attribute", ["value", "grad"])
@pytest.mark.parametrize("wrong", [1.0, [1.0], [[1.0], [2.0]], [1.0, 2.0, 3.0]])
def test_another_shape_is_refused_and_changes_nothing(attribute: str, wrong: Any) -> None:
    parameter = Parameter([1.0, 2.0])
    vector = ParameterVector([("p", parameter), ("q", Parameter([[3.0]]))])
    for owner in (parameter, vector):
        if np.shape(wrong) == (3,) and owner is vector:
            continue
        with unchanged(*vector), pytest.raises(ShapeError, match=r"must have shape \(.*\), got \("):
            setattr(owner, attribute, wrong)


@pytest.mark.parametrize("wrong", ["ab", ["a", "b"], [1j, 2], [None, 1], [[1], [1, 2]], [object()], np.array([1j, 2])])
def test_what_is_not_made_of_numbers_is_refused(wrong: Any) -> None:
    with pytest.raises(DataError, match="numbers"):
        Parameter(wrong)
    parameter = Parameter([1.0, 2.0])
    with unchanged(parameter), pytest.raises(DataError, match="numbers"):
        parameter.value = wrong
    with unchanged(parameter), pytest.raises(DataError, match="numbers"):
        parameter.grad = wrong


def test_a_misspelt_attribute_is_refused() -> None:
    parameter = Parameter([1.0, 2.0])
    with (
        unchanged(parameter),
        pytest.raises(AttributeError, match=r"no attribute 'gard'; set value, grad, decay or train"),
    ):
        parameter.gard = [3.0, 4.0]  # type: ignore[attr-defined]
    parameter.decay = False
    assert not parameter.decay


def test_setting_copies_in_place() -> None:
    parameter = Parameter([1.0, 2.0])
    value, given_array = parameter.value, np.array([3.0, 4.0])
    parameter.value = given_array
    assert parameter.value is value
    given_array[:] = 0
    assert value.tolist() == [3.0, 4.0]
    parameter.value += 1
    parameter.value *= 2
    assert parameter.value is value
    assert value.tolist() == [8.0, 10.0]
    parameter.grad -= 1
    assert parameter.grad.tolist() == [-1.0, -1.0]


def test_the_initial_array_is_copied() -> None:
    initial = np.ones(2)
    Parameter(initial).value[:] = 5
    assert initial.tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("given_type", "kept"),
    [
        (np.float32, np.float32),
        (np.float64, np.float64),
        (np.float16, np.float64),
        (np.int32, np.float64),
        (bool, np.float64),
    ],
)
def test_float32_stays_and_all_else_is_float64(given_type: type, kept: type) -> None:
    parameter = Parameter(np.ones(2, given_type))
    assert parameter.dtype == parameter.grad.dtype == kept
    parameter.value = np.full(2, 0.5)
    parameter.grad = [1, 2]
    assert parameter.dtype == parameter.grad.dtype == kept


def test_scalars_and_empty_ones_are_parameters_too() -> None:
    scalar, empty = Parameter(3.0), Parameter(np.zeros((0, 2)))
    vector = ParameterVector([("scalar", scalar), ("empty", empty), ("more", Parameter([4.0]))])
    assert vector.value.tolist() == [3.0, 4.0]
    scalar.value = 5
    scalar.value += 1
    assert vector.value.tolist() == [6.0, 4.0]
    assert scalar.value.shape == ()
    assert repr(vector) == "ParameterVector(2: scalar (), empty (0, 2), more (1,))"
    assert ParameterVector([]).size == 0


@pytest.mark.parametrize("twin", [copy.copy, copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p))])
def test_a_copy_takes_the_value_alone(twin: Callable[[Parameter], Parameter]) -> None:
    parameter = Parameter(np.array([[1.0, 2.0]], np.float32), decay=False)
    parameter.grad = [[3.0, 4.0]]
    with unchanged(parameter):
        other = twin(parameter)
        assert bits(other.value) == bits(parameter.value)
        assert other.dtype == np.float32
        assert (other.shape, other.decay) == ((1, 2), False)
        assert other.grad.tolist() == [[0.0, 0.0]]
        other.value = [[9.0, 9.0]]


def test_decay_is_kept() -> None:
    assert Parameter([1.0]).decay
    assert not Parameter([1.0], decay=False).decay


def test_room_for_so_many_numbers_and_no_more() -> None:
    other = Parameter([1.0])
    with limited_to(5):
        Parameter(np.zeros((2, 2)))
        with pytest.raises(StateError, match="a Parameter of 2 elements exceeds the limit: 1 are left"):
            Parameter([1.0, 2.0])
        Parameter(1.0)
        with pytest.raises(StateError, match="a Parameter of 1 elements exceeds the limit: 0 are left"):
            Parameter(1.0)
        Parameter([])
        with limited_to(3):  # a file that is read on the way has room of its own
            Parameter([1.0, 2.0, 3.0])
        with pytest.raises(StateError, match="0 are left"):
            copy.copy(other)
    assert Parameter(np.zeros(100)).size == 100


def test_the_room_of_one_thread_is_none_of_the_others_business() -> None:
    with limited_to(0), ThreadPoolExecutor() as threads:
        assert threads.submit(Parameter, [1.0, 2.0]).result().size == 2


def test_repr_of_a_parameter() -> None:
    assert repr(Parameter([[1.0, 2.0]])) == "Parameter(shape=(1, 2), dtype=float64)"
