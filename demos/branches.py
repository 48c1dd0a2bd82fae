"""More than a chain: wide & deep, two inputs of different shapes, a siamese network and a tied autoencoder.

python demos/branches.py [--out DIR] [--show]
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from common import Pictures, heading

from minidl import (
    Adam,
    Add,
    BCEWithLogitsLoss,
    Branches,
    Concatenate,
    Dense,
    Embedding,
    Flatten,
    Layer,
    Loss,
    MSELoss,
    Multiply,
    Parallel,
    ReLU,
    Sequential,
    Siamese,
    Sigmoid,
    Tanh,
    Tied,
    Trainer,
    load_digits,
    metrics,
)
from minidl.plotting import plot_network, style
from minidl.typing import Array, Batch


def fit(model: Layer, loss: Loss, x: Batch, y: Array, epochs: int) -> Trainer:
    """Train a model by Adam on batches of 64 samples."""
    trainer = Trainer(model, loss, Adam(model.parameters(), lr=0.01))
    trainer.fit(x, y, epochs=epochs, batch_size=64, rng=0)
    return trainer


def wide_and_deep() -> Sequential:
    """A straight line plus a ripple: one branch learns the line, the other the rest (Cheng et al. 2016)."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-2, 2, (600, 3))
    y = 3 * x[:, :1] - 2 * x[:, 1:2] + np.sin(4 * x[:, 2:])
    wide = Dense(3, 1)
    deep = Sequential(Dense(3, 32), Tanh(), Dense(32, 1))
    model = Sequential(Branches(wide, deep), Add(), rng=0)
    both = fit(model, MSELoss(), x[:400], y[:400], 400).evaluate(x[400:], y[400:])["loss"]
    line = fit(Dense(3, 1, rng=0), MSELoss(), x[:400], y[:400], 400).evaluate(x[400:], y[400:])["loss"]
    print(f"   error on held-out data: {line:.3f} with the wide branch alone, {both:.3f} with both")
    return model


def two_inputs() -> Sequential:
    """A purchase from a word, who buys, and two numbers, the price and the day: ids and floats in one model."""
    rng = np.random.default_rng(0)
    taste = rng.normal(size=(50, 2))  # of each of 50 customers, unknown to the model
    customer, numbers = rng.integers(0, 50, (3000, 1)), rng.normal(size=(3000, 2))
    y = ((taste[customer[:, 0]] * numbers).sum(axis=1, keepdims=True) > 0).astype(float)
    who = Sequential(Embedding(50, 8), Flatten())
    what = Sequential(Dense(2, 16), ReLU())
    model = Sequential(Parallel(who, what), Concatenate(), Dense(24, 32), ReLU(), Dense(32, 1), rng=0)
    trainer = fit(model, BCEWithLogitsLoss(), (customer[:2500], numbers[:2500]), y[:2500], 60)
    logits = model.predict((customer[2500:], numbers[2500:]))
    right = metrics.binary_accuracy(logits, y[2500:], threshold=0)
    print(
        f"   accuracy on new purchases of known customers: {100 * right:.1f} % after {len(trainer.history.loss)} steps"
    )
    return model


def pairs(x: Array, y: Array, rng: np.random.Generator, count: int) -> tuple[tuple[Array, Array], Array]:
    """Two images each, half of them of the same digit, and whether they are."""
    first = rng.integers(0, len(x), count)
    same = [rng.choice(np.flatnonzero((y == y[i]) if k % 2 else (y != y[i]))) for k, i in enumerate(first)]
    return (x[first], x[same]), (np.arange(count) % 2)[:, None].astype(float)


def siamese() -> Sequential:
    """Do two images show the same digit? Both go through one and the same tower (Bromley et al. 1994)."""
    x, y, x_new, y_new = load_digits()
    rng = np.random.default_rng(0)
    tower = Sequential(Dense(64, 64), ReLU(), Dense(64, 16), Tanh())
    model = Sequential(Siamese(tower), Multiply(), Dense(16, 1), rng=0)
    fit(model, BCEWithLogitsLoss(), *pairs(x, y, rng, 6000), epochs=30)
    images, same = pairs(x_new, y_new, rng, 2000)
    right = metrics.binary_accuracy(model.predict(images), same, threshold=0)
    print(f"   accuracy on pairs of new images: {100 * right:.1f} %")
    return model


def tied_autoencoder() -> tuple[Tied, Array, Array]:
    """64 pixels through 10 numbers and back by the same weights."""
    x, _, new, _ = load_digits()
    tied = Tied(Dense(64, 10), Sigmoid(), rng=0)
    free = Sequential(Dense(64, 10), Sigmoid(), Dense(10, 64), rng=0)
    losses = [fit(model, MSELoss(), x, x, 100).evaluate(new, new)["loss"] for model in (tied, free)]
    sizes = [model.parameters().size for model in (tied, free)]
    print(f"   error on new images: {losses[0]:.4f} with {sizes[0]} parameters, {losses[1]:.4f} untied with {sizes[1]}")
    return tied, new[:8], tied.predict(new[:8])


def main() -> None:
    pictures = Pictures("Wide & deep, two inputs, a siamese network and a tied autoencoder.")
    heading("1", "Wide & deep")
    networks: dict[str, Layer] = {"wide & deep": wide_and_deep()}
    heading("2", "Two inputs of different shapes")
    networks["two inputs"] = two_inputs()
    heading("3", "A siamese network")
    networks["siamese"] = siamese()
    heading("4", "A tied autoencoder")
    networks["tied autoencoder"], images, again = tied_autoencoder()
    with style():
        figure, axes = plt.subplots(4, figsize=(9.5, 7.5))
        for ax, (name, model) in zip(axes, networks.items(), strict=True):
            plot_network(model, ax).set_title(name, loc="left")
        pictures.save(figure, "branches.png")
        figure, grid = plt.subplots(2, 8, figsize=(8, 2.4))
        for row, pixels in zip(grid, (images, again), strict=True):
            for ax, image in zip(row, pixels, strict=True):
                ax.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
                ax.set_axis_off()
        figure.suptitle("new images above, from 10 numbers each below")
        pictures.save(figure, "branches_autoencoder.png")
    pictures.finish()


if __name__ == "__main__":
    main()
