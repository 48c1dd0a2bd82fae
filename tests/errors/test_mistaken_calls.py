"""Calls in which the data or the arguments are right but in the wrong place: the message says where they belong."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from minidl import (
    SGD,
    Add,
    BCEWithLogitsLoss,
    Callback,
    CrossEntropyLoss,
    CubicValley,
    DataError,
    Dense,
    EarlyStopping,
    Embedding,
    EmpiricalRisk,
    Flatten,
    HuberLoss,
    Layer,
    Loss,
    MAELoss,
    MSELoss,
    ProgressBar,
    Sequential,
    ShapeError,
    Trainer,
    minimize,
)
from minidl.typing import Array, Batch

X = np.random.default_rng(0).normal(size=(6, 3))
CLASSES = np.array([0, 1, 2, 3, 0, 1])
SHARES = np.linspace(0.0, 1.0, 6)[:, None]
IDS = np.array([[0, 2], [1, 1], [2, 0], [0, 0], [1, 2], [2, 2]])


def trainer(model: Layer, loss: Loss, callbacks: Any = ()) -> Trainer:
    return Trainer(model, loss, SGD(model.parameters(), 0.1), callbacks)


def words(error: BaseException) -> str:
    """A message as Python shows it, notes included."""
    return "\n".join([str(error), *getattr(error, "__notes__", [])])


SWAPPED: list[tuple[Callable[[], Layer], Loss, Batch, Array]] = [
    (lambda: Dense(3, 4), CrossEntropyLoss(), X, CLASSES),
    (lambda: Sequential(Dense(3, 2), Dense(2, 1)), BCEWithLogitsLoss(), X, SHARES),
    (lambda: Sequential(Add(), Dense(3, 1)), MSELoss(), (X, X), SHARES),
    (lambda: Sequential(Embedding(3, 2), Flatten(), Dense(4, 1)), MSELoss(), IDS, SHARES),
]


@pytest.mark.parametrize(("make", "loss", "x", "y"), SWAPPED)
def test_inputs_and_targets_that_are_swapped(make: Callable[[], Layer], loss: Loss, x: Any, y: Any) -> None:
    model = make()
    run = trainer(model, loss)
    for call in (
        lambda: run.fit(y, x),
        lambda: run.evaluate(y, x),
        lambda: EmpiricalRisk(model, loss, y, x),
    ):
        with pytest.raises((DataError, ShapeError)) as caught:
            call()
        assert words(caught.value).endswith("\nx and y look swapped: inputs come first, then targets")
    with pytest.raises((DataError, ShapeError)) as caught:
        run.fit(x, y, validation=(y, x))
    assert words(caught.value).endswith("\nvalidation x and y look swapped: inputs come first, then targets")
    run.fit(x, y, validation=(x, y))


@pytest.mark.parametrize("y", [SHARES[:, 0], SHARES[:, 0].tolist()])
def test_swapped_targets_that_lack_an_axis(y: Any) -> None:
    run = trainer(Dense(3, 1), MSELoss())
    with pytest.raises(ShapeError) as caught:
        run.fit(y, X)
    assert words(caught.value).endswith("\nx and y look swapped: inputs come first, then targets")
    with pytest.raises(ShapeError) as caught:
        run.fit(X, y)  # the other way round, only that axis is wrong
    assert "swapped" not in words(caught.value)


class Pictures(Loss):
    """Takes whatever NumPy can subtract, and raises what a user's loss may raise."""

    def forward(self, prediction: Array, target: Array) -> float:
        return float((prediction - target).sum())

    def check_target(self, target: Any, prediction: Any = None, dtype: Any = None) -> Array:
        raise KeyError(target)


@pytest.mark.parametrize(
    ("model", "loss", "x", "y"),
    [
        (Dense(3, 1), MSELoss(), X[:, :2], SHARES),  # it fits neither way
        (Dense(3, 1), MSELoss(), X, SHARES[:4]),
        (Dense(1, 1), BCEWithLogitsLoss(), SHARES, 2 * SHARES),  # it would fit, but only the values say so
        (Dense(3, 1), MSELoss(), np.where(X[4, 1] == X, np.nan, X), SHARES),
        (Dense(3, 1), Pictures(), SHARES, X),
    ],
)
def test_other_mistakes_are_not_called_swapped(model: Layer, loss: Loss, x: Array, y: Array) -> None:
    with pytest.raises((DataError, ShapeError)) as caught:
        trainer(model, loss).fit(x, y)
    assert "swapped" not in words(caught.value)


@pytest.mark.parametrize(("classes", "hint"), [(CLASSES + 1, True), (CLASSES + 2, False), (CLASSES * 4 // 3, False)])
def test_classes_that_count_from_1(classes: Array, hint: bool) -> None:
    assert classes.max() >= 4
    with pytest.raises(DataError, match=r"targets must be below 4, .* give the model more outputs;") as caught:
        trainer(Dense(3, 4), CrossEntropyLoss()).fit(X, classes)
    assert ("classes count from 0: if these are 1 to 4, pass y - 1; otherwise" in str(caught.value)) is hint


def test_the_advice_for_classes_that_count_from_1_works() -> None:
    trainer(Dense(3, 4), CrossEntropyLoss()).fit(X, (CLASSES + 1) - 1)


@pytest.mark.parametrize("loss", [MSELoss(), MAELoss(), HuberLoss(), BCEWithLogitsLoss()])
@pytest.mark.parametrize(("y", "take"), [(CLASSES, "y"), (CLASSES.astype(float), "y"), (CLASSES[:, None], "y[..., 0]")])
def test_classes_for_a_loss_that_does_not_take_them(loss: Loss, y: Array, take: str) -> None:
    with pytest.raises(ShapeError) as caught:
        trainer(Dense(3, 4), loss).fit(X, y)
    assert words(caught.value).endswith(f"\nif y holds classes, use CrossEntropyLoss(), which takes {take}")
    trainer(Dense(3, 4), CrossEntropyLoss()).fit(X, eval(take, {"y": y}))


@pytest.mark.parametrize(
    ("outputs", "y"),
    [(1, CLASSES), (4, SHARES[:, 0]), (4, -CLASSES), (4, np.zeros((6, 3))), (4, np.zeros((6, 2, 4)))],
)
def test_other_targets_of_another_shape_are_not_taken_for_classes(outputs: int, y: Array) -> None:
    with pytest.raises(ShapeError) as caught:
        trainer(Dense(3, outputs), MSELoss()).fit(X, y)
    assert "classes" not in words(caught.value)


def test_epochs_by_position() -> None:
    fit: Any = trainer(Dense(3, 1), MSELoss()).fit
    with pytest.raises(TypeError, match=r"^fit takes x, y by position and all else by name, such as epochs=10$"):
        fit(X, SHARES, 10)
    with pytest.raises(TypeError, match=r"such as epochs=10$"):
        fit(X, SHARES, 10, 32, shuffle=False)
    with pytest.raises(TypeError, match=r"^y is missing; without it, x must be batches: .*, got"):
        fit(X)
    assert len(fit(X, SHARES, epochs=10).loss) == len(fit(x=X, y=SHARES, epochs=10).loss) - 10 == 10


@pytest.mark.parametrize("callbacks", [EarlyStopping("loss"), EarlyStopping, ProgressBar(show=False), Callback(), None])
def test_callbacks_that_are_not_in_a_list(callbacks: Any) -> None:
    advice = r"^callbacks must be a list, such as callbacks=\[EarlyStopping\(\)\], got "
    with pytest.raises(TypeError, match=advice):
        trainer(Dense(3, 1), MSELoss(), callbacks)
    valley = CubicValley()
    with pytest.raises(TypeError, match=advice):
        minimize(valley, SGD(valley.parameters(), 0.1), 3, callbacks)
