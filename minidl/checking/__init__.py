"""Checks for people who write layers, losses, optimizers and objectives of their own."""

from minidl.checking.gradients import GradientReport, check_gradients

__all__ = ["GradientReport", "check_gradients"]
