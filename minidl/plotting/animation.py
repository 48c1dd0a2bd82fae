"""Animations, and GIF files of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any, BinaryIO, TypeVar

import matplotlib as mpl
import numpy as np
from matplotlib.animation import FuncAnimation, PillowWriter
from matplotlib.figure import Figure
from PIL import Image

from minidl.arguments import number, whole_number
from minidl.errors import HyperparameterError
from minidl.files import absolute, check_folder, replacing
from minidl.typing import Array

__all__ = ["animate", "check_gif", "frequent_colors", "steps_shown", "with_palette"]

Frame = TypeVar("Frame")

COLORS = 160  # in a GIF, which may have 256. Fewer make the file smaller, and edges rougher.
HOLD = 2.5  # seconds for which the last frame stays
LONGEST = 600  # seconds of an animation, which may have a single frame. A GIF stores at most 655 for a frame.
NO_LAYOUT: Any = {"figure.constrained_layout.use": False, "figure.autolayout": False}
SHORTEST = 20  # milliseconds of a frame. Browsers slow down what is shorter.


def check_gif(path: str | os.PathLike[str] | None, frames: int, seconds: float) -> tuple[int, float]:
    """Check where an animation goes, and its number of frames and its length, before the work. Return the last two.

    >>> check_gif("descent.png", 60, 6.0)
    Traceback (most recent call last):
        ...
    minidl.errors.HyperparameterError: path must end in .gif, got 'descent.png'
    """
    if path is not None:
        if not os.fspath(path).lower().endswith(".gif"):
            raise HyperparameterError(f"path must end in .gif, got {os.fspath(path)!r}")
        check_folder(path)
    return whole_number("frames", frames, 2), number("seconds", seconds, above=0, at_most=LONGEST)


def steps_shown(last: int, frames: int) -> list[int]:
    """Up to `frames` different steps from 0 to the last one. They grow geometrically, as most happens at the start.

    >>> steps_shown(1000, 8)
    [0, 1, 3, 10, 32, 100, 316, 1000]
    """
    if last == 0:
        return [0]
    return [0, *np.unique(np.geomspace(last, 1, frames - 1).round().astype(int)).tolist()]


def animate(
    figure: Figure,
    draw: Callable[[Frame], object],
    frames: Sequence[Frame],
    path: str | os.PathLike[str] | None = None,
    *,
    seconds: float = 6.0,
    borrowed: bool = False,
) -> FuncAnimation:
    """Animate a figure, and write the animation to a GIF file.

    Args:
        figure: the figure. All frames have the layout of the last one.
        draw: changes the figure to what one frame shows.
        frames: what `draw` is called with for each frame.
        path: the file. None writes none.
        seconds: how long the animation takes, without the last frame, which stays for a while.
        borrowed: whether the figure belongs to the caller, who may draw on its other axes afterwards. It then gets its
            layout engine back, also after an error.
    """
    draw(frames[-1])
    figure.draw_without_rendering()
    layout = figure.get_layout_engine()
    figure.set_layout_engine("none")  # computing a layout for each frame takes time, and could differ
    try:
        if path is not None:
            with replacing(path) as file:
                writer = _OnePalette(file, fps=len(frames) / seconds)
                # Matplotlib's savefig gives figures without a layout engine the one of the settings.
                with mpl.rc_context(NO_LAYOUT), writer.saving(figure, absolute(path), figure.dpi):
                    for frame in frames:  # FuncAnimation's own loop would draw each frame three times
                        draw(frame)
                        writer.grab_frame()
    finally:
        if borrowed:
            figure.set_layout_engine(layout or "none")
    return _Animation(
        figure,
        draw,  # type: ignore[arg-type]  # without blitting, Matplotlib ignores what it returns
        frames,
        init_func=list,
        interval=int(1000 * seconds / len(frames)),
        repeat_delay=int(1000 * HOLD),
    )


class _Animation(FuncAnimation):
    """An animation that may be dropped without having been shown, as it may have been written to a file."""

    def __del__(self) -> None:
        pass


class _OnePalette(PillowWriter):
    """Writes a GIF whose frames share one palette. What does not move is then equal in all, and takes no room."""

    def __init__(self, file: BinaryIO, fps: float) -> None:
        super().__init__(fps)  # type: ignore[arg-type]  # it may be a fraction
        self.file = file
        self.pictures: list[Image.Image] = []

    def grab_frame(self, **options: Any) -> None:
        buffer = BytesIO()
        self.fig.savefig(buffer, **{**options, "format": "rgba", "dpi": self.dpi})
        size = self.frame_size
        self.pictures.append(Image.frombytes("RGBA", size, buffer.getvalue()).convert("RGB"))

    def finish(self) -> None:
        sample = [*self.pictures[:: max(1, len(self.pictures) // 8)], self.pictures[-1]]
        colors = frequent_colors(sample, COLORS)
        first, *others = (with_palette(picture, colors) for picture in self.pictures)
        milliseconds = [max(SHORTEST, round(1000 / self.fps))] * len(others) + [round(1000 * HOLD)]
        first.save(self.file, "GIF", save_all=True, append_images=others, duration=milliseconds, loop=0)


def frequent_colors(pictures: Sequence[Image.Image], count: int) -> bytes:
    """The colours that are most frequent in some pictures, three bytes each."""
    pixels = np.concatenate([_packed(picture).ravel() for picture in pictures])
    colors, counts = np.unique(pixels, return_counts=True)
    chosen = colors[np.argsort(-counts.astype(np.int64), kind="stable")[:count]]
    return np.stack([chosen >> 16, chosen >> 8 & 255, chosen & 255], axis=1).astype(np.uint8).tobytes()


def with_palette(picture: Image.Image, colors: bytes) -> Image.Image:
    """A picture in up to 256 colours, three bytes each. Pixels of other colours get the one that is about nearest."""
    palette = Image.new("P", (1, 1))
    palette.putpalette(colors)
    indices = np.array(picture.quantize(palette=palette, dither=Image.Dither.NONE))
    # Pillow takes colours that differ by up to 3 of 255 for the same. White would become nearly white.
    known, places = np.unique(_packed(Image.frombytes("RGB", (len(colors) // 3, 1), colors)), return_index=True)
    pixels = _packed(picture)
    nearest = np.searchsorted(known, pixels).clip(max=len(known) - 1)
    exact = known[nearest] == pixels
    indices[exact] = places[nearest[exact]]
    small = Image.fromarray(indices)
    small.putpalette(colors)
    return small


def _packed(picture: Image.Image) -> Array:
    """The colours of a picture, one number for each pixel."""
    return np.asarray(np.asarray(picture, np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32))
