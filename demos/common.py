"""What the demos share: their options, and the folder for pictures."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from PIL import Image

from minidl.plotting.animation import frequent_colors, with_palette

__all__ = ["Pictures", "heading"]

LARGEST = 300_000  # bytes of a picture on a page


class Pictures:
    """Reads ``--out``, ``--svg`` and ``--show`` from the command line, and saves or shows each picture accordingly.

    Args:
        description: what the demo does, for ``--help``.
        quick: whether there is a third option, ``--quick``.
    """

    def __init__(self, description: str, *, quick: bool = False) -> None:
        parser = argparse.ArgumentParser(description=description)
        parser.add_argument(
            "--out", type=Path, default=Path(__file__).parent / "output", metavar="DIR", help="the folder for pictures"
        )
        parser.add_argument("--svg", action="store_true", help="also save each picture as SVG")
        parser.add_argument("--show", action="store_true", help="also open a window for each picture")
        if quick:
            parser.add_argument("--quick", action="store_true", help="take less data and less time")
        options = parser.parse_args()
        self.quick: bool = quick and options.quick
        self.folder: Path = options.out
        self.show: bool = options.show
        self.svg: bool = options.svg
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self.show:
            matplotlib.use("Agg")  # draws into files without a display

    def path(self, name: str) -> Path:
        """Print and return the path of a picture."""
        path = self.folder / name
        print(f"   picture: {os.path.relpath(path)}")
        return path

    def save(self, figure: Figure, name: str) -> None:
        """Write a figure to a PNG file, and with ``--svg`` to an SVG file beside it."""
        path = self.path(name)
        figure.savefig(path, dpi=200)
        _compress(path)
        if self.svg:
            figure.savefig(self.path(Path(name).stem + ".svg"), dpi=200)
        if not self.show:
            plt.close(figure)

    def finish(self) -> None:
        """With ``--show``, open the windows and wait until they are closed."""
        if self.show:
            plt.show()


def _compress(path: Path) -> None:
    """Write a PNG file again with a palette, which makes it a third of the size. Flat areas keep their colours."""
    with Image.open(path) as picture:
        image = picture.convert("RGB")
    for count in (256, 128, 64):
        exact = frequent_colors([image], 3 * count // 4)
        others = bytes(image.quantize(count // 4).getpalette() or [])
        with_palette(image, exact + others).save(path, optimize=True)
        if path.stat().st_size < LARGEST:
            break


def heading(item: str, text: str) -> None:
    """Print which item the next lines answer."""
    print(f"\n{item}  {text}")
