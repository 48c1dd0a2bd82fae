"""An animation of several descents side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from PIL import Image

from minidl import Descent
from minidl.plotting import style

__all__ = ["write_movie"]

FRAMES = 60


def write_movie(draw_background: Callable[[Axes], None], runs: Mapping[str, Descent], path: Path) -> None:
    """Write a GIF with one panel for each run. All panels show the same step; from frame to frame steps multiply.

    Args:
        draw_background: draws what stands still.
        runs: label -> a descent of two parameters.
        path: where the file goes.
    """
    longest = max(run.steps for run in runs.values())
    steps = [0, *np.unique(np.geomspace(1, longest, FRAMES).round().astype(int)).tolist()]
    frames = []
    with style():
        figure, axes = plt.subplots(1, len(runs), figsize=(3.2 * len(runs), 2.7))
        balls = []
        for ax in axes:
            draw_background(ax)
            balls += ax.plot([], [], "o-", color="#D55E00", markevery=[-1], markeredgecolor="black", zorder=4)
        for step in steps:
            for ax, ball, (label, run) in zip(axes, balls, runs.items(), strict=True):
                assert run.path is not None  # it is kept for so few parameters
                ball.set_data(*run.path[: step + 1].T)
                ended = step >= run.steps
                ax.set_title(f"{label}: {run.fate} at step {run.steps:,}" if ended else f"{label}: step {step:,}")
            buffer = BytesIO()
            figure.savefig(buffer, dpi=80)
            figure.set_layout_engine("none")  # the layout of the first frame serves them all, and takes time to find
            frames.append(Image.open(buffer).convert("RGB"))
    plt.close(figure)
    # With one palette for all frames, what stands still is the same in each and takes no room in the file.
    palette = frames[-1].quantize(64)
    small = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    milliseconds = [100] * (len(small) - 1) + [3000]
    small[0].save(path, save_all=True, append_images=small[1:], duration=milliseconds, loop=0)
