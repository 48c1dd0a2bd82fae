"""The one flat vector in which parameters live."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import Dense, Momentum, Parameter, ParameterVector, ReLU, Sequential, StateError
from minidl.parameters import contiguous_runs, share_memory
from minidl.typing import Array
from tests.helpers import unchanged
from tests.tables import seeds

shapes = st.lists(st.lists(st.integers(0, 3), max_size=3).map(tuple), min_size=1, max_size=6)


def draw(seed: int, shapes: list[tuple[int, ...]]) -> tuple[list[Parameter], ParameterVector]:
    rng = np.random.default_rng(seed)
    parameters = [Parameter(rng.normal(size=shape)) for shape in shapes]
    for parameter in parameters:
        parameter.grad = rng.normal(size=parameter.shape)
    return parameters, ParameterVector([(f"p{i}", parameter) for i, parameter in enumerate(parameters)])


def flat(arrays: list[Array]) -> Array:
    return np.concatenate([array.ravel() for array in arrays])


@given(seeds, shapes)
def test_packing_keeps_values_gradients_order_and_names(seed: int, shapes: list[tuple[int, ...]]) -> None:
    rng = np.random.default_rng(seed)
    values = [rng.normal(size=shape) for shape in shapes]
    grads = [rng.normal(size=shape) for shape in shapes]
    parameters, vector = draw(seed, shapes)
    np.testing.assert_array_equal(vector.value, flat([np.asarray(value) for value in values]))
    np.testing.assert_array_equal(vector.grad, flat([parameter.grad for parameter in parameters]))
    assert len(grads) == len(vector) == len(parameters)
    assert [p is q for p, q in zip(vector, parameters, strict=True)] == [True] * len(parameters)
    assert vector.names == tuple(f"p{i}" for i in range(len(parameters)))
    assert [parameter.shape for parameter in vector] == shapes
    assert vector.size == sum(parameter.size for parameter in parameters)
    assert vector.value.flags.c_contiguous
    assert vector.grad.flags.c_contiguous


@given(seeds, shapes)
def test_values_and_gradients_are_views_both_ways(seed: int, shapes: list[tuple[int, ...]]) -> None:
    parameters, vector = draw(seed, shapes)
    vector.value[:] = np.arange(vector.size)
    vector.grad[:] = -np.arange(vector.size)
    np.testing.assert_array_equal(flat([p.value for p in parameters]), np.arange(vector.size))
    np.testing.assert_array_equal(flat([p.grad for p in parameters]), -np.arange(vector.size))
    for number, parameter in enumerate(parameters):
        parameter.value = np.full(parameter.shape, number)
        parameter.grad = np.full(parameter.shape, 10 * number)
    expected = np.repeat(np.arange(len(parameters)), [p.size for p in parameters])
    np.testing.assert_array_equal(vector.value, expected)
    np.testing.assert_array_equal(vector.grad, 10 * expected)


@given(seeds, shapes)
def test_packing_again_moves_nothing(seed: int, shapes: list[tuple[int, ...]]) -> None:
    parameters, vector = draw(seed, shapes)
    value, grad = vector.value, vector.grad
    again = ParameterVector(list(vector.items()))
    assert again.value.base is value.base
    assert again.grad.base is grad.base
    assert not vector.moved
    part = ParameterVector(list(vector.items())[1:])
    if part.size:
        assert part.value.base is value.base
        np.testing.assert_array_equal(part.value, value[parameters[0].size :])


def network() -> Sequential:
    return Sequential(Dense(2, 3), ReLU(), Sequential(Dense(3, 2, use_bias=False), Dense(2, 1)), rng=0)


def test_names_in_reading_order() -> None:
    vector = network().parameters()
    assert vector.names == ("0.weight", "0.bias", "2.0.weight", "2.1.weight", "2.1.bias")
    assert [parameter.shape for parameter in vector] == [(2, 3), (3,), (3, 2), (2, 1), (1,)]
    assert vector["2.1.weight"].shape == (2, 1)
    with pytest.raises(KeyError, match=r"no parameter 'weight'; the names are 0\.weight, 0\.bias"):
        vector["weight"]


def test_a_submodel_is_a_slice_of_its_root() -> None:
    net = network()
    root = net.parameters()
    for part, begin, end in ((net[0], 0, 9), (net[2], 9, 18), (net[2:], 9, 18), (net[:1], 0, 9)):
        vector = part.parameters()
        assert vector.value.base is root.value.base
        vector.value[:] = 1
        assert np.all(root.value[begin:end] == 1)
        vector.value[:] = 0
    assert not root.moved
    assert net.parameters().value.base is root.value.base


MOVES: list[Callable[[Sequential], object]] = [
    lambda net: Sequential(net, Dense(1, 1)),
    lambda net: net.astype(np.float32),
    lambda net: net[0].astype(np.float32),
    lambda net: ParameterVector(reversed(list(net.parameters().items()))),
]


@pytest.mark.parametrize("move", MOVES)
def test_a_vector_whose_parameters_moved_refuses_use(move: Callable[[Sequential], object]) -> None:
    net = network()
    vector = net.parameters()
    optimizer = Momentum(vector, 0.1)
    kept = vector.value.copy()
    held = move(net)
    assert vector.moved
    uses: list[Callable[[], object]] = [lambda: vector.value, lambda: vector.grad, vector.check, optimizer.step]
    uses += [lambda: setattr(vector, "value", kept), lambda: setattr(vector, "grad", kept)]
    for use in uses:
        with pytest.raises(StateError, match=r"have moved since .*call parameters\(\) of the outermost model again"):
            use()
    np.testing.assert_allclose(net.parameters().value, kept, rtol=1e-6)
    assert held is not None


def test_a_larger_model_keeps_values_and_gradients() -> None:
    net = network()
    net.parameters().grad = np.arange(18)
    value = net.parameters().value.copy()
    larger = Sequential(Dense(2, 2), net)
    np.testing.assert_array_equal(larger.parameters().value[6:], value)
    np.testing.assert_array_equal(larger.parameters().grad[6:], np.arange(18))
    assert net.parameters().value.base is larger.parameters().value.base


def test_a_parameter_in_two_places_is_refused() -> None:
    shared = Parameter([1.0])
    with pytest.raises(StateError, match=r"in two places, 'a' and 'c'.*make one for each place"):
        ParameterVector([("a", shared), ("b", Parameter([1.0])), ("c", shared)])
    first, second = Dense(2, 2), Dense(2, 2)
    second.weight = first.weight
    with pytest.raises(StateError, match=r"'0\.weight' and '1\.weight'"):
        Sequential(first, second)


def test_mixed_types_pack_into_the_wider_one() -> None:
    single, double = Parameter(np.ones(1, np.float32)), Parameter([2.0])
    vector = ParameterVector([("a", single), ("b", double)])
    assert vector.dtype == single.dtype == double.dtype == np.float64
    assert vector.value.tolist() == [1.0, 2.0]
    assert ParameterVector([("a", Parameter(np.ones(1, np.float32)))]).dtype == np.float32


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda thing: pickle.loads(pickle.dumps(thing))])
def test_copies_of_model_and_vector_together_stay_connected(twin: Callable[[Any], Any]) -> None:
    net = network()
    vector = net.parameters()
    with unchanged(net):
        other_net, other = twin((net, vector))
        other.value[:] = 7
        assert np.all(other_net[0].weight.value == 7)
        assert other_net.parameters().value.base is other.value.base
        assert other.names == vector.names


def test_runs_and_shared_memory() -> None:
    parameters, _ = draw(0, [(2,), (1,), (3,), (1,)])
    a, b, c, d = parameters
    assert contiguous_runs([a, b, d, c]) == [[a, b], [d], [c]]
    assert contiguous_runs([b, a]) == [[b], [a]]
    assert contiguous_runs([]) == []
    others, _ = draw(0, [(2,), (1,)])
    assert contiguous_runs([a, others[1]]) == [[a], [others[1]]]
    assert share_memory([a, d])
    assert not share_memory([a, Parameter([1.0])])
    assert not share_memory([])
    a.astype(np.float32)
    assert not share_memory([b, c])
    assert ParameterVector([("b", b), ("c", c)]).value.size == 4  # moved into new memory


@given(st.lists(st.integers(1, 40), min_size=1, max_size=4), st.sampled_from([np.float32, np.float64]))
def test_the_vector_begins_at_a_line_of_the_cache(sizes: list[int], dtype: type) -> None:
    parameters = [Parameter(np.arange(size, dtype=dtype)) for size in sizes]
    vector = ParameterVector([(str(index), parameter) for index, parameter in enumerate(parameters)])
    for array in (vector.value, vector.grad):
        assert array.ctypes.data % 64 == 0
        assert array.flags.writeable
        assert array.dtype == dtype
    assert vector.value.tolist() == [number for size in sizes for number in range(size)]
    assert not vector.grad.any()
