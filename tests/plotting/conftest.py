"""Plots without a display. Each test closes its figures."""

from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

from minidl.plotting import LivePlot, live
from tests.plotting.living import Clock


@pytest.fixture(autouse=True)
def agg() -> Iterator[None]:
    mpl.use("Agg")
    yield
    plt.close("all")


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
