"""The tables are complete: every public layer, loss, optimizer and objective has a row."""

import pytest

import minidl
from minidl import Layer, Loss, Module, Objective, Optimizer, Parameter
from tests.tables import LAYERS, LOSSES, OBJECTIVES, OPTIMIZERS

MADE: dict[type, list[object]] = {
    Layer: [case.make(2) for case in LAYERS],
    Loss: [case.make() for case in LOSSES],
    Objective: [case.make(2) for case in OBJECTIVES],
    Optimizer: [case.make([Parameter([1.0])]) for case in OPTIMIZERS],
}


@pytest.mark.parametrize("base", MADE)
def test_every_public_class_has_a_row(base: type) -> None:
    public = {
        thing
        for thing in (getattr(minidl, name) for name in minidl.__all__)
        if isinstance(thing, type) and issubclass(thing, base) and thing not in (base, Module)
    }
    assert public <= {type(made) for made in MADE[base]}


@pytest.mark.parametrize("cases", [LAYERS, LOSSES, OBJECTIVES, OPTIMIZERS])
def test_names_are_unique(cases: list[tuple[str, object]]) -> None:
    names = [case[0] for case in cases]
    assert len(set(names)) == len(names)
