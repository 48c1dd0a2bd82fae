"""Data without the batch axis, and targets of another shape: every note of a message is of use."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from minidl import (
    GRU,
    LSTM,
    RNN,
    SGD,
    AveragePool2D,
    BatchNorm,
    Conv1D,
    Conv2D,
    CrossEntropyLoss,
    Dense,
    EmpiricalRisk,
    GroupNorm,
    Layer,
    LayerNorm,
    Loss,
    MinMax,
    MSELoss,
    PReLU,
    RMSNorm,
    SelfAttention,
    Sequential,
    ShapeError,
    Standardize,
    Tanh,
    Trainer,
    TransformerBlock,
)
from minidl.typing import Array
from tests.errors.packages import Series
from tests.tables.losses import LOSSES, LossCase
from tests.tables.losses import classes as draw_classes

RNG = np.random.default_rng(0)


def notes(error: BaseException) -> str:
    return "\n".join(getattr(error, "__notes__", []))


ONE_SAMPLE: list[tuple[Callable[[], Layer], tuple[int, ...]]] = [
    (lambda: Dense(2, 3), (2,)),
    (lambda: Dense(1, 3), (1,)),
    (lambda: Sequential(Dense(2, 3), Tanh(), Dense(3, 1)), (2,)),
    (lambda: Sequential(Sequential(Tanh(), Dense(2, 3))), (2,)),
    (lambda: BatchNorm(2), (2,)),
    (lambda: LayerNorm(2), (2,)),
    (lambda: RMSNorm(2), (2,)),
    (lambda: GroupNorm(2, 4), (4,)),
    (lambda: PReLU(2), (2,)),
    (lambda: Standardize(2), (2,)),
    (lambda: MinMax(2), (2,)),
    *((lambda kind=kind: kind(2, 3), (4, 2)) for kind in (RNN, LSTM, GRU, Conv1D)),
    (lambda: SelfAttention(2, 1), (4, 2)),
    (lambda: TransformerBlock(2, 1), (4, 2)),
    (lambda: Conv2D(1, 2, 3), (5, 5, 1)),
    (lambda: AveragePool2D(2), (4, 4, 2)),
]


@pytest.mark.parametrize(("make", "shape"), ONE_SAMPLE)
def test_one_sample_in_a_list_is_refused_as_the_array_is(make: Callable[[], Layer], shape: tuple[int, ...]) -> None:
    model, x = make(), RNG.normal(size=shape)
    calls: list[Callable[[Any], Any]] = [
        model,
        model.predict,
        lambda x: Trainer(model, MSELoss(), SGD(model.parameters() or [], 0.1)).fit(x, x),
    ]
    for call in calls[: 3 if model.parameters() else 2]:
        with pytest.raises(ShapeError) as of_array:
            call(x)
        for x_as in (x.tolist(), list(x)):
            with pytest.raises(ShapeError) as caught:
                call(x_as)
            assert str(caught.value) == str(of_array.value)
            assert notes(caught.value).splitlines() == notes(of_array.value).splitlines()


@pytest.mark.parametrize("x", [[[1.0], [2.0]], [[1.0]], [3.0], [1.0, 2.0, 3.0]])
def test_a_list_of_samples_that_are_too_short_is_refused_as_the_array_is(x: Any) -> None:
    model = Sequential(Dense(2, 3), Tanh())
    with pytest.raises(ShapeError) as caught:
        model.predict(x)
    assert notes(caught.value).startswith("layer 0, ")
    assert len(notes(caught.value).splitlines()) == 1


def test_a_column_of_a_table_still_has_to_be_an_array_to_be_indexed() -> None:
    for model, x in ((Dense(2, 1), Series(1.0, 2.0)), (Dense(1, 1), Series(1.0, 2.0)), (Dense(1, 1), [1.0, 2.0])):
        with pytest.raises(ShapeError, match=r"x\[(None, :|:, None)\]") as caught:
            model.predict(x)
        assert notes(caught.value).endswith("make it an array first, x = np.asarray(x)")


class OfClasses(Loss):
    def forward(self, prediction: Array, target: Array) -> float:
        return float(prediction[np.arange(len(target)), target.astype(int)].mean())


OF_MINIDL = [case for case in LOSSES if type(case.make()).__module__.startswith("minidl.")]
AUTHORS = "a loss that takes targets of another shape overrides check_target"


@pytest.mark.parametrize("case", OF_MINIDL, ids=lambda case: case.name)
@pytest.mark.parametrize("target", [(), (1,), (2,), (4,), (3, 1), (2, 3)], ids=str)
def test_a_loss_of_minidl_has_no_advice_for_authors(case: LossCase, target: tuple[int, ...]) -> None:
    loss, model, x = case.make(), Dense(2, 3), RNG.normal(size=(6, 2))
    for y in (RNG.uniform(0.1, 0.9, (6, *target)), np.ones((6, *target)), np.zeros((6, *target), int)):
        for call in (
            lambda y=y: Trainer(model, loss, SGD(model.parameters(), 0.1)).fit(x, y),
            lambda y=y: EmpiricalRisk(model, loss, x, y),
            lambda y=y: loss(model.predict(x), y),
        ):
            try:
                call()
            except ValueError as error:
                assert AUTHORS not in notes(error)  # noqa: PT017  (some losses take some of these targets)


def test_a_loss_that_takes_other_targets_is_told_what_to_override() -> None:
    model, x = Dense(2, 3), RNG.normal(size=(6, 2))
    with pytest.raises(ShapeError) as caught:
        EmpiricalRisk(model, OfClasses(), x, np.ones(6))
    assert notes(caught.value).splitlines()[0] == AUTHORS


@pytest.mark.parametrize("as_list", [False, True])
def test_classes_for_a_loss_of_numbers_have_one_note(as_list: bool) -> None:
    model, (_, y) = Dense(2, 3), draw_classes(RNG, (6, 3))
    x = RNG.normal(size=(6, 2))
    trainer = Trainer(model, MSELoss(), SGD(model.parameters(), 0.1))
    with pytest.raises(
        ShapeError, match=r"predictions have shape \(n, 3\), targets \(n,\); they must be equal"
    ) as caught:
        trainer.fit(x, y.tolist() if as_list else y)
    assert notes(caught.value) == "if y holds classes, use CrossEntropyLoss(), which takes y"
    trainer = Trainer(model, CrossEntropyLoss(), SGD(model.parameters(), 0.1))
    trainer.fit(x, y.tolist() if as_list else y)
