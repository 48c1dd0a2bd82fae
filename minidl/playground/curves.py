"""What the activation functions and the losses look like, computed by their own forward and backward."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import layers, losses
from minidl.modules import Loss
from minidl.playground.settings import NETWORKS, Choice
from minidl.typing import Array

__all__ = ["curves"]

POINTS = 81
REACH = 4.0
"""Activations are shown from −4 to 4, where all of them bend."""


def curves() -> dict[str, dict[str, Any]]:
    """Return the curves of all activations and losses that a network can have.

    Each has the names of its "axes", its limits "x" and "y", and its "lines" by name, at evenly spaced places between
    the limits of x. A line may leave the limits of y. The lines of an activation are its output and its derivative.
    Those of a loss are the loss of one sample of class 1 and of class 0, over the logit z or the probability p.

    >>> curves()["activation"]["ReLU"]["lines"]["output"][-1]
    4.0
    >>> curves()["loss"]["BCELoss"]["x"]
    [0.0, 1.0]
    """
    makers = {"activation": _activation, "loss": _loss}
    return {name: {value: make(value) for value in _values(name)} for name, make in makers.items()}


def _activation(name: str) -> dict[str, Any]:
    layer = getattr(layers, name)()
    x = np.linspace(-REACH, REACH, POINTS)[:, None]
    output = layer.forward(x)
    return _curve("z", "", x, output=output, derivative=layer.backward(np.ones_like(x)))


def _loss(name: str) -> dict[str, Any]:
    loss: Loss = getattr(losses, name)()
    x = np.linspace(*((-REACH, REACH) if loss.takes_logits else (0.0, 1.0)), POINTS)[:, None]
    values = {f"class {label}": loss.each(x, np.full_like(x, label))[0] for label in (1, 0)}
    return _curve("z" if loss.takes_logits else "p", "L", x, **values)


def _curve(across: str, up: str, x: Array, **lines: Array) -> dict[str, Any]:
    together = np.concatenate(list(lines.values()))
    return {
        "axes": [across, up],
        "x": [float(x[0, 0]), float(x[-1, 0])],
        "y": [round(float(together.min()), 4), round(float(together.max().clip(max=REACH)), 4)],
        "lines": {name: values.ravel().round(4).tolist() for name, values in lines.items()},
    }


def _values(name: str) -> tuple[str, ...]:
    choice = NETWORKS[name]
    assert isinstance(choice, Choice)
    return choice.values
