"""The estimators pass all checks of scikit-learn, and none is skipped."""

from typing import Any
from unittest import SkipTest

import pytest

from tests.integrations.packages import real

for package in ("sklearn", "pandas", "polars"):  # some checks skip themselves without tables
    real(package)

from sklearn.utils.estimator_checks import parametrize_with_checks

from minidl.integrations.sklearn import MinidlClassifier, MinidlRegressor


@parametrize_with_checks([MinidlClassifier(), MinidlRegressor(), MinidlRegressor(batch_size=None)])  # type: ignore[untyped-decorator]
def test_the_estimator_passes(estimator: Any, check: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")  # or one of them skips itself
    try:
        check(estimator)
    except SkipTest as error:
        pytest.fail(f"skipped: {error}")
