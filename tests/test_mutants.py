"""Each test notices a mutation of the package that all other tests miss (see mutation/)."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from minidl import (
    ELU,
    SGD,
    BatchNorm,
    BCELoss,
    Beale,
    CrossEntropyLoss,
    CubicValley,
    DataError,
    Dense,
    Dropout,
    Group,
    Himmelblau,
    HuberLoss,
    HyperparameterError,
    LayerNorm,
    LeakyReLU,
    Lion,
    Module,
    NAdam,
    Optimizer,
    Parameter,
    Quadratic,
    ReLU,
    Rosenbrock,
    Sequential,
    ShapeError,
    StateError,
)
from minidl.optimizers import hyperparameter
from tests.tables import LAYERS, LOSSES, OPTIMIZERS, OptimizerCase
from tests.user_defined import FadingSGD


def cached_by_forward() -> list[Any]:
    """Pairs of a fresh layer or loss of the package and an attribute that its forward sets."""
    found: list[tuple[Module, str]] = []
    for case in LAYERS:
        layer, fresh = case.make(2), case.make(2)
        layer.forward(case.draw(np.random.default_rng(0), 3, 2))
        found += [(fresh, name) for name in vars(layer).keys() - vars(fresh).keys()]
    for row in LOSSES:
        loss, fresh_loss = row.make(), row.make()
        loss.forward(*row.draw(np.random.default_rng(0), (3, 2)))
        found += [(fresh_loss, name) for name in vars(loss).keys() - vars(fresh_loss).keys()]
    packaged = [(fresh, name) for fresh, name in found if type(fresh).__module__.startswith("minidl")]
    return [pytest.param(*pair, id=f"{pair[0]}-{pair[1]}") for pair in sorted(packaged, key=str)]


@pytest.mark.parametrize(("fresh", "name"), cached_by_forward())
def test_what_forward_caches_cannot_be_read_before(fresh: Module, name: str) -> None:
    with pytest.raises(StateError, match=rf"backward before forward: .* has no '{name}' yet"):
        getattr(fresh, name)


def test_a_model_packs_its_layers_when_it_is_made() -> None:
    part = Dense(2, 2)
    vector = part.parameters()
    Sequential(part, Dense(2, 1))
    assert vector.moved


def test_after_a_failed_forward_there_is_no_backward() -> None:
    model = Sequential(ReLU(), Dense(2, 1))
    model.forward(np.ones((4, 2)))
    with pytest.raises(ShapeError):
        model.forward(np.ones((4, 3)))
    with pytest.raises(StateError, match="backward before forward"):
        model.backward(np.ones((4, 1)))


def test_a_loss_refuses_what_is_not_a_probability_before_a_logarithm_warns() -> None:
    with pytest.raises(DataError, match=r"predictions must be probabilities.* 1\.5 at \(0, 0\); or use"):
        BCELoss()([[1.5]], [[1.0]])


class Bounded(Optimizer):
    """An optimizer with every kind of range."""

    share: float = hyperparameter(at_least=0.0, at_most=1.0)
    small: float = hyperparameter(below=1.0)
    low: float = hyperparameter(at_most=1.0)


@pytest.mark.parametrize(
    ("name", "good", "wrong", "words"),
    [
        ("share", [0.0, 1.0], [-0.1, 1.1], "at least 0 and at most 1"),
        ("small", [-5.0, 0.9], [1.0], "below 1"),
        ("low", [-5.0, 1.0], [1.1], "at most 1"),
    ],
)
def test_ranges_of_hyperparameters(name: str, good: list[float], wrong: list[float], words: str) -> None:
    optimizer = Bounded([Parameter([1.0])], lr=0.1)
    for value in good:
        setattr(optimizer, name, value)
        assert getattr(optimizer, name) == value
    for value in [*wrong, float("inf"), float("-inf"), float("nan")]:
        with pytest.raises(HyperparameterError, match=f"{name} must be a finite number, {words}, got"):
            setattr(optimizer, name, value)


def test_an_optimizer_whose_parameters_moved_has_no_owner() -> None:
    part = Dense(2, 2)
    optimizer = SGD(part.parameters(), lr=0.1)
    whole = Sequential(part, Dense(2, 1))
    with pytest.raises(StateError, match="moved since"):
        optimizer.check_owner(whole)


def test_an_optimizer_of_parameters_beyond_the_module_is_refused() -> None:
    part = Dense(2, 2)
    whole = Sequential(part, Dense(2, 1))
    with pytest.raises(StateError, match="parameters that Dense does not have"):
        SGD(whole.parameters(), lr=0.1).check_owner(part)


def test_a_parameter_of_a_model_twice_in_a_list_is_refused() -> None:
    weight, bias = Dense(2, 2).parameters()
    with pytest.raises(StateError, match="in two places, '0' and '2'"):
        SGD([weight, bias, weight], lr=0.1)


def test_what_evolves_is_not_a_hyperparameter() -> None:
    assert repr(FadingSGD([Parameter([1.0])], lr=0.1)) == "FadingSGD(1 parameters, lr=0.1)"
    assert "product" not in repr(NAdam([Parameter([1.0])]))


@pytest.mark.parametrize(
    ("thing", "names"),
    [
        (LeakyReLU(np.float64(0.1)), ["negative_slope"]),
        (ELU(np.float64(0.1)), ["alpha"]),
        (Dropout(np.float64(0.1)), ["p"]),
        (BatchNorm(2, momentum=np.float64(0.1), eps=np.float64(0.1)), ["momentum", "eps"]),
        (LayerNorm(2, eps=np.float64(0.1)), ["eps"]),
        (CrossEntropyLoss(np.float64(0.1)), ["label_smoothing"]),
        (HuberLoss(np.float64(0.1)), ["delta"]),
        (SGD([Parameter([1.0])], 0.1).clip(norm=np.float64(1), value=np.float64(1)), ["max_norm", "max_value"]),
    ],
)
def test_settings_are_python_numbers_so_float32_stays(thing: Any, names: list[str]) -> None:
    assert all(type(getattr(thing, name)) is float for name in names)


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_a_single_group_has_its_factor(factor: float) -> None:
    parameter = Parameter([1.0])
    optimizer = SGD([Group([parameter], factor)], lr=0.1)
    parameter.grad = [1.0]
    optimizer.step()
    assert parameter.value.tolist() == [1.0 - 0.1 * factor]


def test_norm_and_value_may_have_the_same_bound() -> None:
    parameter = Parameter([0.0])
    optimizer = SGD([parameter], lr=1.0).clip(norm=0.5, value=0.5)
    parameter.grad = [9.0]
    optimizer.step()
    assert parameter.value[0] == pytest.approx(-0.5)


def test_lion_does_not_move_at_zero_gradient_and_has_its_defaults() -> None:
    parameter = Parameter([1.0, 1.0])
    optimizer = Lion([parameter])
    parameter.grad = [0.0, 2.0]
    optimizer.step()
    assert parameter.value.tolist() == [1.0, 1.0 - 1e-4]
    assert repr(optimizer) == "Lion(2 parameters, lr=0.0001, beta1=0.9, beta2=0.99)"


def test_the_repr_shows_weight_decay_if_there_is_any() -> None:
    assert repr(SGD([Parameter([1.0])], 0.1, weight_decay=0.5)) == "SGD(1 parameters, lr=0.1, weight_decay=0.5)"
    assert repr(SGD([Parameter([1.0])], 0.1)) == "SGD(1 parameters, lr=0.1)"


@pytest.mark.parametrize("case", OPTIMIZERS, ids=[case.name for case in OPTIMIZERS])
def test_a_state_loads_back_and_adds_no_attribute(case: OptimizerCase) -> None:
    optimizer = case.make([Parameter([1.0])])
    names = set(vars(optimizer))
    optimizer.load_state(optimizer.state())
    with pytest.raises(HyperparameterError):
        optimizer.load_state(optimizer.state() | {"lr": -1.0})
    assert set(vars(optimizer)) == names


@pytest.mark.parametrize(
    ("make", "start"),
    [(CubicValley, [0.5, 0.5]), (Himmelblau, [0, 0]), (Beale, [1, 1])],
)
def test_objectives_start_at_their_default_and_the_repr_shows_another_start(
    make: Callable[..., CubicValley | Himmelblau | Beale], start: list[float]
) -> None:
    assert make().parameters().value.tolist() == start
    assert repr(make()) == f"{make.__name__}()"
    assert repr(make(7.0, 8.0)) == f"{make.__name__}(x=7.0, y=8.0)"


@pytest.mark.parametrize("objective", [Rosenbrock(), Quadratic(np.eye(2))])
def test_functions_return_python_numbers(objective: Rosenbrock | Quadratic) -> None:
    assert type(objective.f(np.array([0.3, 0.7]))) is float


def test_the_minimum_of_rosenbrock_is_known_without_an_instance() -> None:
    assert Rosenbrock.minima == ((1.0, 1.0),)


@pytest.mark.parametrize("shape", [(), (3,), (2, 2, 2)])
def test_a_matrix_has_two_axes(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match="matrix must be square, got shape"):
        Quadratic(np.ones(shape))
