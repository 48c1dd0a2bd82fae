"""Modules: finding parameters, mode, dtype, state and repr."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from minidl import (
    DataError,
    Dense,
    Dropout,
    HyperparameterError,
    Layer,
    Loss,
    Module,
    Objective,
    Parameter,
    ReLU,
    Sequential,
    ShapeError,
    StateError,
)
from minidl.modules import same_shape
from minidl.typing import Array
from tests.helpers import bits, unchanged


class Counter(Module):
    """A module with everything: parameters in containers, a child, buffers and arguments."""

    buffers = ("mean", "count")

    def __init__(self, size: int, *, factor: float = 2.0, name: str = "none") -> None:
        self.size, self.factor, self.name = size, factor, name
        self.scale = Parameter(np.ones(size))
        self.parts = [Parameter([1.0]), (Dense(1, 1, rng=0), 3.0)]
        self.table = {"a": Parameter(0.5), "b": "text"}
        self.mean = np.zeros(size)
        self.count = 0


class Weighted(Module):
    """A module with an array for an argument, by default none."""

    def __init__(self, weights: Array | None = None) -> None:
        self.weights = weights


def test_parameters_are_found_in_attributes_and_containers_in_order() -> None:
    names = ["scale", "parts.0", "parts.1.0.weight", "parts.1.0.bias", "table.a"]
    module = Counter(2)
    assert [name for name, _ in module.named_parameters()] == names
    assert module.parameters().names == tuple(names)
    assert [name for name, _ in module.modules()] == ["", "parts.1.0"]
    assert [name for name, _ in module.modules("top")] == ["top", "top.parts.1.0"]


def test_paths_of_nested_modules() -> None:
    net = Sequential(ReLU(), Sequential(Dense(1, 1)))
    assert [name for name, _ in net.modules()] == ["", "0", "1", "1.0"]
    assert [name for name, _ in net.modules("model")] == ["model", "model.0", "model.1", "model.1.0"]


def test_dtype_and_astype_turn_parameters_and_buffers() -> None:
    module = Counter(2)
    assert module.dtype == np.float64
    assert ReLU().dtype == np.float64
    assert module.astype(np.float32) is module
    assert module.dtype == module.mean.dtype == np.float32
    assert all(parameter.dtype == np.float32 for parameter in module.parameters())
    assert module.count == 0
    assert module.astype("float64").dtype == np.float64


def test_astype_of_the_same_type_moves_nothing() -> None:
    net = Sequential(Dense(1, 1))
    vector = net.parameters()
    net.astype(np.float64)
    assert not vector.moved


def test_astype_packs_anew_and_leaves_whole_numbers_as_they_are() -> None:
    module = Counter(2)
    vars(module)["mean"] = np.arange(2)
    module.parameters()
    module.astype(np.float32)
    assert module.mean.dtype == np.int64
    memories = {id(parameter.value.base) for _, parameter in module.named_parameters()}
    assert len(memories) == 1


@pytest.mark.parametrize("wrong", [np.int64, np.float16, complex, bool])
def test_other_types_are_refused(wrong: Any) -> None:
    module = Counter(2)
    with unchanged(module), pytest.raises(HyperparameterError, match="float32 or float64, got"):
        module.astype(wrong)


def test_state_holds_parameters_and_buffers_by_path_and_is_a_copy() -> None:
    module = Counter(2)
    state = module.state()
    assert list(state) == [*module.parameters().names, "mean", "count"]
    state["scale"][:] = 9
    state["mean"][:] = 9
    assert module.scale.value.tolist() == [1.0, 1.0]
    assert module.mean.tolist() == [0.0, 0.0]
    holder = Module()
    vars(holder)["parts"] = [module]
    assert "parts.0.count" in holder.state()


def test_state_is_taken_over_in_place() -> None:
    first, second = Counter(2), Counter(2)
    first.parameters().value = np.arange(6)
    first.mean, first.count = np.array([1.0, 2.0]), 5
    vector = second.parameters()
    second.load_state(first.state())
    assert not vector.moved
    assert bits(*second.state().values()) == bits(*first.state().values())
    second.mean[:] = 0
    assert first.mean.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("value", [5, 0.25, True, np.float32(0.5), np.array([2.0])])
def test_a_number_among_the_buffers_stays_one_of_its_type(value: Any) -> None:
    first, second = Counter(2), Counter(2)
    vars(first)["count"], vars(second)["count"] = value, 0 * value if isinstance(value, np.ndarray) else type(value)(0)
    second.load_state(first.state())
    assert (type(second.count), second.count) == (type(value), value)


@pytest.mark.parametrize(("before", "after"), [(0, 2.5), (False, 0.5), (np.zeros(2, int), np.array([0.5, -2.5]))])
def test_a_buffer_that_begins_as_an_integer_may_become_a_float(before: Any, after: Any) -> None:
    first, second = Counter(2), Counter(2)
    vars(first)["count"], vars(second)["count"] = after, before
    second.load_state(first.state())
    assert (type(second.count), np.array(second.count).tolist()) == (type(after), np.array(after).tolist())


WRONG_STATES: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"scale": None}, StateError, "lacks scale"),
    ({"mean": None, "count": None}, StateError, "lacks count, mean"),
    ({"other": 1.0}, StateError, "has other, which Counter does not"),
    ({"table.a": [1.0]}, ShapeError, r"table.a must have shape \(\), got \(1,\)"),
    ({"mean": np.zeros(3)}, ShapeError, r"mean must have shape \(2,\), got \(3,\)"),
]


@pytest.mark.parametrize(("change", "error", "words"), WRONG_STATES)
def test_a_wrong_state_changes_nothing(change: dict[str, Any], error: type[Exception], words: str) -> None:
    module = Counter(2)
    state = {name: np.asarray(array) + 1 for name, array in module.state().items()} | change
    state = {name: value for name, value in state.items() if value is not None}
    before = bits(*module.state().values())
    with unchanged(module), pytest.raises(error, match=words):
        module.load_state(state)
    assert bits(*module.state().values()) == before


def test_a_state_that_is_not_numbers_changes_nothing() -> None:
    module = Counter(2)
    state = {name: np.asarray(array) + 1 for name, array in module.state().items()}
    with unchanged(module), pytest.raises(DataError, match="numbers"):
        module.load_state(state | {"parts.1.0.bias": np.array(["a"])})


@pytest.mark.parametrize(
    ("module", "shown"),
    [
        (Counter(2), "Counter(2)"),
        (Counter(3, factor=1.0, name="x"), "Counter(3, factor=1.0, name='x')"),
        (Dense(2, 1, use_bias=False), "Dense(2, 1, use_bias=False)"),
        (Sequential(Dense(1, 1), Sequential(ReLU())), "Sequential(Dense(1, 1), Sequential(ReLU()))"),
        (Sequential(), "Sequential()"),
        (Counter(2, factor=float("2.0")), "Counter(2)"),
        (Dropout(0.25, rng=0), "Dropout(p=0.25)"),
        (Weighted(), "Weighted()"),
        (Weighted(np.ones(2)), "Weighted(weights=array([1., 1.]))"),
    ],
)
def test_repr_shows_what_differs_from_the_defaults(module: Module, shown: str) -> None:
    assert repr(module) == shown


def test_what_forward_caches_can_be_named_on_the_class() -> None:
    assert ReLU.y is vars(ReLU)["y"]


def test_what_forward_caches_is_named_where_it_is_missing() -> None:
    expected = r"^backward before forward: ReLU\(\) has no 'y' yet; call forward first, which must set it$"
    with pytest.raises(StateError, match=expected):
        ReLU().backward(np.ones((1, 1)))


DUPLICATES: list[Callable[[Any], Any]] = [copy.copy, copy.deepcopy, lambda module: pickle.loads(pickle.dumps(module))]


@pytest.mark.parametrize("duplicate", DUPLICATES)
def test_copies_and_pickles_drop_what_forward_cached(duplicate: Callable[[Any], Any]) -> None:
    model = Sequential(Dense(2, 3, rng=0), ReLU())
    y = model(np.ones((4, 2)))
    twin = duplicate(model)
    for module in (twin, twin[0] if duplicate is not copy.copy else twin):
        assert not vars(module).keys() & {"x", "y"}
    with pytest.raises(StateError, match="backward before forward"):
        twin.backward(y)
    model.backward(y)


def test_a_parameter_twice_in_one_module_is_refused_and_a_module_twice_counts_once() -> None:
    module = Module()
    vars(module).update(first=Dense(1, 1), again=None, parts=[ReLU()])
    vars(module).update(again=vars(module)["first"], other={"a": vars(module)["parts"][0]})
    assert [name for name, _ in module.children()] == ["first", "parts.0"]
    vars(module)["alias"] = vars(module)["first"].bias
    with pytest.raises(StateError, match=r"is in two places, 'first\.bias' and 'alias'"):
        module.parameters()


def test_what_a_subclass_must_define_is_named() -> None:
    x = np.ones((1, 1))
    calls: list[Callable[[], object]] = [
        lambda: Layer().forward(x),
        lambda: Layer().backward(x),
        lambda: Layer().backward_parameters(x),
    ]
    calls += [lambda: Loss().forward(x, x), lambda: Loss().backward(), Objective().forward, Objective().backward]
    for call in calls:
        with pytest.raises(NotImplementedError, match=r"(Layer|Loss|Objective) must define (forward|backward)\("):
            call()
    assert Layer().output_shape((3,)) is None
    assert Layer().mixes_samples is False


@pytest.mark.parametrize(("prediction", "target"), [((3,), (3,)), ((3, 1), (3, 1)), (("n", 2), ("n", 2)), ((), ())])
def test_same_shapes_pass(prediction: tuple[Any, ...], target: tuple[Any, ...]) -> None:
    same_shape(prediction, target)


@pytest.mark.parametrize("value", [[0.0, 1.0], (1.0,), None, "a", {}])
def test_buffers_are_arrays_or_numbers(value: Any) -> None:
    layer = Layer()
    layer.buffers, layer.means = ("means",), value  # type: ignore[attr-defined]
    words = f"the buffer 'means' .* must be an array or a number, got {type(value).__name__}"
    with pytest.raises(StateError, match=words):
        layer.state()


@pytest.mark.parametrize("value", [True, np.True_, 3, np.int8(3), 0.5, np.float32(0.5), np.zeros(2)])
def test_buffers_of_all_kinds_of_numbers(value: Any) -> None:
    layer = Layer()
    layer.buffers, layer.kept = ("kept",), value  # type: ignore[attr-defined]
    assert np.array_equal(layer.state()["kept"], value)
