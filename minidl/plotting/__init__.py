"""Plots of networks and their health, objectives and descents, losses, schedules, and the quality of classifiers."""

from minidl.plotting.boundary import plot_decision_boundary
from minidl.plotting.boundary_animation import animate_boundary
from minidl.plotting.classification import plot_calibration, plot_precision_recall, plot_roc
from minidl.plotting.confusion import plot_confusion
from minidl.plotting.contours import plot_contours
from minidl.plotting.descent_animation import animate_descent
from minidl.plotting.health import dead_share, gradient_flow, plot_activations, plot_gradient_flow
from minidl.plotting.history import plot_history
from minidl.plotting.live import LivePlot
from minidl.plotting.network import plot_network
from minidl.plotting.rates import plot_rate_search
from minidl.plotting.schedule import plot_schedule
from minidl.plotting.style import style

__all__ = [
    "LivePlot",
    "animate_boundary",
    "animate_descent",
    "dead_share",
    "gradient_flow",
    "plot_activations",
    "plot_calibration",
    "plot_confusion",
    "plot_contours",
    "plot_decision_boundary",
    "plot_gradient_flow",
    "plot_history",
    "plot_network",
    "plot_precision_recall",
    "plot_rate_search",
    "plot_roc",
    "plot_schedule",
    "style",
]
