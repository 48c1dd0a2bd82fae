"""How a network fares, in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import nan
from typing import NamedTuple

from minidl.layers import ReLU
from minidl.modules import Layer
from minidl.typing import Array

__all__ = ["Hidden", "Signs", "fate_of", "hidden_layer"]

TINY = 1e-3
"""The gradient of the first layer vanishes if it is below this share of that of the last."""


class Hidden(NamedTuple):
    """What the outputs of a hidden layer tell.

    Attributes:
        dead: for each unit, whether it is a ReLU that is 0 for all training data.
        copies: whether several units all compute the same.
    """

    dead: list[bool]
    copies: bool


class Epoch(NamedTuple):
    """The losses after an epoch. That of held-out data is NaN if there are none."""

    number: int
    training: float
    test: float = nan


class Signs(NamedTuple):
    """What the fate of a network is read from.

    Attributes:
        hidden: one for each hidden layer.
        gradients: the size of each layer's gradient in the latest step, ``√(mean g²)``.
        first_loss: the loss of the first step.
        now: the epoch that ended last.
        best: the epoch with the lowest held-out loss.
        divergence: the error that has ended the run.
    """

    hidden: Sequence[Hidden]
    gradients: Sequence[float]
    first_loss: float = nan
    now: Epoch | None = None
    best: Epoch | None = None
    divergence: Exception | None = None


def hidden_layer(activation: Layer, outputs: Array) -> Hidden:
    """Read the outputs (n, units) of a hidden layer for all training data.

    >>> import numpy as np
    >>> hidden_layer(ReLU(), np.array([[0.0, 1.0], [0.0, 0.0]]))
    Hidden(dead=[True, False], copies=False)
    """
    units = outputs.shape[1]
    dead = (outputs == 0.0).all(axis=0).tolist() if isinstance(activation, ReLU) else [False] * units
    # One sample nearly always shows that units differ.
    copies = all(bool((part == part[:, :1]).all()) for part in (outputs[:1], outputs))
    return Hidden(dead, copies and units > 1 and not all(dead))


def fate_of(signs: Signs) -> str | None:
    """Say what goes wrong with a network, the gravest first. None if nothing does.

    >>> fate_of(Signs([Hidden([True, False], copies=False)], [0.1, 0.2]))
    '1 of 2 hidden units is dead: 0 for every training sample, so it learns nothing.'
    """
    return next((found for sign in SIGNS if (found := sign(signs)) is not None), None)


def _divergence(signs: Signs) -> str | None:
    return None if signs.divergence is None else f"Stopped: {signs.divergence}."


def _dead_layer(signs: Signs) -> str | None:
    for number, hidden in enumerate(signs.hidden, 1):
        if all(hidden.dead):
            return (
                f"All {len(hidden.dead)} units of hidden layer {number} are dead. They are 0 for every training "
                "sample, so no gradient passes, and the weights before them stay as they are."
            )
    return None


def _copies(signs: Signs) -> str | None:
    for number, hidden in enumerate(signs.hidden, 1):
        if hidden.copies:
            return (
                f"The {len(hidden.dead)} units of hidden layer {number} are copies of each other. They began with "
                "equal weights, so they get equal gradients and stay equal."
            )
    return None


def _risen(signs: Signs) -> str | None:
    if signs.now is None or not signs.now.training > 1.5 * signs.first_loss:
        return None
    before, now = signs.first_loss, signs.now.training
    return f"The training loss has risen from {before:.3g} to {now:.3g}: the learning rate is too large."


def _vanished(signs: Signs) -> str | None:
    first, last = signs.gradients[0], signs.gradients[-1]
    learned = signs.now is None or signs.now.training < 0.5 * signs.first_loss
    if learned or not 0.0 < first < TINY * last:
        return None
    times = float(f"{last / first:.1g}")
    smaller = f"{times:,.0f}" if times < 1e7 else f"{times:.0e}"
    return f"Gradients vanish: that of the first layer is {smaller} times smaller than that of the last."


def _overfitting(signs: Signs) -> str | None:
    now, best = signs.now, signs.best
    if now is None or best is None:
        return None
    if now.test > 1.25 * best.test + 0.02 and now.training < best.training:
        return (
            f"Overfitting: the held-out loss was lowest, {best.test:.3g}, after epoch {best.number}. Since then it has "
            f"risen to {now.test:.3g}, while the training loss fell."
        )
    return None


def _dead_units(signs: Signs) -> str | None:
    dead = [unit for hidden in signs.hidden for unit in hidden.dead]
    if not any(dead):
        return None
    be, learn = ("is", "it learns") if sum(dead) == 1 else ("are", "they learn")
    return f"{sum(dead)} of {len(dead)} hidden units {be} dead: 0 for every training sample, so {learn} nothing."


SIGNS: tuple[Callable[[Signs], str | None], ...] = (
    _divergence, _dead_layer, _copies, _risen, _vanished, _overfitting, _dead_units,
)  # fmt: skip
