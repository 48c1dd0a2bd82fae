"""Ranks that bring their own data."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.integrations.mpi_ranks import hows, run
from tests.integrations.mpi_shards import SIZES

PROGRAMS = "tests.integrations.mpi_shards"


@pytest.fixture(scope="module", params=hows())
def how(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def own_data(how: str, tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    return run(3, f"{PROGRAMS}:own_data", tmp_path_factory.mktemp("shards"), how=how)


def test_training_on_shards_is_training_on_all_samples(own_data: list[Any]) -> None:
    for result in own_data:
        for name, row in result["rows"].items():
            np.testing.assert_allclose(row["parallel"]["theta"], row["one"]["theta"], 1e-12, 1e-13, err_msg=name)
            np.testing.assert_allclose(row["parallel"]["loss"], row["one"]["loss"], 1e-12, err_msg=name)
            np.testing.assert_array_equal(
                row["parallel"]["theta"], own_data[0]["rows"][name]["parallel"]["theta"], err_msg=name
            )


def test_what_is_measured_counts_each_sample_once(own_data: list[Any]) -> None:
    for result in own_data:
        for name, row in result["rows"].items():
            assert row["parallel"]["epochs"].keys() == row["one"]["epochs"].keys()
            for metric, values in row["parallel"]["epochs"].items():
                np.testing.assert_allclose(values, row["one"]["epochs"][metric], 1e-12, err_msg=f"{name}, {metric}")
        shards, alone = result["evaluated"]
        assert shards == pytest.approx(alone, rel=1e-12)


def test_each_rank_takes_each_of_its_samples_once_per_epoch_in_its_own_order(how: str, tmp_path: Path) -> None:
    orders = run(2, f"{PROGRAMS}:orders", tmp_path, how=how)
    for rank, epochs in enumerate(orders):
        assert all(sorted(order) == list(range(20 + rank)) for order in epochs)
        assert epochs[0] != epochs[1]
    common = [[sample for sample in epochs[0] if sample < 20] for epochs in orders]
    assert common[0] != common[1]


@pytest.mark.filterwarnings("ignore:.*that had ended:minidl.MinidlWarning")
def test_a_run_on_shards_resumes_to_the_same_bits_within_an_epoch(how: str, tmp_path: Path) -> None:
    results = run(3, f"{PROGRAMS}:resumed", tmp_path, str(tmp_path), how=how)
    steps = -(-max(SIZES) // 30)
    for result in results:
        assert len(result["whole"]["loss"]) == 3 * steps
        assert len(result["stopped"]["loss"]) == 26
        assert 26 % steps != 0
        assert result["again"]["loss"] == result["whole"]["loss"]
        np.testing.assert_array_equal(result["again"]["theta"], result["whole"]["theta"])
        assert "resumed between passes only" in result["refused"]
