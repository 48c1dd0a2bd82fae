"""Vanishing gradients: networks of 1 to 20 hidden layers, and the effect of initial weights and normalization.

python demos/vanishing_gradients.py [--out DIR] [--show]
"""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from common import Pictures, heading
from matplotlib.ticker import FixedLocator, NullLocator

from minidl import (
    Adam,
    BatchNorm,
    CrossEntropyLoss,
    Dense,
    Layer,
    LayerNorm,
    ReLU,
    Sequential,
    Sigmoid,
    Tanh,
    Trainer,
    load_digits,
)
from minidl.initializers import Initializer, glorot_normal, he_normal
from minidl.metrics import accuracy
from minidl.plotting import gradient_flow, plot_activations, plot_gradient_flow, style
from minidl.plotting.style import look
from minidl.typing import Array, Shape

DEPTHS = range(1, 21)
TRAINED = (1, 5, 10, 20)
SEEDS = range(3)
UNITS, EPOCHS, BATCH = 32, 8, 100
X, Y, X_TEST, Y_TEST = load_digits()


def plain(rng: np.random.Generator, shape: Shape) -> Array:
    """Uniform in ±1/√in, with variance 1/(3 in). It is a common default, but too small for deep networks."""
    return rng.uniform(-1.0, 1.0, shape) / sqrt(shape[0])


class Setting(NamedTuple):
    """Initial weights, and a layer after each Dense."""

    good: bool
    norm: Callable[[int], Layer] | None = None

    def initializer(self, activation: type[Layer]) -> Initializer:
        return plain if not self.good else he_normal if activation is ReLU else glorot_normal


ACTIVATIONS: tuple[type[Layer], ...] = (Sigmoid, Tanh, ReLU)
SETTINGS = {
    "plain weights": Setting(good=False),
    "good weights": Setting(good=True),
    "good weights + BatchNorm": Setting(good=True, norm=BatchNorm),
    "good weights + LayerNorm": Setting(good=True, norm=LayerNorm),
}


def make_network(depth: int, activation: type[Layer], setting: Setting, seed: int) -> Sequential:
    """Build a network with `depth` hidden layers: Dense, perhaps a norm, and the activation. It returns ten scores."""
    layers: list[Layer] = []
    initializer = setting.initializer(activation)
    for index in range(depth):
        layers.append(Dense(UNITS if index else 64, UNITS, initializer=initializer))
        if setting.norm is not None:
            layers.append(setting.norm(UNITS))
        layers.append(activation())
    return Sequential(*layers, Dense(UNITS, 10, initializer=initializer), rng=seed)


def ratio(depth: int, activation: type[Layer], setting: Setting) -> float:
    """The root mean square of the first Dense's gradient over that of the last, as a geometric mean over seeds."""
    logarithms = []
    for seed in SEEDS:
        model = make_network(depth, activation, setting, seed)
        flow = list(gradient_flow(model, CrossEntropyLoss(), X[:100], Y[:100]).values())
        logarithms.append(np.log10(flow[0] / flow[-1]))
    return float(10 ** np.mean(logarithms))


def learn(depth: int, activation: type[Layer], setting: Setting) -> float:
    """The test accuracy after some epochs, as a mean over seeds. Chance is 10 %."""
    shares = []
    for seed in SEEDS:
        model = make_network(depth, activation, setting, seed)
        trainer = Trainer(model, CrossEntropyLoss(), Adam(model.parameters(), lr=3e-3))
        trainer.fit(X, Y, epochs=EPOCHS, batch_size=BATCH, rng=seed)
        shares.append(accuracy(model.predict(X_TEST), Y_TEST))
    return float(np.mean(shares))


class Curves(NamedTuple):
    """The measurements for one setting and one activation."""

    ratios: list[float]
    """The gradient of the first layer relative to the last, for each of `DEPTHS`."""
    shares: list[float]
    """The test accuracy after training, for each of `TRAINED`."""


def measure() -> dict[tuple[str, str], Curves]:
    """The measurements by activation and setting."""
    return {
        (activation.__name__, name): Curves(
            [ratio(depth, activation, setting) for depth in DEPTHS],
            [learn(depth, activation, setting) for depth in TRAINED],
        )
        for activation in ACTIVATIONS
        for name, setting in SETTINGS.items()
    }


def print_table(curves: dict[tuple[str, str], Curves]) -> None:
    print("                                      gradient, first / last layer        test accuracy after training")
    print("   hidden layers                   " + "".join(f"{d:>9}" for d in TRAINED), end="   ")
    print("".join(f"{d:>8}" for d in TRAINED))
    for (activation, name), curve in curves.items():
        ratios = [curve.ratios[DEPTHS.index(depth)] for depth in TRAINED]
        print(
            f"   {activation:<8} {name:<24}" + "".join(f"{r:9.1g}" if r < 0.05 else f"{r:9.2f}" for r in ratios),
            end="   ",
        )
        print("".join(f"{share:8.0%}" for share in curve.shares))


def draw_curves(pictures: Pictures, curves: dict[tuple[str, str], Curves]) -> None:
    """Draw gradients above and accuracies below, one column per activation."""
    with style():
        figure, axes = plt.subplots(2, 3, figsize=(9, 5.8), sharex=True, sharey="row")
        for column, activation in zip(axes.T, ACTIVATIONS, strict=True):
            for index, name in enumerate(SETTINGS):
                color, dashes, marker = look(index)
                kind = {"color": color, "linestyle": dashes, "label": name}
                curve = curves[activation.__name__, name]
                column[0].plot(DEPTHS, curve.ratios, **kind)
                column[1].plot(TRAINED, [100 * share for share in curve.shares], marker=marker, **kind)
            column[0].set(title=activation.__name__, yscale="log", ylim=(1e-18, 1e3))
            column[0].axhline(1.0, color="0.5", linewidth=0.8, zorder=0)
            column[1].axhline(10.0, color="0.5", linewidth=0.8, zorder=0)
            column[1].text(20, 8, "chance", ha="right", va="top", color="0.4", fontsize=9)
            column[1].set(xlabel="hidden layers", ylim=(0, 100))
            column[1].xaxis.set_major_locator(FixedLocator([1, 5, 10, 15, 20]))
            column[0].yaxis.set_minor_locator(NullLocator())
            for ax in column:
                ax.grid(color="0.92", linewidth=0.6)
        axes[0, 0].set_ylabel("gradient of the first layer / last layer")
        axes[1, 0].set_ylabel("test accuracy (%)")
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
    pictures.save(figure, "vanishing_gradients.png")


def draw_health(pictures: Pictures) -> None:
    """Draw the outputs and gradients of each layer of one deep network, with plain and with good weights."""
    with style():
        figure, axes = plt.subplots(2, 2, figsize=(11, 8.4), sharex="row")
        for (name, setting), (top, bottom) in zip(list(SETTINGS.items())[:2], axes.T, strict=True):
            model = make_network(10, ReLU, setting, seed=0)
            plot_activations(model, X[:200], ax=top)
            top.set_title(f"10 ReLU layers, {name}")
            plot_gradient_flow(model, CrossEntropyLoss(), X[:200], Y[:200], ax=bottom)
    pictures.save(figure, "vanishing_health.png")


def main() -> None:
    pictures = Pictures("Vanishing gradients, and what helps against them")
    heading(
        "1",
        f"Networks of {UNITS} units per layer on the digits: means over {len(SEEDS)} seeds, {EPOCHS} epochs of Adam",
    )
    curves = measure()
    print_table(curves)
    print("   plain weights: uniform in ±1/√in. Good weights: glorot for Sigmoid and Tanh, he for ReLU.")
    print("   A Sigmoid passes on at most a quarter of a gradient, as σ′ ≤ 1/4, and weights of that size do not make")
    print("   up for it. BatchNorm does, because it moves the samples back to where the Sigmoid is steep.")
    print("   Tanh and ReLU only need weights of the right size. BatchNorm helps up to some depth. With more ReLU")
    print("   layers, it makes gradients grow on their way back (Yang et al. 2019).")
    draw_curves(pictures, curves)

    heading("2", "Inside one network of 10 ReLU layers: activations and gradients, layer by layer")
    draw_health(pictures)
    pictures.finish()


if __name__ == "__main__":
    main()
