"""What is wrong with optimizers and their parameters."""

from collections.abc import Callable

import numpy as np

from minidl import (
    SGD,
    Adam,
    Dense,
    Group,
    HyperparameterError,
    MSELoss,
    ReLU,
    Sequential,
    StateError,
    Trainer,
)
from tests.errors.world import World, case


def stale(_: World) -> None:
    model = Dense(2, 1)
    vector = model.parameters()
    Sequential(model, ReLU(), Dense(1, 1))
    SGD(vector, lr=0.1)


def step_after(change: Callable[[Sequential], object]) -> Callable[[World], object]:
    def provoke(_: World) -> None:
        model = Sequential(Dense(2, 1))
        optimizer = SGD(model.parameters(), lr=0.1)
        held = change(model)
        assert held is not None
        optimizer.step()

    return provoke


MOVED = ("parameters have moved", "call parameters() of the outermost model again")


CASES = [
    case("lr", lambda w: SGD(w.net.parameters(), 0.0), HyperparameterError, "SGD: lr", "above 0", "got 0.0"),
    case("lr NaN", lambda w: SGD(w.net.parameters(), np.nan), HyperparameterError, "finite", "got nan"),
    case(
        "lr later", lambda w: setattr(w.optimizer, "lr", -1), HyperparameterError, "Momentum: lr", "above 0", "got -1"
    ),
    case(
        "momentum",
        lambda w: setattr(w.optimizer, "momentum", 1),
        HyperparameterError,
        "Momentum: momentum",
        "at least 0 and below 1",
        "got 1",
    ),
    case("nothing", lambda _: SGD(ReLU().parameters(), 0.1), HyperparameterError, "no parameters", "layer that"),
    case("model", lambda w: SGD(w.net, 0.1), HyperparameterError, "model.parameters()", "got Sequential"),  # type: ignore[arg-type]
    case(
        "another's",
        lambda w: Trainer(Dense(2, 1), MSELoss(), w.optimizer),
        StateError,
        "Dense does not have",
        "parameters() of what is trained",
    ),
    case("packed", step_after(lambda model: Sequential(model, Dense(1, 1))), StateError, *MOVED),
    case("turned", step_after(lambda model: model.astype(np.float32)), StateError, *MOVED),
    case("moved", stale, StateError, *MOVED),
    case("slots", lambda w: w.optimizer.load_state({}), StateError, "Momentum has", "velocity", "nothing"),
    case(
        "decay", lambda w: SGD(w.net.parameters(), 0.1, weight_decay=-1), HyperparameterError, "SGD: weight_decay", "-1"
    ),
    case("beta", lambda w: Adam(w.net.parameters(), beta1=1.0), HyperparameterError, "Adam: beta1", "below 1", "got 1"),
    case("clip", lambda w: w.optimizer.clip(norm=0.0), HyperparameterError, "clip: norm", "above 0", "got 0.0"),
    case(
        "factor",
        lambda w: SGD([Group(w.net.parameters(), 0.0)], 0.1),
        HyperparameterError,
        "factor of a group",
        "got 0.0",
    ),
    case(
        "groups and parameters",
        lambda w: SGD([Group(w.net[0].parameters()), *w.net[2].parameters()], 0.1),
        HyperparameterError,
        "model.parameters(), a list of Parameters or a list of Groups",
        "list of Group, Parameter",
    ),
    case(
        "in two groups",
        lambda w: SGD([Group(w.net.parameters()), Group(w.net[0].parameters())], 0.1),
        StateError,
        "in two places",
        "one for each place",
    ),
]
