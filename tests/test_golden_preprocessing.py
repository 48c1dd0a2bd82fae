"""Layers that prepare data against scikit-learn: the file written by golden/make_preprocessing.py."""

import json
from typing import Any

import numpy as np
import pytest

import minidl
from tests.test_golden import FOLDER, OF_PREPROCESSING, agree

CASES = json.loads((FOLDER / "preprocessing.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=[f"{case['name']} {len(case['adapt'])}" for case in CASES])
def test_prepared_data(case: dict[str, Any]) -> None:
    layer = getattr(minidl, case["name"])(**case["kwargs"])
    if case["adapt"]:
        layer.adapt(map(np.array, case["adapt"]))
    agree(layer(case["x"]), case["y"])


def test_all_kinds_are_there() -> None:
    assert {case["name"] for case in CASES} == OF_PREPROCESSING
