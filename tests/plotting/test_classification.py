"""ROC and precision-recall curves and calibration, against scikit-learn and the metrics."""

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from minidl import DataError, HyperparameterError
from minidl.metrics import average_precision, roc_auc
from minidl.plotting import plot_calibration, plot_precision_recall, plot_roc
from minidl.typing import Array
from tests.metrics.test_golden import CHECKS
from tests.plotting.helpers import axes, legend, render
from tests.tables import seeds

PLOTS: list[Any] = [plot_roc, plot_precision_recall, plot_calibration]
P, Y = np.array([0.1, 0.4, 0.35, 0.8]), np.array([0, 0, 1, 1])
SHARES = np.array([[0.5, 0.3, 0.2], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4], [0.6, 0.2, 0.2]])
CLASSES = np.array([0, 1, 2, 1])
few = settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])


def points(ax: Axes, index: int = 0) -> Array:
    return np.asarray(ax.lines[index].get_xydata())


def golden(name: str) -> list[Any]:
    return [(case, options, value) for case, metric, options, value in CHECKS if metric == name]


def draw(seed: int, n: int) -> tuple[Array, Array, Array]:
    rng = np.random.default_rng(seed)
    return rng.uniform(size=n).round(1), np.append([0, 1], rng.integers(0, 2, n - 2)), rng.uniform(0.5, 2, n)


@pytest.mark.parametrize("case", [case for case in golden("roc_curve") if case[0]["sample_weight"] is None])
def test_the_points_of_the_roc_curve_are_those_of_scikit_learn(case: Any) -> None:
    data, _, value = case
    np.testing.assert_allclose(points(plot_roc(data["prediction"], data["target"], axes())), np.transpose(value))


def test_points_so_close_that_nobody_can_tell_them_apart_are_left_out() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 50_000)
    p = np.where(y == 1, rng.beta(2, 1, len(y)), rng.beta(1, 2, len(y)))
    for plot, metric in ((plot_roc, roc_auc), (plot_precision_recall, average_precision)):
        found = points(plot(p, y, axes()))
        assert len(found) < 4000
        assert np.trapezoid(found[:, 1], found[:, 0]) == pytest.approx(metric(p, y), abs=1e-3)


@given(seeds, st.integers(2, 20))
@few
def test_the_areas_below_the_curves_are_the_metrics(seed: int, n: int) -> None:
    p, y, w = draw(seed, n)
    for plot, metric, name in ((plot_roc, roc_auc, "AUC"), (plot_precision_recall, average_precision, "AP")):
        ax = plot(p, y, axes(), sample_weight=w)
        found, area = points(ax), metric(p, y, w)
        assert np.trapezoid(found[:, 1], found[:, 0]) == pytest.approx(area, abs=2e-3)
        assert (found[0, 0], found[-1, 0]) == (0.0, 1.0)
        assert ax.lines[0].get_label() == f"{name} {area:.3f}"


@pytest.mark.parametrize("case", golden("calibration_curve"))
def test_calibration_agrees_with_scikit_learn(case: Any) -> None:
    data, options, (share, mean) = case
    ax = plot_calibration(data["prediction"], data["target"], axes(), **options)
    np.testing.assert_allclose(points(ax), np.transpose([mean, share]), rtol=1e-12, atol=1e-15)
    assert ax.lines[0].get_marker() not in ("None", "", None)


def test_weights_of_calibration_are_repeated_samples() -> None:
    p, y, _ = draw(0, 12)
    w = np.arange(12) % 4
    found = points(plot_calibration(p, y, axes(), sample_weight=w))
    np.testing.assert_allclose(found, points(plot_calibration(np.repeat(p, w), np.repeat(y, w), axes())), rtol=1e-12)


def test_what_chance_and_perfection_would_draw() -> None:
    diagonal = [[0, 0], [1, 1]]
    assert points(plot_roc(P, Y, axes()), -1).tolist() == diagonal
    assert points(plot_calibration(P, Y, axes()), -1).tolist() == diagonal
    ax = plot_precision_recall(P, [0, 0, 0, 1], axes(), sample_weight=[1, 1, 1, 3])
    assert points(ax, -1).tolist() == [[0, 0.5], [1, 0.5]]  # the share of class 1
    assert legend(plot_roc(P, Y, axes())) == ["AUC 0.750", "chance"]
    assert legend(plot_precision_recall(P, Y, axes())) == ["AP 0.833", "chance"]
    assert legend(plot_calibration(P, Y, axes())) == ["model", "perfect"]


@pytest.mark.parametrize("plot", PLOTS)
def test_several_models_and_classes_are_labelled(plot: Any) -> None:
    ax = plot({"one": P, "two": P[::-1, None]}, Y, axes())
    assert [label.split(":")[0] for label in legend(ax)[:2]] == ["one", "two"]
    assert len({line.get_color() for line in ax.lines[:2]}) == 2
    ax = plot({"one": SHARES, 2: SHARES[::-1]}, CLASSES, axes())
    starts = [label.rpartition(":")[0] if "A" in label else label for label in legend(ax)]
    assert starts[:6] == [f"{name}: class {c}" for name in ("one", "2") for c in range(3)]
    render(ax)


def test_each_class_is_drawn_against_the_rest() -> None:
    for plot in PLOTS:
        ax = plot(SHARES, CLASSES, axes())
        for c in range(3):
            alone = points(plot(SHARES[:, c], c == CLASSES, axes()))
            np.testing.assert_array_equal(points(ax, c), alone)
    # Each class has a chance of its own, so none is drawn.
    assert "chance" not in legend(plot_precision_recall(SHARES, CLASSES, axes()))
    assert legend(plot_roc(SHARES, CLASSES, axes()))[-1] == "chance"


def test_two_columns_are_the_curve_of_class_1() -> None:
    for plot in PLOTS:
        np.testing.assert_array_equal(points(plot(np.stack([1 - P, P], 1), Y, axes())), points(plot(P, Y, axes())))


@pytest.mark.parametrize(
    ("plot", "across", "up"),
    [
        (plot_roc, "false positive rate", "true positive rate"),
        (plot_precision_recall, "recall", "precision"),
        (plot_calibration, "mean predicted probability", "fraction of samples in the class"),
    ],
)
def test_axes_are_a_unit_square(plot: Any, across: str, up: str) -> None:
    ax = plot(P, Y)
    figure = ax.get_figure()
    assert isinstance(figure, Figure)
    assert (ax.get_xlabel(), ax.get_ylabel()) == (across, up)
    assert ax.get_xlim() == ax.get_ylim() == (-0.02, 1.02)
    assert ax.get_aspect() == 1.0
    render(ax)
    box = ax.get_window_extent()
    assert box.width == pytest.approx(box.height, rel=1e-6)


def test_errors() -> None:
    ax = axes()
    for plot in PLOTS:
        with pytest.raises(DataError, match="at least one model, got an empty dict"):
            plot({}, Y, ax)
        with pytest.raises(DataError, match="sample_weight must not be negative"):
            plot(P, Y, ax, sample_weight=[1, 1, 1, -1])
    with pytest.raises(DataError, match="the ROC curve is not defined without samples of class 0"):
        plot_roc(P, np.ones(4), ax)
    with pytest.raises(DataError, match="the precision-recall curve is not defined without samples of class 1"):
        plot_precision_recall(P, np.zeros(4), ax)
    with pytest.raises(DataError, match="prediction must hold probabilities"):
        plot_calibration(10 * P, Y, ax)
    bins: Any
    for bins in (0, 2.5, True):
        with pytest.raises(HyperparameterError, match="bins must be a positive integer"):
            plot_calibration(P, Y, ax, bins=bins)
    assert not ax.lines
