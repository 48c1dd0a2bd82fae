"""Curve fitting: networks that are too small, right and too large for forty noisy points, and remedies for overfitting.

python demos/curve_fitting.py [--out DIR] [--show]
"""

from __future__ import annotations

from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from common import Pictures, heading

from minidl import AdamW, Dense, Dropout, EarlyStopping, History, Layer, MSELoss, Sequential, Tanh, Trainer
from minidl.plotting import plot_history, style
from minidl.typing import Array

SEEDS = range(5)
POINTS, NOISE, EPOCHS = 40, 0.3, 3000
GRID = np.linspace(-1.0, 1.0, 300)[:, None]


class Setting(NamedTuple):
    """A network, and what prevents overfitting."""

    hidden: tuple[int, ...]
    weight_decay: float = 0.0
    dropout: float = 0.0
    early_stopping: bool = False


SETTINGS = {
    "too small: 2 units": Setting((2,)),
    "right: 16 units": Setting((16,)),
    "too large: 64 + 64 units": Setting((64, 64)),
    "64 + 64, weight decay 1": Setting((64, 64), weight_decay=1.0),
    "64 + 64, dropout 0.1": Setting((64, 64), dropout=0.1),
    "64 + 64, early stopping": Setting((64, 64), early_stopping=True),
}


def truth(x: Array) -> Array:
    return np.asarray(np.sin(2 * np.pi * x) * np.exp(-0.5 * x))


def noisy_points(rng: np.random.Generator) -> tuple[Array, Array]:
    """Points on the true curve, (40, 1) each, with noise on y."""
    x = rng.uniform(-1.0, 1.0, (POINTS, 1))
    return x, truth(x) + rng.normal(0.0, NOISE, x.shape)


def make_network(setting: Setting, seed: int) -> Sequential:
    """Build a network with one input and one output."""
    layers: list[Layer] = []
    inputs = 1
    for units in setting.hidden:
        layers += [Dense(inputs, units), Tanh()]
        if setting.dropout:
            layers.append(Dropout(setting.dropout, rng=seed))
        inputs = units
    model = Sequential(*layers, Dense(inputs, 1), rng=seed)
    # Different biases make the units bend the curve in different places.
    (_, bias), *_ = ((name, p) for name, p in model.named_parameters() if name == "0.bias")
    bias.value = np.random.default_rng(seed).uniform(-2.0, 2.0, bias.shape)
    return model


class Fit(NamedTuple):
    """One trained network."""

    x: Array
    y: Array
    curve: Array
    """The predictions on `GRID`."""
    history: History
    on_points: float
    """The root mean square error on the training points."""
    on_truth: float
    """The root mean square distance from the true curve."""


def fit(setting: Setting, seed: int) -> Fit:
    """Train on forty points. Early stopping watches the loss on forty others, measured after each epoch."""
    rng = np.random.default_rng(seed)
    (x, y), validation = noisy_points(rng), noisy_points(rng)
    model = make_network(setting, seed)
    optimizer = AdamW(model.parameters(), lr=5e-3, weight_decay=setting.weight_decay)
    callbacks = [EarlyStopping("validation_loss", patience=200)] if setting.early_stopping else []
    trainer = Trainer(model, MSELoss(), optimizer, callbacks)
    history = trainer.fit(x, y, epochs=EPOCHS, validation=validation)
    curve = model.predict(GRID)
    return Fit(x, y, curve, history, rms(model.predict(x) - y), rms(curve - truth(GRID)))


def rms(errors: Array) -> float:
    return float(np.sqrt(np.mean(errors * errors)))


def draw_fits(pictures: Pictures, fits: dict[str, Fit]) -> None:
    """Draw the curves of one seed."""
    with style():
        figure, axes = plt.subplots(2, 3, figsize=(9, 5.8), sharex=True, sharey=True)
        for ax, (name, one) in zip(axes.flat, fits.items(), strict=True):
            ax.plot(one.x, one.y, "o", color="0.45", markersize=4.5, label="training points")
            ax.plot(GRID, truth(GRID), "--", color="black", linewidth=1.2, label="true curve")
            ax.plot(GRID, one.curve, color="#D55E00", linewidth=2.0, label="network")
            ax.set_title(f"{name}\ntraining error {one.on_points:.2f}, true error {one.on_truth:.2f}")
            ax.set_ylim(-2.3, 2.3)
        for ax in axes[-1]:
            ax.set_xlabel("x")
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
    pictures.save(figure, "curve_fitting.png")


def draw_losses(pictures: Pictures, large: Fit, stopped: Fit) -> None:
    """Draw the training loss, the validation loss, and the epoch that early stopping restores."""
    best = 1 + int(np.argmin(stopped.history.epochs["validation_loss"]))
    with style():
        figure, ax = plt.subplots(figsize=(6.4, 4.0))
        plot_history(large.history, ax=ax, keys=("loss", "validation_loss"), log=True)
        ax.axvline(best, color="#009E73", linewidth=1.4, linestyle=":")
        place: dict[str, Any] = {"x": best / 1.1, "y": 0.93, "transform": ax.get_xaxis_transform(), "ha": "right"}
        ax.text(s=f"early stopping restores epoch {best}", color="#00795A", fontsize=9, **place)
        ax.axhline(NOISE**2, color="0.5", linewidth=0.8, zorder=0)
        ax.text(1.1, NOISE**2, "variance of the noise", va="bottom", color="0.4", fontsize=9)
        ax.set(xscale="log", xlim=(1, EPOCHS), title="64 + 64 units: the validation loss shows the overfitting")
    pictures.save(figure, "curve_fitting_epochs.png")


def main() -> None:
    pictures = Pictures("Underfitting and overfitting of a curve, and three remedies")
    heading("1", f"{POINTS} points on a curve, with noise of standard deviation {NOISE}; {EPOCHS:,} epochs of AdamW")
    print(f"   Root mean square errors, mean and range over {len(SEEDS)} data sets:\n")
    print("                               on the points      from the true curve   epochs")
    fits = {name: [fit(setting, seed) for seed in SEEDS] for name, setting in SETTINGS.items()}
    for name, several in fits.items():
        on_points, on_truth = (np.array([getattr(one, key) for one in several]) for key in ("on_points", "on_truth"))
        ranges = [f"{e.mean():.3f} ({e.min():.2f}–{e.max():.2f})" for e in (on_points, on_truth)]
        epochs = np.mean([len(one.history.loss) for one in several])
        print(f"   {name:<26}  {ranges[0]:<18} {ranges[1]:<21} {epochs:6,.0f}")
    print(
        f"\n   An error on the points far below {NOISE} means overfitting: the large network is close to the points and"
    )
    print("   far from the curve. Each remedy brings the error close to that of the right size.")
    print(f"   Early stopping is the fastest, but needs held-out points: here {POINTS} that the others do not use.")
    draw_fits(pictures, {name: several[0] for name, several in fits.items()})

    heading("2", "While the large network trains, the loss on its points keeps falling, but rises again on others")
    large, stopped = fits["too large: 64 + 64 units"][0], fits["64 + 64, early stopping"][0]
    for epoch in (1, 10, 100, 1000, EPOCHS):
        losses = [large.history.epochs[key][epoch - 1] for key in ("loss", "validation_loss")]
        print(f"   epoch {epoch:5,}   training loss {losses[0]:.3f}   validation loss {losses[1]:.3f}")
    print(f"   early stopping: {stopped.history.reason}")
    draw_losses(pictures, large, stopped)
    pictures.finish()


if __name__ == "__main__":
    main()
