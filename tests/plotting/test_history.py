"""Loss curves."""

import numpy as np
import pytest
from matplotlib.axes import Axes

from minidl import SGD, CubicValley, DataError, Dense, History, MSELoss, ShapeError, Trainer, minimize
from minidl.plotting import plot_history
from minidl.typing import Array
from tests.plotting.helpers import axes, legend, render


def trained() -> History:
    x = np.linspace(-1, 1, 8)[:, None]
    model = Dense(1, 1, rng=0)
    trainer = Trainer(model, MSELoss(), SGD(model.parameters(), lr=0.1))
    return trainer.fit(x, 2 * x, epochs=5, batch_size=4, validation=(x, 2 * x), rng=0)


def points(ax: Axes) -> list[Array]:
    return [np.asarray(line.get_xydata()) for line in ax.lines]


def test_losses_are_drawn_over_the_steps_before_which_they_were_measured() -> None:
    ax = plot_history([4.0, 2.0, 1.0], axes())
    np.testing.assert_array_equal(points(ax)[0], [[0, 4], [1, 2], [2, 1]])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("step", "loss")
    assert legend(ax) == []


def test_takes_histories_descents_and_lists() -> None:
    history, valley = trained(), CubicValley(-1.0, 1.0)
    descent = minimize(valley, SGD(valley.parameters(), lr=1e-4), steps=9)
    ax = plot_history({"fit": history, "valley": descent, "list": np.array([1.0, 2.0])}, axes())
    assert legend(ax) == ["fit", "valley", "list"]
    for line, losses in zip(points(ax), [history.loss, descent.loss, [1.0, 2.0]], strict=True):
        np.testing.assert_array_equal(line[:, 1], losses)
    assert len({line.get_color() for line in ax.lines}) == 3
    assert len({str(vars(line)["_dash_pattern"]) for line in ax.lines}) == 3
    render(ax)


def test_keys_are_drawn_over_epochs() -> None:
    history = trained()
    ax = plot_history(history, axes(), keys=("loss", "validation_loss"))
    assert legend(ax) == ["loss", "validation loss"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "loss")
    for line, key in zip(points(ax), ("loss", "validation_loss"), strict=True):
        np.testing.assert_array_equal(line[:, 0], [1, 2, 3, 4, 5])
        np.testing.assert_array_equal(line[:, 1], history.epochs[key])


def measured(**epochs: list[float]) -> History:
    history = History()
    history.epochs = epochs
    return history


def test_epochs_without_a_number_are_gaps() -> None:
    nan, inf = np.nan, np.inf
    late, lost = [nan, nan, 30.0, 400.0], [1.0, inf, 5.0, nan]
    ax = plot_history(measured(loss=[4.0, 3.0, 2.0, 1.0], late=late, lost=lost), axes(), keys=("loss", "late", "lost"))
    for line, y in zip(points(ax), ([4.0, 3.0, 2.0, 1.0], late, [1.0, nan, 5.0, nan]), strict=True):
        np.testing.assert_array_equal(line[:, 0], [1, 2, 3, 4])
        np.testing.assert_array_equal(line[:, 1], y)
    assert ax.get_yscale() == "log"
    render(ax)


def test_a_number_between_gaps_has_a_marker() -> None:
    history = measured(a=[np.nan, 3.0], b=[1.0, np.nan, 2.0, 2.0, np.nan, 2.0], c=[np.nan, 2.0, 3.0])
    ax = plot_history(history, axes(), keys=("a", "b", "c"))
    assert [(line.get_marker() != "None", line.get_markevery()) for line in ax.lines] == [
        (True, [1]),
        (True, [0, 5]),
        (False, None),
    ]
    render(ax)


def test_a_metric_that_was_never_finite_is_refused() -> None:
    with pytest.raises(DataError, match="2 numbers that are NaN or infinite"):
        plot_history(measured(a=[np.nan, np.inf]), axes(), keys=("a",))


@pytest.mark.parametrize("log", [None, True, False])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_run_that_diverges_is_drawn(log: bool | None, sign: int) -> None:
    losses = [sign * 10.0**power for power in range(0, 306, 5)]
    for ax in (
        plot_history(losses, axes(), log=log),
        plot_history(measured(loss=[*losses, np.inf]), axes(), log=log, keys=("loss",)),
    ):
        render(ax)
        y = points(ax)[0][:, 1]
        np.testing.assert_array_equal(y[:21], losses[:21])
        np.testing.assert_array_equal(y[21 : len(losses)], sign * 1e100)
        low, high = ax.get_ylim()
        assert low <= np.nanmin(y) < np.nanmax(y) <= high


def test_single_precision_is_drawn() -> None:
    ax = plot_history(np.array([3.0, 2.0], np.float32), axes())
    np.testing.assert_array_equal(points(ax)[0][:, 1], [3, 2])


@pytest.mark.parametrize(
    ("keys", "label"),
    [
        (["loss"], "loss"),
        (["training_loss", "validation_loss"], "loss"),
        (["validation_f_1"], "validation f 1"),
        (["loss", "accuracy"], "metric"),
        (["training_accuracy", "validation_accuracy", "validation_f_1"], "metric"),
    ],
)
def test_one_label_for_all_curves(keys: list[str], label: str) -> None:
    ax = plot_history(measured(**{key: [2.0, 1.0] for key in keys}), axes(), keys=keys)
    assert ax.get_ylabel() == label
    assert legend(ax) == ([key.replace("_", " ") for key in keys] if len(keys) > 1 else [])


@pytest.mark.parametrize("count", [1, 2, 3])
def test_ticks_are_whole_epochs_and_steps(count: int) -> None:
    history = measured(loss=[3.0, 2.0, 1.0][:count])
    history.loss = history.epochs["loss"]
    for keys, first in ((("loss",), 1), (None, 0)):
        ax = plot_history(history, axes(), keys=keys)
        render(ax)
        low, high = ax.get_xlim()
        assert [tick for tick in ax.get_xticks() if low <= tick <= high] == list(range(first, first + count))


def test_labels_and_keys_name_every_curve() -> None:
    ax = plot_history({"a": trained(), "b": trained()}, axes(), keys=("loss", "validation_loss"))
    assert legend(ax) == ["a: loss", "a: validation loss", "b: loss", "b: validation loss"]


@pytest.mark.parametrize(
    ("losses", "log", "scale"),
    [
        ([2.0, 1.0], None, "linear"),
        ([100.0, 1.0], None, "linear"),
        ([101.0, 1.0], None, "log"),
        ([101.0, 1.0], False, "linear"),
        ([2.0, 1.0], True, "log"),
        ([2.0, 0.0], None, "linear"),
        ([2.0, 0.0], True, "symlog"),
        ([3.0, 2.0, -4.0], None, "linear"),
        ([3.0, 2.0, -4.0, 1e6], None, "symlog"),
        ([3.0, 2.0, -4.0, 1e6], False, "linear"),
        ([0.0, 0.0], True, "symlog"),
        ([0.0, 0.0, 0.0, 5.0], None, "linear"),
    ],
)
def test_the_scale_follows_the_values(losses: list[float], log: bool | None, scale: str) -> None:
    ax = plot_history(losses, axes(), log=log)
    assert ax.get_yscale() == scale
    render(ax)


def test_all_curves_decide_on_the_scale_together() -> None:
    assert plot_history({"a": [1.0, 1.0], "b": [1e3, 1e3]}, axes()).get_yscale() == "log"


def test_a_single_loss_is_visible() -> None:
    ax = axes()
    assert plot_history([1.0], ax).lines[0].get_marker() not in ("None", "", None)
    assert plot_history([1.0, 2.0], axes()).lines[0].get_marker() == "None"


def test_empty_histories_are_refused() -> None:
    with pytest.raises(DataError, match="the history 'run' is empty; train"):
        plot_history({"run": History()}, axes())
    with pytest.raises(DataError, match="at least one history"):
        plot_history({}, axes())


def test_nan_is_refused_with_its_place() -> None:
    with pytest.raises(DataError, match=r"the history 'run'.*first at index \(1,\): nan"):
        plot_history({"run": [1.0, float("nan")]}, axes())


def test_a_table_of_losses_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"flat list of losses, got shape \(2, 2\); pass several as a dict"):
        plot_history([[1.0, 2.0], [3.0, 4.0]], axes())  # type: ignore[list-item]


def test_keys_that_were_not_measured_are_refused() -> None:
    with pytest.raises(DataError, match="has no metric 'accuracy'; it has 'loss', 'validation_loss'"):
        plot_history(trained(), axes(), keys=("accuracy",))
    with pytest.raises(DataError, match="only the History of a fit has epochs"):
        plot_history([1.0, 2.0], axes(), keys=("loss",))


def test_nothing_is_drawn_before_an_error() -> None:
    ax = axes()
    with pytest.raises(DataError):
        plot_history({"good": [1.0, 2.0], "bad": [float("inf")]}, ax)
    assert not ax.lines


def test_a_curve_without_a_name_is_not_in_the_legend() -> None:
    ax = plot_history({"": [3.0, 2.0], "adam": [2.0, 1.0]}, axes())
    assert len(ax.lines) == 2
    assert legend(ax) == ["adam"]


def test_after_validation_the_losses_of_training_and_validation_are_drawn_per_epoch() -> None:
    history = trained()
    ax = plot_history(history, axes())
    assert legend(ax) == ["loss", "validation loss"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "loss")
    for line, key in zip(points(ax), ("loss", "validation_loss"), strict=True):
        np.testing.assert_array_equal(line, np.transpose([[1, 2, 3, 4, 5], history.epochs[key]]))
    (steps,) = points(plot_history(history.loss, axes()))
    np.testing.assert_array_equal(steps[:, 1], history.loss)


@pytest.mark.parametrize("validation", [{}, {"validation_loss": [np.nan, np.inf]}, {"validation_accuracy": [1.0, 1.0]}])
def test_without_a_validation_loss_the_steps_are_drawn(validation: dict[str, list[float]]) -> None:
    history = measured(loss=[2.0, 1.0], **validation)
    history.loss = [4.0, 3.0, 2.0, 1.0]
    ax = plot_history(history, axes())
    (steps,) = points(ax)
    np.testing.assert_array_equal(steps, [[0, 4], [1, 3], [2, 2], [3, 1]])
    assert ax.get_xlabel() == "step"


def test_one_key_may_be_a_string() -> None:
    ax = plot_history(measured(loss=[2.0, 1.0]), axes(), keys="loss")
    np.testing.assert_array_equal(points(ax)[0], [[1, 2], [2, 1]])


def test_labels_may_be_numbers() -> None:
    assert legend(plot_history({0.1: [2.0, 1.0], 1: [3.0, 1.0]}, axes())) == ["0.1", "1"]  # type: ignore[dict-item]


def test_numbers_next_to_0_can_be_drawn() -> None:
    render(plot_history([0.0, 1e-300], axes(), log=True))
