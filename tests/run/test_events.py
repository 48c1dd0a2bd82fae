"""The events of a run: their order, who is notified of them, and how a run stops or fails in one of them."""

from functools import partial
from typing import Any

import pytest

from minidl import SGD, Callback, DivergenceError, History, Layer, Quadratic, Run, Sequential, minimize
from minidl.events import EVENTS
from tests.callbacks.recording import At, Hooks
from tests.helpers import python_calls
from tests.training.factories import data, make_trainer, network
from tests.training.failing import Elementwise, Fragile, Raises, X, Y

ORDER = [
    ("on_fit_begin", 0, 0),
    ("on_epoch_begin", 0, 0),
    ("on_step_begin", 0, 0),
    ("on_step_end", 0, 1),
    ("on_step_begin", 0, 1),
    ("on_step_end", 0, 2),
    ("on_epoch_end", 1, 2),
    ("on_epoch_begin", 1, 2),
    ("on_step_begin", 1, 2),
    ("on_step_end", 1, 3),
    ("on_step_begin", 1, 3),
    ("on_step_end", 1, 4),
    ("on_epoch_end", 2, 4),
    ("on_fit_end", 2, 4),
]


def train(*callbacks: Callback, layer: Layer | None = None) -> History:
    """Two epochs of two steps."""
    model = Sequential(layer or Elementwise(), *network())
    return make_trainer(model, *callbacks, lr=1e-15).fit(X[:6], Y[:6], epochs=2, batch_size=3, shuffle=False)


def test_events_come_in_order_with_epoch_and_step() -> None:
    at = At()
    train(at)
    assert at.events == ORDER


@pytest.mark.parametrize(
    ("event", "nth", "last"),
    [(event, 1, ORDER.index((event, epoch, step))) for event, epoch, step in [*ORDER[:4], ORDER[6], ORDER[-1]]]
    + [("on_epoch_begin", 2, 7), ("on_step_begin", 2, 4), ("on_step_end", 3, 9)],
)
def test_a_run_stops_at_the_event(event: str, nth: int, last: int) -> None:
    def stop() -> None:
        at.run.stop(f"stopped at {event}")
        at.run.stop("a later reason")

    at = At(event, nth, stop)
    history = train(at)
    _, epochs, steps = ORDER[last]
    assert at.events == [*ORDER[: last + 1], ("on_fit_end", epochs, steps)][: len(ORDER)]
    assert (len(history.epochs.get("loss", [])), len(history.loss)) == (epochs, steps)
    assert history.reason == f"stopped at {event}"


def test_those_who_are_notified_after_a_stop_still_have_the_event() -> None:
    after = At()
    train(Hooks(on_step_end=lambda run: run.stop("enough")), after)
    assert after.counts["on_step_end"] == 1


def test_callbacks_are_called_in_order_after_the_history() -> None:
    seen: list[tuple[str, int]] = []

    def note(name: str) -> Callback:
        return Hooks(on_step_end=lambda run: seen.append((name, len(run.callbacks[0].loss))))  # type: ignore[attr-defined]

    train(note("a"), note("b"))
    assert seen == [(name, step) for step in (1, 2, 3, 4) for name in "ab"]


def test_a_misspelt_event_fails_when_the_class_is_defined() -> None:
    with pytest.raises(TypeError, match=r"Typo defines on_stepend; the events are on_fit_begin, .*on_fit_end"):

        class Typo(Callback):
            def on_stepend(self, run: Run) -> None:
                """Never called."""


def test_a_misspelt_event_of_an_instance_fails_before_the_first_step() -> None:
    for name, value in (("on_stepend", print), ("on_step_end", None), ("on_step_end", 3)):
        callback = Callback()
        vars(callback)[name] = value
        with pytest.raises(TypeError, match=rf"Callback.* defines {name}; the events are .*; each must be a function$"):
            train(callback)
    later, harmless = Callback(), Callback()
    harmless.on_gpu = True  # type: ignore[attr-defined]
    trainer = make_trainer(network(), later, harmless)
    trainer.fit(*data())
    later.on_stepend = print  # type: ignore[attr-defined]
    with pytest.raises(TypeError, match="defines on_stepend"):
        trainer.fit(*data())
    assert len(trainer.history.loss) == 1


def test_a_misspelt_event_that_a_class_is_given_later_fails_too() -> None:
    class Later(Callback):
        """Is given an event below."""

    Later.on_train_end = print  # type: ignore[attr-defined]
    with pytest.raises(TypeError, match="defines on_train_end"):
        train(Later())


@pytest.mark.parametrize("event", EVENTS)
def test_a_function_set_on_an_instance_is_called(event: str) -> None:
    callback, seen = Callback(), list[Run]()
    setattr(callback, event, seen.append)
    at = At()
    train(callback, at)
    assert seen == [at.run] * at.counts[event]


def test_an_event_is_inherited_from_any_class() -> None:
    seen: list[str] = []

    class Parent(Callback):
        def on_step_end(self, run: Run) -> None:
            seen.append("step")

    class Child(Parent):
        def on_epoch_end(self, run: Run) -> None:
            seen.append("epoch")

    train(Child())
    assert seen == ["step", "step", "epoch"] * 2


def test_a_callback_that_overrides_nothing_costs_nothing_per_step() -> None:
    def calls(callbacks: list[Callback], steps: int) -> int:
        fit = make_trainer(network(), *callbacks).fit
        return python_calls(lambda: fit(*data(), epochs=1, batch_size=7 // steps, shuffle=False))

    def per_step(*callbacks: Callback) -> float:
        return (calls([*callbacks], 7) - calls([*callbacks], 1)) / 6

    idle = [Callback() for _ in range(50)]
    assert per_step(*idle) < per_step() + 1
    assert per_step(At()) >= per_step() + 2


def test_a_callback_may_have_other_parents_too() -> None:
    known: list[str] = []

    class Registered:
        """Records the names of its descendants."""

        def __init_subclass__(cls) -> None:
            known.append(cls.__name__)

    class Both(Callback, Registered):
        """A descendant of both."""

    assert known == ["Both"]


def test_callbacks_have_an_empty_state_by_default() -> None:
    assert Callback().state() == {}
    Callback().load_state({})


def test_events_are_the_public_methods() -> None:
    described: dict[str, Any] = {name: getattr(Callback, name).__doc__ for name in dir(Callback) if name[:3] == "on_"}
    assert set(described) == set(EVENTS)
    assert all(described.values())


Told = list[tuple[str, str]]


def tells(name: str, told: Told, *fails: str, last: bool = False) -> Callback:
    """A callback that records its name with each event, and raises in some of them."""

    def note(event: str, _: Run) -> None:
        told.append((name, event))
        if event in fails:
            raise KeyError(f"{name} in {event}")

    return Hooks(last=last, **{event: partial(note, event) for event in EVENTS})


def notified(event: str, told: Told) -> str:
    """Who was notified of an event, in order."""
    return "".join(name for name, what in told if what == event)


@pytest.mark.parametrize("event", EVENTS)
def test_whoever_was_notified_of_the_beginning_is_notified_of_the_end(event: str) -> None:
    told: Told = []
    with pytest.raises(KeyError, match=f"b in {event}"):
        train(tells("a", told), tells("b", told, event), tells("c", told))
    # c is not notified of a beginning that b has prevented.
    assert notified("on_fit_end", told) == notified("on_fit_begin", told) == "abc"[: 2 + (event != "on_fit_begin")]
    if event != "on_fit_end":
        assert told.index(("b", event)) == told.index(("a", "on_fit_end")) - 1


@pytest.mark.parametrize(("failing", "first"), [("abc", "a in on_fit_end"), ("ac", "z in on_step_end")])
def test_the_first_error_is_raised_after_all_were_notified_and_names_the_others(failing: str, first: str) -> None:
    told: Told = []
    ends = [tells(name, told, *(["on_fit_end"] if name in failing else [])) for name in "abc"]
    with pytest.raises(KeyError, match=first) as caught:
        train(*ends, *([tells("z", told, "on_step_end")] if "z" in first else []))
    assert notified("on_fit_end", told)[:3] == "abc"
    later = [f"raised KeyError('{name} in on_fit_end')" for name in failing if not first.startswith(name)]
    notes = caught.value.__notes__
    assert all(note.startswith("then on_fit_end of ") for note in notes)
    assert [note[note.index("raised") :] for note in notes] == later


def test_a_beginning_that_fails_is_not_hidden_by_the_end_that_follows() -> None:
    class Half(Callback):
        """Its end relies on its beginning."""

        def on_fit_begin(self, run: Run) -> None:
            raise KeyError("no place to write to")

        def on_fit_end(self, run: Run) -> None:
            self.file.close()  # type: ignore[attr-defined]

    with pytest.raises(KeyError, match="no place to write to") as caught:
        train(Half())
    assert caught.value.__notes__ == [note for note in caught.value.__notes__ if "has no attribute 'file'" in note]


def test_an_error_of_the_end_replaces_an_interruption() -> None:
    def interrupt(_: Run) -> None:
        raise KeyboardInterrupt

    told: Told = []
    with pytest.raises(KeyError, match="a in on_fit_end"):
        train(tells("a", told, "on_fit_end"), Hooks(on_step_end=interrupt), tells("c", told))
    assert notified("on_fit_end", told) == "ac"


@pytest.mark.parametrize(("layer", "error"), [(Raises(KeyError), KeyError), (Fragile(), DivergenceError)])
def test_all_are_notified_of_the_end_after_an_error_of_a_layer(layer: Layer, error: type[Exception]) -> None:
    told: Told = []
    with pytest.raises(error):
        train(tells("a", told), tells("b", told), layer=layer)
    assert notified("on_fit_end", told) == "ab"


def test_all_are_notified_of_the_end_of_a_descent() -> None:
    told: Told = []
    bowl = Quadratic([[1.0]], start=[1.0])
    with pytest.raises(KeyError, match="b in on_step_begin"):
        minimize(bowl, SGD(bowl.parameters(), 0.1), 3, [tells("a", told), tells("b", told, "on_step_begin")])
    assert notified("on_fit_end", told) == "ab"


def test_callbacks_with_last_are_notified_after_the_others() -> None:
    told: Told = []
    callbacks = [tells(name, told, last=name in "yz") for name in "yazb"]
    train(*callbacks)
    for event, times in zip(EVENTS, (1, 2, 4, 4, 2, 1), strict=True):
        assert notified(event, told) == "abyz" * times


def test_last_is_a_word_of_the_base_class() -> None:
    class KeepsTheLoss(Callback):
        def __init__(self) -> None:
            self.last = None  # type: ignore[misc, assignment]

    with pytest.raises(TypeError, match=r"^the attribute last of .*KeepsTheLoss.*must be of type bool, got None"):
        make_trainer(None, KeepsTheLoss())
