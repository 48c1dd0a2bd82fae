"""Advice for data that is not an array of numbers: it names what to do, and doing it works."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from minidl import (
    SGD,
    Add,
    Batches,
    DataError,
    Dense,
    EmpiricalRisk,
    LayerNorm,
    MSELoss,
    Parallel,
    Sequential,
    ShapeError,
    StateError,
    Trainer,
)
from minidl.advice import add_conversion
from minidl.data import as_data
from minidl.metrics import accuracy
from tests.errors.packages import NA, Column, Frame, Gaps, Lazy, Polar, Series, Sparse, Tensor

WORKS: list[tuple[Any, str]] = [
    (Sparse(), "x.toarray()"),
    ([Sparse(), Sparse()], "[each.toarray() for each in x]"),
    ({"a": [1.0, 2.0], "b": [3.0, 4.0]}, "np.column_stack(list(x.values()))"),
    ([np.zeros((3, 2)), np.zeros((3, 1))], "np.column_stack(x)"),
    ((np.zeros((3, 2)), np.zeros(3)), "np.column_stack(x)"),
    (map(float, "12"), "list(x)"),
    ((number for number in (1, 2)), "list(x)"),
    ({1.0, 2.0}, "list(x)"),
    ({"a": 1.0}.values(), "list(x)"),
    ([{4: 1}.keys(), {5: 1}.keys()], "[list(each) for each in x]"),
    ([{"a": 1.0}, {"a": 2.0}], "[list(each.values()) for each in x]"),
    (Lazy(), "x.collect()"),
    (Column([[1.0, 2.0], [3.0, 4.0]]), "np.stack(x)"),
    (Column([np.ones(2), np.ones(2)]), "np.stack(x)"),
    (["1", "2.5"], "np.asarray(x, dtype=float)"),
    (np.array([["1", "2"]]), "np.asarray(x, dtype=float)"),
    ([Decimal(1)], "np.asarray(x, dtype=float)"),
    (Frame(a=[1.0], b=[True]), "np.asarray(x, dtype=float)"),
    (["cat", "dog", "cat"], "np.unique(x, return_inverse=True)[1]"),
    (Gaps(a=[1.0, NA], b=[NA, 2]), "np.asarray(x.fillna(0), dtype=float)"),
    (Gaps(a=[1.0, NA], b=[None, 2]), "np.asarray(x.fillna(0), dtype=float)"),
    (Series("cat", "dog"), "np.unique(x, return_inverse=True)[1]"),
    (np.array(["2024-01-01"], "datetime64[D]"), 'np.asarray(x, "datetime64[s]").astype(float)'),
    ([date(2024, 1, 1)], 'np.asarray(x, "datetime64[s]").astype(float)'),
    (np.array([timedelta(1)], "timedelta64[D]"), 'np.asarray(x, "timedelta64[s]").astype(float)'),
    ([[1j, 2.0]], "np.stack([np.real(x), np.imag(x)], axis=-1)"),
]


@pytest.mark.parametrize(("x", "code"), WORKS, ids=[code for _, code in WORKS])
def test_the_advice_works(x: Any, code: str) -> None:
    with pytest.raises(DataError) as caught:
        as_data(x)
    assert str(caught.value).startswith("x ")
    assert str(caught.value).endswith(code)
    as_data(eval(code, {"x": x, "np": np}))


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (Tensor(), "x.detach().cpu().to_dense().double().numpy()"),
        ([Tensor()], "[each.detach().cpu().to_dense().double().numpy() for each in x]"),
        (Frame(a=[1.0], b=["red"], c=[date(2024, 1, 1)]), 'choose numeric columns with x.select_dtypes("number")'),
        (Gaps(a=[1.0, NA], b=["red", "blue"]), 'choose numeric columns with x.select_dtypes("number")'),
        (Polar("Float64", "String"), "x.select(polars.selectors.numeric()), or encode text with x.to_dummies(~polars"),
        (Polar("Float64", "Date"), "got a column of Date; choose numeric columns with x.select(polars.selectors.num"),
        (Polar("Datetime('us', None)", "Int64"), "got a column of Datetime; choose numeric columns with x.select(po"),
        (Polar("Date"), "or number times with x.with_columns(polars.selectors.temporal().to_physical())"),
        ([["a", "b"]], "encode text as numbers"),
        ([[1, 2], [3]], "all samples must have the same shape"),
        ([1.0, None], "fill, drop or encode what is not a number"),
        (np.array(["a", 1.5], object), "fill, drop or encode what is not a number"),
        ([10**400], "what is not a number"),
        (None, "got NoneType; pass an array"),
        ("data.csv", "read the file first"),
        (Dense(1, 1), "got Dense; pass an array"),
        (
            Batches(np.ones(2), np.ones(2)),
            "got Batches; batches are passed to fit, evaluate or adapt",
        ),
    ],
)
def test_what_cannot_be_used_is_explained(x: Any, words: str) -> None:
    with pytest.raises(DataError) as caught:
        as_data(x)
    assert words in str(caught.value)


class Broken:
    """An object that fails to make an array of itself."""

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("no numbers here")


SAME = "; all samples must have the same shape, so cut or pad"
FLAGS = np.ones((5, 3), bool)


@pytest.mark.parametrize(
    ("x", "end"),
    [
        (Broken(), "no numbers here; pass an array or a list of numbers"),
        ([[1, 2], [3]], SAME),
        ([np.array(1.0), np.ones(2)], SAME),
        ([np.zeros((3, 2)), np.zeros((4, 2))], SAME),
        ([np.zeros((3, 2)), np.zeros((3, 2, 2))], "join them: np.concatenate(x, axis=-1)"),
        ([np.zeros((5, 2)), FLAGS], "x and its mask are a tuple: (x[0], x[1])"),
        ([np.zeros((5, 2)), FLAGS, np.zeros((5, 1))], "are a tuple: (x[0], x[1], x[2]); for a model of one input, join "
         "them: np.column_stack(x)"),
        ([np.zeros((5, 2)), FLAGS[:, 0]], "join them: np.column_stack(x)"),
        (np.array("2024-01-01", "datetime64[D]"), 'np.asarray(x, "datetime64[s]").astype(float)'),
    ],
)  # fmt: skip
def test_the_end_of_the_advice(x: Any, end: str) -> None:
    with pytest.raises(DataError) as caught:
        as_data(x)
    assert str(caught.value).endswith(end)


def test_tables_of_numbers_of_polars_are_data() -> None:
    np.testing.assert_array_equal(as_data(Polar("Float64", "Int64")), np.ones((2, 2)))


def test_the_advice_is_for_the_variable_that_was_passed() -> None:
    trainer = Trainer(model := Dense(1, 1), MSELoss(), SGD(model.parameters(), 0.1))
    with pytest.raises(TypeError, match=r"y must be targets, or left out with batches, .* by name: metrics="):
        trainer.evaluate([([[1.0]], [[1.0]])], {"accuracy": accuracy})
    with pytest.raises(DataError, match=r"validation x must hold real numbers, got map; convert it first: list\(x\)$"):
        trainer.fit([[1.0]], [[1.0]], validation=(map(float, "1"), [[1.0]]))


@pytest.mark.parametrize("model", [Dense(1, 2), Sequential(Dense(1, 2)), LayerNorm(1)])
def test_a_missing_feature_axis(model: Any) -> None:
    with pytest.raises(ShapeError, match=r"make it x\[:, None\]") as caught:
        model(np.ones(3))
    assert not any("np.asarray" in note for note in getattr(caught.value, "__notes__", []))
    with pytest.raises(ShapeError) as caught:
        model.predict([1.0, 2.0])
    assert "x is of type list: make it an array first, x = np.asarray(x)" in caught.value.__notes__


def test_advice_that_needs_an_array_says_so() -> None:
    model, x, y = Dense(1, 1), [[1.0], [2.0]], Series(1.0, 2.0)
    trainer = Trainer(model, MSELoss(), SGD(model.parameters(), 0.1))
    for call in (
        lambda: trainer.fit(x, y),
        lambda: trainer.evaluate(x, y),
        lambda: EmpiricalRisk(model, MSELoss(), x, y),
        lambda: MSELoss()(x, y),
    ):
        with pytest.raises(ShapeError, match=r"y\[:, None\]") as caught:
            call()
        assert any("y = np.asarray(y)" in note for note in caught.value.__notes__)


def test_several_inputs_are_not_several_samples() -> None:
    parts = np.ones((3, 1)), np.ones((3, 1))
    with pytest.raises(DataError, match=r"^Dense\(2, 1\) takes one array, got a tuple of 2; .*np.column_stack\(x\)$"):
        Dense(2, 1)(parts)
    with pytest.raises(ShapeError) as caught:
        Dense(2, 1)(list(parts))
    assert any(
        note.endswith("for a model of one input, join them: np.column_stack(x)") for note in caught.value.__notes__
    )


def test_several_inputs_of_a_layer_that_takes_them_are_not_to_be_joined() -> None:
    with pytest.raises(ShapeError, match=r"Add.* takes arrays of equal shape") as caught:
        Add()((np.ones((3, 2)), np.ones((3, 1))))
    assert "join" not in "\n".join(getattr(caught.value, "__notes__", []))


def test_a_layer_in_two_places_may_be_shared() -> None:
    layer = Dense(2, 2)
    with pytest.raises(
        StateError, match=r"^Dense\(2, 2\) is in two places, '0' and '1.0', .* share it by Siamese or Tied"
    ):
        Parallel(layer, Sequential(layer))


@pytest.mark.parametrize(
    ("value", "start"),
    [
        ((np.ones(2), np.ones(2)), "y is a tuple of 2 arrays, each of which is one sample; a loss takes one array"),
        ([np.eye(2), np.eye(2)], "y is a list of 2 arrays, each of which is one sample; a loss takes one array"),
        ([1.0, 2.0], "y is of type list: make it an array first, y = np.asarray(y)"),
        ([[1.0], [2.0]], "y is of type list: make it an array first, y = np.asarray(y)"),
        ([[1.0, 2.0], [3.0, 4.0]], None),  # two samples
        ([np.eye(2)], None),
        (np.ones((2, 1)), None),
    ],
)
def test_lists_and_tuples_get_advice_for_arrays(value: Any, start: str | None) -> None:
    error = ShapeError("the reason")
    add_conversion(error, value, "y")
    notes = getattr(error, "__notes__", [])
    assert len(notes) == (start is not None)
    assert all(note.startswith(start) for note in notes)


@pytest.mark.parametrize("value", [(np.zeros((2, 2)), 3.0), [[1.0], 2.0], (np.zeros((2, 1)), np.zeros((3, 1)), 1.0)])
def test_values_that_are_no_array_get_no_advice_for_arrays(value: Any) -> None:
    error = ShapeError("the reason")
    add_conversion(error, value, "y")
    assert not hasattr(error, "__notes__")
