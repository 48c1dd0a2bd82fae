"""Images: a convolutional network against dense networks, what it has learned to see, and what it mistakes.

python demos/images.py [--out DIR] [--show]
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from common import Pictures, heading
from matplotlib.axes import Axes

from minidl import (
    Adam,
    Conv2D,
    CrossEntropyLoss,
    Dense,
    Flatten,
    MaxPool2D,
    ReLU,
    Schedule,
    Sequential,
    Trainer,
    load_digits,
    load_fashion,
)
from minidl.augment import noise, shift
from minidl.metrics import accuracy
from minidl.plotting import style
from minidl.schedules import cosine
from minidl.typing import Array, Seed

SEEDS = range(3)
CLASSES = ["T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"]
COPIES = 30
"""How many noisy copies of an image its saliency is averaged over."""


def digits_cnn(seed: Seed) -> Sequential:
    return Sequential(
        Conv2D(1, 16, 3, padding="same"),
        ReLU(),
        MaxPool2D(),
        Conv2D(16, 32, 3, padding="same"),
        ReLU(),
        MaxPool2D(),
        Flatten(),
        Dense(2 * 2 * 32, 10),
        rng=seed,
        dtype=np.float32,
    )


def fashion_cnn(seed: Seed) -> Sequential:
    return Sequential(
        Conv2D(1, 16, 5),
        ReLU(),
        MaxPool2D(),
        Conv2D(16, 32, 3),
        ReLU(),
        MaxPool2D(),
        Flatten(),
        Dense(5 * 5 * 32, 10),
        rng=seed,
        dtype=np.float32,
    )


def mlp(pixels: int, units: int) -> Callable[[Seed], Sequential]:
    """A network with one hidden layer, as a function of the seed."""

    def make(seed: Seed) -> Sequential:
        layers = Flatten(), Dense(pixels, units), ReLU(), Dense(units, 10)
        return Sequential(*layers, rng=seed, dtype=np.float32)

    return make


class Entrant(NamedTuple):
    """A network, as a function of the seed, and its learning rate."""

    make: Callable[[Seed], Sequential]
    lr: float


class Task(NamedTuple):
    """A data set, the networks that compete on it, how they are trained, and how far the test images are moved."""

    load: Callable[..., tuple[Array, Array, Array, Array]]
    entrants: dict[str, Entrant]
    epochs: int
    batch_size: int
    most: int


# Of the rates 0.001, 0.003 and 0.01, each network has the best one on a fifth of the training data.
TASKS = {
    "digits": Task(
        load_digits,
        {
            "CNN": Entrant(digits_cnn, 0.01),
            "MLP": Entrant(mlp(64, 81), 0.01),
            "wide MLP": Entrant(mlp(64, 1024), 0.003),
        },
        epochs=40,
        batch_size=32,
        most=1,
    ),
    "Fashion-MNIST": Task(
        load_fashion,
        {
            "CNN": Entrant(fashion_cnn, 0.01),
            "MLP": Entrant(mlp(784, 16), 0.003),
            "wide MLP": Entrant(mlp(784, 256), 0.01),
        },
        epochs=8,
        batch_size=64,
        most=2,
    ),
}


def images(task: Task) -> tuple[Array, Array, Array, Array]:
    """The data of a task, in float32, which takes about 0.6 of the time of float64."""
    x, y, x_test, y_test = task.load(images=True)
    return x.astype(np.float32), y, x_test.astype(np.float32), y_test


def train(task: Task, entrant: Entrant, x: Array, y: Array, seed: int) -> Sequential:
    """Train with Adam and a cosine schedule, which lowers the learning rate to zero."""
    model = entrant.make(seed)
    steps = task.epochs * -(-len(x) // task.batch_size)
    optimizer = Adam(model.parameters(), lr=entrant.lr)
    trainer = Trainer(model, CrossEntropyLoss(), optimizer, callbacks=[Schedule(cosine(steps))])
    trainer.fit(x, y, epochs=task.epochs, batch_size=task.batch_size, rng=seed)
    return model


def scores(model: Sequential, x: Array) -> Array:
    """The scores of many images, a few at a time: the outputs of a convolution take more memory than the images."""
    return model.predict(x, batch_size=200)


def compare(task: Task, x: Array, y: Array, x_test: Array, y_test: Array) -> dict[str, Sequential]:
    """Train each network with each seed, print its accuracy, and return those of the first seed."""
    moved, first = shift(x_test, np.random.default_rng(0), task.most), {}
    for name, entrant in task.entrants.items():
        models = [train(task, entrant, x, y, seed) for seed in SEEDS]
        found = 100 * np.array([[accuracy(scores(model, new), y_test) for new in (x_test, moved)] for model in models])
        mean, spread = found.mean(axis=0), found.std(axis=0, ddof=1)
        size = models[0].parameters().size
        print(f"   {name:<10} {size:>9,}   {mean[0]:6.2f} ± {spread[0]:.2f}   {mean[1]:6.2f} ± {spread[1]:.2f}")
        first[name] = models[0]
    return first


def saliency(model: Sequential, x: Array, y: Array) -> Array:
    """``|dL/dx|``: how much the loss of each image depends on each of its pixels.

    It is the mean over noisy copies of each image, as it changes from pixel to pixel (Smilkov et al. 2017).
    """
    copies = noise(np.repeat(x, COPIES, axis=0), np.random.default_rng(0), scale=0.1)
    loss = CrossEntropyLoss()
    loss.forward(model.forward(copies), np.repeat(y, COPIES))
    dx = model.backward(loss.backward())
    mean: Array = np.abs(dx).reshape(len(x), COPIES, *x.shape[1:]).mean(axis=1)
    return mean


def show_image(ax: Axes, image: Array, cmap: str = "gray_r", **options: Any) -> None:
    """Draw one channel of an image, without ticks."""
    ax.imshow(image.reshape(image.shape[:2]), cmap=cmap, **options)
    ax.set(xticks=[], yticks=[])


def draw_filters(pictures: Pictures, weight: Array) -> None:
    """Draw the kernels (5, 5, 1, 16) of the first layer: blue where they add, red where they subtract."""
    with style():
        figure, axes = plt.subplots(2, 8, figsize=(8, 2.7))
        for k, ax in enumerate(axes.flat):
            kernel = weight[:, :, 0, k]
            most = np.abs(kernel).max()
            ax.imshow(kernel, cmap="RdBu", vmin=-most, vmax=most)
            ax.set(xticks=[], yticks=[])
            ax.set_title(f"{k + 1}", pad=3)
        figure.suptitle("The 16 filters of the first layer: blue is positive, red is negative, white is 0")
    pictures.save(figure, "images_filters.png")


def draw_feature_maps(pictures: Pictures, model: Sequential, picture: Array) -> None:
    """Draw what both convolutions make of one image: dark where a filter finds what it looks for."""
    first, second = (model[:depth].predict(picture[None])[0] for depth in (2, 5))
    # Of the 32 maps of the second layer, the 16 with most in them.
    strongest = np.sort(second.sum(axis=(0, 1)).argsort()[-16:])
    rows = {
        "after the first layer: one map of 24 × 24 for each filter": (first, np.arange(16)),
        "after pooling and the second layer: the 16 strongest of 32 maps of 10 × 10": (second, strongest),
    }
    with style():
        figure = plt.figure(figsize=(9, 5.4))
        left, right = figure.subfigures(1, 2, squeeze=False, width_ratios=(1, 3.8))[0]
        ax = left.subplots()
        show_image(ax, picture)
        ax.set_title("image of 28 × 28")
        for part, (title, (maps, chosen)) in zip(right.subfigures(2, 1), rows.items(), strict=True):
            for ax, k in zip(part.subplots(2, 8).flat, chosen, strict=True):
                show_image(ax, maps[:, :, k], vmin=0, vmax=maps.max())
                ax.set_title(f"{k + 1}", pad=3)
            part.suptitle(title)
    pictures.save(figure, "images_maps.png")


def draw_saliency(pictures: Pictures, models: dict[str, Sequential], x: Array, y: Array) -> None:
    """Draw one image of each class, and the pixels that its loss depends on, in each network."""
    chosen = [int(np.flatnonzero(y == k)[0]) for k in range(len(CLASSES))]
    with style():
        figure, axes = plt.subplots(1 + len(models), len(CLASSES), figsize=(10, len(models) + 1.5))
        for ax, image, label in zip(axes[0], x[chosen], y[chosen], strict=True):
            show_image(ax, image)
            ax.set_title(CLASSES[label])
        axes[0, 0].set_ylabel("image")
        for row, (name, model) in zip(axes[1:], models.items(), strict=True):
            row[0].set_ylabel(name)
            for ax, image in zip(row, saliency(model, x[chosen], y[chosen]), strict=True):
                show_image(ax, image, cmap="magma", vmin=0, vmax=np.quantile(image, 0.99))
        figure.suptitle("|dL/dx|: the brighter a pixel, the more the loss depends on it")
    pictures.save(figure, "images_saliency.png")


def draw_mistakes(pictures: Pictures, x: Array, y: Array, probabilities: Array) -> int:
    """Draw the images to whose class the network gives the lowest probability, and return how many it gets wrong."""
    belief, read = probabilities[np.arange(len(y)), y], probabilities.argmax(axis=1)
    worst = belief.argsort()[:8]
    with style():
        figure, axes = plt.subplots(2, 4, figsize=(8, 5.2))
        for ax, k in zip(axes.flat, worst, strict=True):
            show_image(ax, x[k])
            ax.set_title(CLASSES[y[k]])
            ax.set_xlabel(f"predicted: {CLASSES[read[k]]} ({probabilities[k, read[k]]:.0%})")
        figure.suptitle("The worst mistakes: the true class above, the CNN's prediction and its probability below")
    pictures.save(figure, "images_mistakes.png")
    return int((read != y).sum())


def softmax(logits: Array) -> Array:
    e = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True))


def main() -> None:
    pictures = Pictures("A convolutional network against dense ones, and what it sees")
    networks: dict[str, Sequential] = {}
    for item, (name, task) in enumerate(TASKS.items(), 1):
        x, y, x_test, y_test = images(task)
        height, width = x.shape[1:3]
        heading(f"{item}", f"{name}: {len(x):,} images of {height} × {width} pixels, {len(x_test):,} for testing")
        print(f"   Accuracy in %, mean ± standard deviation of {len(SEEDS)} seeds, also of the test images moved by")
        print(f"   up to {task.most} pixel{'s' if task.most > 1 else ''}, which no network saw in training")
        print("   network    parameters   as they are        moved")
        networks = compare(task, x, y, x_test, y_test)

    heading("3", "What the CNN for Fashion-MNIST sees: its filters, and what they find in one image")
    cnn = networks["CNN"]
    draw_filters(pictures, dict(cnn.parameters().items())["0.weight"].value)
    draw_feature_maps(pictures, cnn, x_test[0])
    heading("4", "Which pixels its answer depends on, beside those of the MLP of the same size")
    draw_saliency(pictures, {name: networks[name] for name in ("CNN", "MLP")}, x_test, y_test)
    heading("5", "Its worst mistakes")
    wrong = draw_mistakes(pictures, x_test, y_test, softmax(scores(cnn, x_test)))
    print(f"   {wrong} of {len(y_test):,} test images are misclassified")
    pictures.finish()


if __name__ == "__main__":
    main()
