"""Training on several ranks is training on one process."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl.typing import Array
from tests.integrations.mpi_ranks import hows, run

PROGRAMS = "tests.integrations.mpi_programs"
LIMITS = {"Adam": 1e-10, "SGD in float32": 1e-5, "Momentum in float32": 1e-5}
"""The largest difference between parameters, relative to the largest parameter. For the other rows it is 1e-14."""


def apart(a: Array, b: Array) -> float:
    return float(np.abs(a - b).max() / np.abs(b).max())


@pytest.fixture(scope="module", params=hows())
def how(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module", params=[2, 3, 4])
def ranks_like_one(request: pytest.FixtureRequest, how: str, tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    return run(request.param, f"{PROGRAMS}:like_one", tmp_path_factory.mktemp("ranks"), how=how)


def test_training_on_all_ranks_is_training_on_one(ranks_like_one: list[Any]) -> None:
    found = {name: apart(row["parallel"]["theta"], row["one"]["theta"]) for name, row in ranks_like_one[0].items()}
    assert {name: error for name, error in found.items() if not error <= LIMITS.get(name, 1e-14)} == {}


def test_losses_and_metrics_are_those_of_one(ranks_like_one: list[Any]) -> None:
    for name, row in ranks_like_one[0].items():
        limit = 1e-5 if "float32" in name else 1e-9
        np.testing.assert_allclose(row["parallel"]["loss"], row["one"]["loss"], limit, err_msg=name)
        assert row["parallel"]["epochs"].keys() == row["one"]["epochs"].keys()
        for metric, values in row["parallel"]["epochs"].items():
            np.testing.assert_allclose(values, row["one"]["epochs"][metric], limit, err_msg=f"{name}, {metric}")


def test_all_ranks_end_with_the_same_bits(ranks_like_one: list[Any]) -> None:
    first, *others = ranks_like_one
    for name, row in first.items():
        for other in others:
            np.testing.assert_array_equal(row["parallel"]["theta"], other[name]["parallel"]["theta"], name)
            assert row["parallel"]["loss"] == other[name]["parallel"]["loss"]
            assert row["parallel"]["epochs"] == other[name]["parallel"]["epochs"]


def test_something_is_learned(ranks_like_one: list[Any]) -> None:
    losses = ranks_like_one[0]["Adam"]["parallel"]["loss"]
    assert len(losses) == 55
    assert losses[-1] < 0.9 * losses[0]


def test_two_ranks_train_bit_for_bit_like_accumulate_2(how: str, tmp_path: Path) -> None:
    for rows in run(2, f"{PROGRAMS}:like_accumulate", tmp_path, 2, how=how):
        for name, row in rows.items():
            np.testing.assert_array_equal(row["parallel"]["theta"], row["one"]["theta"], name)
            assert row["parallel"]["loss"] == row["one"]["loss"], name


@pytest.mark.parametrize("ranks", [2, 3])
def test_running_statistics_are_those_of_the_whole_batch(ranks: int, how: str, tmp_path: Path) -> None:
    results = run(ranks, f"{PROGRAMS}:statistics", tmp_path, how=how)
    for name, row in results[0].items():
        for buffer in ("0.running_mean", "0.running_var"):
            found, expected = row["parallel"]["state"][buffer], row["one"]["state"][buffer]
            np.testing.assert_allclose(found, expected, 1e-9, 1e-12, err_msg=name)
            assert all((rank[name]["parallel"]["state"][buffer] == found).all() for rank in results)


def test_each_rank_drops_numbers_of_its_own(how: str, tmp_path: Path) -> None:
    first, second = run(2, f"{PROGRAMS}:dropped", tmp_path, how=how)
    masks = [*first["masks"], *second["masks"]]
    assert [mask.shape for mask in masks] == [(20, 8)] * 4
    assert all((a == b).mean() < 0.7 for i, a in enumerate(masks) for b in masks[:i])
    assert all(0.3 < mask.mean() < 0.7 for mask in masks)
    assert first["after"] == second["after"]
    np.testing.assert_array_equal(first["theta"], second["theta"])


def test_all_ranks_begin_with_what_rank_0_has(how: str, tmp_path: Path) -> None:
    first, *others = run(3, f"{PROGRAMS}:different_start", tmp_path, how=how)
    assert first["optimizer"]["lr"] == 0.01
    for other in others:
        assert first["loss"] == other["loss"]
        for kind in ("state", "optimizer"):
            for name, value in first[kind].items():
                np.testing.assert_array_equal(value, other[kind][name], name)
