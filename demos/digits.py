"""Hand-written digits: a network of 20,000 parameters, what improves it, and what it still gets wrong.

python demos/digits.py [--out DIR] [--show]
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from importlib import import_module
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from common import Pictures, heading
from matplotlib.axes import Axes

from minidl import (
    AdamW,
    BatchNorm,
    CrossEntropyLoss,
    Dense,
    Layer,
    ReLU,
    Schedule,
    Sequential,
    Trainer,
    load_digits,
)
from minidl.metrics import accuracy, confusion_matrix
from minidl.plotting import style
from minidl.schedules import cosine
from minidl.typing import Array, Seed, Shape

SEEDS = range(5)
FOLDS, UNITS = 5, 256
EPOCHS, BATCH = 60, 50  # batches of 64 would leave a last batch of 3, whose step counts as much as the others


class Jitter(Layer):
    """Shifts, tilts and stretches each image of 8 × 8 pixels a little in training, differently each time.

    Shapes    x and y (n, 64)
    Backward  not defined: training never asks a first layer without parameters for dL/dx

    Pixel (i, j) of y is read from x at ``A (i, j) + b`` by bilinear interpolation. A is the identity and b is zero,
    plus random numbers drawn for each image.
    """

    def __init__(self, shift: float = 0.5, bend: float = 0.15, zoom: float = 0.1, *, rng: Seed = None) -> None:
        self.shift, self.bend, self.zoom = shift, bend, zoom
        self.rng = np.random.default_rng(rng)

    def output_shape(self, shape: Shape | None) -> Shape | None:
        return shape

    def forward(self, x: Array) -> Array:
        if not self.training:
            return x
        row, column = np.indices((8, 8)) - 3.5
        amount = np.array([self.shift, self.shift, self.bend, self.bend, self.zoom, self.zoom])
        up, left, a, b, c, d = self.rng.uniform(-1, 1, (6, len(x), 1, 1)) * amount[:, None, None, None]
        # Outside of the image there are zeros.
        i = np.clip(row * (1 + c) + column * a + up + 4.5, 0, 8.999)
        j = np.clip(column * (1 + d) + row * b + left + 4.5, 0, 8.999)
        images = np.pad(x.reshape(-1, 8, 8), ((0, 0), (1, 1), (1, 1)))
        n, i0, j0 = np.arange(len(x))[:, None, None], i.astype(int), j.astype(int)
        i, j = i - i0, j - j0
        above = (1 - j) * images[n, i0, j0] + j * images[n, i0, j0 + 1]
        below = (1 - j) * images[n, i0 + 1, j0] + j * images[n, i0 + 1, j0 + 1]
        y: Array = ((1 - i) * above + i * below).reshape(x.shape).astype(x.dtype)
        return y


class Recipe(NamedTuple):
    """How a network is built and trained."""

    norm: bool = False
    smoothing: float = 0.0
    jitter: bool = False


RECIPES = {
    "64-256-10, ReLU, AdamW": Recipe(),
    "+ BatchNorm": Recipe(norm=True),
    "+ label smoothing 0.1": Recipe(norm=True, smoothing=0.1),
    "+ jittered images": Recipe(norm=True, smoothing=0.1, jitter=True),
}


def make_network(recipe: Recipe, seed: int) -> Sequential:
    """Build a network that returns one score for each of the ten digits."""
    layers: list[Layer] = [
        *([Jitter(rng=seed)] if recipe.jitter else []),
        Dense(64, UNITS),
        *([BatchNorm(UNITS)] if recipe.norm else []),
        ReLU(),
        Dense(UNITS, 10),
    ]
    return Sequential(*layers, rng=seed, dtype=np.float32)


def train(recipe: Recipe, x: Array, y: Array, seed: int) -> Sequential:
    """Train with a cosine schedule, which lowers the learning rate to zero."""
    model = make_network(recipe, seed)
    steps = EPOCHS * -(-len(x) // BATCH)
    trainer = Trainer(
        model,
        CrossEntropyLoss(label_smoothing=recipe.smoothing),
        AdamW(model.parameters(), lr=3e-3),
        callbacks=[Schedule(cosine(steps))],
    )
    trainer.fit(x, y, epochs=EPOCHS, batch_size=BATCH, rng=seed)
    return model


def cross_validate(recipe: Recipe, x: Array, y: Array) -> Array:
    """The accuracy on each fifth of the data, after training on the other four, (5,)."""
    fold = np.random.default_rng(0).permutation(len(x)) % FOLDS
    models = [train(recipe, x[fold != k], y[fold != k], seed=k) for k in range(FOLDS)]
    return np.array([accuracy(model.predict(x[fold == k]), y[fold == k]) for k, model in enumerate(models)])


def compare_with_scikit_learn(x: Array, y: Array, x_test: Array, y_test: Array) -> str:
    """The accuracy of scikit-learn's MLPClassifier with as many units, if scikit-learn is installed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its warnings are not about this program
        try:
            network = import_module("sklearn.neural_network")
        except ImportError:
            return "not installed"
        found = [network.MLPClassifier((UNITS,), random_state=seed).fit(x, y).score(x_test, y_test) for seed in SEEDS]
    return f"{np.mean(found):.2%}   ({percentages(found)})"


def percentages(shares: Iterable[float]) -> str:
    return ", ".join(f"{100 * share:.2f}" for share in shares)


def show_image(ax: Axes, image: Array, title: str) -> None:
    ax.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0.0, vmax=1.0)
    ax.set_title(title)
    ax.set(xticks=[], yticks=[])


def draw_jitter(pictures: Pictures, x: Array) -> None:
    """Draw some images unchanged, and as three epochs of training see them."""
    jitter, chosen = Jitter(rng=0), x[:8]
    with style():
        figure, axes = plt.subplots(4, 8, figsize=(8, 4.3))
        for row, images in zip(axes, [chosen, *(jitter(chosen) for _ in range(3))], strict=True):
            for ax, image in zip(row, images, strict=True):
                show_image(ax, image, "")
        axes[0, 0].set_ylabel("original")
        for k in (1, 2, 3):
            axes[k, 0].set_ylabel(f"epoch {k}")
    pictures.save(figure, "digits_jitter.png")


def draw_confusion(pictures: Pictures, matrix: Array) -> None:
    """Draw how often each digit is read as each other. Correct predictions are pale, so that mistakes stand out."""
    mistakes = matrix * (1 - np.eye(10, dtype=int))
    with style():
        figure, ax = plt.subplots(figsize=(5.4, 4.8))
        ax.imshow(mistakes, cmap="Oranges", vmin=0, vmax=max(1, 1.4 * mistakes.max()))
        for (true, read), count in np.ndenumerate(matrix):
            if count:
                color, weight = ("0.6", "normal") if true == read else ("black", "bold")
                ax.text(read, true, str(count), ha="center", va="center", color=color, weight=weight, fontsize=9)
        ax.set(xticks=range(10), yticks=range(10), xlabel="predicted digit", ylabel="true digit")
        ax.set_xticks(np.arange(9) + 0.5, minor=True)
        ax.set_yticks(np.arange(9) + 0.5, minor=True)
        ax.grid(which="minor", color="0.9")
        ax.tick_params(which="minor", length=0)
        ax.set_title(f"{mistakes.sum()} mistakes in {matrix.sum():,} predictions of {len(SEEDS)} networks")
    pictures.save(figure, "digits_confusion.png")


def draw_mistakes(pictures: Pictures, x: Array, y: Array, probabilities: Array) -> None:
    """Draw the worst mistakes: the images whose true digit has the lowest mean probability.

    Args:
        x: the images of the test data.
        y: their digits.
        probabilities: the predictions of each network, (networks, n, 10).
    """
    mean, wrong = probabilities.mean(axis=0), (probabilities.argmax(axis=2) != y).sum(axis=0)
    belief = mean[np.arange(len(y)), y]
    worst = [k for k in belief.argsort() if wrong[k]]
    with style():
        figure, axes = plt.subplots(2, 4, figsize=(8, 5.4))
        for ax, k in zip(axes.flat, worst, strict=False):
            others = np.where(np.arange(10) == y[k], 0.0, mean[k])
            rival = int(others.argmax())
            show_image(ax, x[k], f"{y[k]} ({belief[k]:.0%}) or {rival} ({others[rival]:.0%})?")
            ax.set_xlabel(f"{wrong[k]} of {len(probabilities)} networks wrong")
        for ax in axes.flat[len(worst) :]:
            ax.set_axis_off()
        figure.suptitle("The worst mistakes: the true digit and its rival, with the networks' mean probabilities\n")
    pictures.save(figure, "digits_mistakes.png")


def softmax(scores: Array) -> Array:
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True))


def main() -> None:
    pictures = Pictures("Hand-written digits, from a plain network to one with an accuracy of 99 %")
    x, y, x_test, y_test = load_digits()
    x, x_test = x.astype(np.float32), x_test.astype(np.float32)

    heading("1", f"The data: {len(x)} images of 8 × 8 pixels for training, {len(x_test)} for testing")
    print("   A small shift or tilt does not change which digit it is, so each epoch may see new variants:")
    draw_jitter(pictures, x)

    heading("2", f"What helps? {FOLDS}-fold cross-validation on the training data. The test data remain unseen")
    print("   each line adds to the one above  accuracy  standard error")
    scores = {}
    for name, recipe in RECIPES.items():
        folds = cross_validate(recipe, x, y)
        scores[name] = float(folds.mean())
        print(f"   {name:<31} {folds.mean():8.2%}   ± {folds.std(ddof=1) / FOLDS**0.5:.2%}")
    best = max(scores, key=lambda name: scores[name])
    print(f"   Chosen: {best!r}, with all lines above it.")

    heading("3", "The chosen recipe, trained on all training data and evaluated on the test data")
    print(f"   {make_network(RECIPES[best], 0)!r}")
    models = [train(RECIPES[best], x, y, seed) for seed in SEEDS]
    outputs = np.array([model.predict(x_test) for model in models])
    found = [accuracy(scores, y_test) for scores in outputs]
    for seed, share in zip(SEEDS, found, strict=True):
        print(f"   seed {seed}   accuracy {share:.2%}, {round((1 - share) * len(y_test))} of {len(y_test)} wrong")
    print(f"   mean     accuracy {np.mean(found):.2%}   ({percentages(found)})")
    print(f"   scikit-learn's MLPClassifier: {compare_with_scikit_learn(x, y, x_test, y_test)}")

    heading("4", "Confusion matrix of all five networks: rows are the true digits, columns the predicted ones")
    matrix = sum(confusion_matrix(scores, y_test) for scores in outputs)
    print("        " + "".join(f"{digit:5}" for digit in range(10)))
    for digit, row in enumerate(np.asarray(matrix)):
        print(f"   {digit:4} " + "".join(f"{count or '·':>5}" for count in row))
    draw_confusion(pictures, np.asarray(matrix))
    draw_mistakes(pictures, x_test, y_test, softmax(outputs))
    pictures.finish()


if __name__ == "__main__":
    main()
