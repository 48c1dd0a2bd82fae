"""Pictures: networks, landscapes with descents, loss curves and decision boundaries."""

from minidl.plotting.boundary import plot_decision_boundary
from minidl.plotting.contours import plot_contours
from minidl.plotting.history import plot_history
from minidl.plotting.network import plot_network
from minidl.plotting.style import style

__all__ = ["plot_contours", "plot_decision_boundary", "plot_history", "plot_network", "style"]
