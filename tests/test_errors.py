"""Every error that a user can meet: its type, the words that help, and that the failed call changed nothing."""

import pytest

import minidl
from minidl import (
    ContractError,
    DataError,
    DivergenceError,
    GradientError,
    HyperparameterError,
    MinidlError,
    ShapeError,
    StateError,
)
from tests.errors import data, models, optimizers, training
from tests.errors.world import ErrorCase, World
from tests.helpers import unchanged

CASES = [*data.CASES, *models.CASES, *optimizers.CASES, *training.CASES]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_errors_help_and_change_nothing(case: ErrorCase) -> None:
    world = World()
    losses = list(world.trainer.history.loss)
    watched = (world.net, world.optimizer, world.valley, world.descent)
    with unchanged(*watched), pytest.raises(case.error) as caught:
        case.provoke(world)
    assert type(caught.value) is case.error
    text = "\n".join([str(caught.value), *getattr(caught.value, "__notes__", [])])
    for words in case.words:
        assert words in text
    assert world.trainer.history.loss == losses
    world.trainer.fit(world.x, world.y)


NOT_RAISED_YET = {"CheckpointError"}


def test_every_public_error_is_in_the_table_and_is_what_a_caller_expects() -> None:
    public = {name for name in minidl.__all__ if name.endswith("Error")} - {"MinidlError"}
    assert {case.error.__name__ for case in CASES} == public - NOT_RAISED_YET
    builtin = {
        ShapeError: ValueError,
        DataError: ValueError,
        HyperparameterError: ValueError,
        StateError: RuntimeError,
        DivergenceError: ArithmeticError,
        GradientError: AssertionError,
        ContractError: AssertionError,
    }
    for error, parent in builtin.items():
        assert issubclass(error, MinidlError)
        assert issubclass(error, parent)
