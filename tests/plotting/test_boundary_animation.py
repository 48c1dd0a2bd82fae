"""Animations of a decision boundary."""

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from minidl import (
    BCEWithLogitsLoss,
    DataError,
    Dense,
    HyperparameterError,
    Momentum,
    RecordPath,
    ReLU,
    Sequential,
    ShapeError,
    StateError,
    Trainer,
    make_xor,
)
from minidl.plotting import animate_boundary, animation
from minidl.typing import Array
from tests.plotting.helpers import axes, frames_of

X, Y = make_xor(40, rng=0)


def trained(steps: int = 30) -> tuple[Sequential, list[Array]]:
    """A model, and its parameters after each step of its training."""
    model, record = Sequential(Dense(2, 4), ReLU(), Dense(4, 1), rng=0), RecordPath()
    Trainer(model, BCEWithLogitsLoss(), Momentum(model.parameters(), lr=0.1), [record]).fit(X, Y, epochs=steps)
    return model, record.points


MODEL, POINTS = trained()


def titles(**options: Any) -> list[str]:
    """The titles of the frames of an animation."""
    ax = axes()
    movie: Any = animate_boundary(MODEL, POINTS, X, Y, ax, **options)
    found = []
    for step in movie.new_frame_seq():
        movie._func(step)
        found.append(ax.get_title())
    return found


def test_the_file_shows_every_step_and_stays_at_the_last(path: Path) -> None:
    path = path.with_suffix(".gif")
    animate_boundary(MODEL, POINTS[:5], X, Y, path=path, seconds=1.0)
    assert plt.get_fignums() == []
    pictures = frames_of(path)
    assert len(pictures) == 5
    assert len({picture.tobytes() for picture in pictures}) == 5
    assert (pictures[0][:3] == 255).all()  # the background is white
    with Image.open(path) as movie:
        durations = []
        for index in range(5):
            movie.seek(index)
            durations.append(movie.info["duration"])
    assert durations[:4] == [200] * 4
    assert durations[4] > 1000


def test_frames_lie_close_together_at_first() -> None:
    found = titles(frames=6)
    steps = [int(title.split(",")[0].removeprefix("step ")) for title in found]
    assert (steps[0], steps[-1]) == (0, 30)
    assert len(steps) <= 6
    assert (np.diff(steps, 2) >= 0).all()
    assert found[-1].endswith("accuracy 100%")
    assert found[0].endswith("accuracy 50%")


def test_titles_begin_with_the_title() -> None:
    assert all(title.startswith("XOR: step ") for title in titles(title="XOR", frames=2))


def test_the_model_is_as_before(path: Path) -> None:
    model, points = trained(3)
    model.parameters().value = before = np.linspace(-1, 1, 17)
    animate_boundary(model, points, X, Y, path=path.with_suffix(".gif"))
    np.testing.assert_array_equal(model.parameters().value, before)


def test_one_point_is_one_frame(path: Path) -> None:
    animate_boundary(MODEL, POINTS[-1:], X, Y, path=path.with_suffix(".gif"))
    assert len(frames_of(path.with_suffix(".gif"))) == 1


def test_without_a_path_the_caller_has_the_figure() -> None:
    animate_boundary(MODEL, POINTS, X, Y, frames=2)
    assert len(plt.get_fignums()) == 1


def test_other_axes_of_the_figure_and_its_layout_stay(path: Path) -> None:
    figure, (left, right) = plt.subplots(1, 2, layout="constrained")
    layout = figure.get_layout_engine()
    left.plot([1, 2])
    animate_boundary(MODEL, POINTS[:2], X, Y, right, path=path.with_suffix(".gif"))
    assert figure.get_layout_engine() is layout
    assert len(left.lines) == 1
    assert len(plt.get_fignums()) == 1


def test_a_file_that_cannot_be_finished_leaves_the_one_before(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = path.with_suffix(".gif")
    path.write_bytes(b"before")

    def fails(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(animation._OnePalette, "finish", fails)
    with pytest.raises(MemoryError):
        animate_boundary(MODEL, POINTS[:2], X, Y, path=path)
    assert path.read_bytes() == b"before"
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert plt.get_fignums() == []


@pytest.mark.parametrize(
    ("error", "message", "options"),
    [
        (HyperparameterError, "path must end in .gif, got 'xor.png'", {"path": "xor.png"}),
        (StateError, "does not exist", {"path": "nowhere/xor.gif"}),
        (HyperparameterError, "frames must be an integer, at least 2", {"frames": 1}),
        (HyperparameterError, "seconds must be a finite number, above 0", {"seconds": 0}),
        (HyperparameterError, "units must be True or False", {"units": "yes"}),
        (ShapeError, "classes must name all 2 classes", {"classes": ["one"]}),
    ],
)
def test_wrong_options_are_refused(error: type[Exception], message: str, options: dict[str, Any]) -> None:
    with pytest.raises(error, match=message):
        animate_boundary(MODEL, POINTS, X, Y, **options)
    assert plt.get_fignums() == []


def test_points_of_another_model_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"points must have shape \(steps \+ 1, 17\) for this model, got \(2, 3\)"):
        animate_boundary(MODEL, np.ones((2, 3)), X, Y)
    with pytest.raises(DataError, match="at least one vector of parameters; record them with RecordPath"):
        animate_boundary(MODEL, [], X, Y)
    with pytest.raises(DataError, match="points"):
        animate_boundary(MODEL, np.full((2, 17), np.nan), X, Y)
