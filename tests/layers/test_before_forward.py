"""What layers cache: backward needs it, a failed forward drops it, and copies and pickles leave it out."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from minidl import (
    Add,
    Branches,
    Concatenate,
    DataError,
    Dense,
    Embedding,
    Layer,
    Multiply,
    Parallel,
    Residual,
    Sequential,
    ShapeError,
    Siamese,
    StateError,
    Tied,
)
from minidl.batch import mapped
from tests.tables import LAYERS as ROWS
from tests.tables import LayerCase
from tests.user_defined import MaskedMean

RNG = np.random.default_rng(0)
A, B = RNG.normal(size=(50, 3)), RNG.normal(size=(50, 3))
SEQUENCES, MASK = RNG.normal(size=(50, 4, 3)), RNG.random((50, 4)) < 0.8
MASK[:, 0] = True

LAYERS: list[tuple[Callable[[], Layer], Any]] = [
    (lambda: Parallel(Dense(3, 2), Dense(3, 1)), (A, B)),
    (lambda: Branches(Dense(3, 2), Dense(3, 1)), A),
    (lambda: Branches(MaskedMean(), Dense(3, 1)), (SEQUENCES, MASK)),
    (lambda: Concatenate(), (A, B)),
    (lambda: Add(), (A, B)),
    (lambda: Multiply(), (A, B)),
    (lambda: Siamese(Dense(3, 2)), (A, B)),
    (lambda: Tied(Dense(3, 2)), A),
    (lambda: Embedding(5, 2), RNG.integers(0, 5, (50, 4))),
    (lambda: Sequential(Dense(3, 2)), A),
    (lambda: Sequential(Dense(3, 2), MaskedMean()), (SEQUENCES, MASK)),
    (lambda: Residual(Dense(3, 3)), A),
]


@pytest.mark.parametrize(("make", "x"), LAYERS)
def test_backward_needs_a_forward(make: Callable[[], Layer], x: Any) -> None:
    layer = make()
    grad = mapped(np.ones_like, layer.predict(x))
    twin = make()
    for backward in (twin.backward, twin.backward_parameters):
        with pytest.raises(StateError, match="backward before forward"):
            backward(grad)


PACKAGED = [case for case in ROWS if "user's" not in case.name]  # those of users need not declare what they cache


def pickled(layer: Layer) -> Any:
    return pickle.loads(pickle.dumps(layer))


@pytest.mark.parametrize("twin", [copy.deepcopy, pickled])
@pytest.mark.parametrize(("make", "x"), LAYERS)
def test_a_copy_leaves_out_what_was_cached(make: Callable[[], Layer], x: Any, twin: Callable[[Layer], Layer]) -> None:
    layer = make()
    layer.initialize(0)
    before = len(pickle.dumps(layer))
    grad = mapped(np.ones_like, layer(x))
    assert len(pickle.dumps(layer)) == before
    with pytest.raises(StateError, match="backward before forward"):
        twin(layer).backward(grad)
    layer.backward(grad)


@pytest.mark.parametrize("twin", [copy.deepcopy, pickled])
@pytest.mark.parametrize("case", PACKAGED, ids=[case.name for case in PACKAGED])
def test_a_copy_holds_nothing_that_forward_has_set(case: LayerCase, twin: Callable[[Layer], Layer]) -> None:
    """Otherwise a saved model carries its user's data."""
    used, fresh = case.make(2), case.make(2)
    used.forward(case.draw(np.random.default_rng(0), 3, 2))
    names = [[(path, *sorted(vars(part))) for path, part in layer.modules()] for layer in (twin(used), fresh)]
    assert names[0] == names[1]


FAILS: list[tuple[Layer, Any, Any]] = [
    (Parallel(Dense(3, 2), Dense(3, 1)), (A, B), (A, B[:, :2])),
    (Parallel(Dense(3, 2), Dense(3, 1)), (A, B), (A, B, B)),
    (Branches(Dense(3, 2), Dense(3, 1)), A, A[:, :2]),
    (Siamese(Dense(3, 2)), (A, B), (A[:, :2], B[:, :2])),
    (Sequential(Dense(3, 2)), A, A[:, :2]),
    (Tied(Dense(3, 2)), A, A[:, :2]),
    (Residual(Dense(3, 3)), A, A[:, :2]),
]


@pytest.mark.parametrize(("layer", "x", "wrong"), FAILS)
def test_after_a_failed_forward_there_is_nothing_to_go_back_to(layer: Layer, x: Any, wrong: Any) -> None:
    grad = mapped(np.ones_like, layer.forward(x))
    layer.backward(grad)
    with pytest.raises((ShapeError, DataError, ValueError)):
        layer.forward(wrong)
    for backward in (layer.backward, layer.backward_parameters):
        with pytest.raises(StateError, match="backward before forward"):
            backward(grad)


def test_a_gradient_is_a_tuple_if_and_only_if_y_is() -> None:
    model = Branches(Dense(3, 1), Dense(3, 1))
    model.forward(A)
    single = Sequential(Dense(3, 1))
    rows = tuple(np.ones_like(single.forward(A)))  # as many entries as y has rows
    for layer, grad, words in (
        (model, [np.ones((50, 1))] * 2, "a tuple of 2 arrays, as y is, got type list"),
        (model, np.ones((2, 50, 1)), r"a tuple of 2 arrays, as y is, got shape \(2, 50, 1\)"),
        (single, rows, r"an array of y's shape \(50, 1\), got type tuple"),
        (single, list(rows), r"an array of y's shape \(50, 1\), got type list"),
    ):
        for backward in (layer.backward, layer.backward_parameters):
            with pytest.raises(ShapeError, match=f"^dL/dy must be {words}$"):
                backward(grad)


def test_forward_itself_refuses_what_is_not_a_tuple_of_inputs() -> None:
    for layer in (Parallel(Dense(3, 1), Dense(3, 1)), Siamese(Dense(3, 1)), Concatenate(), Add(), Multiply()):
        for x in (A, [A, B], ()):
            with pytest.raises(DataError, match="takes several inputs, a tuple of arrays, got "):
                layer.forward(x)
    with pytest.raises(DataError, match="takes 2 inputs, one for each layer, got 1"):
        Parallel(Dense(3, 1), Dense(3, 1)).forward((A,))


def test_a_note_names_the_input_of_a_tower_but_no_layer_before_it() -> None:
    with pytest.raises(ShapeError) as caught:
        Parallel(Dense(3, 1), Dense(2, 1)).forward((A, B))
    assert caught.value.__notes__ == ["layer 1, Dense(2, 1), forward of a batch (50, 3), float64"]
