"""Weight decay, clipping, and groups with learning rates of their own."""

from collections.abc import Callable
from math import inf, nan
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import (
    SGD,
    Adam,
    AdamW,
    BatchNorm,
    Dense,
    Group,
    HyperparameterError,
    Lion,
    Optimizer,
    Parameter,
    ReLU,
    Sequential,
    StateError,
)
from minidl.optimizers import Parameters
from minidl.typing import Array
from tests.helpers import bits, bits_of
from tests.optimizers.test_all_optimizers import every_optimizer, network, run
from tests.tables import OPTIMIZERS, OptimizerCase, seeds

DECAYING: list[Callable[[Parameters], Optimizer]] = [
    lambda p: SGD(p, lr=0.1, weight_decay=0.3),
    lambda p: Adam(p, lr=0.1, weight_decay=0.3),
    lambda p: AdamW(p, lr=0.1, weight_decay=0.3),
    lambda p: Lion(p, lr=0.1, weight_decay=0.3),
]


def without_decay(optimizer: Optimizer) -> Optimizer:
    optimizer.weight_decay = 0.0
    return optimizer


@pytest.mark.parametrize("make", DECAYING)
@given(seed=seeds, flags=st.lists(st.booleans(), min_size=1, max_size=6), block=st.integers(1, 4))
def test_decay_skips_parameters_that_opt_out(
    make: Callable[[Parameters], Optimizer], seed: int, flags: list[bool], block: int
) -> None:
    """For any block size, it acts like two optimizers, one with decay and one without, each on its parameters."""
    rng = np.random.default_rng(seed)
    starts = [rng.normal(size=rng.integers(1, 4)) for _ in flags]
    mixed = [Parameter(start, decay=flag) for start, flag in zip(starts, flags, strict=True)]
    apart = [Parameter(start) for start in starts]
    optimizer, others = make(mixed), []
    optimizer.cut(block)
    for flag in set(flags):
        chosen = [parameter for parameter, own in zip(apart, flags, strict=True) if own == flag]
        others.append(make(chosen) if flag else without_decay(make(chosen)))
    for _ in range(3):
        grads = [rng.normal(size=start.shape) for start in starts]
        for parameters in (mixed, apart):
            for parameter, grad in zip(parameters, grads, strict=True):
                parameter.grad = grad
        for each in (optimizer, *others):
            each.step()
    assert bits(*(p.value for p in mixed)) == bits(*(p.value for p in apart))


def test_the_flag_survives_copies_and_moves_into_models() -> None:
    model = Sequential(Dense(2, 3), BatchNorm(3), Dense(3, 1))
    assert [p.decay for p in model.parameters()] == [True, True, False, False, True, True]
    model.astype(np.float32)
    assert [p.decay for p in model.parameters()] == [True, True, False, False, True, True]
    optimizer = SGD(model.parameters(), lr=0.5, weight_decay=1.0)
    before = [p.value.copy() for p in model.parameters()]
    model.parameters().grad = np.zeros(model.parameters().size)
    optimizer.step()
    for parameter, value in zip(model.parameters(), before, strict=True):
        np.testing.assert_allclose(parameter.value, value * (0.5 if parameter.decay else 1.0))


def test_the_gradient_itself_does_not_change() -> None:
    parameter = Parameter([3.0, -4.0])
    for optimizer in (SGD([parameter], 0.1, weight_decay=0.5), SGD([parameter], 0.1).clip(norm=1.0, value=0.1)):
        parameter.grad = [3.0, 4.0]
        optimizer.step()
        assert parameter.grad.tolist() == [3.0, 4.0]


def step_by(optimizer: Optimizer, *grads: Any) -> list[list[float]]:
    """The distance that each parameter moves against its gradient, in units of the learning rate."""
    parameters = [parameter for vector in optimizer.vectors for parameter in vector]
    before = [parameter.value.copy() for parameter in parameters]
    for parameter, grad in zip(parameters, grads, strict=True):
        parameter.grad = grad
    optimizer.step()
    return [((b - p.value) / optimizer.lr).tolist() for b, p in zip(before, parameters, strict=True)]


def test_clipping_by_norm_scales_all_gradients_together() -> None:
    for zeros in (
        [Parameter([0.0, 0.0]), Parameter([0.0])],
        list(Sequential(Dense(1, 2), Dense(2, 1)).parameters())[:2],
    ):
        optimizer = SGD(zeros, lr=0.5).clip(norm=6.5)
        shapes = [parameter.shape for parameter in zeros]
        grads = [np.resize([3.0, 4.0], shapes[0]).tolist(), np.resize([12.0, 0.0], shapes[1]).tolist()]
        factor = 6.5 / (13 + 1e-6)
        for moved, grad in zip(step_by(optimizer, *grads), grads, strict=True):
            np.testing.assert_allclose(moved, factor * np.array(grad), rtol=1e-12, atol=1e-15)


def test_small_gradients_are_not_scaled_up() -> None:
    optimizer = SGD([Parameter([0.0, 0.0])], lr=1.0).clip(norm=5.1)
    np.testing.assert_allclose(step_by(optimizer, [3.0, 4.0]), [[3.0, 4.0]])


def test_the_norm_is_taken_over_all_vectors() -> None:
    model = network()
    first, _, third, _ = model.parameters()
    optimizer = SGD([first, third], lr=1.0).clip(norm=1.0)
    assert len(optimizer.vectors) == 2
    moved = step_by(optimizer, [[3.0, 0.0, 0.0], [0.0, 0.0, 0.0]], [[0.0], [4.0], [0.0]])
    np.testing.assert_allclose(np.concatenate([np.ravel(m) for m in moved]).max(), 4 / 5, rtol=1e-6)


def test_clipping_by_value_follows_clipping_by_norm() -> None:
    assert step_by(SGD([Parameter([0.0] * 4)], lr=1.0).clip(value=0.5), [-2.0, -0.1, 0.4, 9.0]) == [
        [0.5 * sign for sign in (-1, -0.2, 0.8, 1)]
    ]
    both = SGD([Parameter([0.0, 0.0])], lr=1.0).clip(norm=1.0, value=0.7)
    np.testing.assert_allclose(step_by(both, [30.0, 40.0]), [[0.6, 0.7]], rtol=1e-6)


def test_decay_comes_after_clipping() -> None:
    optimizer = SGD([Parameter([10.0])], lr=1.0, weight_decay=0.5).clip(value=1.0)
    assert step_by(optimizer, [7.0]) == [[6.0]]


def test_clip_returns_the_optimizer_and_can_be_changed_and_undone() -> None:
    optimizer = SGD([Parameter([0.0])], lr=1.0)
    assert optimizer.clip(value=0.5) is optimizer
    assert step_by(optimizer, [9.0]) == [[0.5]]
    assert step_by(optimizer.clip(), [9.0]) == [[9.0]]


@pytest.mark.parametrize("bounds", [{"norm": 0.0}, {"norm": -1.0}, {"value": 0.0}, {"value": nan}, {"norm": nan}])
def test_a_refused_limit_changes_nothing(bounds: dict[str, float]) -> None:
    optimizer = SGD([Parameter([0.0])], lr=1.0).clip(value=0.5)
    with pytest.raises(HyperparameterError, match="must be a number, above 0, got"):
        optimizer.clip(**bounds)
    assert (optimizer.max_norm, optimizer.max_value) == (inf, 0.5)


@every_optimizer
@given(seed=seeds, block=st.integers(1, 5))
def test_groups_act_like_separate_optimizers(case: OptimizerCase, seed: int, block: int) -> None:
    rng = np.random.default_rng(seed)
    grads = rng.normal(size=(4, 13))
    model, twin = network(), network()
    grouped = case.make([Group(model[2].parameters(), 0.25), Group(model[0].parameters())])
    assert [vector.size for vector in grouped.vectors] == [4, 9]
    grouped.cut(block)
    run(grouped, grads)
    for layer, factor, part in ((twin[2], 0.25, grads[:, :4]), (twin[0], 1.0, grads[:, 4:])):
        alone = case.make(layer.parameters())
        alone.lr *= factor
        run(alone, part)
    assert bits(model.parameters().value) == bits(twin.parameters().value)
    assert grouped.lr == case.make([Parameter([0.0])]).lr


@every_optimizer
def test_optimizers_with_groups_resume_from_their_state(case: OptimizerCase) -> None:
    grads = np.random.default_rng(0).normal(size=(4, 13))
    model, twin = network(), network()

    def make(of: Sequential) -> Optimizer:
        return case.make([Group(of[0].parameters(), 3.0), Group(list(of[2].parameters()))])

    straight, first = make(model), make(twin)
    run(straight, grads)
    run(first, grads[:2])
    second = make(twin)
    second.load_state(first.state())
    run(second, grads[2:])
    assert bits_of(second) == bits_of(straight)


def test_the_learning_rate_is_restored_after_an_error_in_a_group() -> None:
    class Failing(SGD):
        def update(self, theta: Array, grad: Array) -> None:
            raise ArithmeticError

    optimizer = Failing([Group([Parameter([1.0])], 0.5)], lr=0.1)
    with pytest.raises(ArithmeticError):
        optimizer.step()
    assert optimizer.lr == 0.1


def test_the_same_parameter_in_two_groups_is_refused() -> None:
    parameter = Parameter([1.0])
    with pytest.raises(StateError, match="in two places"):
        SGD([Group([parameter]), Group([parameter])], 0.1)


@pytest.mark.parametrize("wrong", [[Group([Parameter([1.0])]), Parameter([1.0])], [Group([])], []])
def test_groups_and_parameters_do_not_mix(wrong: Any) -> None:
    with pytest.raises(HyperparameterError):
        SGD(wrong, 0.1)


def test_a_model_is_not_a_group() -> None:
    with pytest.raises(HyperparameterError, match="list of Groups, got list of Group, Parameter"):
        SGD([Group([Parameter([1.0])]), Parameter([1.0])], 0.1)  # type: ignore[arg-type]
    with pytest.raises(HyperparameterError, match="no parameters to optimize"):
        SGD([Group(ReLU().parameters())], 0.1)


@every_optimizer
@pytest.mark.parametrize("wrong", [-0.1, nan, inf, True, "0.1", None])
def test_weight_decay_out_of_range_is_refused(case: OptimizerCase, wrong: Any) -> None:
    optimizer = case.make([Parameter([1.0])])
    with pytest.raises(HyperparameterError, match=r"weight_decay must be a finite number, at least 0, got"):
        optimizer.weight_decay = wrong


RANGES = {
    "beta1": (0.0, 0.5, [-0.1, 1.0]),
    "beta2": (0.0, 0.5, [-0.1, 1.0]),
    "alpha": (0.0, 0.5, [-0.1, 1.0]),
    "eps": (1e-12, 1.0, [0.0, -1.0]),
    "momentum": (0.0, 0.5, [-0.1, 1.0]),
    "momentum_decay": (0.0, 5.0, [-0.1]),
}


@every_optimizer
def test_hyperparameters_have_their_ranges(case: OptimizerCase) -> None:
    optimizer = case.make([Parameter([1.0])])
    for name in RANGES.keys() & vars(optimizer).keys():
        low, middle, wrong = RANGES[name]
        for value in (low, middle):
            setattr(optimizer, name, value)
            assert getattr(optimizer, name) == value
        for value in (*wrong, nan, inf):
            with pytest.raises(HyperparameterError, match=f"{type(optimizer).__name__}: {name} must be a finite"):
                setattr(optimizer, name, value)


def test_every_range_belongs_to_some_optimizer() -> None:
    assert {name for case in OPTIMIZERS for name in vars(case.make([Parameter([1.0])]))} >= RANGES.keys()
