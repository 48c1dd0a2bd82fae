"""How demos save their pictures."""

import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from tests.demos.test_functions import load


def save(figure: Figure, folder: Path, monkeypatch: pytest.MonkeyPatch, *options: str) -> None:
    monkeypatch.setattr(sys, "argv", ["demo.py", "--out", str(folder), *options])
    load("common").Pictures("a demo").save(figure, "picture.png")


def noise(seed: int = 0) -> Figure:
    """A picture that is large in a file, with a flat area of one colour and a thin line of another."""
    figure, ax = plt.subplots(figsize=(4.0, 3.0))
    ax.imshow(np.random.default_rng(seed).uniform(size=(300, 300)), cmap="viridis", extent=(0, 1, 0, 1))
    ax.axvspan(1.0, 2.0, color="#123456", linewidth=0)
    ax.plot([1.1, 1.9], [0.5, 0.5], color="#D55E00")
    return figure


@pytest.fixture(autouse=True)
def _closed() -> Any:
    mpl.use("Agg")
    yield
    plt.close("all")


def test_a_picture_has_200_dots_per_inch_and_keeps_its_colours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figure = noise()
    save(figure, tmp_path, monkeypatch)
    assert [path.name for path in tmp_path.iterdir()] == ["picture.png"]
    with Image.open(tmp_path / "picture.png") as image:
        assert image.size == (800, 600)
        colors = {tuple(color) for color in np.asarray(image.convert("RGB")).reshape(-1, 3).tolist()}
    assert len(colors) <= 256
    assert {(0x12, 0x34, 0x56), (0xD5, 0x5E, 0x00), (255, 255, 255)} <= colors
    assert not plt.get_fignums()


def test_a_large_picture_has_fewer_colours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    common = load("common")
    save(noise(), tmp_path / "many", monkeypatch)
    size = (tmp_path / "many" / "picture.png").stat().st_size
    monkeypatch.setattr(common, "LARGEST", 3 * size // 4)
    save(noise(), tmp_path / "few", monkeypatch)
    assert (tmp_path / "few" / "picture.png").stat().st_size < 0.8 * size


def test_svg_beside_the_png(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    figure, ax = plt.subplots()
    ax.plot([0, 1], [0, 1])
    save(figure, tmp_path, monkeypatch, "--svg")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["picture.png", "picture.svg"]
    assert "<svg" in (tmp_path / "picture.svg").read_text(encoding="utf-8")
    assert capsys.readouterr().out.count("picture.") == 2
