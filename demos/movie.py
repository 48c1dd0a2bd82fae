"""Animations of several descents, side by side or on the same contours."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, TypeAlias

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from PIL import Image

from minidl import Descent
from minidl.plotting import style

__all__ = ["Panel", "write_movie", "write_race"]

Panel: TypeAlias = tuple[str, Callable[[Axes], None], Mapping[str, Descent]]

FRAMES = 60


def write_movie(draw_background: Callable[[Axes], None], runs: Mapping[str, Descent], path: Path) -> None:
    """Write a GIF with one panel per run. All panels show the same step, which grows geometrically from frame to frame.

    Args:
        draw_background: draws what does not move.
        runs: a dict of labels and descents of two parameters.
        path: the file to write.
    """
    steps = _steps_shown(runs.values())
    with style():
        figure, axes = plt.subplots(1, len(runs), figsize=(3.2 * len(runs), 2.7))
        balls = []
        for ax in axes:
            draw_background(ax)
            balls += ax.plot([], [], "o-", color="#D55E00", markevery=[-1], markeredgecolor="black", zorder=4)

        def show(step: int) -> None:
            for ax, ball, (label, run) in zip(axes, balls, runs.items(), strict=True):
                assert run.path is not None  # minimize records it for two parameters
                ball.set_data(*run.path[: step + 1].T)
                ended = step >= run.steps
                ax.set_title(f"{label}: {run.fate} at step {run.steps:,}" if ended else f"{label}: step {step:,}")

        _write(figure, show, steps, path)


def write_race(panels: Sequence[Panel], looks: Mapping[str, dict[str, Any]], path: Path) -> None:
    """Write a GIF with one panel per objective. Each panel shows all runs on it, with a legend below.

    Args:
        panels: triples of a title, a function that draws what does not move, and a dict of labels and descents of two
            parameters. All panels have the same labels.
        looks: a dict of labels and the options of their lines: color, linestyle, marker.
        path: the file to write.
    """
    steps = _steps_shown([run for _, _, runs in panels for run in runs.values()])
    with style():
        figure, axes = plt.subplots(1, len(panels), figsize=(4.0 * len(panels), 4.2))
        balls: dict[Line2D, Descent] = {}
        for ax, (title, draw_background, runs) in zip(axes, panels, strict=True):
            draw_background(ax)
            ax.set_title(title)
            for label, run in runs.items():
                (ball,) = ax.plot(
                    [], [], label=label, markevery=[-1], markeredgecolor="black", zorder=6, **looks[label]
                )
                ball.set(linewidth=1.5, markersize=8)
                balls[ball] = run
        handles = [line for line in axes[0].lines if line in balls]
        figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False)
        clock = figure.suptitle("step 0")

        def show(step: int) -> None:
            clock.set_text(f"step {step:,}")
            for ball, run in balls.items():
                assert run.path is not None  # minimize records it for two parameters
                ball.set_data(*run.path[: step + 1].T)

        _write(figure, show, steps, path, [str(look["color"]) for look in looks.values()])


def _steps_shown(runs: Iterable[Descent]) -> list[int]:
    longest = max(run.steps for run in runs)
    return [0, *np.unique(np.geomspace(1, longest, FRAMES).round().astype(int)).tolist()]


def _write(
    figure: Figure, show: Callable[[int], None], steps: Sequence[int], path: Path, colors: Sequence[str] = ()
) -> None:
    """Show each step on the figure, and write the frames. Their palette includes `colors`."""
    frames = []
    for step in steps:
        show(step)
        buffer = BytesIO()
        figure.savefig(buffer, dpi=80)
        figure.set_layout_engine("none")  # all frames share the layout of the first, which takes time to compute
        frames.append(Image.open(buffer).convert("RGB"))
    plt.close(figure)
    # With one palette for all frames, what does not move is equal in each, and takes no room in the file.
    sample = frames[-1].copy()
    for index, color in enumerate(colors):
        sample.paste(color, (0, 12 * index, sample.width // 2, 12 * index + 12))
    palette = sample.quantize(64 + 2 * len(colors))
    small = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    milliseconds = [100] * (len(small) - 1) + [3000]
    small[0].save(path, save_all=True, append_images=small[1:], duration=milliseconds, loop=0)
