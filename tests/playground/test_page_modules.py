"""Modules of the page by themselves. Skipped where Chromium is not installed."""

import json
from base64 import b64encode

import numpy as np
import pytest

from tests.docs.browser import CHROMIUM
from tests.playground.page import Page

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]


@pytest.fixture(autouse=True)
def there(page: Page) -> None:
    page.open("networks&hidden=[]")


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 1000])
def test_the_pictures_of_a_frame_are_bytes(page: Page, size: int) -> None:
    data = np.random.default_rng(size).integers(256, size=size, dtype=np.uint8)
    frame = json.dumps({"kind": "networks", "pixels": b64encode(data.tobytes()).decode()}, separators=(",", ":"))
    text = f"new TextEncoder().encode({json.dumps(frame)})"
    assert page.module("../frames", f"[...m.read({text}).pixels]") == data.tolist()
    assert page.module("../frames", f"m.read({text}).kind") == "networks"
    assert page.module("../frames", f"(into => m.read({text}, into).pixels === into)(new Uint8Array({size}))")
    assert page.module("../frames", f"m.read({text}, new Uint8Array(7)).pixels.length") == size


@pytest.mark.parametrize(
    "frame", [{"a": 1}, {"a": "b"}, {"pixels": "AA==", "last": "x"}, {"a": "x" * 10_000}, {}, None]
)
def test_a_frame_without_pictures_at_its_end_is_read_as_it_is(page: Page, frame: object) -> None:
    text = json.dumps(json.dumps(frame, separators=(",", ":")))
    assert page.module("../frames", f"m.read(new TextEncoder().encode({text}))") == frame


def line(page: Page, values: list[float | None]) -> tuple[list[float], list[float | None]]:
    """The steps and values that are left of a line with these values at 0, 1, 2, …"""
    script = "const {length} = s; return [[...s.steps.slice(0, length)], [...s.values.slice(0, length)]]"
    add = f"{json.dumps(values)}.forEach((value, step) => s.add(step, value ?? NaN))"
    steps, left = page.module("series", f"(() => {{ const s = new m.Series(); {add}; {script}; }})()")
    return steps, left


@pytest.mark.parametrize("count", [1, 1500, 1501, 2250, 2251, 20_000])
def test_a_long_line_keeps_its_extremes_and_its_end(page: Page, count: int) -> None:
    values = np.random.default_rng(count).normal(size=count).round(3).tolist()
    values[count // 3], values[count // 2] = 9.5, -9.5
    steps, left = line(page, values)
    assert len(left) == count if count <= 1500 else 500 < len(left) <= 1500
    assert left == [values[int(step)] for step in steps]
    assert np.all(np.diff(steps) > 0)
    assert {max(values), min(values)} <= set(left)
    assert left[-4:] == values[-4:]


def test_a_gap_in_a_line_is_no_value(page: Page) -> None:
    steps, left = line(page, [1.0, None, 2.0])
    assert steps == [0, 1, 2]
    assert left == [1.0, None, 2.0]
