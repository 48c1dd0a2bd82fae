"""The moving average of a run that goes on."""

import numpy as np
import pytest

from minidl import (
    MinidlWarning,
    ParameterAverage,
    RecordPath,
    StateError,
)
from tests.helpers import bits
from tests.training.going_on import Snapshots, go_on, tell
from tests.callbacks.test_parameter_average import make, trained
from tests.training.test_trainer import data, network


@pytest.mark.parametrize("step", [1, 2, 3, 7])
def test_going_on_from_a_state(step: int) -> None:
    average = ParameterAverage(0.8)
    path, snapshots = RecordPath(), Snapshots(average)
    trainer = make(network(), path, average, snapshots)
    trainer.fit(*data(), epochs=4, batch_size=4)
    (state,) = snapshots.steps[step - 1]
    other, run = ParameterAverage(0.8), _Stub()
    tell(other, run, "on_fit_begin", "on_epoch_begin")
    other.load_state(state)
    for point in path.points[step + 1 :]:
        run.model.parameters().value = point
        tell(other, run, "on_step_end")
    assert average.average is not None
    assert other.average is not None
    assert (other.steps, bits(other.average)) == (8, bits(average.average))


class _Stub:
    def __init__(self) -> None:
        self.model = network(seed=5)


def test_a_fit_goes_on_from_a_state() -> None:
    averages = []
    for breaks in (False, True):
        average = ParameterAverage(0.8)
        trainer = make(network(), average)
        trainer.fit(*data(), epochs=3)
        if breaks:
            state = average.state()
            average = ParameterAverage(0.8)
            go_on(trainer, average, state)
        trainer.fit(*data(), epochs=3)
        assert average.average is not None
        averages.append((average.steps, bits(average.average)))
    assert averages[0] == averages[1]


def test_state_round_trip() -> None:
    empty = ParameterAverage()
    assert empty.state() == {"decay": 0.999, "steps": 0, "average": None}
    model = network()
    average = trained(model)
    state = average.state()
    make(model, average).fit(*data(), epochs=1)
    assert average.average is not None
    assert not np.array_equal(state["average"], average.average)
    before = state["average"].copy()
    other = ParameterAverage(0.9)
    other.load_state(state)
    assert (type(other.steps), other.steps) == (int, 10)
    with other.applied(model):
        assert bits(model.parameters().value) == bits(before)
    make(model, other).fit(*data(), epochs=1)
    assert bits(state["average"]) == bits(before)
    with pytest.warns(MinidlWarning, match=r"the average is one with decay=0\.999, which is taken, not 0\.9"):
        other.load_state(empty.state())
    assert (other.average, other.steps, other.decay) == (None, 0, 0.999)


def test_a_state_that_does_not_fit_changes_nothing() -> None:
    average, run = ParameterAverage(0.9), _Stub()
    state = trained(network()).state()
    tell(average, run, "on_fit_begin")
    with pytest.raises(StateError, match="the average is of 3 parameters in float64, the model has 17 in float64"):
        average.load_state({"steps": 4, "average": np.zeros(3)})
    assert (average.average, average.steps) == (None, 0)
    average.load_state(state)
    assert average.steps == 10
