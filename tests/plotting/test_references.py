"""Figures look as they did: each is compared with a picture in tests/plotting/references.

After a change that is meant to be seen, this draws the pictures again, which must then be looked at:

    python -m tests.plotting.test_references
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from minidl.plotting import style
from minidl.typing import Array
from tests.plotting.figures import FIGURES

VERSION = "3.11.2"
"""Other versions of Matplotlib place letters and lines differently by a pixel."""

REFERENCES = Path(__file__).with_name("references")
NAMES = (
    "plot_calibration",
    "plot_confusion",
    "plot_contours",
    "plot_decision_boundary",
    "plot_gradient_flow",
    "plot_history",
    "plot_network",
    "plot_network of blocks",
    "plot_roc",
)
NOTICEABLE = 8  # of 255: rounding on another machine changes a channel of a pixel by less
ALLOWED = 10  # pixels that may differ noticeably. A letter has more

pytestmark = pytest.mark.skipif(mpl.__version__ != VERSION, reason=f"the pictures were drawn by Matplotlib {VERSION}")


def file_of(name: str) -> Path:
    return REFERENCES / f"{name.replace(' ', '_')}.png"


def picture(name: str) -> Image.Image:
    """A figure of 4.8 by 3.6 inches."""
    with style():
        figure = plt.figure(figsize=(4.8, 3.6))
    FIGURES[name](figure.subplots())
    file = BytesIO()
    figure.savefig(file, dpi=70)
    plt.close(figure)
    return Image.open(file).convert("RGB")


def differences(one: Image.Image, other: Image.Image) -> int:
    """The number of pixels that differ noticeably."""
    assert one.size == other.size
    apart: Array = np.abs(np.asarray(one, int) - np.asarray(other, int)).max(axis=2)
    return int((apart > NOTICEABLE).sum())


@pytest.mark.usefixtures("fine_contours")
@pytest.mark.parametrize("name", NAMES)
def test_a_figure_looks_as_it_did(name: str, tmp_path: Path) -> None:
    with Image.open(file_of(name)) as reference:
        drawn = picture(name)
        drawn.save(tmp_path / "drawn.png")
        found = differences(drawn, reference.convert("RGB"))
    assert found <= ALLOWED, (
        f"{found} pixels of {name} differ from {file_of(name)}. What was drawn now is {tmp_path / 'drawn.png'}. "
        "If the change is meant, draw the pictures again: python -m tests.plotting.test_references"
    )


@pytest.mark.parametrize("name", NAMES)
def test_references_are_small(name: str) -> None:
    assert file_of(name).stat().st_size < 60_000


def test_every_reference_belongs_to_a_figure() -> None:
    assert sorted(REFERENCES.glob("*")) == sorted(file_of(name) for name in NAMES)


if __name__ == "__main__":
    mpl.use("Agg")
    for name in NAMES:
        file_of(name).parent.mkdir(exist_ok=True)
        picture(name).save(file_of(name), optimize=True)
        print(f"{file_of(name)}: {file_of(name).stat().st_size:,} bytes")
