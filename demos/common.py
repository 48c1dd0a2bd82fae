"""What the three demos share: their two options, and where pictures go."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

__all__ = ["Pictures", "heading", "remove_colorbar"]


class Pictures:
    """Reads ``--out`` and ``--show`` from the command line, and puts each picture where they say.

    Args:
        description: what the demo does, for ``--help``.
    """

    def __init__(self, description: str) -> None:
        parser = argparse.ArgumentParser(description=description)
        parser.add_argument(
            "--out", type=Path, default=Path(__file__).parent / "output", metavar="DIR", help="where pictures go"
        )
        parser.add_argument("--show", action="store_true", help="open a window for each picture as well")
        options = parser.parse_args()
        self.folder: Path = options.out
        self.show: bool = options.show
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self.show:
            matplotlib.use("Agg")  # draws into files, and needs no display

    def path(self, name: str) -> Path:
        """Where the picture of this name goes; says so in print."""
        path = self.folder / name
        print(f"   picture: {os.path.relpath(path)}")
        return path

    def save(self, figure: Figure, name: str) -> None:
        """Write a figure to a PNG file."""
        path = self.path(name)
        figure.savefig(path, dpi=100)
        with Image.open(path) as image:  # with a palette the file is a third of the size
            small = image.convert("RGB").quantize(256)
        small.save(path, optimize=True)
        if not self.show:
            plt.close(figure)

    def finish(self) -> None:
        """With ``--show``, open the windows and wait until they are closed."""
        if self.show:
            plt.show()


def heading(item: str, text: str) -> None:
    """Print what the next lines answer."""
    print(f"\n{item}  {text}")


def remove_colorbar(ax: Axes) -> None:
    """Take the colour bar of a plot away, where there is no room for it."""
    bar = ax.collections[0].colorbar
    if bar is not None:
        bar.remove()
