"""The warning of a loss that takes logits behind a model that gives probabilities."""

import re
import warnings
from collections.abc import Callable
from linecache import getline

import numpy as np
import pytest

from minidl import (
    SGD,
    BCEWithLogitsLoss,
    Dense,
    Dropout,
    EmpiricalRisk,
    Identity,
    Layer,
    Loss,
    MinidlWarning,
    ReLU,
    Residual,
    Sequential,
    ShapeError,
    Sigmoid,
    Softmax,
    Trainer,
)
from minidl.typing import Array
from tests.tables import LOSSES

ENDING_IN_PROBABILITIES: list[Callable[[], Layer]] = [
    Sigmoid,
    Softmax,
    lambda: Sequential(Dense(2, 2), Sigmoid()),
    lambda: Sequential(Dense(2, 2), Softmax()),
    lambda: Sequential(Dense(2, 2), Sequential(ReLU(), Sequential(Softmax()))),
]
OTHERS: list[Callable[[], Layer]] = [
    lambda: Dense(2, 2),
    lambda: Sequential(),
    lambda: Sequential(Sigmoid(), Dense(2, 2)),
    lambda: Sequential(Softmax(), ReLU()),
    lambda: Residual(Dense(2, 2), Sigmoid()),  # x + σ(f(x)) is no probability
]
WITH_LOGITS = {"BCEWithLogitsLoss", "CrossEntropyLoss", "FocalLoss"}

every_loss = pytest.mark.parametrize("loss", [case.make() for case in LOSSES], ids=[case.name for case in LOSSES])


@every_loss
@pytest.mark.parametrize("make", ENDING_IN_PROBABILITIES)
def test_a_loss_that_takes_logits_warns_of_probabilities(loss: Loss, make: Callable[[], Layer]) -> None:
    model = make()
    *_, (_, last) = model.modules()
    name = type(loss).__name__
    assert loss.takes_logits == (name in WITH_LOGITS)
    if loss.takes_logits:
        words = re.escape(f"{name} takes logits") + ".* remove its last layer, " + re.escape(repr(last))
        with pytest.warns(MinidlWarning, match=words):
            loss.check_model(model)
    else:
        loss.check_model(model)


@every_loss
@pytest.mark.parametrize("make", OTHERS)
def test_no_loss_warns_of_other_models(loss: Loss, make: Callable[[], Layer]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loss.check_model(make())


def test_trainer_and_risk_warn_where_they_are_made() -> None:
    model = Sequential(Dense(2, 1), Sigmoid())
    made: list[Callable[[], object]] = [
        lambda: Trainer(model, BCEWithLogitsLoss(), SGD(model.parameters(), 0.1)),
        lambda: EmpiricalRisk(model, BCEWithLogitsLoss(), np.ones((1, 2)), np.ones((1, 1))),
    ]
    for make in made:
        with pytest.warns(MinidlWarning) as caught:
            make()
        (warning,) = caught
        assert warning.filename == __file__
        assert "model, BCEWithLogitsLoss()" in getline(__file__, warning.lineno)
    assert issubclass(MinidlWarning, UserWarning)


class OfClasses(Loss):
    def forward(self, prediction: Array, target: Array) -> float:
        return float(prediction[np.arange(len(target)), target.astype(int)].mean())


def test_a_loss_of_other_shapes_is_told_what_to_define() -> None:
    model = Sequential(Dense(2, 3))
    words = r"they must be equal\na loss that takes targets of another shape overrides check_target"
    with pytest.raises(ShapeError, match=words):
        EmpiricalRisk(model, OfClasses(), np.ones((4, 2)), np.ones(4))


def test_the_warning_names_the_layer_that_makes_probabilities() -> None:
    model = Sequential(Dense(2, 1), Sigmoid(), Sequential(Identity(), Dropout(0.5)))
    with pytest.warns(MinidlWarning, match=r"remove its last layer, Sigmoid\(\)"):
        BCEWithLogitsLoss().check_model(model)
