"""Pickles and copies hold what was learned. They do not hold what forward cached, which is the user's data."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from minidl import (
    Adam,
    BatchNorm,
    BCEWithLogitsLoss,
    Dense,
    Dropout,
    EmpiricalRisk,
    FunctionObjective,
    Layer,
    Loss,
    Module,
    MSELoss,
    Objective,
    ReLU,
    Residual,
    Sequential,
    StateError,
    Trainer,
)
from tests.helpers import bits, ones_like
from tests.tables import LAYERS, LOSSES, OBJECTIVES, LayerCase, LossCase, ObjectiveCase

DUPLICATES: dict[str, Callable[[Any], Any]] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda thing: pickle.loads(pickle.dumps(thing)),
}
WIDTH = 3


@pytest.fixture(params=DUPLICATES)
def duplicate(request: pytest.FixtureRequest) -> Callable[[Any], Any]:
    return DUPLICATES[request.param]


def network() -> Sequential:
    layers = [Dense(2, 16), BatchNorm(16), ReLU(), Residual(Dense(16, 16)), Dropout(0.2, rng=1), Dense(16, 1)]
    return Sequential(*layers, rng=0)


def holds_none_of(pickled: bytes, *arrays: Any) -> bool:
    """Whether no number of some arrays is in a pickle; eight bytes that agree by chance do not happen."""
    return not any(number.tobytes() in pickled for array in arrays for number in array.ravel()[:: array.size // 100])


# Identity and positions cache nothing, and the users' own keep what they do not declare.
WITHOUT_CACHES = ("Identity", "PositionEmbedding", "SinusoidalPositions", "user's")
OWN_LAYERS = [case for case in LAYERS if not case.name.startswith(WITHOUT_CACHES)]
OWN_LOSSES = [case for case in LOSSES if not case.name.startswith("user's")]


def test_a_model_that_has_predicted_pickles_small_and_without_data() -> None:
    model = network()
    before = len(pickle.dumps(model))
    x = np.random.default_rng(9).normal(size=(200_000, 2))  # other numbers than the weights
    y = model.predict(x)
    pickled = pickle.dumps(model)
    assert len(pickled) < before + 100 < 20_000
    assert holds_none_of(pickled, x, y)
    assert not holds_none_of(pickle.dumps(x), x)
    assert bits(pickle.loads(pickled).predict(x[:10])) == bits(model.predict(x[:10]))


def test_a_trainer_pickles_small_and_without_data_after_a_fit() -> None:
    model, rng = network(), np.random.default_rng(9)
    trainer = Trainer(model, BCEWithLogitsLoss(), Adam(model.parameters()))
    x, y = rng.normal(size=(20_000, 2)), rng.random((20_000, 1))
    trainer.fit(x, y, epochs=2, validation=0.1, rng=0)
    pickled = pickle.dumps(trainer)
    assert len(pickled) < 40_000
    assert holds_none_of(pickled, x, y)


@pytest.mark.parametrize("name", ["deepcopy", "pickle"])
def test_a_copy_of_a_trainer_needs_its_own_forward(name: str) -> None:
    model = network()
    trainer = Trainer(model, BCEWithLogitsLoss(), Adam(model.parameters()))
    trainer.fit(np.ones((8, 2)), np.ones((8, 1)))
    other = DUPLICATES[name](trainer)
    with pytest.raises(StateError, match="backward before forward"):
        other.model.backward(np.ones((8, 1)))
    with pytest.raises(StateError, match="backward before forward"):
        other.loss.backward()
    trainer.model.backward(np.ones((8, 1)))
    trainer.loss.backward()


@pytest.mark.parametrize("case", OWN_LAYERS, ids=lambda case: case.name)
def test_a_copy_of_a_layer_needs_its_own_forward(case: LayerCase, duplicate: Callable[[Any], Any]) -> None:
    layer: Layer = case.make(WIDTH)
    x = case.draw(np.random.default_rng(0), 5, WIDTH)
    y = layer(x)
    grad = ones_like(y)
    other = duplicate(layer)
    with pytest.raises(StateError, match="backward before forward"):
        other.backward(grad)
    layer.backward(grad)
    assert bits(other.predict(x)) == bits(layer.predict(x))


@pytest.mark.parametrize("case", OWN_LOSSES, ids=lambda case: case.name)
def test_a_copy_of_a_loss_needs_its_own_forward(case: LossCase, duplicate: Callable[[Any], Any]) -> None:
    loss: Loss = case.make()
    prediction, target = case.draw(np.random.default_rng(0), (400, 2))
    value = loss(prediction, target)
    other = duplicate(loss)
    with pytest.raises(StateError, match="backward before forward"):
        other.backward()
    assert len(pickle.dumps(loss)) < 500
    loss.backward()
    assert other(prediction, target) == value


@pytest.mark.parametrize("case", OBJECTIVES, ids=lambda case: case.name)
def test_a_copy_of_an_objective_begins_where_the_original_is(
    case: ObjectiveCase, duplicate: Callable[[Any], Any]
) -> None:
    objective: Objective = case.make(WIDTH)
    if isinstance(objective, FunctionObjective):
        return  # a lambda has no pickle
    value = objective.forward()
    other = duplicate(objective)
    assert other.forward() == value


def test_a_copy_of_a_risk_needs_its_own_forward(duplicate: Callable[[Any], Any]) -> None:
    rng = np.random.default_rng(0)
    risk = EmpiricalRisk(network(), MSELoss(), rng.normal(size=(50, 2)), rng.normal(size=(50, 1)))
    risk.forward()
    other = duplicate(risk)
    with pytest.raises(StateError, match="backward before forward"):
        other.backward()
    risk.backward()


class Twice(Module):
    """Holds a layer in a list and a dict."""

    def __init__(self, layer: Layer) -> None:
        self.parts: list[Any] = [layer, {"again": layer}]


@pytest.mark.parametrize("name", ["deepcopy", "pickle"])
def test_modules_in_lists_and_dicts_drop_it_as_well(name: str) -> None:
    holder = Twice(Dense(2, 1))
    holder.parts[0](np.ones((3, 2)))
    other = DUPLICATES[name](holder)
    assert other.parts[0] is other.parts[1]["again"]
    with pytest.raises(StateError, match="backward before forward"):
        other.parts[0].backward(np.ones((3, 1)))
