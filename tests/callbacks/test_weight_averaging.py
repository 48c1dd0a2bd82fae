"""The plain mean of the parameters over late epochs (SWA), and BatchNorm's statistics for it."""

import copy
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from minidl import (
    Batches,
    BatchNorm,
    Checkpoint,
    Dense,
    Dropout,
    HyperparameterError,
    MSELoss,
    ParameterAverage,
    RecordPath,
    Sequential,
    ShapeError,
    estimate_statistics,
)
from minidl.typing import Array
from tests.callbacks.recording import At, fails
from tests.helpers import bits, bits_of, unchanged
from tests.training.factories import data, make_trainer, network

X = np.random.default_rng(0).normal(size=(12, 2)) * [1.0, 5.0] + [3.0, 0.0]


def normed(seed: int = 0) -> Sequential:
    return Sequential(Dense(2, 3), BatchNorm(3), Dropout(0.3, rng=1), Dense(3, 2), BatchNorm(2, momentum=0.3), rng=seed)


@pytest.mark.parametrize(
    ("every", "start", "chosen"),
    [
        ("step", 0, slice(1, None)),
        ("step", 7, slice(8, None)),
        ("epoch", 0, slice(2, None, 2)),
        ("epoch", 6, slice(14, None, 2)),
    ],
)
def test_it_is_the_plain_mean_from_the_start_on(every: Literal["step", "epoch"], start: int, chosen: slice) -> None:
    path, average = RecordPath(), ParameterAverage(1.0, start=start, every=every)
    trainer = make_trainer(network(), path, average)
    for epochs in (4, 6):  # over all fits; each epoch has two steps
        trainer.fit(*data(), epochs=epochs, batch_size=4, rng=0)
    points = path.points[chosen]
    assert average.steps == len(points)
    assert average.average is not None
    np.testing.assert_allclose(average.average, np.mean(points, axis=0), rtol=1e-12)


def test_a_moving_average_over_epochs() -> None:
    path, average = RecordPath(), ParameterAverage(0.5, every="epoch")
    make_trainer(network(), path, average).fit(*data(), epochs=3, batch_size=4, rng=0)
    first, second, third = path.points[2::2]
    assert average.average is not None
    np.testing.assert_allclose(average.average, (first + 2 * second + 4 * third) / 7, rtol=1e-12)


def test_a_resumed_run_has_the_same_mean(tmp_path: Path) -> None:
    ends = []
    for step in (10**6, 7, 8):
        file, options = tmp_path / f"{step}.npz", {"epochs": 6, "batch_size": 4, "rng": 0}
        average = ParameterAverage(1.0, start=2, every="epoch")
        trainer = make_trainer(network(), average, At("on_step_end", step, fails), Checkpoint(file, every_steps=1))
        try:
            trainer.fit(*data(), **options)  # type: ignore[arg-type]
        except KeyError:
            average = ParameterAverage(1.0, start=2, every="epoch")
            make_trainer(network(), average).fit(*data(), **options, resume_from=file)  # type: ignore[arg-type]
        assert average.average is not None
        ends.append((average.steps, bits(average.average)))
    assert ends[0] == ends[1] == ends[2]


@pytest.mark.parametrize("wrong", ["batch", None, 1])
def test_what_it_refuses(wrong: Any) -> None:
    with pytest.raises(HyperparameterError, match='ParameterAverage: every must be "step" or "epoch", got'):
        ParameterAverage(every=wrong)


def test_statistics_of_one_batch_are_those_of_the_data() -> None:
    model = normed()
    estimate_statistics(model, X)
    first = model[0].forward(X)
    norm: Any = model[1]
    np.testing.assert_allclose(norm.running_mean, first.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(norm.running_var, first.var(axis=0, ddof=1), rtol=1e-12)
    assert (norm.momentum, model[4].momentum) == (0.1, 0.3)  # type: ignore[attr-defined]


def test_statistics_are_means_over_the_batches_weighted_by_their_samples() -> None:
    """By PyTorch's update_bn for equal batches: torch 2.13, float64."""
    norm = BatchNorm(1)
    norm.running_mean[:], norm.running_var[:] = 9.0, np.inf
    x = np.array([[1.0], [2.0], [4.0], [7.0], [11.0], [16.0]])
    estimate_statistics(norm, x, batch_size=2)
    np.testing.assert_allclose([norm.running_mean[0], norm.running_var[0]], [6.833333333333333, 5.833333333333333])
    estimate_statistics(norm, x, batch_size=4)
    np.testing.assert_allclose(norm.running_mean, x.mean(axis=0))
    np.testing.assert_allclose(norm.running_var, [(4 * x[:4].var(ddof=1) + 2 * x[4:].var(ddof=1)) / 6])


@pytest.mark.parametrize("weighted", [False, True])
def test_statistics_over_batches_are_those_of_the_array_in_parts(weighted: bool) -> None:
    """Weights do not act on statistics."""
    y, weights = np.zeros(12), np.arange(12.0) if weighted else None
    one, other = normed(), normed()
    estimate_statistics(one, X, batch_size=5)
    estimate_statistics(other, Batches(X, y, sample_weight=weights, batch_size=5, shuffle=False))
    assert bits(*one.state().values()) == bits(*other.state().values())
    average = averaged(one)
    batches = [(X[:5], y[:5]), (X[5:10], y[5:10]), (X[10:], y[10:])]
    with average.applied(one, X, batch_size=5):
        expected = bits(*one.state().values())
    with average.applied(one, batches):
        assert bits(*one.state().values()) == expected


def test_a_wrong_batch_changes_nothing_and_is_named() -> None:
    model = normed()
    with unchanged(model), pytest.raises(ShapeError, match=r"takes samples of (.|\n)*raised by batch 2: x"):
        estimate_statistics(model, [(X, X), (X[:, :1], X)])
    with unchanged(model), pytest.raises(HyperparameterError, match="batch_size is for an array x"):
        estimate_statistics(model, [(X, X)], batch_size=3)


def test_nothing_else_changes() -> None:
    model = normed()
    model.forward(X)
    model.backward(np.ones((12, 2)))
    twin = copy.deepcopy(model)
    before = [bits_of(layer) for layer in model]
    estimate_statistics(model, X, batch_size=5)
    changed = [bits_of(layer) != old for layer, old in zip(model, before, strict=True)]
    assert changed == [isinstance(layer, BatchNorm) for layer in model]
    assert bits(model[2].forward(X)) == bits(twin[2].forward(X))  # the generator of Dropout stands where it stood
    assert bits(model[0].forward(X)) == bits(twin[0].forward(X))


def test_frozen_layers_keep_theirs_and_wrong_data_change_nothing() -> None:
    model = normed()
    model[1].trainable = False
    before = bits_of(model[1])
    estimate_statistics(model, X)
    assert bits_of(model[1]) == before
    with unchanged(model), pytest.raises(ShapeError):
        estimate_statistics(model, X[:, :1])
    with unchanged(model), pytest.raises(HyperparameterError, match="batch_size must be a positive integer, got 0"):
        estimate_statistics(model, X, batch_size=0)
    with pytest.raises(TypeError, match="model must be of type Layer"):
        estimate_statistics(MSELoss(), X)


def averaged(model: Sequential) -> ParameterAverage:
    average = ParameterAverage(1.0, start=2, every="epoch")
    y = np.random.default_rng(1).normal(size=(12, 2))
    make_trainer(model, average).fit(X, y, epochs=5, batch_size=4, rng=0)
    return average


def test_applied_with_data_estimates_the_statistics_for_the_average_and_restores_them() -> None:
    model = normed()
    average = averaged(model)
    expected = copy.deepcopy(model)
    assert average.average is not None
    expected.parameters().value = average.average
    estimate_statistics(expected, X, batch_size=4)
    with unchanged(model):
        with average.applied(model, X, batch_size=4):
            assert bits(*model.state().values()) == bits(*expected.state().values())
        with pytest.raises(ShapeError), average.applied(model, X[:, :1]):
            raise AssertionError
        with pytest.raises(KeyError), average.applied(model, X):
            raise KeyError


def test_with_its_own_statistics_the_average_normalizes_its_inputs() -> None:
    """Inside the block, the normalized training data have mean 0 and variance 1, which the old statistics miss."""

    def off(model: Sequential) -> Array:
        z = model[:2].predict(X)
        return np.asarray(np.abs([*z.mean(axis=0), *(z.var(axis=0) - 1)]))

    model = Sequential(Dense(2, 3), BatchNorm(3, momentum=0.01), rng=0)
    average = ParameterAverage(1.0)
    make_trainer(model, average).fit(X, np.zeros((12, 3)), epochs=3)
    model[1].parameters().value = [1.0] * 3 + [0.0] * 3
    assert average.average is not None
    average.average[-6:] = [1.0] * 3 + [0.0] * 3
    with average.applied(model):
        assert off(model).max() > 0.5
    with average.applied(model, X):
        assert off(model).max() < 0.1
