"""Settings are checked by name, kind and range, so that no unchecked value gets into code."""

import json
from typing import Any

import pytest

from minidl.playground.settings import DESCENT, NETWORKS, SettingError, checked, choices

KINDS = {"networks": NETWORKS, "descent": DESCENT}
EVIL = ["__import__('os')", {"a": 1}, [[1]], [None], object(), float("nan"), float("inf"), True, None, b"x"]


@pytest.mark.parametrize("tab", KINDS)
def test_all_settings_have_a_default_that_is_allowed(tab: str) -> None:
    found = checked(KINDS[tab], {})
    assert found == {name: kind.check(name, kind.default) for name, kind in KINDS[tab].items()}
    assert found == checked(KINDS[tab], found)
    described = choices()[tab]
    assert json.loads(json.dumps(described)) == described
    assert checked(KINDS[tab], {name: each["default"] for name, each in described.items()}) == found


@pytest.mark.parametrize(("tab", "name"), [(tab, name) for tab, kinds in KINDS.items() for name in kinds])
def test_a_value_of_another_kind_is_refused(tab: str, name: str) -> None:
    for value in EVIL:
        if isinstance(value, str) and name in ("csv", "expression"):
            continue  # they are texts, and checked later
        with pytest.raises(SettingError) as caught:
            checked(KINDS[tab], {name: value})
        assert caught.value.field == name
        assert str(caught.value).startswith((name, f"each of {name}"))


@pytest.mark.parametrize(("tab", "name"), [(tab, name) for tab, kinds in KINDS.items() for name in kinds])
def test_limits_hold_at_both_ends(tab: str, name: str) -> None:
    kind = choices()[tab][name]
    if kind["kind"] not in ("number", "whole"):
        return
    low, high = kind["low"], kind["high"]
    for value in (low, high):
        assert checked(KINDS[tab], {name: value})[name] == value
    for value in (low - 1, high + 1):
        with pytest.raises(SettingError, match=rf"^{name} must be"):
            checked(KINDS[tab], {name: value})


def test_numbers_keep_their_type() -> None:
    found = checked(NETWORKS, {"samples": 50.0, "lr": 1})
    assert repr(found["samples"]) == "50"
    assert repr(found["lr"]) == "1.0"
    with pytest.raises(SettingError, match="whole number"):
        checked(NETWORKS, {"samples": 50.5})


@pytest.mark.parametrize(
    ("tab", "name", "value", "message"),
    [
        ("networks", "hidden", [0], "from 1 to 16"),
        ("networks", "hidden", [17], "from 1 to 16"),
        ("networks", "hidden", [2] * 9, "at most 8 hidden layers"),
        ("networks", "points", [[1, 2]], "must be 3 numbers"),
        ("networks", "points", [[1, 2, 0.5]], "whole number"),
        ("networks", "points", [[1, 2, 6]], "from 0 to 5"),
        ("networks", "csv", "x" * 100_001, "at most 100000 characters"),
        ("descent", "starts", [[1, 2, 3]], "must be 2 numbers"),
        ("descent", "starts", [[1, 1e9]], "from -100 to 100"),
        ("descent", "optimizers", [], "1 to 6 optimizers"),
        ("descent", "optimizers", [{"name": "Magic"}], "name must be one of SGD"),
        ("descent", "optimizers", [{"name": "SGD", "rate": 1}], "there is no setting 'rate'"),
        ("descent", "optimizers", [{"lr": "1"}], "lr must be a number"),
    ],
)
def test_lists_are_checked_entry_by_entry(tab: str, name: str, value: Any, message: str) -> None:
    with pytest.raises(SettingError, match=message) as caught:
        checked(KINDS[tab], {name: value})
    assert caught.value.field == name


def test_unknown_settings_are_named() -> None:
    with pytest.raises(SettingError, match="there is no setting 'learning_rate'") as caught:
        checked(NETWORKS, {"learning_rate": 1})
    assert caught.value.field == "learning_rate"
    with pytest.raises(SettingError, match="must be an object"):
        checked(NETWORKS, [1])
