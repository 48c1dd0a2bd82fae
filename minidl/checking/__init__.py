"""Checks for people who write their own layers, losses, optimizers, objectives and callbacks."""

from minidl.checking.callbacks import check_callback
from minidl.checking.gradients import GradientReport, check_gradients
from minidl.checking.layers import check_layer
from minidl.checking.losses import check_loss
from minidl.checking.objectives import check_objective
from minidl.checking.optimizers import check_optimizer
from minidl.differences import numerical_gradient, numerical_jacobian

__all__ = [
    "GradientReport",
    "check_callback",
    "check_gradients",
    "check_layer",
    "check_loss",
    "check_objective",
    "check_optimizer",
    "numerical_gradient",
    "numerical_jacobian",
]
