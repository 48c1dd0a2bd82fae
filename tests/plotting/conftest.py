"""Plots without a display. Each test closes its figures."""

from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

from minidl.plotting import LivePlot, landscape, live
from tests.plotting.living import Clock


@pytest.fixture(autouse=True)
def agg() -> Iterator[None]:
    mpl.use("Agg")
    yield
    plt.close("all")


@pytest.fixture
def fine_contours() -> None:
    """Have contours as exact as users get them."""


@pytest.fixture(autouse=True)
def _coarse_contours(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Evaluate few points of a landscape, which takes most of the time, where a test looks at other things."""
    if "fine_contours" not in request.fixturenames:
        monkeypatch.setattr(landscape, "GRID", 25)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock that also records after how many steps each picture was drawn."""
    clock, draw = Clock(), LivePlot._draw

    def slow_draw(plot: LivePlot) -> None:
        clock.now += clock.drawing
        assert plot._history is not None
        clock.drawn.append(len(plot._history.loss))
        draw(plot)

    monkeypatch.setattr(live, "perf_counter", clock)
    monkeypatch.setattr(LivePlot, "_draw", slow_draw)
    return clock


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "losses.png"
