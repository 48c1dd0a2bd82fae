"""scikit-learn's MLPClassifier through `fit`, warm-started, without its regularisation and its stopping rules."""

from __future__ import annotations

import warnings
from typing import Any

import sklearn
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from minidl.typing import Array
from tests.benchmarks.workloads import Network, Run, data, weights

VERSION = f"scikit-learn {sklearn.__version__}"


def network(spec: Network, _: str) -> Run:
    warnings.simplefilter("ignore", ConvergenceWarning)
    x, y = data(spec)
    labels, given = y.ravel().astype(int), iter(weights(spec))
    common: dict[str, Any] = {"activation": "relu", "alpha": 0.0, "tol": 0.0, "n_iter_no_change": 10**9}
    solver = "adam" if spec.rule == "adam" else "sgd"
    classifier = MLPClassifier(
        spec.sizes[1:-1],
        solver=solver,
        learning_rate_init=spec.lr,
        momentum=0.9,
        nesterovs_momentum=False,
        batch_size=spec.batch,
        epsilon=1e-10,  # added before the bias correction, so that 1e-8 would mean something else than in the others
        warm_start=True,
        random_state=0,
        **common,
    )

    def initial(*_: Any) -> tuple[Array, Array]:
        W, b = next(given)
        return W.copy(), b.copy()

    classifier._init_coef = initial  # the weights that all start from

    def run(epochs: int, shuffle: bool) -> list[float]:
        classifier.set_params(max_iter=epochs, shuffle=shuffle and spec.batch < len(x))
        classifier.fit(x, labels)
        losses: list[float] = classifier.loss_curve_[-epochs:]
        return losses

    return run
