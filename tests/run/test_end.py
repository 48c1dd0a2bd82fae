"""Whoever is told that a run begins is told that it ends, whatever is raised where; who is told last."""

from typing import Any

import pytest

from minidl import SGD, Callback, Dense, DivergenceError, Layer, MSELoss, Quadratic, Run, Sequential, Trainer, minimize
from minidl.run import EVENTS
from minidl.typing import Array
from tests.training.failing import Elementwise, Fragile, X, Y

Told = list[tuple[str, str]]


class Tells(Callback):
    """Writes down who was told of what, and raises at some of it."""

    def __init__(self, name: str, told: Told, *, fails: tuple[str, ...] = ()) -> None:
        self.name, self.told, self.fails = name, told, fails

    def note(self, event: str) -> None:
        self.told.append((self.name, event))
        if event in self.fails:
            raise KeyError(f"{self.name} in {event}")

    def on_fit_begin(self, run: Run) -> None:
        self.note("on_fit_begin")

    def on_epoch_begin(self, run: Run) -> None:
        self.note("on_epoch_begin")

    def on_step_begin(self, run: Run) -> None:
        self.note("on_step_begin")

    def on_step_end(self, run: Run) -> None:
        self.note("on_step_end")

    def on_epoch_end(self, run: Run) -> None:
        self.note("on_epoch_end")

    def on_fit_end(self, run: Run) -> None:
        self.note("on_fit_end")


class Last(Tells):
    """Is told after all others."""

    last = True


def fit(*callbacks: Callback, layer: Layer | None = None) -> None:
    model = Sequential(*([] if layer is None else [layer]), Dense(2, 1), rng=0)
    Trainer(model, MSELoss(), SGD(model.parameters(), 1e-15), callbacks).fit(X, Y, epochs=2)


def of(event: str, told: Told) -> str:
    """Who was told of an event, in order."""
    return "".join(name for name, what in told if what == event)


@pytest.mark.parametrize("event", EVENTS)
def test_all_that_began_are_told_of_the_end_in_order(event: str) -> None:
    told: Told = []
    with pytest.raises(KeyError, match=f"b in {event}"):
        fit(Tells("a", told), Tells("b", told, fails=(event,)), Tells("c", told))
    # c is not told of a beginning that b has prevented.
    assert of("on_fit_end", told) == of("on_fit_begin", told) == ("ab" if event == "on_fit_begin" else "abc")
    if event != "on_fit_end":
        assert told.index(("b", event)) == told.index(("a", "on_fit_end")) - 1


def test_all_are_told_of_the_end_whoever_fails_then() -> None:
    told: Told = []
    with pytest.raises(KeyError, match="c in on_fit_end") as caught:
        fit(*(Tells(name, told, fails=("on_fit_end",)) for name in "abc"))
    assert of("on_fit_end", told) == "abc"
    assert "b in on_fit_end" in str(caught.value.__context__)


def test_the_error_of_the_end_comes_out_with_that_of_the_run_as_its_context() -> None:
    told: Told = []
    with pytest.raises(KeyError, match="a in on_fit_end") as caught:
        fit(Tells("a", told, fails=("on_fit_end",)), Tells("b", told, fails=("on_step_end",)), Tells("c", told))
    assert of("on_fit_end", told) == "abc"
    assert "b in on_step_end" in str(caught.value.__context__)


def test_the_error_of_the_end_takes_the_place_of_an_interruption() -> None:
    class Rings(Callback):
        """Ends the run."""

        def on_step_end(self, run: Run) -> None:
            raise KeyboardInterrupt

    told: Told = []
    with pytest.raises(KeyError, match="a in on_fit_end"):
        fit(Tells("a", told, fails=("on_fit_end",)), Rings(), Tells("c", told))
    assert of("on_fit_end", told) == "ac"


class Stumbles(Elementwise):
    """Raises in forward."""

    def forward(self, x: Array) -> Array:
        raise KeyError("layer")


@pytest.mark.parametrize(("layer", "error"), [(Stumbles(), KeyError), (Fragile(), DivergenceError)])
def test_an_error_of_a_layer(layer: Layer, error: type[Exception]) -> None:
    told: Told = []
    with pytest.raises(error):
        fit(Tells("a", told), Tells("b", told), layer=layer)
    assert of("on_fit_end", told) == "ab"


def test_minimize_as_well() -> None:
    told: Told = []
    bowl = Quadratic([[1.0]], start=[1.0])
    with pytest.raises(KeyError, match="b in on_step_begin"):
        minimize(bowl, SGD(bowl.parameters(), 0.1), 3, [Tells("a", told), Tells("b", told, fails=("on_step_begin",))])
    assert of("on_fit_end", told) == "ab"


def test_those_that_go_last_are_told_of_everything_after_the_others() -> None:
    told: Told = []
    callbacks: list[Any] = [Last("y", told), Tells("a", told), Last("z", told), Tells("b", told)]
    fit(*callbacks)
    for event, times in zip(EVENTS, (1, 2, 2, 2, 2, 1), strict=True):
        assert of(event, told) == "abyz" * times
    assert [type(callback).__name__ for callback in callbacks] == ["Last", "Tells", "Last", "Tells"]
