"""Animations: what each frame shows, and the GIF files."""

import gc
import os
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from PIL import Image

from minidl import (
    SGD,
    CubicValley,
    DataError,
    Descent,
    HyperparameterError,
    Quadratic,
    ShapeError,
    StateError,
    minimize,
)
from minidl.plotting import animate_descent
from minidl.plotting.animation import frequent_colors, steps_shown, with_palette
from minidl.plotting.style import look
from minidl.typing import Array
from tests.plotting.helpers import axes, frames_of, legend, render

BOX: dict[str, Any] = {"xlim": (-2.0, 2.0), "ylim": (-1.5, 1.5)}


def descend(lr: float, steps: int = 2000) -> Descent:
    valley = CubicValley(1.0, 1.0)
    return minimize(valley, SGD(valley.parameters(), lr=lr), steps=steps)


def seconds_of(path: Path) -> list[float]:
    with Image.open(path) as movie:
        found = []
        for index in range(getattr(movie, "n_frames", 1)):
            movie.seek(index)
            found.append(movie.info["duration"] / 1000)
    return found


def heads(ax: Axes) -> list[list[float]]:
    """Where the paths are, in the order of the legend."""
    handles: Any = ax.get_legend()
    names = [text.get_text() for text in handles.get_texts()]
    moving = [line for line in ax.lines if any(name.startswith(str(line.get_label()).split(":")[0]) for name in names)]
    return [np.asarray(line.get_xydata())[0].tolist() for line in moving]


def trails(ax: Axes) -> list[Array]:
    return [np.asarray(line.get_xydata()) for line in ax.lines if line.get_marker() == "None"]


def test_each_frame_shows_the_paths_up_to_its_step_and_the_legend_says_how_they_ended() -> None:
    runs = {"slow": descend(1e-4, steps=9), "fast": descend(1e-3, steps=4)}
    ax = axes()
    animation = animate_descent(CubicValley(), runs, ax, frames=60, **BOX)
    draw: Any = animation._func  # type: ignore[attr-defined]  # what Matplotlib calls for each frame
    steps: list[Any] = [*animation.new_frame_seq()]
    assert steps == list(range(10))
    slow, fast = runs["slow"].path, runs["fast"].path
    assert slow is not None
    assert fast is not None
    for step, names in (
        (0, ["slow", "fast"]),
        (3, ["slow", "fast"]),
        (4, ["slow", "fast: unfinished at step 4"]),
        (9, ["slow: unfinished at step 9", "fast: unfinished at step 4"]),
    ):
        draw(step)
        assert ax.get_title() == f"step {step}"
        assert legend(ax) == names
        assert heads(ax) == [slow[step].tolist(), fast[min(step, 4)].tolist()]
        for trail, path in zip(trails(ax), (slow[: step + 1], fast[: step + 1]), strict=True):
            walked = trail[~np.isnan(trail).any(axis=1)]
            if step:
                np.testing.assert_allclose(walked[[0, -1]], path[[0, -1]], atol=5e-3)
            assert len(walked) <= len(path)
        render(ax)


def test_a_path_outside_of_the_plot_waits_at_its_border() -> None:
    ax = axes()
    animate_descent(CubicValley(), {"away": [[0.0, 0.0], [8.0, 4.0]], "huge": [[0.0, 0.0], [-1e300, 0.0]]}, ax, **BOX)
    assert heads(ax) == [[2.0, 1.5], [-2.0, 0.0]]
    for trail in trails(ax):
        walked = trail[~np.isnan(trail).any(axis=1)]
        assert (np.abs(walked) <= [2.0, 1.5]).all()
    render(ax)


def test_the_file_is_an_animation_in_which_each_frame_differs(tmp_path: Path) -> None:
    path = tmp_path / "descent.gif"
    runs = {"a": descend(1e-4), "b": descend(5e-3)}
    animate_descent(CubicValley(), runs, path=path, frames=12, seconds=3.0, **BOX)
    assert os.listdir(tmp_path) == ["descent.gif"]
    frames = frames_of(path)
    assert len({frame.tobytes() for frame in frames}) == len(frames) == 12
    *steps, last = seconds_of(path)
    assert steps == pytest.approx([0.25] * 11)
    assert last > 1.0
    assert plt.get_fignums() == []
    # The palette has the exact colours of the background and of the lines, few as their pixels are.
    colors = {tuple(color) for color in frames[-1].reshape(-1, 3).tolist()}
    for index in range(2):
        assert tuple(round(255 * part) for part in to_rgb(look(index).color)) in colors
    assert (255, 255, 255) in colors


def test_what_does_not_move_is_equal_in_all_frames(tmp_path: Path) -> None:
    path = tmp_path / "descent.gif"
    animate_descent(CubicValley(), {"a": descend(1e-4)}, path=path, frames=6, **BOX)
    frames = np.array(frames_of(path))
    moved = (frames != frames[0]).any(axis=(0, 3))
    assert 0 < moved.mean() < 0.1


def test_without_a_file_the_figure_stays_open_and_nothing_warns() -> None:
    animation = animate_descent(CubicValley(), {"a": descend(1e-4)}, frames=3, **BOX)
    assert len(plt.get_fignums()) == 1
    assert animation.to_jshtml().count("data:image/png") >= 3
    animate_descent(CubicValley(), {"a": descend(1e-4)}, frames=3, **BOX)
    gc.collect()


def test_the_figure_of_axes_that_are_given_stays_open(tmp_path: Path) -> None:
    figure, (left, right) = plt.subplots(1, 2)
    path = tmp_path / "right.gif"
    animate_descent(CubicValley(), {"a": descend(1e-4)}, right, path=path, frames=3, **BOX)
    assert plt.get_fignums() == [figure.number]
    assert not left.lines
    assert len(frames_of(path)) == 3


def test_a_path_of_one_point_is_one_frame_in_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    animate_descent(CubicValley(), {"still": [[1.0, 1.0]]}, path="~/still.gif", **BOX)
    assert len(frames_of(tmp_path / "still.gif")) == 1


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"path": "descent.png"}, HyperparameterError, r"^path must end in \.gif, got 'descent\.png'"),
        ({"path": "nowhere/at/all.gif"}, StateError, "the folder .* does not exist"),
        ({"frames": 1}, HyperparameterError, "^frames must be"),
        ({"frames": 2.5}, HyperparameterError, "^frames must be"),
        ({"seconds": 0}, HyperparameterError, "^seconds must be"),
        ({"seconds": 700}, HyperparameterError, "^seconds must be"),
        ({"xlim": (1, 0)}, HyperparameterError, "^xlim must be two finite numbers"),
        ({"paths": {}}, DataError, "^paths must contain at least one path, got an empty dict"),
        ({"paths": [[0.0, 1.0]]}, TypeError, "^paths must be a dict"),
        ({"paths": {"a": [0.0, 1.0]}}, ShapeError, r"path 'a' must have shape \(n, 2\)"),
        ({"objective": Quadratic(np.eye(3))}, ShapeError, "^contours need an objective with 2 parameters"),
    ],
)
def test_what_cannot_be_animated_is_refused_before_a_figure_opens(
    options: dict[str, Any], error: type[Exception], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=message):
        animate_descent(**{"objective": CubicValley(), "paths": {"a": [[0.0, 1.0], [1.0, 1.0]]}, **options})
    assert plt.get_fignums() == []
    assert os.listdir(tmp_path) == []


def test_a_curve_without_a_name_can_be_animated() -> None:
    ax = axes()
    animate_descent(CubicValley(), {"": [[0.0, 0.0], [1.0, 1.0]]}, ax, **BOX)
    render(ax)
    assert [1.0, 1.0] in [np.asarray(line.get_xydata())[-1].tolist() for line in ax.lines]


def test_no_frame_is_shorter_than_browsers_play(tmp_path: Path) -> None:
    path = tmp_path / "descent.gif"
    animate_descent(CubicValley(), {"a": descend(1e-4)}, path=path, frames=12, seconds=0.012, **BOX)
    assert seconds_of(path)[:-1] == pytest.approx([0.02] * 11)


@pytest.mark.parametrize("layout", ["constrained", "tight", None])
@pytest.mark.parametrize("fails", [False, True])
def test_a_figure_that_is_given_keeps_its_layout(
    layout: Any, fails: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figure, ax = plt.subplots(layout=layout)
    before = figure.get_layout_engine()

    def full(*_: Any, **__: Any) -> None:
        raise OSError("no space left")

    if fails:
        monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(OSError, match="no space left") if fails else nullcontext():
        animate_descent(CubicValley(), {"a": descend(1e-4, steps=3)}, ax, path=tmp_path / "descent.gif", **BOX)
    assert figure.get_layout_engine() is before


def test_an_error_leaves_the_old_file_and_no_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "descent.gif"
    path.write_bytes(b"old")

    def full(*_: Any, **__: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(OSError, match="no space left"):
        animate_descent(CubicValley(), {"a": descend(1e-4, steps=3)}, path=path, **BOX)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["descent.gif"]
    assert plt.get_fignums() == []


@pytest.mark.parametrize(("last", "frames"), [(0, 5), (1, 2), (3, 60), (1000, 8), (20_000, 60), (9, 2)])
def test_the_steps_shown_grow_from_the_first_to_the_last(last: int, frames: int) -> None:
    steps = steps_shown(last, frames)
    assert (steps[0], steps[-1]) == (0, last)
    assert len(steps) <= frames
    gaps = np.diff(steps)
    assert (gaps > 0).all()
    assert (np.diff(gaps) >= -1).all()  # but for rounding
    assert len(steps) > 1 or last == 0


def test_the_most_frequent_colours() -> None:
    picture = Image.new("RGB", (4, 4), (1, 2, 3))
    picture.putpixel((0, 0), (250, 0, 7))
    picture.putpixel((1, 0), (250, 0, 7))
    picture.putpixel((2, 0), (9, 9, 9))
    assert [*frequent_colors([picture], 2)] == [1, 2, 3, 250, 0, 7]
    assert [*frequent_colors([picture, Image.new("RGB", (3, 1), (9, 9, 9))], 2)] == [1, 2, 3, 9, 9, 9]
    assert len(frequent_colors([picture], 99)) == 9


def test_a_palette_keeps_its_own_colours_however_close_they_are() -> None:
    colors = bytes([255, 255, 255, 254, 255, 255, 253, 255, 255, 10, 20, 30])
    picture = Image.frombytes("RGB", (4, 1), colors)
    assert np.asarray(with_palette(picture, colors)).tolist() == [[0, 1, 2, 3]]
    assert with_palette(picture, colors).convert("RGB").tobytes() == picture.tobytes()
    other = Image.new("RGB", (1, 1), (60, 60, 60))
    assert np.asarray(with_palette(other, colors)).tolist() == [[3]]
