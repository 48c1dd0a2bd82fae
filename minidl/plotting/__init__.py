"""Plots of networks and their health, of objectives and descents, losses, schedules and decision boundaries."""

from minidl.plotting.boundary import plot_decision_boundary
from minidl.plotting.contours import plot_contours
from minidl.plotting.health import dead_share, gradient_flow, plot_activations, plot_gradient_flow
from minidl.plotting.history import plot_history
from minidl.plotting.live import LivePlot
from minidl.plotting.network import plot_network
from minidl.plotting.rates import plot_rate_search
from minidl.plotting.schedule import plot_schedule
from minidl.plotting.style import style

__all__ = [
    "LivePlot",
    "dead_share",
    "gradient_flow",
    "plot_activations",
    "plot_contours",
    "plot_decision_boundary",
    "plot_gradient_flow",
    "plot_history",
    "plot_network",
    "plot_rate_search",
    "plot_schedule",
    "style",
]
