"""Writes preprocessing.json beside it with scikit-learn: ``python -m tests.golden.make_preprocessing``.

It needs scikit-learn and NumPy (last run with scikit-learn 1.9.1) and nothing of this project. A case is a layer with
its arguments, the data that it adapts to, in parts for `partial_fit`, and what becomes of other data.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

HERE = Path(__file__).parent
THEIRS = {"Standardize": StandardScaler, "MinMax": MinMaxScaler}

rng = np.random.default_rng(0)


def data(n: int) -> Any:
    """Features of several sizes: an amount, a small number, a Unix time, a constant."""
    columns = [rng.lognormal(8, 1, n), 1e-6 * rng.normal(size=n), rng.integers(1_600_000_000, 1_700_000_000, n)]
    return np.column_stack([*columns, np.full(n, 0.1)])


def scaled(name: str, sizes: list[int]) -> dict[str, Any]:
    parts, x = [data(n) for n in sizes], data(4)
    x[:, 3] = [0.1, 0.1, 1.1, -0.9]
    scaler = THEIRS[name]()
    for part in parts:
        scaler.partial_fit(part)
    adapt, y = [part.tolist() for part in parts], scaler.transform(x)
    return {"name": name, "kwargs": {"features": 4}, "adapt": adapt, "x": x.tolist(), "y": y.tolist()}


def one_hot(classes: int) -> dict[str, Any]:
    x = rng.integers(0, classes, 6)
    y = OneHotEncoder(categories=[range(classes)], sparse_output=False).fit_transform(x[:, None])
    return {"name": "OneHot", "kwargs": {"classes": classes}, "adapt": [], "x": x.tolist(), "y": y.tolist()}


if __name__ == "__main__":
    cases = [scaled(name, sizes) for name in THEIRS for sizes in ([20], [1, 2, 17, 5])]
    cases += [one_hot(classes) for classes in (1, 5)]
    (HERE / "preprocessing.json").write_text(json.dumps(cases) + "\n", encoding="utf-8")
