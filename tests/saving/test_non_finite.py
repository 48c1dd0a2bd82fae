"""Numbers that are not finite, and negative variances: files hold them, with a warning."""

from collections.abc import Callable
from math import inf, nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import (
    SGD,
    BatchNorm,
    Checkpoint,
    Dense,
    MinidlWarning,
    MSELoss,
    Parameter,
    Sequential,
    Trainer,
    load,
    save,
)
from minidl.integrations import load_safetensors, save_safetensors
from tests.helpers import bits
from tests.training.endless import X, Y


def model() -> Sequential:
    return Sequential(Dense(3, 2), BatchNorm(2), Dense(2, 1), rng=0)


def nan_weight(model: Any) -> None:
    model.layers[0].weight.value[0, 1] = nan


def infinite_bias(model: Any) -> None:
    model.layers[2].bias.value = [-inf]


def nan_mean(model: Any) -> None:
    model.layers[1].running_mean = np.array([0.0, nan])


def negative_variance(model: Any) -> None:
    model.layers[1].running_var = np.array([-1e-3, 1.0])


CHANGES: dict[str, tuple[Callable[[Any], None], str]] = {
    "a NaN weight": (nan_weight, r"' holds numbers that are not finite: 0\.weight$"),
    "an infinite bias": (infinite_bias, r"' holds numbers that are not finite: 2\.bias$"),
    "a NaN mean": (nan_mean, r"' holds numbers that are not finite: 1\.running_mean$"),
    "a negative variance": (negative_variance, r"' holds negative variances: 1\.running_var$"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_models(name: str, tmp_path: Path) -> None:
    change, words = CHANGES[name]
    path, odd = tmp_path / "model.npz", model()
    change(odd)
    with pytest.warns(MinidlWarning, match=f"model.npz{words}"):
        save(odd, path)
    with pytest.warns(MinidlWarning, match=f"model.npz{words}"):
        loaded = load(path)
    assert bits(*loaded.state().values()) == bits(*odd.state().values())


@pytest.mark.parametrize("name", CHANGES)
def test_safetensors(name: str, tmp_path: Path) -> None:
    pytest.importorskip("safetensors")
    change, words = CHANGES[name]
    path, odd, loaded = tmp_path / "model.safetensors", model(), model()
    change(odd)
    with pytest.warns(MinidlWarning, match=f"model.safetensors{words}"):
        save_safetensors(odd, path)
    with pytest.warns(MinidlWarning, match=f"model.safetensors{words}"):
        load_safetensors(loaded, path)
    assert bits(*loaded.state().values()) == bits(*odd.state().values())


def test_runs(tmp_path: Path) -> None:
    """Only evaluation uses a running variance, so the run continues."""
    path, odd = tmp_path / "run.npz", model()
    negative_variance(odd)
    odd.layers[1].momentum = 0.0  # type: ignore[attr-defined]
    words = r"run\.npz' holds negative variances: 1\.running_var$"
    with pytest.warns(MinidlWarning, match=words) as warned:
        Trainer(odd, MSELoss(), SGD(odd.parameters(), 0.01), [Checkpoint(path)]).fit(X, Y, epochs=3, rng=0)
    assert len(warned) == 1
    with pytest.warns(MinidlWarning, match=words):
        load(path)
    resumed = model()
    resumed.layers[1].momentum = 0.0  # type: ignore[attr-defined]
    with pytest.warns(MinidlWarning, match=words):
        Trainer(resumed, MSELoss(), SGD(resumed.parameters(), 0.01)).fit(X, Y, epochs=4, rng=0, resume_from=path)


class Spread(Dense):
    """A layer that learns the logarithm of a variance."""

    def __init__(self) -> None:
        super().__init__(1, 2)
        self.log_var = Parameter([-3.0, -4.0])


def test_nothing_is_said_of_other_numbers(tmp_path: Path) -> None:
    ordinary: Any = Sequential(*model().layers, Spread())
    ordinary.layers[0].weight.value[0, 0] = -1e300
    ordinary.layers[1].running_mean = np.array([-5.0, 1e300])
    save(ordinary, tmp_path / "model.npz")
    load(tmp_path / "model.npz")
