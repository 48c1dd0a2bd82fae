"""A run in turns takes the same steps as a run in one piece."""

from typing import Any

import numpy as np
import pytest

from minidl import Adam, BCEWithLogitsLoss, CubicValley, Dense, Dropout, Momentum, ReLU, Sequential, Trainer, make_moons
from minidl.playground.turns import Turns, TurnTrainer
from minidl.run import Callback, Run
from minidl.training.fate import FateWatch
from minidl.training.minimize import Descending, minimize

X, Y = make_moons(50, noise=0.2, rng=0)


def trainer(kind: type[Trainer], callbacks: Any = ()) -> Any:
    model = Sequential(Dense(2, 5), ReLU(), Dropout(0.2, rng=3), Dense(5, 1), rng=1)
    return kind(model, BCEWithLogitsLoss(), Adam(model.parameters(), lr=0.01), callbacks)


def options(epochs: int = 4) -> dict[str, Any]:
    return {"epochs": epochs, "batch_size": 8, "validation": 0.3, "training_loss": True, "rng": 7}


@pytest.mark.parametrize("steps", [1, 2, 3, 5, 7, 100])
def test_turns_train_bit_for_bit_as_one_fit(steps: int) -> None:
    whole, turns = trainer(Trainer), trainer(TurnTrainer)
    whole.fit(X, Y, **options())
    turns.fit(X, Y, **options())
    taken = []
    while not turns.run.ended:
        taken.append(turns.run.turn(steps))
    assert sum(taken) == len(whole.history.loss) == turns.run.step
    assert set(taken[:-1]) <= {steps}
    assert turns.history.loss == whole.history.loss
    assert turns.history.epochs == whole.history.epochs
    assert np.array_equal(turns.model.parameters().value, whole.model.parameters().value)
    assert turns.run.turn(steps) == 0


class Diary(Callback):
    """Writes down every event."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def on_fit_begin(self, run: Run) -> None:
        self.events.append("fit begins")

    def on_epoch_begin(self, run: Run) -> None:
        self.events.append("epoch begins")

    def on_step_end(self, run: Run) -> None:
        self.events.append("step")

    def on_epoch_end(self, run: Run) -> None:
        self.events.append(f"epoch {run.epoch} with {sorted(run.metrics)}")

    def on_fit_end(self, run: Run) -> None:
        self.events.append("fit ends")


def test_callbacks_are_told_the_same_events() -> None:
    diaries = Diary(), Diary()
    trainer(Trainer, [diaries[0]]).fit(X, Y, **options())
    turns = trainer(TurnTrainer, [diaries[1]])
    turns.fit(X, Y, **options())
    while not turns.run.ended:
        turns.run.turn(2)
    assert diaries[1].events == diaries[0].events


def test_an_epoch_whose_last_step_is_taken_ends_in_the_same_turn() -> None:
    turns = trainer(TurnTrainer)
    turns.fit(X, Y, **options())
    turns.run.turn(len(turns.run.batches) - 1)
    assert turns.run.epoch == 0
    turns.run.turn(1)
    assert turns.run.epoch == len(turns.history.epochs["validation_loss"]) == 1


def test_the_run_has_ended_with_its_last_step() -> None:
    turns = trainer(TurnTrainer)
    turns.fit(X, Y, **options(epochs=2))
    assert turns.run.seconds == 0.0
    assert not turns.run.ended
    assert turns.run.turn(2 * len(turns.run.batches)) == 2 * len(turns.run.batches)
    assert turns.run.ended


def test_a_turn_takes_one_step_at_least_and_then_looks_at_the_clock() -> None:
    turns = trainer(TurnTrainer)
    turns.fit(X, Y, **options(epochs=10_000))
    assert turns.run.turn(10**6, seconds=0.0) == 1
    assert 1 < turns.run.turn(10**6, seconds=0.05) < 10_000
    assert 0.05 <= turns.run.seconds < 5.0


def test_a_callback_that_stops_the_run_ends_it() -> None:
    class Stop(Callback):
        def on_step_end(self, run: Run) -> None:
            if run.step == 3:
                run.stop("enough")

    turns = trainer(TurnTrainer, [Stop()])
    turns.fit(X, Y, **options())
    assert turns.run.turn(10) == 3
    assert turns.run.ended
    assert turns.run.reason == "enough"


@pytest.mark.parametrize("before", [0, 1])
def test_an_error_in_a_turn_ends_the_run(before: int) -> None:
    class Fail(Callback):
        def on_step_end(self, run: Run) -> None:
            if run.step == 2:
                raise RuntimeError("no")

    diary = Diary()
    turns = trainer(TurnTrainer, [diary, Fail()])
    turns.fit(X, Y, **options())
    assert turns.run.turn(before) == before
    with pytest.raises(RuntimeError, match="no"):
        turns.run.turn(5)
    assert turns.run.ended
    assert turns.run.turn(5) == 0
    assert diary.events == ["fit begins", "epoch begins", "step", "step", "fit ends"]


@pytest.mark.parametrize(
    ("start", "lr", "momentum"),
    [((1, 1), 5e-3, 0.0), ((1, 1), 1e-6, 0.5), ((-1, 1), 1e-4, 0.99), ((1, 1), 1e-2, 0.0), ((-1, 1), 1e-4, 0.0)],
)
def test_a_descent_in_turns_is_that_of_minimize(start: tuple[float, float], lr: float, momentum: float) -> None:
    def make() -> tuple[CubicValley, Momentum]:
        valley = CubicValley(*start)
        return valley, Momentum(valley.parameters(), lr, momentum)

    expected = minimize(*make(), steps=2500)
    descending = Descending(*make(), 2500, [], FateWatch(), kind=Turns)
    run = descending.run
    assert isinstance(run, Turns)
    while not run.ended:
        run.turn(37)
    found = descending.result()
    assert found.path is not None
    assert expected.path is not None
    assert np.array_equal(found.path, expected.path)
    assert found[3:] == expected[3:]
    assert found.loss == expected.loss
