"""A network that trains in turns, and the frames that show it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from copy import copy
from itertools import islice
from math import inf, isfinite, nan, sqrt
from typing import Any

import numpy as np

from minidl.errors import HyperparameterError
from minidl.layers import Dense, Dropout, Sequential, Softmax
from minidl.layers.activations import sigmoid
from minidl.modules import Layer, evaluating, training_as
from minidl.playground.code import network_code
from minidl.playground.fates import Epoch, Hidden, Signs, fate_of, hidden_layer
from minidl.playground.settings import NETWORKS, SettingError, checked
from minidl.playground.tables import check_classes, class_names
from minidl.playground.turns import TurnTrainer
from minidl.splitting import hold_out
from minidl.sums import norm
from minidl.typing import Array

__all__ = ["Network"]

SIZE = 40
"""Rows and columns of the picture of the output."""

UNIT_SIZE = 16
"""Rows and columns of the picture of a unit."""


class Network:
    """A network with its data, trained in turns as `Trainer.fit` trains it.

    Args:
        settings: those in `NETWORKS` that differ from their defaults.

    Attributes:
        code: the program that the settings stand for. Its set-up has made data, model, loss and optimizer.
        classes: the names of the classes. Two classes have one output, and several have one each.
        run: the run of its `fit`.

    Raises:
        SettingError: settings that are unknown or out of range.

    >>> network = Network({"hidden": [2], "epochs": 1})
    >>> network.step(1000)
    7
    >>> network.frame()["finished"]
    True
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = checked(NETWORKS, settings)
        if self.settings["data"] == "points":
            check_classes(self.settings["points"], "points")
        self.code, self.classes = network_code(self.settings), class_names(self.settings)
        space: dict[str, Any] = {"__name__": "__main__"}
        exec(self.code.setup, space)
        made, self.x, self.y = space["trainer"], space["x"], space["y"]
        self.model: Sequential = made.model
        self.trainer = space["trainer"] = TurnTrainer(made.model, made.loss, made.optimizer)
        self.train, self.test = _split(self.y, self.settings["test_share"])
        exec(self.code.run, space)  # begins the run, whose steps are taken in turns
        self.run, self.history = self.trainer.run, self.trainer.history
        self.limits = _square(self.x, at_least=2.0 if self.settings["data"] == "points" else 0.0)
        points = [_grid(*self.limits, SIZE), _grid(*self.limits, UNIT_SIZE), self.x[self.train], self.x[self.test]]
        self._points, self._ends = np.concatenate(points), np.cumsum([len(part) for part in points])
        # What a frame needs again and again.
        self._dense = [layer for layer in self.model if isinstance(layer, Dense)]
        self._names, self._loss = [repr(dense) for dense in self._dense], copy(made.loss)
        self._probabilities, self._several = bool(self.model.gives_probabilities), len(self.classes) > 2
        self._now: Epoch | None = None
        self._best: Epoch | None = None
        self._pace = 0.0

    def step(self, steps: int, seconds: float = inf) -> int:
        """Train for at most `steps` steps or `seconds`. Return how many steps it took."""
        with training_as(True):
            taken = self.run.turn(steps, seconds)
        if taken:
            self._pace = taken / max(self.run.seconds, 1e-9)
        return taken

    def epoch(self) -> int:
        """Train to the end of the current epoch. Return how many steps it took."""
        return self.step(len(self.run.batches) - self.run.batch + 1)

    def frame(self, *, whole: bool = False) -> dict[str, Any]:
        """Return what the page draws. The whole of it has data and code as well."""
        with evaluating(self.model), np.errstate(all="ignore"):
            outputs = self._outputs()
            scores = outputs[-1][1]
            chances = self._chances(scores)
            units, scales = self._scaled([values for _, values in outputs[:-1]], chances)
            hidden = [hidden_layer(layer, self._part(values, 2)) for layer, values in outputs[:-1]]
            train, test = (self._measured(scores, part, rows) for part, rows in ((2, self.train), (3, self.test)))
        layers, losses = self._layers(scales), self._new_losses()
        across, up = map(list, self.limits)
        frame: dict[str, Any] = {
            "kind": "networks",
            "step": self.run.step,
            "epoch": self.run.epoch,
            "steps_per_second": round(self._pace),
            "loss": {"train": train[0], "test": test[0]},
            "accuracy": {"train": train[1], "test": test[1]},
            "losses": losses,
            "boundary": {"size": SIZE, "x": across, "y": up},
            "layers": layers,
            "finished": self.run.ended,
            "fate": fate_of(self._signs(hidden)),
            "error": None,
        }
        for layer, signs in zip(layers, hidden, strict=False):
            layer["dead"] = signs.dead
        if whole:
            frame |= {"data": {"train": self._rows(self.train), "test": self._rows(self.test)}}
            frame |= {"classes": self.classes, "code": self.code.text}
        pixels = _bytes(65535.0 * self._part(chances, 0), "<u2") + _bytes(128.0 + 127.0 * units, "u1")
        return frame | {"pixels": b64encode(pixels).decode()}

    def _chances(self, scores: Array) -> Array:
        """The probability of class 1, (n, 1), or those of several classes, (n, k)."""
        if self._several:
            return Softmax().forward(scores)
        return scores if self._probabilities else sigmoid(scores)

    def _outputs(self) -> list[tuple[Layer, Array]]:
        """For each Dense layer its activation, and the outputs after that at all points that a frame is about."""
        found: list[tuple[Layer, Array]] = []
        values = self._points
        for layer in self.model:
            values = layer.forward(values)
            if isinstance(layer, Dense):
                found.append((layer, values))
            elif not isinstance(layer, Dropout):
                found[-1] = layer, values
        return found

    def _part(self, values: Array, index: int) -> Array:
        """The values at the points of the picture (0), of those of units (1), and of the data to train and test on."""
        return values[self._ends[index - 1] if index else 0 : self._ends[index]]

    def _scaled(self, hidden: list[Array], chances: Array) -> tuple[Array, Array]:
        """The outputs of all units at the points of their pictures, from −1 to 1, and what each was divided by.

        In the picture of a unit, 128 is 0, and 255 is the largest size there. In that of an output, 0 to 255 is its
        probability.
        """
        outputs = [*(self._part(values, 1) for values in hidden), 2.0 * self._part(chances, 1) - 1.0]
        together = np.concatenate(outputs, axis=1)  # each call of NumPy takes longer than these few numbers
        scales = np.maximum(np.abs(together).max(axis=0), 1e-12)
        scales[-self._dense[-1].outputs :] = 1.0
        return together / scales, scales

    def _layers(self, scales: Array) -> list[dict[str, Any]]:
        """The numbers of all layers that the page shows."""
        sizes = iter(_numbers(scales))
        return [
            {
                "name": name,
                "scales": list(islice(sizes, dense.outputs)),
                "weights": _numbers(dense.weight.value),
                "bias": _numbers(dense.bias.value),
                "grad": _numbers(dense.weight.grad),
            }
            for name, dense in zip(self._names, self._dense, strict=True)
        ]

    def _measured(self, scores: Array, part: int, rows: Array) -> tuple[float | None, float | None]:
        """Loss and accuracy on the data to train or to test on."""
        if not len(rows):
            return None, None
        prediction, target = self._part(scores, part), self.y[rows]
        middle = 0.5 if self._probabilities else 0.0
        predicted = prediction.argmax(axis=1) if self._several else prediction > middle
        loss = float(self._loss.forward(prediction, target))
        return loss if isfinite(loss) else None, float(np.mean(predicted == target))

    def _signs(self, hidden: list[Hidden]) -> Signs:
        """What the fate is read from."""
        losses = self.history.loss
        return Signs(
            hidden,
            [norm(dense.weight.grad.ravel()) / sqrt(dense.weight.size) for dense in self._dense],
            losses[0] if losses else nan,
            self._now,
            self._best,
            self.run.divergence,
        )

    def _new_losses(self) -> list[list[Any]]:
        """The losses of the epochs that have ended since the last frame: step, training and test loss."""
        epochs, ended = self.history.epochs, self.history.ended
        training, test = epochs.get("training_loss", []), epochs.get("validation_loss")
        fresh = min(ended - (self._now.number if self._now else 0), len(training))
        found = []
        for back in range(fresh, 0, -1):
            self._now = epoch = Epoch(ended - back + 1, training[-back], test[-back] if test else nan)
            if self._best is None or epoch.test < self._best.test:
                self._best = epoch
            found.append([epoch.number * len(self.run.batches), epoch.training, epoch.test])
        return found

    def _rows(self, rows: Array) -> list[list[float]]:
        found: list[list[float]] = np.column_stack([self.x[rows].round(4), self.y[rows]]).tolist()
        return found


def _split(y: Array, share: float) -> tuple[Array, Array]:
    """The samples to train on and to test on, as `Trainer.fit` splits them."""
    if not share:
        return np.arange(len(y)), np.arange(0)
    try:
        return hold_out(len(y), share, classes=y.ravel().astype(int))
    except HyperparameterError as error:
        raise SettingError("test_share", str(error)) from error


def _square(x: Array, *, at_least: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """The limits of a square around points. With `at_least`, its middle is 0, and it grows from that size only."""
    low, high = x.min(axis=0), x.max(axis=0)
    center, half = (low + high) / 2, 0.56 * float((high - low).max()) or 1.0
    if at_least:  # otherwise the plane would move under the clicks
        center, half = np.zeros(2), max(at_least, 1.1 * float(np.abs(x).max()))
    first, second = ((round(float(c) - half, 4), round(float(c) + half, 4)) for c in center)
    return first, second


def _grid(across: tuple[float, float], up: tuple[float, float], size: int) -> Array:
    """The points of a picture, (size², 2), row by row from the bottom."""
    columns, rows = np.meshgrid(np.linspace(*across, size), np.linspace(*up, size))
    return np.column_stack([columns.ravel(), rows.ravel()])


def _bytes(values: Array, kind: str) -> bytes:
    """The columns of values one after the other, as whole numbers of this kind. NaN becomes the middle."""
    most = float(np.iinfo(kind).max)
    rounded = np.nan_to_num(values.T, nan=(most + 1.0) / 2.0).clip(0.0, most).round()
    return rounded.astype(kind).tobytes()


def _numbers(values: Array) -> list[Any]:
    """Numbers with six digits that are shown, not computed with."""
    found: list[Any] = values.round(6).tolist()
    return found
