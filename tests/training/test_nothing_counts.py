"""Weights that are all 0: in a whole fit they are a mistake, which would look like a perfect loss."""

from typing import Any

import numpy as np
import pytest

from minidl import CrossEntropyLoss, DataError
from tests.helpers import unchanged
from tests.training.test_sample_weights import CLASSES, N, W, X, trainer

NONE = np.zeros(N)


def fit(**options: Any) -> str:
    """Fit, and return what the error says. Nothing changes."""
    fitted = trainer(loss=CrossEntropyLoss(), outputs=3)
    with unchanged(fitted.model, fitted.optimizer), pytest.raises(DataError) as caught:
        fitted.fit(X, CLASSES, **options)
    assert fitted.history.loss == []
    return str(caught.value)


def test_a_fit_and_an_evaluation_need_a_weight_above_0() -> None:
    assert fit(sample_weight=NONE) == "sample_weight is zero for every sample, so nothing counts; some must be above 0"
    with pytest.raises(DataError, match="sample_weight is zero for every sample"):
        trainer(loss=CrossEntropyLoss(), outputs=3).evaluate(X, CLASSES, sample_weight=NONE)


def test_weights_of_classes_may_leave_none() -> None:
    words = "sample_weight times class_weight is zero for every sample to train on"
    assert words in fit(class_weight=dict.fromkeys(range(3), 0))
    assert words in fit(class_weight={0: 0, 1: 1, 2: 1}, sample_weight=CLASSES == 0)


def test_validation_data_need_a_weight_above_0() -> None:
    assert "validation sample_weight is zero for every sample" in fit(validation=(X, CLASSES, NONE))


@pytest.mark.parametrize("batch_size", [None, 3])
def test_a_share_and_what_it_leaves_need_a_weight_above_0(batch_size: int | None) -> None:
    for index in range(N):  # each sample is either held out or trained on
        words = fit(validation=0.5, batch_size=batch_size, sample_weight=np.arange(N) == index)
        assert "every sample that is held out" in words or "every sample to train on" in words


def test_one_weight_is_enough() -> None:
    fitted = trainer(loss=CrossEntropyLoss(), outputs=3)
    history = fitted.fit(X, CLASSES, sample_weight=np.arange(N) == 4, validation=(X, CLASSES, W))
    assert history.loss[0] > 0
