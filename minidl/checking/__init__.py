"""Checks for people who write layers, losses, optimizers and objectives of their own."""

from minidl.checking.gradients import GradientReport, check_gradients
from minidl.checking.layers import check_layer
from minidl.checking.losses import check_loss
from minidl.checking.objectives import check_objective
from minidl.checking.optimizers import check_optimizer

__all__ = ["GradientReport", "check_gradients", "check_layer", "check_loss", "check_objective", "check_optimizer"]
