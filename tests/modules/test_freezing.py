"""A frozen layer stays as it is, whatever trains the rest, and stays frozen in copies, files and resumed runs."""

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import (
    SGD,
    Adam,
    AdamW,
    BatchNorm,
    Callback,
    Checkpoint,
    Dense,
    Dropout,
    EmpiricalRisk,
    HyperparameterError,
    MinidlWarning,
    Momentum,
    MSELoss,
    Optimizer,
    Parameter,
    ParameterAverage,
    Run,
    Sequential,
    Tanh,
    Trainer,
    load,
    save,
)
from tests.callbacks.recording import At, fails
from tests.helpers import bits, bits_of

X, Y = np.random.default_rng(0).normal(size=(12, 3)), np.random.default_rng(1).normal(size=(12, 1))


def network() -> Sequential:
    return Sequential(
        Sequential(Dense(3, 4), BatchNorm(4), Tanh()), Dense(4, 4), Dropout(0.3, rng=1), Dense(4, 1), rng=0
    )


def make(model: Sequential, rule: Callable[..., Optimizer] = Momentum, *callbacks: Callback, **options: Any) -> Trainer:
    return Trainer(model, MSELoss(), rule(model.parameters(), lr=0.05, **options), callbacks)


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("rule", [SGD, Momentum, Adam, AdamW])
@pytest.mark.parametrize("clip", [{}, {"norm": 0.5}, {"value": 0.01}])
def test_a_frozen_layer_stays_bit_for_bit(rule: Callable[..., Optimizer], decay: float, clip: dict[str, float]) -> None:
    model = network()
    model(X)  # moves the running averages away from where they begin
    model[0].trainable = False
    trainer = make(model, rule, weight_decay=decay)
    trainer.optimizer.clip(**clip)
    before, others = bits(*model[0].state().values()), bits(model[1].parameters().value, model[3].parameters().value)
    trainer.fit(X, Y, epochs=3, batch_size=4, rng=0)
    assert bits(*model[0].state().values()) == before
    after = bits(model[1].parameters().value, model[3].parameters().value)
    assert all(one != other for one, other in zip(after, others, strict=True))


def test_gradients_pass_through_it_and_are_those_of_evaluation() -> None:
    model = Sequential(Dense(3, 4), BatchNorm(4), Dense(4, 1), rng=0)
    model(X)
    model[1].trainable = False
    risk = EmpiricalRisk(model, MSELoss(), X, Y)
    assert not model[1].training
    theta = model.parameters().value.copy()
    gradient = risk.gradient(theta)
    model.training = False
    np.testing.assert_array_equal(gradient, risk.gradient(theta))
    assert np.abs(gradient[:12]).min() > 0


def test_the_rest_trains_as_if_the_optimizer_did_not_have_it() -> None:
    frozen, left_out = network(), network()
    frozen[1].trainable = False
    others = [p for name, p in left_out.named_parameters() if not name.startswith("1.")]
    one, other = make(frozen), Trainer(left_out, MSELoss(), Momentum(others, lr=0.05))
    for trainer in (one, other):
        trainer.optimizer.clip(norm=0.1)  # the norm is that of what moves
        trainer.fit(X, Y, epochs=5, batch_size=4, rng=0)
    np.testing.assert_allclose(frozen.parameters().value, left_out.parameters().value, rtol=1e-13)


def test_a_layer_is_frozen_and_released_at_any_time() -> None:
    model = network()
    trainer = make(model, Adam)
    steps = []
    for trainable in (True, False, False, True):
        model[3].trainable = trainable
        before = bits(model[3].parameters().value)
        trainer.fit(X, Y)
        steps.append(bits(model[3].parameters().value) != before)
    assert steps == [True, False, False, True]
    assert model.trainable


def test_it_holds_for_everything_below_and_a_layer_can_be_released_alone() -> None:
    model = network()
    model.trainable = False
    assert not any(module.trainable or module.training for _, module in model.modules())
    assert not any(parameter.trainable for parameter in model.parameters())
    trainer, before = make(model), bits_of(model)[:3]
    with pytest.warns(MinidlWarning, match="all parameters are frozen by trainable = False") as caught:
        trainer.fit(X, Y)
    assert caught[0].filename == __file__
    assert bits_of(model)[:3] == before
    model[3].trainable = True
    assert model[3].training
    assert [parameter.trainable for parameter in model.parameters()] == 6 * [False] + 2 * [True]
    with pytest.raises(HyperparameterError, match="trainable must be True or False, got 'no'"):
        model.trainable = "no"  # type: ignore[assignment]


def test_one_parameter_can_be_frozen() -> None:
    model = network()
    model.parameters()["1.bias"].trainable = False
    make(model).fit(X, Y)
    assert not model.parameters()["1.bias"].value.any()
    assert model.parameters()["3.bias"].value.any()
    assert "trainable" not in repr(Parameter([1.0]))


def again(model: Sequential, folder: Path) -> Any:
    save(model, folder / "model.npz")
    return load(folder / "model.npz")


TWINS: list[Callable[[Sequential, Path], Any]] = [
    lambda model, _: copy.deepcopy(model),
    lambda model, _: pickle.loads(pickle.dumps(model)),
    again,
]


@pytest.mark.parametrize("twin", TWINS, ids=["copy", "pickle", "file"])
def test_copies_and_files_are_frozen_alike(twin: Callable[[Sequential, Path], Sequential], tmp_path: Path) -> None:
    model = network()
    model[0].trainable = False
    model[2].trainable = False
    model.parameters()["3.bias"].trainable = False
    other = twin(model, tmp_path)
    for one, two in ((model.modules(), other.modules()), (model.named_parameters(), other.named_parameters())):
        assert [(name, each.trainable) for name, each in one] == [(name, each.trainable) for name, each in two]
    for net in (model, other):
        make(net).fit(X, Y, epochs=2, batch_size=4, rng=0)
    assert bits_of(other) == bits_of(model)
    other.trainable = True
    assert all(module.training for _, module in other.modules())


class Freezing(Callback):
    """Freezes a layer after the second epoch and releases it after the fourth."""

    changes_parameters = True

    def on_epoch_end(self, run: Run) -> None:
        assert isinstance(run.model, Sequential)
        run.model[1].trainable = not 2 <= run.epoch < 4


@pytest.mark.parametrize("every_steps", [2, 7, 8])
def test_a_resumed_run_ends_bit_for_bit(every_steps: int, tmp_path: Path) -> None:
    def trainer(*more: Callback) -> Trainer:
        model = network()
        model[0].trainable = False
        return make(model, Adam, Freezing(), ParameterAverage(0.9), *more)

    path = tmp_path / "run.npz"
    broken_off = At("on_epoch_end", 3, fails), Checkpoint(path, every_steps=every_steps, every_epochs=None)
    whole, first = trainer(), trainer(*broken_off)
    whole.fit(X, Y, epochs=6, batch_size=4, rng=0)
    with pytest.raises(KeyError):
        first.fit(X, Y, epochs=3, batch_size=4, rng=0)
    resumed = trainer()
    resumed.model.trainable = True  # what the file says counts
    resumed.fit(X, Y, epochs=6, batch_size=4, rng=0, resume_from=path)
    assert bits_of(resumed.model) == bits_of(whole.model)
    assert bits_of(resumed.optimizer) == bits_of(whole.optimizer)
    assert not resumed.model[0].trainable  # type: ignore[index]
