"""Callbacks: order of events, stopping, what is overridden, history and path."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from minidl import SGD, Callback, Dense, History, MSELoss, Quadratic, RecordPath, Run, Sequential, Trainer, minimize
from minidl.run import EVENTS
from minidl.typing import Array


def data() -> tuple[Array, Array]:
    x = np.arange(6.0)[:, None] / 6
    return x, 2 * x + 1


class Log(Callback):
    """Writes down every event with the counts at that moment, and may stop at one of them."""

    def __init__(self, stop_at: str = "", count: int = 1) -> None:
        self.events: list[tuple[str, int, int]] = []
        self.stop_at, self.left = stop_at, count

    def note(self, run: Run, event: str) -> None:
        self.events.append((event, run.epoch, run.step))
        if event == self.stop_at:
            self.left -= 1
            if self.left == 0:
                run.stop(f"stopped at {event}")
                run.stop("a later reason")

    def on_fit_begin(self, run: Run) -> None:
        self.note(run, "fit_begin")

    def on_epoch_begin(self, run: Run) -> None:
        self.note(run, "epoch_begin")

    def on_step_begin(self, run: Run) -> None:
        self.note(run, "step_begin")

    def on_step_end(self, run: Run) -> None:
        self.note(run, "step_end")

    def on_epoch_end(self, run: Run) -> None:
        self.note(run, "epoch_end")

    def on_fit_end(self, run: Run) -> None:
        self.note(run, "fit_end")


def train(*callbacks: Callback, epochs: int = 2) -> History:
    model = Dense(1, 1, rng=0)
    trainer = Trainer(model, MSELoss(), SGD(model.parameters(), 0.1), callbacks)
    return trainer.fit(*data(), epochs=epochs, batch_size=3, rng=0)


ORDER = [
    ("fit_begin", 0, 0),
    ("epoch_begin", 0, 0),
    ("step_begin", 0, 0),
    ("step_end", 0, 1),
    ("step_begin", 0, 1),
    ("step_end", 0, 2),
    ("epoch_end", 1, 2),
    ("epoch_begin", 1, 2),
    ("step_begin", 1, 2),
    ("step_end", 1, 3),
    ("step_begin", 1, 3),
    ("step_end", 1, 4),
    ("epoch_end", 2, 4),
    ("fit_end", 2, 4),
]


def test_order_of_events() -> None:
    log = Log()
    train(log)
    assert log.events == ORDER


STOPS = [
    # where, at which occurrence, steps taken, epochs completed, events in all
    ("fit_begin", 1, 0, 0, ["fit_begin", "fit_end"]),
    ("epoch_begin", 1, 0, 0, ["fit_begin", "epoch_begin", "fit_end"]),
    ("epoch_begin", 2, 2, 1, [event for event, *_ in ORDER[:8]] + ["fit_end"]),
    ("step_begin", 1, 0, 0, ["fit_begin", "epoch_begin", "step_begin", "fit_end"]),
    ("step_begin", 2, 1, 0, [event for event, *_ in ORDER[:5]] + ["fit_end"]),
    ("step_end", 1, 1, 0, [event for event, *_ in ORDER[:4]] + ["fit_end"]),
    ("step_end", 3, 3, 1, [event for event, *_ in ORDER[:10]] + ["fit_end"]),
    ("epoch_end", 1, 2, 1, [event for event, *_ in ORDER[:7]] + ["fit_end"]),
    ("fit_end", 1, 4, 2, [event for event, *_ in ORDER]),
]


@pytest.mark.parametrize(("where", "count", "steps", "epochs", "events"), STOPS)
def test_a_run_stops_at_the_event(where: str, count: int, steps: int, epochs: int, events: list[str]) -> None:
    log = Log(where, count)
    history = train(log)
    assert [event for event, *_ in log.events] == events
    assert len(history.loss) == steps
    assert len(history.epochs.get("loss", [])) == epochs
    assert history.reason == f"stopped at {where}"


class Fails(Callback):
    """Raises in the middle of a run."""

    def on_step_end(self, run: Run) -> None:
        raise KeyError(run.step)


def test_fit_end_comes_also_after_an_error() -> None:
    log = Log()
    with pytest.raises(KeyError):
        train(log, Fails())
    assert [event for event, *_ in log.events] == ["fit_begin", "epoch_begin", "step_begin", "step_end", "fit_end"]


def test_callbacks_are_called_in_order_after_the_history() -> None:
    seen: list[tuple[str, int]] = []

    class Note(Callback):
        def __init__(self, name: str) -> None:
            self.name = name

        def on_step_end(self, run: Run) -> None:
            seen.append((self.name, len(run.callbacks[0].loss)))  # type: ignore[attr-defined]  # the History

    train(Note("a"), Note("b"), epochs=1)
    assert seen == [("a", 1), ("b", 1), ("a", 2), ("b", 2)]


def test_a_misspelt_event_fails_when_the_class_is_defined() -> None:
    with pytest.raises(TypeError, match=r"Typo defines on_stepend; the events are on_fit_begin, .*on_fit_end"):

        class Typo(Callback):
            def on_stepend(self, run: Run) -> None:
                """Never called."""


def test_what_is_not_overridden_costs_nothing() -> None:
    class Idle(Callback):
        pass

    class One(Callback):
        def on_step_end(self, run: Run) -> None:
            """The only one."""

    class Grandchild(One):
        def on_epoch_end(self, run: Run) -> None:
            """One more."""

    assert Idle.overridden == Callback.overridden == frozenset()
    assert One.overridden == {"on_step_end"}
    assert Grandchild.overridden == {"on_step_end", "on_epoch_end"}
    model = Dense(1, 1)
    run = Run(model, SGD(model.parameters(), 0.1), [Idle(), Grandchild()], [])
    assert [len(run._listeners(event)) for event in EVENTS] == [0, 0, 0, 1, 1, 0]


def test_a_callback_may_have_other_parents_too() -> None:
    known: list[str] = []

    class Registered:
        """Keeps the names of its descendants."""

        def __init_subclass__(cls) -> None:
            known.append(cls.__name__)

    class Both(Callback, Registered):
        """A descendant of both."""

    assert known == ["Both"]


class Measures(Callback):
    """Adds a value of its own to what an epoch measured."""

    def on_epoch_end(self, run: Run) -> None:
        run.metrics["parameters"] = float(run.model.parameters().size)


def test_history_keeps_losses_epochs_and_reason() -> None:
    history = train(Measures())
    assert len(history.loss) == 4
    assert all(type(loss) is float for loss in history.loss)
    assert list(history.epochs) == ["loss"]
    np.testing.assert_allclose(history.epochs["loss"], [np.mean(history.loss[:2]), np.mean(history.loss[2:])])
    assert history.reason is None
    assert repr(history) == f"History(4 steps, last loss {history.loss[-1]:.6g})"
    assert repr(History()) == "History(0 steps)"
    assert History().reason is None


def test_a_measure_that_comes_late_or_pauses_has_its_place_all_the_same() -> None:
    model = Dense(1, 1, rng=0)
    trainer = Trainer(model, MSELoss(), SGD(model.parameters(), 0.1))
    for epochs, validation in ((2, None), (3, data()), (1, None), (1, data()), (2, None)):
        trainer.fit(*data(), epochs=epochs, validation=validation)
    measured = trainer.history.epochs
    assert np.isnan(measured["validation_loss"]).tolist() == [True, True, False, False, False, True, False]
    assert len(measured["loss"]) == 9
    assert not np.isnan(measured["loss"]).any()
    # On all the data and without shuffling, the loss of a step is that after the epoch before.
    assert measured["validation_loss"][2:5] == measured["loss"][3:6]


def test_history_state_round_trip() -> None:
    history = train()
    other = History()
    other.load_state(history.state())
    assert (other.loss, other.epochs) == (history.loss, history.epochs)
    assert all(type(loss) is float for loss in other.loss)


def test_callbacks_have_an_empty_state_by_default() -> None:
    assert Callback().state() == {}
    Callback().load_state({})


def test_path_holds_every_point_as_a_copy() -> None:
    bowl, path = Quadratic([[1.0]], start=[8.0]), RecordPath()
    minimize(bowl, SGD(bowl.parameters(), 0.5), 3, [path])
    assert [point.tolist() for point in path.points] == [[8.0], [4.0], [2.0], [1.0]]


def test_path_of_a_fit() -> None:
    model, path = Sequential(Dense(1, 1, rng=0)), RecordPath()
    assert (path.points, path.begin) == ([], 0)
    start = model.parameters().value.copy()
    Trainer(model, MSELoss(), SGD(model.parameters(), 0.1), [path]).fit(*data(), epochs=3)
    assert len(path.points) == 4
    np.testing.assert_array_equal(path.points[0], start)
    np.testing.assert_array_equal(path.points[-1], model.parameters().value)


def test_path_goes_on_in_a_second_fit() -> None:
    model, path = Dense(1, 1, rng=0), RecordPath()
    trainer = Trainer(model, MSELoss(), SGD(model.parameters(), 0.1), [path])
    trainer.fit(*data(), epochs=2)
    trainer.fit(*data(), epochs=3)
    assert len(path.points) == 6
    assert all(not np.array_equal(a, b) for a, b in pairwise(path.points))


def test_events_are_the_public_methods() -> None:
    described: dict[str, Any] = {name: getattr(Callback, name).__doc__ for name in dir(Callback) if name[:3] == "on_"}
    assert set(described) == set(EVENTS)
    assert all(described.values())
