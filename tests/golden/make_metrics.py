"""Writes metrics.json beside it with scikit-learn: ``python -m tests.golden.make_metrics``.

It needs scikit-learn and NumPy (last run with scikit-learn 1.9.1) and nothing of this project. A case is data, and what
metrics make of it: triples of a name in minidl, further arguments and the value. `tests.metrics.test_golden` compares.
"""

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from sklearn import calibration
from sklearn import metrics as sk

HERE = Path(__file__).parent
Case = dict[str, Any]
Check = tuple[str, dict[str, Any], Any]

rng = np.random.default_rng(0)


def case(prediction: Any, target: Any, weight: Any, checks: Iterator[Check]) -> Case:
    data = {"prediction": prediction, "target": target, "sample_weight": weight}
    listed = {name: None if array is None else np.asarray(array).tolist() for name, array in data.items()}
    return listed | {"checks": [[name, options, np.asarray(value).tolist()] for name, options, value in checks]}


def weights(n: int) -> Iterator[Any]:
    yield None
    yield rng.uniform(0.1, 3.0, n).round(2)
    yield rng.permutation([0, 1, 2, 5] * n)[:n]
    yield rng.permutation([1e-6, 1.0, 1e6] * n)[:n]


def two_classes() -> Iterator[Case]:
    rare = (np.arange(30) < 2).astype(int)
    drawn = rng.integers(0, 2, 20)
    for p, y in [
        (rng.uniform(size=20).round(3), drawn),
        (rng.uniform(size=20).round(1), drawn),  # many ties
        (np.full(20, 0.25), drawn),  # nothing but ties
        (0.2 + 0.6 * drawn, drawn),  # perfect
        (rng.uniform(size=30).round(2), rare),
        (rng.integers(0, 2, 20) * 1.0, drawn),  # certain, and sometimes wrong
        (np.array([0.3, 0.3, 0.1]), np.array([0, 1, 1])),
    ]:
        for w in weights(len(y)):
            if w is not None:
                w[:3] = np.maximum(w[:3], 1)  # both classes count
            yield case(p, y, w, of_scores(p, y, w))
            found = (p > 0.5).astype(int)
            yield case(found, y, w, of_classes(found, y, w, 2))
    logits = rng.normal(size=20).round(1)
    yield case(logits, drawn, None, iter([("roc_auc", {}, sk.roc_auc_score(drawn, logits))]))
    pair = np.stack([1 - logits**2 / 10, logits**2 / 10], axis=1)
    score = sk.brier_score_loss(drawn, pair, labels=[0, 1])
    yield case(pair, drawn, None, iter([("brier_score", {}, score)]))


def of_scores(p: Any, y: Any, w: Any) -> Iterator[Check]:
    yield "roc_auc", {}, sk.roc_auc_score(y, p, sample_weight=w)
    yield "average_precision", {}, sk.average_precision_score(y, p, sample_weight=w)
    yield "log_loss", {}, sk.log_loss(y, p, sample_weight=w, labels=[0, 1])
    yield "brier_score", {}, sk.brier_score_loss(y, p, sample_weight=w, labels=[0, 1])
    yield "binary_accuracy", {"threshold": 0.5}, sk.accuracy_score(y, p > 0.5, sample_weight=w)
    yield "roc_curve", {}, sk.roc_curve(y, p, sample_weight=w, drop_intermediate=False)[:2]
    if w is None:
        for bins in (1, 5, 10):
            yield "calibration_curve", {"bins": bins}, calibration.calibration_curve(y, p, n_bins=bins)


def several_classes(k: int, n: int, decimals: int) -> Iterator[Case]:
    y = np.append(np.arange(k), rng.integers(0, k, n - k))
    p = rng.dirichlet(np.ones(k), n).round(decimals)
    p[:, 0] = 0
    p[:, 0] = (1 - p.sum(axis=1)).clip(0).round(decimals)
    scores = rng.normal(size=(n, k)).round(2)
    for w in weights(n):
        if w is not None:
            w[:k] = np.maximum(w[:k], 1)  # every class counts
        yield case(p, y, w, of_probabilities(p, y, w))
        yield case(scores, y, w, of_several_scores(scores, y, w))
        found = scores.argmax(axis=1)
        yield case(found, y, w, of_classes(found, y, w, k))


def of_probabilities(p: Any, y: Any, w: Any) -> Iterator[Check]:
    labels = range(p.shape[1])
    yield "roc_auc", {}, sk.roc_auc_score(y, p, sample_weight=w, multi_class="ovr", average="macro")
    yield "average_precision", {}, sk.average_precision_score(y, p, sample_weight=w, average="macro")
    yield "log_loss", {}, sk.log_loss(y, p, sample_weight=w, labels=labels)
    yield "brier_score", {}, sk.brier_score_loss(y, p, sample_weight=w, labels=labels)


def of_several_scores(scores: Any, y: Any, w: Any) -> Iterator[Check]:
    labels = range(scores.shape[1])
    assert all(len(set(row)) == len(row) for row in scores.tolist())  # scikit-learn ranks ties the other way round
    for k in (1, 2, len(labels)):
        yield "top_k_accuracy", {"k": k}, sk.top_k_accuracy_score(y, scores, k=k, sample_weight=w, labels=labels)


def of_classes(found: Any, y: Any, w: Any, k: int) -> Iterator[Check]:
    yield "accuracy", {}, sk.accuracy_score(y, found, sample_weight=w)
    yield "balanced_accuracy", {}, sk.balanced_accuracy_score(y, found, sample_weight=w)
    labels, size = range(k + 1), {"classes": k + 1}  # one of the classes never occurs
    yield "confusion_matrix", size, sk.confusion_matrix(y, found, sample_weight=w, labels=labels)
    for undefined in (0.0, 1.0, np.nan):
        report = sk.precision_recall_fscore_support(y, found, sample_weight=w, labels=labels, zero_division=undefined)
        yield "precision_recall", size | {"zero_division": undefined}, report[:3]


def regression() -> Iterator[Case]:
    for shape in ((20,), (10, 3)):
        y = (100 + rng.normal(size=shape)).round(2)
        for w in weights(len(y)):
            for noise in (0.1, 2.0):
                p = (y + noise * rng.normal(size=shape)).round(2)
                yield case(p, y, w, iter([("r2", {}, sk.r2_score(y, p, sample_weight=w))]))


def main() -> None:
    warnings.simplefilter("ignore")  # of classes without samples
    cases = [*two_classes(), *several_classes(3, 20, 2), *several_classes(5, 20, 1), *regression()]
    lines = ",\n".join(json.dumps(each, separators=(",", ":")) for each in cases)
    (HERE / "metrics.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
