"""More than a chain: wide & deep, two inputs of different type and shape, a siamese network, a tied autoencoder.

python demos/branches.py [--out DIR] [--show]
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from common import Pictures, heading
from matplotlib.figure import Figure

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


def accuracy(logits: Array, y: Array) -> float:
    """The share of logits on the right side of 0."""
    return metrics.binary_accuracy(logits, y, threshold=0)


def fit(model: Layer, loss: Loss, x: Batch, y: Array, epochs: int) -> Trainer:
    """Train a model by Adam on batches of 64 samples."""
    trainer = Trainer(model, loss, Adam(model.parameters(), lr=0.01))
    trainer.fit(x, y, epochs=epochs, batch_size=64, rng=0)
    return trainer


def wide_and_deep() -> Sequential:
    """A line plus a ripple: a single Dense learns the line, a deep branch learns the rest (Cheng et al. 2016)."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-2, 2, (600, 3))
    y = 3 * x[:, :1] - 2 * x[:, 1:2] + np.sin(4 * x[:, 2:])
    wide, deep = Dense(3, 1), Sequential(Dense(3, 32), Tanh(), Dense(32, 1))
    model = Sequential(Branches(wide, deep), Add(), rng=0)
    alone = Dense(3, 1, rng=0)
    losses = [fit(each, MSELoss(), x[:400], y[:400], 400).evaluate(x[400:], y[400:])["loss"] for each in (alone, model)]
    print(f"   squared error on held-out data: {losses[0]:.3f} with the wide branch alone, {losses[1]:.3f} with both")
    return model


def two_inputs() -> Sequential:
    """Does a customer buy? Who asks is an id, and the product is two numbers: inputs of different type and shape."""
    rng = np.random.default_rng(0)
    taste = rng.normal(size=(50, 2))  # what each of 50 customers likes, which the model is not told
    customer, product = rng.integers(0, 50, (3000, 1)), rng.normal(size=(3000, 2))
    y = ((taste[customer[:, 0]] * product).sum(axis=1, keepdims=True) > 0).astype(float)
    who, what = Sequential(Embedding(50, 8), Flatten()), Sequential(Dense(2, 16), ReLU())
    model = Sequential(Parallel(who, what), Concatenate(), Dense(24, 32), ReLU(), Dense(32, 1), rng=0)
    trainer = fit(model, BCEWithLogitsLoss(), (customer[:2500], product[:2500]), y[:2500], 60)
    measured = trainer.evaluate((customer[2500:], product[2500:]), y[2500:], {"accuracy": accuracy})
    print(f"   accuracy on new purchases of known customers: {100 * measured['accuracy']:.1f} %")
    return model


def pairs(x: Array, y: Array, rng: np.random.Generator, count: int) -> tuple[tuple[Array, Array], Array]:
    """Pairs of images, and 1 for two images of the same digit, which every other pair is, 0 for the others."""
    first, same = rng.integers(0, len(x), count), np.arange(count) % 2
    second = [rng.choice(np.flatnonzero((y == y[i]) == wanted)) for i, wanted in zip(first, same, strict=True)]
    return (x[first], x[second]), same[:, None].astype(float)


def siamese() -> Sequential:
    """Do two images show the same digit? Both go through the same layers (Bromley et al. 1994)."""
    x, y, x_new, y_new = load_digits()
    rng = np.random.default_rng(0)
    tower = Sequential(Dense(64, 64), ReLU(), Dense(64, 16), Tanh())
    model = Sequential(Siamese(tower), Multiply(), Dense(16, 1), rng=0)
    trainer = fit(model, BCEWithLogitsLoss(), *pairs(x, y, rng, 6000), epochs=30)
    measured = trainer.evaluate(*pairs(x_new, y_new, rng, 2000), {"accuracy": accuracy})
    print(f"   accuracy on pairs of new images: {100 * measured['accuracy']:.1f} %")
    return model


def tied_autoencoder() -> tuple[Tied, Array, Array]:
    """64 pixels through 10 numbers and back by the same weights. Returns new images and their reconstructions, too."""
    x, _, new, _ = load_digits()
    tied = Tied(Dense(64, 10), Sigmoid(), rng=0)
    free = Sequential(Dense(64, 10), Sigmoid(), Dense(10, 64), rng=0)
    losses = [fit(model, MSELoss(), x, x, 100).evaluate(new, new)["loss"] for model in (tied, free)]
    for name, model, loss in zip(("tied", "not tied"), (tied, free), losses, strict=True):
        print(f"   squared error on new images: {loss:.4f} {name}, with {model.parameters().size:,} parameters")
    return tied, new[:8], tied.predict(new[:8])


def draw_networks(networks: dict[str, Layer]) -> Figure:
    """The networks as blocks, one below the other."""
    with style():
        figure, axes = plt.subplots(4, figsize=(9, 6.8), height_ratios=(2, 2, 2, 1.2))
        for ax, (name, model) in zip(axes, networks.items(), strict=True):
            plot_network(model, ax).set_title(name, loc="left")
    return figure


def draw_images(rows: dict[str, Array]) -> Figure:
    """Rows of images, with their names on the left."""
    with style():
        figure, grid = plt.subplots(2, 8, figsize=(9, 2.5))
        for axes, (name, images) in zip(grid, rows.items(), strict=True):
            axes[0].set_ylabel(name)
            for ax, image in zip(axes, images, strict=True):
                ax.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
                ax.set(xticks=[], yticks=[])
    return figure


def main() -> None:
    pictures = Pictures("Wide & deep, two inputs, a siamese network and a tied autoencoder.")
    networks: dict[str, Layer] = {}
    heading("1", "Wide & deep")
    networks["wide & deep"] = wide_and_deep()
    heading("2", "Two inputs of different type and shape")
    networks["two inputs"] = two_inputs()
    heading("3", "A siamese network")
    networks["siamese"] = siamese()
    heading("4", "A tied autoencoder")
    networks["tied autoencoder"], images, reconstructed = tied_autoencoder()
    pictures.save(draw_networks(networks), "branches.png")
    pictures.save(draw_images({"new images": images, "reconstructed": reconstructed}), "branches_autoencoder.png")
    pictures.finish()


if __name__ == "__main__":
    main()
