"""Metrics against scikit-learn: the file written by golden/make_metrics.py."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import metrics

CASES = json.loads((Path(__file__).parent.parent / "golden" / "metrics.json").read_text(encoding="utf-8"))
CHECKS = [(case, *check) for case in CASES for check in case["checks"]]
CURVES = {"roc_curve", "calibration_curve"}
"""What `tests.plotting.test_classification` compares."""

NAMES = sorted({name for _, name, *_ in CHECKS} - CURVES)


@pytest.mark.parametrize("name", NAMES)
def test_metrics_agree_with_scikit_learn(name: str) -> None:
    for case, metric, options, value in CHECKS:
        if metric == name:
            data = {key: case[key] for key in ("prediction", "target", "sample_weight")}
            found: Any = getattr(metrics, name)(**data, **options)
            np.testing.assert_allclose(found, value, rtol=1e-12, atol=1e-12, err_msg=str((data, options)))


def test_every_metric_has_golden_values() -> None:
    others = {"PrecisionRecall", "is_mean_over_samples", "mean_over_samples"}
    assert set(NAMES) == set(metrics.__all__) - others
