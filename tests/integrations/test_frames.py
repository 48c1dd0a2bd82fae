"""Tables of pandas and Polars, matrices of SciPy and tensors of PyTorch as data: the right numbers, or advice."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from minidl import (
    SGD,
    Batches,
    CrossEntropyLoss,
    DataError,
    Dense,
    Embedding,
    EmpiricalRisk,
    Layer,
    Loss,
    MinMax,
    MSELoss,
    ShapeError,
    Standardize,
    Trainer,
    metrics,
)
from minidl.typing import Array
from tests.helpers import bits
from tests.integrations.packages import real

pandas, polars, sparse, torch = map(real, ("pandas", "polars", "scipy.sparse", "torch"))
NAMES = {"np": np, "pandas": pandas, "polars": polars}

RNG = np.random.default_rng(0)
A = RNG.normal(size=(8, 3)).round(2)
Y = A @ [[1.0], [-2.0], [3.0]]
CLASSES = np.array([0, 1, 2, 0, 1, 2, 0, 1])
DAYS = np.arange("2024-01-01", "2024-01-09", dtype="datetime64[D]")
TEXT = list("uvuvuvuv")


def frame(**columns: Any) -> Any:
    """A table of pandas with the columns a, b and c, some of which are replaced."""
    return pandas.DataFrame(dict(zip("abc", A.T, strict=True))).assign(**columns)


def polar(**columns: Any) -> Any:
    """A table of Polars, likewise."""
    return polars.DataFrame(dict(zip("abc", A.T, strict=True)) | columns)


def fitted(x: Any, y: Any, loss: Loss, outputs: int) -> Array:
    """The parameters after a fit."""
    model = Dense(3, outputs, rng=0)
    trainer = Trainer(model, loss, SGD(model.parameters(), 0.1))
    trainer.fit(x, y, epochs=2, batch_size=3, rng=0, validation=(x, y))
    return model.parameters().value


def trainer_of(model: Layer) -> Trainer:
    return Trainer(model, MSELoss(), SGD(model.parameters(), 0.1))


def same(one: Any, other: Any) -> None:
    """Tables hold columns side by side, so that products may be rounded in another order."""
    np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-13)


INPUTS = {
    "pandas": frame(),
    "pandas, shuffled index": frame().set_index(pandas.Index([3, 1, 2, 0, 7, 5, 6, 4])),
    "pandas, sparse columns": frame().astype(pandas.SparseDtype("float", 0.0)),
    "pandas, transposed": frame().T.T,
    "Polars": polar(),
    "Polars, rows that are arrays": polars.Series(A.tolist(), dtype=polars.Array(polars.Float64, 3)),
    "tensor": torch.tensor(A),
    "tensor, transposed": torch.tensor(A.T.copy()).T,
    "rows that are tensors": list(torch.tensor(A)),
}


@pytest.mark.parametrize("x", INPUTS.values(), ids=INPUTS)
def test_tables_and_tensors_are_the_array_that_they_hold(x: Any) -> None:
    model = Dense(3, 1, rng=0)
    for batch_size in (None, 3):
        same(model.predict(x, batch_size=batch_size), model.predict(A, batch_size=batch_size))
    for kind in (Standardize, MinMax):
        same(kind(3).adapt(x).predict(x), kind(3).adapt(A).predict(A))
    same(fitted(x, Y, MSELoss(), 1), fitted(A, Y, MSELoss(), 1))
    trainer = trainer_of(model)
    same(trainer.evaluate(x, Y)["loss"], trainer.evaluate(A, Y)["loss"])
    same(EmpiricalRisk(model, MSELoss(), x, Y).forward(), EmpiricalRisk(model, MSELoss(), A, Y).forward())


def test_weights_of_columns_and_tensors_and_batches_of_tables() -> None:
    weights = np.arange(8)
    expected = trainer_of(Dense(3, 1, rng=0)).evaluate(A, Y, sample_weight=weights)["loss"]
    for make in (pandas.Series, polars.Series, torch.tensor):
        same(trainer_of(Dense(3, 1, rng=0)).evaluate(A, Y, sample_weight=make(weights))["loss"], expected)
    plain, tables = trainer_of(Dense(3, 1, rng=0)), trainer_of(Dense(3, 1, rng=0))
    plain.fit([(A[:5], Y[:5]), (A[5:], Y[5:])], epochs=2)
    tables.fit([(frame()[:5], pandas.DataFrame(Y[:5])), (polar()[5:], torch.tensor(Y[5:]))], epochs=2)
    same(tables.history.loss, plain.history.loss)


TARGETS: dict[str, tuple[Any, Loss, int, Array]] = {
    "pandas, one column": (pandas.DataFrame({"y": Y[:, 0]}), MSELoss(), 1, Y),
    "Polars, one column": (polars.DataFrame({"y": Y[:, 0]}), MSELoss(), 1, Y),
    "tensor": (torch.tensor(Y), MSELoss(), 1, Y),
    "pandas, classes": (pandas.Series(CLASSES, index=range(9, 1, -1)), CrossEntropyLoss(), 3, CLASSES),
    "pandas, Int64": (pandas.Series(CLASSES, dtype="Int64"), CrossEntropyLoss(), 3, CLASSES),
    "pandas, boolean": (pandas.Series(CLASSES > 0, dtype="boolean"), CrossEntropyLoss(), 3, CLASSES > 0),
    "pandas, categories of numbers": (pandas.Series(CLASSES, dtype="category"), CrossEntropyLoss(), 3, CLASSES),
    "pandas, codes of categories": (pandas.Categorical(np.array(["a", "b", "c"])[CLASSES]).codes, CrossEntropyLoss(), 3,
                                    CLASSES),
    "Polars, classes": (polars.Series(CLASSES), CrossEntropyLoss(), 3, CLASSES),
    "tensor, classes": (torch.tensor(CLASSES), CrossEntropyLoss(), 3, CLASSES),
}  # fmt: skip


@pytest.mark.parametrize(("y", "loss", "outputs", "array"), TARGETS.values(), ids=TARGETS)
def test_targets_of_tables_and_tensors(y: Any, loss: Loss, outputs: int, array: Array) -> None:
    same(fitted(frame(), y, loss, outputs), fitted(A, array, loss, outputs))


def test_columns_of_targets_need_an_axis_and_the_advice_works() -> None:
    for y in (pandas.Series(Y[:, 0]), polars.Series(Y[:, 0]), torch.tensor(Y[:, 0])):
        with pytest.raises(ShapeError, match=r"make them equal, e.g. with y\[:, None\]") as caught:
            fitted(A, y, MSELoss(), 1)
        assert any(note.endswith("make it an array first, y = np.asarray(y)") for note in caught.value.__notes__)
        same(fitted(A, np.asarray(y)[:, None], MSELoss(), 1), fitted(A, Y, MSELoss(), 1))


INTEGERS, SPARSE = A.round().astype(int), np.where(A > 0, A, 0.0)
CONVERTED: list[tuple[Any, str, Array]] = [
    (frame(a=A[:, 0] > 0), "np.asarray(x, dtype=float)", np.column_stack([A[:, 0] > 0, A[:, 1:]])),
    (frame().convert_dtypes(), "np.asarray(x, dtype=float)", A),
    (frame().astype(object), "np.asarray(x, dtype=float)", A),
    (frame().map(str), "np.asarray(x, dtype=float)", A),
    (frame().round().convert_dtypes(), "np.asarray(x, dtype=float)", INTEGERS),
    (frame().convert_dtypes().where(frame() > 0), "np.asarray(x.fillna(0), dtype=float)", SPARSE),
    (frame(a=TEXT), 'x.select_dtypes("number")', A[:, 1:]),
    (frame(a=pandas.Categorical(TEXT)), 'x.select_dtypes("number")', A[:, 1:]),
    (frame(a=DAYS), 'x.select_dtypes("number")', A[:, 1:]),
    (frame(a=DAYS)[["a"]], 'np.asarray(x, "datetime64[s]").astype(float)', 1704067200 + 86400 * np.arange(8)[:, None]),
    (pandas.Series(TEXT), "np.unique(x, return_inverse=True)[1]", np.array([0, 1] * 4)),
    (pandas.Series(TEXT, dtype="category"), "np.unique(x, return_inverse=True)[1]", np.array([0, 1] * 4)),
    (pandas.Series(A.tolist()), "np.stack(x)", A),
    (polar(a=TEXT), "x.select(polars.selectors.numeric())", A[:, 1:]),
    (polar(a=polars.Series(TEXT, dtype=polars.Categorical)), "x.select(polars.selectors.numeric())", A[:, 1:]),
    (polar(a=DAYS), "x.select(polars.selectors.numeric())", A[:, 1:]),
    (polar(a=(DAYS - DAYS[0]).astype("timedelta64[ms]")), "x.select(polars.selectors.numeric())", A[:, 1:]),
    (polar().lazy(), "x.collect()", A),
    (polar().with_columns(polars.all().cast(polars.Decimal(9, 2))), "np.asarray(x, dtype=float)", A),
    (polars.Series(TEXT), "np.unique(x, return_inverse=True)[1]", np.array([0, 1] * 4)),
    (polars.Series(A.tolist()), "np.stack(x)", A),
    (sparse.csr_matrix(SPARSE), "x.toarray()", SPARSE),
    (sparse.coo_array(SPARSE), "x.toarray()", SPARSE),
    (torch.tensor(A, requires_grad=True), "x.detach().cpu().to_dense().double().numpy()", A),
    (torch.tensor(INTEGERS).bfloat16(), "x.detach().cpu().to_dense().double().numpy()", INTEGERS),
    (torch.tensor(SPARSE).to_sparse(), "x.detach().cpu().to_dense().double().numpy()", SPARSE),
    ([torch.tensor(row, requires_grad=True) for row in A],
     "[each.detach().cpu().to_dense().double().numpy() for each in x]", A),
]  # fmt: skip


@pytest.mark.parametrize(("x", "code", "array"), CONVERTED, ids=[code for _, code, _ in CONVERTED])
def test_what_cannot_be_used_gets_advice_that_returns_the_right_numbers(x: Any, code: str, array: Array) -> None:
    model = Dense(3, 1, rng=0)
    trainer = trainer_of(model)
    calls: list[Callable[[Any], object]] = [
        model.predict,
        lambda x: model.predict(x, batch_size=3),
        lambda x: trainer.fit(x, Y),
        lambda x: trainer.fit(A, Y, validation=(x, Y)),
        lambda x: trainer.evaluate(x, Y),
        Standardize(3).adapt,
    ]
    for call in calls:
        with pytest.raises(DataError, match=r"x (must hold real numbers|is not an array of numbers)") as caught:
            call(x)
        assert code in str(caught.value)
    np.testing.assert_array_equal(np.asarray(eval(code, NAMES | {"x": x})), array)
    with pytest.raises(DataError) as caught:
        trainer.fit(A, x)
    assert code.replace("x.", "y.").replace("(x", "(y").replace("in x", "in y") in str(caught.value)


def test_text_and_times_of_polars_can_be_turned_into_numbers_as_the_message_says() -> None:
    for x, code, column in (
        (polar(a=TEXT), "x.to_dummies(~polars.selectors.numeric())", np.array([[1, 0], [0, 1]] * 4)),
        (polar(a=DAYS), "x.with_columns(polars.selectors.temporal().to_physical())", 19723 + np.arange(8)[:, None]),
    ):
        with pytest.raises(DataError) as caught:
            Dense(3, 1).predict(x)
        assert code in str(caught.value)
        np.testing.assert_array_equal(np.asarray(eval(code, NAMES | {"x": x}), float), np.hstack([column, A[:, 1:]]))


MISSING = np.where(A > 0, A, np.nan)


@pytest.mark.parametrize("x", [frame().where(frame() > 0), polars.DataFrame(MISSING).fill_nan(None)])
def test_missing_numbers_are_refused(x: Any) -> None:
    first = tuple(int(i) for i in np.argwhere(A <= 0)[0])
    for call in (Dense(3, 1).predict, Standardize(3).adapt):
        with pytest.raises(DataError) as caught:
            call(x)
        assert f"that are NaN or infinite, the first at index {first}: nan; clean the data" in str(caught.value)


@pytest.mark.parametrize("y", [pandas.Series([1, None] * 4, dtype="Int64"), polars.Series([1, None] * 4)])
def test_missing_classes_are_refused(y: Any) -> None:
    with pytest.raises(DataError, match=r"y holds 4 numbers that are NaN or infinite, the first at index \(1,\)"):
        fitted(A, y, CrossEntropyLoss(), 3)


@pytest.mark.parametrize("x", [frame(), polar(), sparse.csr_array(A), sparse.csr_matrix(A), torch.tensor(A)])
def test_they_are_not_batches(x: Any) -> None:
    with pytest.raises(TypeError, match=r"^y is missing; without it, x must be batches"):
        trainer_of(Dense(3, 1)).fit(x)


@pytest.mark.parametrize("x", [frame(), polar(), sparse.csr_array(A), torch.tensor(A, requires_grad=True), A.tolist()])
def test_batches_take_arrays_only_and_say_how_to_make_one(x: Any) -> None:
    with pytest.raises(TypeError, match=rf"^x must be an array, got {type(x).__name__}; pass .") as caught:
        Batches(x, Y)
    array = eval(str(caught.value).partition("pass ")[2], NAMES | {"x": x})
    assert bits(Batches(array, Y).x) == bits(A)


SCORES = np.array([0.2, 0.9, 0.4, 0.7])
LABELS = np.array([0, 1, 1, 0])
MEASURES: list[Callable[..., Any]] = [
    metrics.binary_accuracy, metrics.roc_auc, metrics.average_precision, metrics.log_loss, metrics.brier_score,
    metrics.r2,
]  # fmt: skip


@pytest.mark.parametrize("metric", MEASURES)
def test_metrics_of_columns_and_tensors(metric: Callable[..., Any]) -> None:
    expected = metric(SCORES, LABELS, sample_weight=[1, 2, 3, 4])
    for make in (pandas.Series, polars.Series, torch.tensor, lambda a: pandas.Series(a).convert_dtypes()):
        assert metric(make(SCORES), make(LABELS), sample_weight=make(np.arange(1, 5))) == expected
    for make in (lambda a: pandas.DataFrame({"a": a}), lambda a: polars.DataFrame({"a": a})):
        assert metric(make(SCORES), make(LABELS)) == metric(SCORES, LABELS)
    tensor = torch.tensor(SCORES, requires_grad=True)
    with pytest.raises(DataError, match=r"convert it first: prediction\.detach\(\)"):
        metric(tensor, LABELS)
    with pytest.raises(DataError, match=r"convert it first: target\.toarray\(\)"):
        metric(SCORES, sparse.csr_array(LABELS[:, None]))


def test_ids_of_tables_and_tensors() -> None:
    ids, layer = RNG.integers(0, 5, (6, 2)), Embedding(5, 3, rng=0)
    for x in (pandas.DataFrame(ids), polars.DataFrame(ids), torch.tensor(ids), torch.tensor(ids).to(torch.uint8)):
        assert bits(layer.predict(x)) == bits(layer.predict(ids))
    for x in (pandas.DataFrame(ids.astype(str)), polars.DataFrame(ids.astype(str))):
        with pytest.raises(DataError, match=r"x must hold ids, which are integers, got text"):
            layer.predict(x)
