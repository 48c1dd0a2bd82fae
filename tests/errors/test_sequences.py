"""Mistakes with sequences, masks and ids: the message says what to do about them."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from minidl import (
    GRU,
    LSTM,
    RNN,
    SGD,
    Add,
    Bidirectional,
    Branches,
    Conv1D,
    CrossEntropyLoss,
    DataError,
    Dense,
    Dropout,
    Embedding,
    EmpiricalRisk,
    GlobalAveragePool1D,
    Identity,
    Layer,
    Loss,
    MSELoss,
    Parallel,
    PositionEmbedding,
    Residual,
    SelfAttention,
    Sequential,
    ShapeError,
    SinusoidalPositions,
    Tied,
    Trainer,
    Vocabulary,
    generate,
)
from minidl.typing import Array

RNG = np.random.default_rng(0)
X, IDS = RNG.normal(size=(5, 7, 3)), RNG.integers(0, 9, (5, 7))
MASK = np.arange(7) < RNG.integers(1, 8, (5, 1))
Y, CLASSES = RNG.normal(size=(5, 1)), np.array([0, 1, 0, 1, 0])


def fit(model: Layer, x: Any, y: Any, loss: Loss) -> None:
    Trainer(model, loss, SGD(model.parameters(), 0.1)).fit(x, y)


def words(error: BaseException) -> str:
    """A message as Python shows it, notes included."""
    return "\n".join([str(error), *getattr(error, "__notes__", [])])


@pytest.mark.parametrize("layer", [LSTM(3, 4), GRU(3, 4), SelfAttention(3, 1), PositionEmbedding(9, 3)], ids=repr)
def test_sequences_without_one_of_their_axes(layer: Layer) -> None:
    x = X[0]
    for model in (layer, Sequential(layer)):
        with pytest.raises(ShapeError) as caught:
            model.predict(x)
        advice = "is the axis of the batch missing, as in x[None], or that of time, as in x[:, None]?"
        assert str(caught.value).endswith(f"got (3,); {advice}")
        model.predict(x[None])
        model.predict(x[:, None])
    with pytest.raises(ShapeError) as caught:
        layer.predict(X[..., 0])
    assert "missing" not in str(caught.value)


def test_sequences_of_numbers_without_the_axis_of_the_features() -> None:
    with pytest.raises(ShapeError, match=r"is the axis of the features missing, as in x\[\.\.\., None\]\?$"):
        LSTM(1, 4).predict(X[..., 0])
    LSTM(1, 4).predict(X[..., 0][..., None])


MASKS: list[tuple[Any, str]] = [
    (MASK.astype(int), "np.asarray(mask, dtype=bool)"),
    (MASK.astype(float).tolist(), "np.asarray(mask, dtype=bool)"),
    (MASK.sum(axis=1), "np.arange(x.shape[1]) < np.reshape(mask, (-1, 1))"),
    (np.where(MASK, 1 + IDS, 0), "x != 0"),
]


@pytest.mark.parametrize(("mask", "code"), MASKS, ids=["0 and 1", "list", "lengths", "ids"])
def test_a_mask_that_is_not_boolean(mask: Any, code: str) -> None:
    calls: list[Callable[[Any], object]] = [LSTM(3, 2).predict, lambda pair: fit(LSTM(3, 1), pair, Y, MSELoss())]
    for call in calls:
        with pytest.raises(DataError, match="the mask of x must be Boolean, True where there is data, got") as caught:
            call((X, mask))
        assert str(caught.value).endswith(code)
    made = eval(code, {"np": np, "mask": mask, "x": mask if code == "x != 0" else X})
    np.testing.assert_array_equal(made, MASK)


def test_text_for_a_model_that_takes_ids() -> None:
    vocabulary = Vocabulary("to be or not")
    model = Sequential(Embedding(len(vocabulary), 3), GRU(3, len(vocabulary), return_sequences=True))
    calls: list[Callable[[Any], object]] = [model.predict, lambda text: generate(model, text, 2)]
    for call in calls:
        with pytest.raises(DataError, match=r"(x|prompt) must hold ids, which are integers, got text; .*") as caught:
            call("to be")
        code = str(caught.value).partition("ids first: ")[2].partition(",")[0]
        x = eval(code, {"vocabulary": vocabulary, "x": "to be", "prompt": "to be"})
        np.testing.assert_array_equal(x, vocabulary.encode("to be"))
        call(x[None])


@pytest.mark.parametrize("x", [["to", "be"], np.array(["to", "be"]), np.array(["to", "be"], object), [["to"], ["be"]]])
def test_texts_and_words_for_a_model_that_takes_ids(x: Any) -> None:
    vocabulary, model = Vocabulary("to be"), Sequential(Embedding(5, 3), Dense(3, 2))
    with pytest.raises(DataError) as caught:
        fit(model, x, np.zeros((2, 2)), MSELoss())
    names = {"np": np, "x": x, "vocabulary": vocabulary}
    codes = re.findall(r"pass (np\.\w+\(.*?(?:\[1\]|\]\)))", str(caught.value))
    assert len(codes) == 3 - np.ndim(x)
    expected = [np.reshape([1, 0], np.shape(x)), vocabulary.encode("tobe").reshape(2, 2)]
    for code, ids in zip(codes, expected, strict=False):
        np.testing.assert_array_equal(eval(code, names), ids)
        model.predict(eval(code, names))


@pytest.mark.parametrize(
    "x", [b"to be", np.array(["to", 1], object), [1.0, None], [["to"], ["to", "be"]], [np.datetime64("2024")]]
)
def test_what_is_not_text_is_not_to_be_encoded(x: Any) -> None:
    with pytest.raises(DataError) as caught:
        Embedding(9, 3).predict(x)
    assert "got text" not in str(caught.value)


CHANGED: list[tuple[Callable[[], Layer], int]] = [
    (lambda: Sequential(Conv1D(3, 4, 3), LSTM(4, 8)), 5),
    (lambda: Sequential(Conv1D(3, 4, 3, stride=2, padding="same"), SelfAttention(4, 2)), 4),
    (lambda: Sequential(Conv1D(3, 4, 7), GlobalAveragePool1D()), 1),  # NumPy would broadcast it
    (lambda: Sequential(Conv1D(3, 4, 7), Branches(GRU(4, 2), RNN(4, 2)), Add()), 1),
]


@pytest.mark.parametrize(("make", "steps"), CHANGED)
def test_a_mask_behind_a_layer_that_changes_the_number_of_steps(make: Callable[[], Layer], steps: int) -> None:
    advice = rf"^the mask has 7 steps, but the sequence has {steps} here; .* padding=.same. and stride=1(\n|$)"
    pair: Any = (X, MASK)
    for call in (make().predict, make().forward):
        with pytest.raises(ShapeError, match=advice):
            call(pair)
    make().predict(X)


def test_the_advice_for_such_a_mask_works() -> None:
    model = Sequential(Conv1D(3, 4, 3, padding="same", stride=1), LSTM(4, 8))
    assert model.predict((X, MASK)).shape == (5, 8)


@pytest.mark.parametrize("first", [LSTM(3, 7), Bidirectional(LSTM(3, 7)), Sequential(GRU(3, 7), Dropout())])
@pytest.mark.parametrize("last", [LSTM, SelfAttention, Conv1D])
def test_forgotten_return_sequences(first: Layer, last: Any) -> None:
    features = 14 if isinstance(first, Bidirectional) else 7
    with pytest.raises(ShapeError) as caught:
        Sequential(Identity(), first, Dropout(), last(features, 7)).predict(X)
    assert "for all time steps, give layer 1 return_sequences=True" in words(caught.value)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Sequential(LSTM(3, 7, return_sequences=True), Dense(7, 7), LSTM(6, 7)),
        lambda: Sequential(Dense(3, 7), LSTM(6, 7)),
        lambda: Parallel(LSTM(3, 7), LSTM(3, 7)).output_shape(((7, 3), (3,))),  # not one after the other
    ],
)
def test_other_sequences_are_not_blamed_on_it(make: Callable[[], Any]) -> None:
    with pytest.raises(ShapeError) as caught:
        make().predict(X)
    assert "return_sequences" not in words(caught.value).replace("return_sequences=True)", "")


def one_for_each_step(outputs: int) -> Layer:
    return Sequential(Residual(Bidirectional(LSTM(3, 2, return_sequences=True), RNN(3, 1, return_sequences=True))),
                      LSTM(3, 4, return_sequences=True), Dense(4, outputs))  # fmt: skip


@pytest.mark.parametrize(
    ("outputs", "y", "loss"), [(1, Y, MSELoss()), (1, Y[:, 0], MSELoss()), (2, CLASSES, CrossEntropyLoss())]
)
def test_predictions_at_each_step_for_targets_without_time(outputs: int, y: Array, loss: Loss) -> None:
    model = one_for_each_step(outputs)
    for call in (lambda: fit(model, X, y, loss), lambda: EmpiricalRisk(model, loss, X, y)):
        with pytest.raises(ShapeError) as caught:
            call()
        assert (
            "the model predicts at each of 7 time steps; to predict once per sequence, leave out return_sequences=True "
            "in LSTM(3, 4, return_sequences=True), or put GlobalAveragePool1D() in front of the last Dense"
        ) in words(caught.value)
    attention = Sequential(SelfAttention(3, 1), Dense(3, outputs))
    with pytest.raises(ShapeError) as caught:
        fit(attention, X, y, loss)
    assert "per sequence, put GlobalAveragePool1D() in front of the last Dense" in words(caught.value)


def test_such_targets_work_with_that_layer() -> None:
    fit(Sequential(SelfAttention(3, 1), GlobalAveragePool1D(), Dense(3, 2)), X, CLASSES, CrossEntropyLoss())


@pytest.mark.parametrize("model", [Dense(3, 1), Sequential(SelfAttention(3, 1), Dense(3, 2))])
def test_other_targets_of_another_shape_are_not_blamed_on_time(model: Layer) -> None:
    with pytest.raises(ShapeError) as caught:
        fit(model, X, RNG.normal(size=(5, 7, 4)), MSELoss())
    assert "per sequence" not in words(caught.value)


ONE_STEP = "step takes one time step, (n, features) or ids (n,), without a mask, got "
STEPPING: list[Layer] = [
    LSTM(3, 2),
    SelfAttention(3, 1, causal=True),
    PositionEmbedding(9, 3),
    SinusoidalPositions(3),
    Sequential(Dense(3, 3), GRU(3, 2)),
    Sequential(Branches(LSTM(3, 2), Dense(3, 2)), Add()),
    Residual(SelfAttention(3, 1, causal=True)),
]


@pytest.mark.parametrize("layer", STEPPING, ids=repr)
@pytest.mark.parametrize("x", [X, X[0, 0], 3.0, (X[:, 0], MASK[:, 0])], ids=["time", "no batch", "number", "mask"])
def test_a_step_of_more_or_less_than_one_time_step(layer: Layer, x: Any) -> None:
    with pytest.raises((ShapeError, DataError)) as caught:
        layer.step(x)
    assert ONE_STEP in str(caught.value)
    layer.step(X[:, 0])


@pytest.mark.parametrize("x", [IDS, IDS[0, 0], 3, (IDS[:, 0], MASK[:, 0])], ids=["time", "no batch", "number", "mask"])
def test_a_step_of_ids(x: Any) -> None:
    for model in (Sequential(Embedding(9, 3), LSTM(3, 2)), Tied(Embedding(9, 3), LSTM(3, 3))):
        with pytest.raises((ShapeError, DataError)) as caught:
            model.step(x)
        assert ONE_STEP in str(caught.value)
        model.step(IDS[:, 0])


def test_ids_in_forward_and_step_that_an_embedding_does_not_have() -> None:
    layer = Embedding(9, 3)
    model = Sequential(layer, LSTM(3, 2))
    for call in (layer.forward, model.forward):
        with pytest.raises(DataError, match=r"Embedding\(9, 3\) must hold ids from 0 to 8, .* 12 at index \(1, 2\)"):
            call(np.where(np.arange(35).reshape(5, 7) == 9, 12, IDS))
        with pytest.raises(DataError, match=r"Embedding\(9, 3\) must hold ids, which are integers, got float64"):
            call(IDS.astype(float))
    for step in (layer.step, model.step):
        with pytest.raises(DataError, match=r"Embedding\(9, 3\) must hold ids from 0 to 8, .* 9 at index \(3,\)"):
            step(np.array([0, 1, 2, 9]))
        with pytest.raises(DataError, match=r"Embedding\(9, 3\) must hold ids, which are integers, got float64"):
            step(np.ones(3))
