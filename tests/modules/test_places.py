"""Generators are found wherever a module, or a list or dict in one, holds them."""

import sys
import threading
import time
from typing import Any

import numpy as np
import pytest

from minidl import Dropout, Residual, Sequential
from minidl.modules.places import Place, generators_in, is_generator, places_in, places_of

OLD, NEW, OTHER = np.random.RandomState(0), np.random.default_rng(1), np.random.default_rng(2)


def test_places_in_a_model() -> None:
    inner, outer = Dropout(rng=0), Dropout(rng=1)
    model = Sequential(outer, Residual(inner))
    assert {name: place.generator for name, place in places_of(model).items()} == {
        "model.0.rng": outer.rng,
        "model.1.0.rng": inner.rng,
    }
    assert list(places_of(inner, "noise")) == ["noise.rng"]


@pytest.mark.parametrize(
    ("held", "found"),
    [
        ({"rng": NEW, "rate": 0.1}, {"it.rng": NEW}),
        ({"old": OLD}, {"it.old": OLD}),
        ({"rate": 0.1, "all": [1, NEW, OTHER]}, {"it.all.1": NEW, "it.all.2": OTHER}),
        ({"pair": (NEW, [OTHER])}, {"it.pair.0": NEW, "it.pair.1.0": OTHER}),
        ({"by": {"x": {"y": NEW}}}, {"it.by.x.y": NEW}),
        ([NEW, {"again": NEW}], {"it.0": NEW, "it.1.again": NEW}),
        ({"seed": 3, "bits": NEW.bit_generator, "kind": np.random.Generator, "text": "rng"}, {}),
        ({}, {}),
    ],
)
def test_places_in_what_holds_others(held: Any, found: dict[str, Any]) -> None:
    places = dict(places_in(held, "it"))
    assert {name: place.generator for name, place in places.items()} == found


def test_a_place_is_a_container_and_a_key() -> None:
    held: dict[str, Any] = {"all": [NEW, 1]}
    ((_, place),) = places_in(held, "it")
    assert place == Place(held["all"], 0)
    assert place.container is held["all"]


def test_generators_without_their_places_leave_out_legacy_ones() -> None:
    assert generators_in({"a": NEW, "b": [OLD, (OTHER,)], "c": 0.5}) == [NEW, OTHER]


def test_generators_are_those_of_numpy() -> None:
    assert is_generator(NEW)
    assert is_generator(OLD)
    assert not is_generator(NEW.bit_generator)
    assert not is_generator(np.random.Generator)


def test_without_generators_nobody_loads_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """NumPy loads them lazily, which takes longer than a small run."""
    model = Sequential(Dropout())
    monkeypatch.delitem(sys.modules, "numpy.random")
    assert places_of(model) == {}
    assert generators_in(vars(model)) == []


def test_generators_are_found_while_another_thread_adds_attributes() -> None:
    attributes, stop = {str(index): index for index in range(5)}, threading.Event()

    def change() -> None:
        while not stop.is_set():
            attributes["x"] = 1
            stop.is_set()  # at a call, threads take turns
            del attributes["x"]

    interval, thread = sys.getswitchinterval(), threading.Thread(target=change)
    sys.setswitchinterval(1e-6)
    thread.start()
    try:
        end = time.monotonic() + 1
        while time.monotonic() < end:
            assert list(places_in(attributes, "")) == []
    finally:
        stop.set()
        thread.join()
        sys.setswitchinterval(interval)
