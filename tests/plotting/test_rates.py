"""The picture of a search for a learning rate."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from minidl import RateSearch
from minidl.plotting import plot_rate_search
from tests.plotting.helpers import axes, legend, render

RATES = np.geomspace(1e-4, 1.0, 5).tolist()
SEARCH = RateSearch(1e-2, RATES, [3.0, 2.9, 2.0, 1.0, 70.0], [3.0, 2.95, 2.5, 1.5, 20.0])


def test_it_draws_both_curves_and_the_suggestion() -> None:
    ax = plot_rate_search(SEARCH, axes())
    raw, smoothed, mark = ax.lines
    np.testing.assert_array_equal(raw.get_xydata(), np.transpose([RATES, SEARCH.losses]))
    np.testing.assert_array_equal(smoothed.get_xydata(), np.transpose([RATES, SEARCH.smoothed]))
    assert np.asarray(mark.get_xdata()).tolist() == [1e-2, 1e-2]
    assert legend(ax) == ["loss of each step", "smoothed", "suggested: 0.01"]
    assert (ax.get_xscale(), ax.get_xlabel(), ax.get_ylabel()) == ("log", "learning rate", "loss")
    low, high = ax.get_ylim()
    assert low < 1.0 < 3.0 < high < 20.0  # what blows up at the end does not flatten the rest
    render(ax)


@pytest.mark.parametrize("losses", [[0.0] * 5, [2.0] * 5, [1e308] * 5, [-3.0, -3.5, -4.0, -4.0, -1.0]])
def test_losses_of_any_size(losses: list[float]) -> None:
    ax = plot_rate_search(RateSearch(1e-2, RATES, losses, losses), axes())
    low, high = ax.get_ylim()
    assert low < high
    render(ax)


def test_a_new_figure_and_what_it_refuses() -> None:
    assert isinstance(plot_rate_search(SEARCH).get_figure(), Figure)
    with pytest.raises(TypeError, match="search must be of type RateSearch"):
        plot_rate_search([1.0])  # type: ignore[arg-type]
