"""What is measured: weights act on metrics, and means over samples need one batch at a time."""

import tracemalloc
from functools import partial
from typing import Any

import numpy as np
import pytest

from minidl import Adam, CrossEntropyLoss, Dense, Sequential, Trainer, metrics
from minidl.splitting import hold_out
from minidl.typing import Array

N = 23
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(N, 3)), RNG.integers(0, 3, N)
INTEGERS = RNG.integers(0, 4, N)
METRICS: Any = {
    "accuracy": metrics.accuracy,
    "top": partial(metrics.top_k_accuracy, k=2),
    "balanced": metrics.balanced_accuracy,
    "plain": lambda prediction, target: float((prediction.argmax(axis=1) == target).mean()),
}


def trainer() -> Trainer:
    model = Sequential(Dense(3, 3), rng=0)
    return Trainer(model, CrossEntropyLoss(), Adam(model.parameters(), lr=0.1))


def cut(size: int, *arrays: Array) -> list[tuple[Array, ...]]:
    return [tuple(array[i : i + size] for array in arrays) for i in range(0, len(arrays[0]), size)]


@pytest.mark.parametrize("size", [1, 5, N])
def test_metrics_over_batches_are_those_of_the_whole(size: int) -> None:
    expected = trainer().evaluate(X, Y, METRICS)
    assert trainer().evaluate(cut(size, X, Y), metrics=METRICS) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("size", [3, N])
def test_integer_weights_act_on_metrics_like_copies(size: int) -> None:
    copies = np.repeat(np.arange(N), INTEGERS)
    expected = trainer().evaluate(X[copies], Y[copies], METRICS)
    for found in (
        trainer().evaluate(X, Y, METRICS, sample_weight=INTEGERS),
        trainer().evaluate(cut(size, X, Y, INTEGERS), metrics=METRICS),
    ):
        assert {**found, "plain": 0} == pytest.approx({**expected, "plain": 0}, rel=1e-14)
        # It has no parameter sample_weight.
        assert found["plain"] == pytest.approx(trainer().evaluate(X, Y, METRICS)["plain"])


def test_a_batch_without_weights_counts_each_sample_once() -> None:
    batches = [(X[:9], Y[:9]), (X[9:], Y[9:], INTEGERS[9:])]
    weights = np.concatenate([np.ones(9), INTEGERS[9:]])
    expected = trainer().evaluate(X, Y, METRICS, sample_weight=weights)
    assert trainer().evaluate(batches, metrics=METRICS) == pytest.approx(expected, rel=1e-14)


def test_a_batch_in_which_nothing_counts_is_left_out() -> None:
    weights = np.where(np.arange(N) < 10, 0, INTEGERS + 1)
    expected = trainer().evaluate(X[10:], Y[10:], METRICS, sample_weight=weights[10:])
    found = trainer().evaluate(cut(5, X, Y, weights), metrics=METRICS)
    assert {**found, "plain": 0} == pytest.approx({**expected, "plain": 0}, rel=1e-14)


def test_validation_weights_act_on_metrics() -> None:
    asked = {"accuracy": metrics.accuracy}
    training = trainer()
    history = training.fit(X, Y, epochs=3, validation=(X, Y, INTEGERS), metrics=asked)
    expected = training.evaluate(X, Y, asked, sample_weight=INTEGERS)
    assert history.epochs["validation_accuracy"][-1] == expected["accuracy"]
    assert expected != training.evaluate(X, Y, asked)


class Many:
    """Many batches, made one at a time."""

    def __len__(self) -> int:
        return 200

    def __iter__(self) -> Any:
        for seed in range(200):
            yield np.random.default_rng(seed).normal(size=(2000, 3)), np.zeros(2000, int)


def test_means_over_samples_keep_no_predictions() -> None:
    model = trainer()
    model.evaluate(Many(), metrics={"accuracy": metrics.accuracy})
    tracemalloc.start()
    try:
        model.evaluate(Many(), metrics={"accuracy": metrics.accuracy})
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1e6  # all predictions would be 9.6 MB


def test_a_share_is_held_out_without_a_copy_of_the_rest() -> None:
    x, y = np.ones((20_000, 50)), np.zeros(20_000, int)
    x[::2] = 0
    model = Sequential(Dense(50, 2), rng=0)
    training = Trainer(model, CrossEntropyLoss(), Adam(model.parameters()))
    options: Any = {"batch_size": 100, "validation": 0.1, "rng": 0}
    training.fit(x[:200], y[:200], **options)
    tracemalloc.start()
    try:
        training.fit(x, y, **options)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 0.75 * x.nbytes


@pytest.mark.parametrize("batch_size", [7, None])
@pytest.mark.parametrize("weight", [None, INTEGERS])
@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_training_on_a_share_is_training_on_its_samples(batch_size: Any, weight: Any, class_weight: Any) -> None:
    rest, held = hold_out(N, 0.3, classes=Y)
    options: Any = {"epochs": 4, "batch_size": batch_size, "class_weight": class_weight, "rng": 1}
    apart, together = trainer(), trainer()
    w_rest, held_out = (None, ()) if weight is None else (weight[rest], (weight[held],))
    first = apart.fit(X[rest], Y[rest], sample_weight=w_rest, validation=(X[held], Y[held], *held_out), **options)
    second = together.fit(X, Y, sample_weight=weight, validation=0.3, **options)
    assert first.loss == second.loss
    assert first.epochs == second.epochs
