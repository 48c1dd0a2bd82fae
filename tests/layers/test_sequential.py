"""Layers one after the other: sizes and gradients chain."""

from collections.abc import Callable

import numpy as np
import pytest

from minidl import (
    Dense,
    Dropout,
    Flatten,
    Identity,
    Layer,
    Parameter,
    ReLU,
    Residual,
    Sequential,
    ShapeError,
    Sigmoid,
    Softmax,
    StateError,
    Tanh,
)
from minidl.typing import Array, Shape
from tests.helpers import bits, unchanged
from tests.user_defined import Scale, Skip

CHAINS = [
    (lambda: Sequential(Dense(2, 3), ReLU(), Dense(4, 1)), ["layer 2, Dense(4, 1)"]),
    (lambda: Sequential(Dense(2, 3), Sequential(Dense(4, 1))), ["layer 0, Dense(4, 1)", "layer 1, Sequential"]),
    (
        lambda: Sequential(ReLU(), Dense(2, 3), Sequential(ReLU(), Sequential(Sigmoid(), Dense(4, 1)))),
        ["layer 1, Dense(4, 1)", "layer 1, Sequential(Sigmoid", "layer 2, Sequential(ReLU"],
    ),
    (lambda: Sequential(Sequential(Dense(2, 3), ReLU()), Dense(4, 1)), ["layer 1, Dense(4, 1)"]),
]


@pytest.mark.parametrize(("make", "places"), CHAINS)
def test_sizes_that_do_not_chain_are_refused_at_construction_with_the_place(
    make: Callable[[], Sequential], places: list[str]
) -> None:
    with pytest.raises(ShapeError, match=r"^Dense\(4, 1\) takes samples of shape \(4,\), got \(3,\)") as caught:
        make()
    for note, place in zip(caught.value.__notes__, places, strict=True):
        assert note.startswith(place)
        assert note.endswith("for samples of shape (3,)") or "Sequential" in note


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: Sequential(Dense(2, 1), ReLU), r"layer 1 must be a Layer, got <class .*make one by calling it"),  # type: ignore[arg-type]
        (lambda: Sequential([Dense(2, 1)]), r"layer 0 must be a Layer, got \[.*pass layers one by one"),  # type: ignore[arg-type]
        (lambda: Sequential(Dense(2, 1), None), "layer 1 must be a Layer, got None"),  # type: ignore[arg-type]
    ],
)
def test_what_is_no_layer_is_a_type_error(wrong: type[Sequential], words: str) -> None:
    with pytest.raises(TypeError, match=words):
        wrong()


def test_the_same_layer_in_two_places_is_refused_even_if_nested() -> None:
    shared, activation = Dense(2, 2), ReLU()
    with unchanged(shared):
        with pytest.raises(StateError, match=r"^Dense\(2, 2\) is in two places, '0' and '2'"):
            Sequential(shared, ReLU(), shared)
        with pytest.raises(StateError, match=r"^Dense\(2, 2\) is in two places, '0' and '1.1'"):
            Sequential(shared, Sequential(Dense(2, 2), shared))
        with pytest.raises(StateError, match=r"^Dense\(2, 2\) is in two places, '0.0' and '1.inner'"):
            Sequential(Sequential(shared), Skip(shared))
        with pytest.raises(StateError, match=r"^ReLU\(\) is in two places, '0' and '1'"):
            Sequential(activation, activation)


def test_the_same_parameter_in_two_places_is_refused_before_initial_values_are_drawn() -> None:
    first, second = Dense(2, 2), Dense(2, 2)
    second.weight = first.weight
    words = r"^Parameter.* is in two places, '0\.weight' and '1\.weight'"
    with unchanged(first), pytest.raises(StateError, match=words):
        Sequential(first, second, rng=0)


def test_forward_is_one_after_the_other() -> None:
    first, second = Dense(2, 3, rng=0), Dense(3, 1, rng=1)
    x = np.random.default_rng(0).normal(size=(4, 2))
    expected = np.maximum(x @ first.weight.value, 0) @ second.weight.value + 1
    second.bias.value = [1.0]
    np.testing.assert_allclose(Sequential(first, ReLU(), second)(x), expected, rtol=1e-14)


def test_an_empty_model_gives_its_input() -> None:
    x = np.ones((2, 3))
    assert Sequential().forward(x) is x
    assert Sequential().parameters().size == 0
    assert Sequential().output_shape((3,)) == (3,)


def test_wrong_feature_counts_are_named() -> None:
    net = Sequential(Sigmoid(), Sequential(Dense(2, 1)))
    for call in (net, net.predict, net.check_input, net.forward):
        with pytest.raises(ShapeError, match=r"^Dense\(2, 1\) takes samples of shape \(2,\), got \(3,\)") as caught:
            call(np.ones((4, 3)))
        assert [note[:8] for note in caught.value.__notes__] == ["layer 0,", "layer 1,"]
    with pytest.raises(ShapeError, match=r"^Dense\(2, 1\) takes samples of shape \(2,\), got \(3,\)"):
        Dense(2, 1)(np.ones((4, 3)))
    with pytest.raises(ShapeError, match="is the batch axis missing"):
        net.predict(np.ones(2))


def test_a_gradient_of_another_shape_is_refused() -> None:
    net = Sequential(Dense(2, 1))
    net.forward(np.ones((4, 2)))
    for call in (net.backward, net.backward_parameters):
        for shape in ((4,), (3, 1), (4, 2)):
            with unchanged(net), pytest.raises(ShapeError, match=r"of y's shape \(4, 1\)"):
                call(np.ones(shape))


class Probe(Layer):
    """Passes on what it gets, and notes which way it was called."""

    def __init__(self, log: list[str], name: str, *, learns: bool = False) -> None:
        self.log, self.name = log, name
        if learns:
            self.weight = Parameter([1.0])

    def output_shape(self, shape: Shape | None) -> Shape | None:
        return shape

    def forward(self, x: Array) -> Array:
        return x

    def backward(self, grad: Array) -> Array:
        self.log.append(f"{self.name}.backward")
        return grad

    def backward_parameters(self, grad: Array) -> None:
        self.log.append(f"{self.name}.backward_parameters")


def test_backward_parameters_skips_what_nobody_wants() -> None:
    log: list[str] = []
    nested = Sequential(Probe(log, "c"), Probe(log, "d", learns=True))
    net = Sequential(Probe(log, "a"), Probe(log, "b"), nested, Probe(log, "e"), Probe(log, "f", learns=True))
    x = np.ones((1, 1))
    net.forward(x)
    net.backward_parameters(x)
    assert log == ["f.backward", "e.backward", "d.backward_parameters"]
    log.clear()
    net.backward(x)
    assert log == ["f.backward", "e.backward", "d.backward", "c.backward", "b.backward", "a.backward"]
    log.clear()
    without = Sequential(Probe(log, "a"))
    without.forward(x)
    without.backward_parameters(x)
    assert log == []


def test_indexing_and_slicing_share_the_layers() -> None:
    first, second, third = Dense(2, 3), ReLU(), Dense(3, 1)
    net = Sequential(first, second, third)
    vector = net.parameters()
    assert (net[0], net[-1], len(net), list(net)) == (first, third, 3, [first, second, third])
    head = net[:2]
    assert isinstance(head, Sequential)
    assert list(head) == [first, second]
    head.parameters().value = np.ones(9)
    assert first.weight.value.tolist() == [[1, 1, 1], [1, 1, 1]]
    assert not vector.moved
    with pytest.raises(IndexError):
        net[3]


def test_rng_draws_every_layer_anew_from_one_seed() -> None:
    def make(rng: int | np.random.Generator | None) -> Sequential:
        return Sequential(Dense(2, 3, rng=5), ReLU(), Sequential(Dense(3, 3, rng=5)), rng=rng)

    generator = np.random.default_rng(0)
    assert (
        bits(make(0).parameters().value) == bits(make(0).parameters().value) == bits(make(generator).parameters().value)
    )
    assert bits(make(0).parameters().value) != bits(make(1).parameters().value)
    assert bits(make(generator).parameters().value) != bits(make(0).parameters().value)
    kept = make(None).parameters()
    assert bits(kept["0.weight"].value) == bits(Dense(2, 3, rng=5).weight.value)
    alike = Sequential(Dense(2, 2), Dense(2, 2), rng=0)
    assert bits(alike[0].parameters().value) != bits(alike[1].parameters().value)
    again = Scale(3)
    again.scale.value = [1.0, 2.0, 3.0]
    assert Sequential(again, rng=0).parameters().value.tolist() == [1.0, 2.0, 3.0]


def test_dtype_turns_the_model() -> None:
    net = Sequential(Dense(2, 3), Scale(3), dtype=np.float32, rng=0)
    assert net.dtype == np.float32
    assert net([[1, 2]]).dtype == np.float32
    assert Sequential(Dense(2, 3)).dtype == np.float64


def test_the_last_layer_decides_whether_there_are_probabilities() -> None:
    assert Sequential(Dense(2, 2), Sigmoid()).gives_probabilities
    assert Sequential(ReLU(), Sequential(Dense(2, 2), Softmax())).gives_probabilities
    for net in (Sequential(), Sequential(Sequential()), Sequential(Sigmoid(), Dense(2, 2)), Sequential(ReLU())):
        assert not net.gives_probabilities


def test_layers_that_keep_probabilities_do_not_decide() -> None:
    keep: list[Layer] = [
        Identity(),
        Dropout(0.5),
        Flatten(),
        Sequential(),
        Sequential(Identity(), Sequential(Flatten())),
    ]
    for last in keep:
        assert Sequential(Dense(2, 2), Sigmoid(), last).gives_probabilities
        assert not Sequential(Dense(2, 2), last).gives_probabilities
    others: list[Layer] = [Residual(), Residual(Identity()), Tanh(), Sequential(Identity(), Dense(2, 2))]
    for last in others:
        assert not Sequential(Dense(2, 2), Sigmoid(), last).gives_probabilities


def test_rows_of_the_summary_have_paths_and_shapes_that_chain() -> None:
    net = Sequential(Flatten(), Sequential(Dense(6, 4), ReLU()), Sigmoid())
    rows = list(net.summary_rows("", (2, 3)))
    assert [(row.path, row.shape) for row in rows] == [("0", (6,)), ("1.0", (4,)), ("1.1", (4,)), ("2", (4,))]
    assert [row.path for row in net.summary_rows("5", (2, 3))] == ["5.0", "5.1.0", "5.1.1", "5.2"]


@pytest.mark.parametrize("part", [slice(None, None, 4), slice(None, None, -1), slice(0, None, 3)])
def test_looking_at_a_part_leaves_the_memory_of_the_model_as_it_is(part: slice) -> None:
    model = Sequential(Dense(2, 2, rng=0), ReLU(), Dense(2, 2, rng=1), Sigmoid(), Dense(2, 2, rng=2))
    parameters = model.parameters()
    x = np.ones((3, 2))
    expected = x
    for layer in list(model)[part]:
        expected = layer(expected)
    np.testing.assert_array_equal(model[part].predict(x), expected)
    assert not parameters.moved
