"""Held-out accuracy with each library's defaults: python -m tests.benchmarks.accuracy [--seeds N] [--write PATH]."""

from __future__ import annotations

import argparse
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from math import sqrt
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from minidl import Adam, BCEWithLogitsLoss, CrossEntropyLoss, Dense, Loss, MSELoss, ReLU, Sequential, Trainer
from minidl.initializers import lecun_normal
from minidl.typing import Array
from tests.benchmarks.tables import table

HIDDEN, LR, EPOCHS, BATCH, SEEDS = 100, 1e-3, 200, 200, 20
"""The network, and the budget of its training: scikit-learn's defaults. 100 seconds for all seeds on one core."""

DATA = {"breast cancer": 2, "wine": 3, "digits": 10, "diabetes": 0}
"""scikit-learn's data sets with their numbers of classes. 0 stands for a regression."""

BEGIN, END = "<!-- accuracy: begin -->", "<!-- accuracy: end -->"
TEXT = f"""\
## Accuracy: each library's defaults on the same data

Each library trains one hidden layer of {HIDDEN} ReLU units by Adam at the rate {LR:g}, for {EPOCHS} epochs of batches
of {BATCH} samples. That is scikit-learn's default budget, as the others have none. Everything else is the library's own
default: the initial weights, Adam's ε, scikit-learn's L2 penalty, PyTorch's float32.

The data sets are scikit-learn's. Each seed chooses the quarter of the samples that is held out, of each class alike. It
also draws the initial weights and orders the batches. Features, and the targets of diabetes, are standardised by the
training data. The score is the accuracy on the held-out data, R² for diabetes. ± is the standard error of the mean. The
difference is minidl's score minus the other's on the same split. It is within noise up to two standard errors. The
held-out data of different seeds overlap, so the true errors are a little larger.
"""
CAUSE = """\
The initial weights explain the difference to PyTorch. `he_normal`, the default of `Dense`, has twice the variance of
`lecun_normal`, and six times that of PyTorch. The untrained network is then a larger random function, part of which
remains after this budget. The table shows minidl's score minus PyTorch's, for three ways to draw them:
"""


class Split(NamedTuple):
    """Standardised data of one seed. Classes are integers; 0 classes stand for a regression."""

    x: Array
    y: Array
    x_test: Array
    y_test: Array
    classes: int

    @property
    def outputs(self) -> int:
        return self.classes if self.classes > 2 else 1

    @property
    def targets(self) -> Array:
        """y as losses of minidl and PyTorch take it: a column of floats, or classes if there are more than two."""
        return self.y if self.classes > 2 else self.y[:, None].astype(float)

    def predictions(self, outputs: Array) -> Array:
        """The classes or numbers that a network's outputs (n, outputs) stand for."""
        if self.classes == 0:
            return outputs[:, 0]
        return np.argmax(outputs, axis=1) if self.classes > 2 else np.greater(outputs[:, 0], 0).astype(int)


Fit: TypeAlias = "Callable[[Split, int], Array]"
"""Trains a network with a seed, and returns its predictions of the held-out data."""


def split(name: str, seed: int) -> Split:
    from sklearn import datasets, model_selection, preprocessing

    classes = DATA[name]
    x, y = getattr(datasets, f"load_{name.replace(' ', '_')}")(return_X_y=True)
    stratify = y if classes else None
    x, x_test, y, y_test = model_selection.train_test_split(x, y, test_size=0.25, random_state=seed, stratify=stratify)
    scaler = preprocessing.StandardScaler().fit(x)
    if not classes:
        mean, deviation = y.mean(), y.std()
        y, y_test = (y - mean) / deviation, (y_test - mean) / deviation
    return Split(scaler.transform(x), y, scaler.transform(x_test), y_test, classes)


def with_minidl(data: Split, seed: int, begin: Sequence[Array] = (), **options: Any) -> Array:
    """Train a network of `Dense` layers with these options, from given values of its parameters if there are any."""
    first, last = Dense(data.x.shape[1], HIDDEN, **options), Dense(HIDDEN, data.outputs, **options)
    model = Sequential(first, ReLU(), last, rng=seed)
    for parameter, value in zip(model.parameters(), begin, strict=bool(begin)):
        parameter.value = value
    losses: dict[int, Loss] = {0: MSELoss(), 2: BCEWithLogitsLoss()}
    trainer = Trainer(model, losses.get(data.classes, CrossEntropyLoss()), Adam(model.parameters(), lr=LR))
    trainer.fit(data.x, data.targets, epochs=EPOCHS, batch_size=BATCH, rng=seed)
    return data.predictions(model.predict(data.x_test))


def with_lecun(data: Split, seed: int) -> Array:
    return with_minidl(data, seed, initializer=lecun_normal)


def with_weights_of_torch(data: Split, seed: int) -> Array:
    weights = [parameter.detach().numpy().T for parameter in torch_network(data, seed).parameters()]
    return with_minidl(data, seed, weights)


def with_sklearn(data: Split, seed: int) -> Array:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    kind = MLPClassifier if data.classes else MLPRegressor
    options: dict[str, Any] = {"max_iter": EPOCHS, "n_iter_no_change": EPOCHS, "tol": 0.0}  # all epochs, as elsewhere
    options |= {"hidden_layer_sizes": (HIDDEN,), "learning_rate_init": LR, "batch_size": min(BATCH, len(data.x))}
    network = kind(random_state=seed, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        predictions: Array = network.fit(data.x, data.y).predict(data.x_test)
    return predictions


def torch_network(data: Split, seed: int) -> Any:
    """The untrained network, with the initial weights that PyTorch draws by default."""
    import torch
    from torch import nn

    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(data.x.shape[1], HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, data.outputs))


def with_torch(data: Split, seed: int) -> Array:
    import torch
    from torch import nn

    torch.set_num_threads(1)  # on such small batches, several would only wait for each other
    network = torch_network(data, seed)
    x, x_test = (torch.tensor(array, dtype=torch.float32) for array in (data.x, data.x_test))
    y = torch.tensor(data.targets, dtype=None if data.classes > 2 else torch.float32)
    loss = {0: nn.MSELoss(), 2: nn.BCEWithLogitsLoss()}.get(data.classes, nn.CrossEntropyLoss())
    optimizer = torch.optim.Adam(network.parameters(), lr=LR)
    for _ in range(EPOCHS):
        for chosen in torch.randperm(len(x)).split(BATCH):
            optimizer.zero_grad()
            loss(network(x[chosen]), y[chosen]).backward()
            optimizer.step()
    with torch.no_grad():
        return data.predictions(network(x_test).numpy())


LIBRARIES: dict[str, Fit] = {"minidl": with_minidl, "scikit-learn": with_sklearn, "PyTorch": with_torch}
BEGINNINGS: dict[str, Fit] = {"`lecun_normal`": with_lecun, "PyTorch's": with_weights_of_torch}


def scores(name: str, fits: dict[str, Fit], seeds: int) -> dict[str, Array]:
    """The score of each network on the held-out data, one for each seed: accuracy, or R² of a regression."""
    from sklearn.metrics import accuracy_score, r2_score

    metric = accuracy_score if DATA[name] else r2_score
    splits = [split(name, seed) for seed in range(seeds)]
    return {
        library: np.array([metric(data.y_test, fit(data, seed)) for seed, data in enumerate(splits)])
        for library, fit in fits.items()
    }


def section(seeds: int) -> str:
    """The section of the page, between its markers."""
    return "\n".join([BEGIN, TEXT, *_measured(seeds), END, ""])


def _measured(seeds: int) -> Iterator[str]:
    missing = [package for package in ("sklearn", "torch") if find_spec(package) is None]
    if missing:
        yield f"Not measured without {' and '.join(missing)}.\n"
        return
    found = {name: scores(name, LIBRARIES | BEGINNINGS, seeds) for name in DATA}
    yield table((f"{seeds} seeds", "library", "score", "difference", ""), _compared(found))
    yield CAUSE
    ways = {"minidl": "`he_normal`, the default"} | {way: way for way in BEGINNINGS}
    rows = [[name, *(_mean(by[way] - by["PyTorch"]) for way in ways)] for name, by in found.items()]
    yield table(("", *ways.values()), rows)


def _compared(found: dict[str, dict[str, Array]]) -> Iterator[tuple[str, ...]]:
    for name, by in found.items():
        yield name, "minidl", _mean(by["minidl"], ""), "", ""
        for library in list(LIBRARIES)[1:]:
            gap = by["minidl"] - by[library]
            word = "**minidl is lower**" if gap.mean() < 0 else "minidl is higher"
            word = "within noise" if abs(gap.mean()) <= 2 * _error(gap) else word
            yield name, library, _mean(by[library], ""), _mean(gap), word


def _mean(values: Array, sign: str = "+") -> str:
    return f"{values.mean():{sign}z.4f} ± {_error(values):.4f}".replace("-", "−")


def _error(values: Array) -> float:
    return float(values.std(ddof=1)) / sqrt(len(values))


def insert(page: str, rest: str, section: str = "") -> str:
    """A page with the section on accuracy: the new one, or that which the page has between its markers.

    Args:
        page: the page so far.
        rest: all else that the new page holds.
        section: the new section.
    """
    old = re.search(f"{re.escape(BEGIN)}.*{re.escape(END)}\n", page, re.DOTALL)
    return f"{rest.rstrip()}\n\n{section or (old.group() if old else '')}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.accuracy", description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS, help="how many seeds, at least 2")
    parser.add_argument("--write", type=Path, help="page whose section is replaced, besides showing it")
    chosen = parser.parse_args()
    found = section(max(2, chosen.seeds))
    print(found)
    if chosen.write:
        page = chosen.write.read_text()
        chosen.write.write_text(insert(page, page.partition(BEGIN)[0], found))


if __name__ == "__main__":
    main()
