"""Mistakes that look like working code: what is said about them, and what is accepted."""

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import numpy as np
import pytest

import minidl
from minidl import (
    SGD,
    Adam,
    BCELoss,
    Callback,
    ContractError,
    CrossEntropyLoss,
    DataError,
    Dense,
    EmpiricalRisk,
    FunctionObjective,
    Group,
    HyperparameterError,
    MinidlWarning,
    MSELoss,
    Optimizer,
    Parameter,
    Trainer,
    metrics,
    minimize,
)
from minidl.checking import check_objective
from minidl.plotting import plot_contours
from minidl.typing import Array

FLAGS: list[tuple[str, Callable[[Any], object]]] = [
    ("GELU: approximate", lambda value: minidl.GELU(approximate=value)),
    ("Dense: use_bias", lambda value: Dense(1, 1, use_bias=value)),
    ("Momentum: nesterov", lambda value: minidl.Momentum([Parameter([1.0])], 0.1, nesterov=value)),
    ("Parameter: decay", lambda value: Parameter([1.0], decay=value)),
    ("training", lambda value: setattr(Dense(1, 1), "training", value)),
    ("shuffle", lambda value: trainer().fit([[1.0]], [[1.0]], shuffle=value)),
    ("training_loss", lambda value: trainer().fit([[1.0]], [[1.0]], training_loss=value)),
    ("shuffle", lambda value: minidl.Batches(np.ones(1), np.ones(1), shuffle=value)),
    *(
        ("shuffle", lambda value, make=make: make(4, shuffle=value))
        for make in (minidl.make_moons, minidl.make_circles, minidl.make_spirals, minidl.make_blobs)
    ),
    ("CSVLog: overwrite", lambda value: minidl.CSVLog("log.csv", overwrite=value)),
    ("ProgressBar: show", lambda value: minidl.ProgressBar(show=value)),
]


START: Any = [1.0, 2.0]
NOTHING: Any = print  # it returns None


def trainer(*callbacks: Callback) -> Trainer:
    model = Dense(1, 1, rng=0)
    return Trainer(model, MSELoss(), SGD(model.parameters(), 0.1), callbacks)


@pytest.mark.parametrize(("name", "take"), FLAGS)
@pytest.mark.parametrize("wrong", ["none", "no", "False", 0, 1, 1.0, [], np.array(True)])
def test_flags_are_true_or_false(name: str, take: Callable[[Any], object], wrong: object) -> None:
    with pytest.raises(HyperparameterError, match=rf"^{name} must be True or False, got "):
        take(wrong)
    take(np.True_)


class Rebinding(Optimizer):
    """Makes a new theta, which moves nothing."""

    def update(self, theta: Array, grad: Array) -> None:
        theta = theta - self.lr * grad


class Inherited(Rebinding):
    """Inherits the mistake."""


class Seldom(Optimizer):
    """Moves at every second step."""

    def update(self, theta: Array, grad: Array) -> None:
        if self.steps % 2 == 0:
            theta -= self.lr * grad


@pytest.mark.parametrize("kind", [Rebinding, Inherited])
def test_an_update_that_rebinds_theta_is_noticed_at_the_first_step(kind: type[Optimizer]) -> None:
    parameter = Parameter([1.0])
    optimizer = kind([parameter], 0.1)
    parameter.grad = [1.0]
    with pytest.warns(MinidlWarning, match=rf"{kind.__name__}: .* theta -= … instead of theta = theta - …"):
        optimizer.step()
    optimizer.step()  # says it once


@pytest.mark.parametrize(("kind", "grad"), [(Seldom, 1.0), (Rebinding, 0.0), (SGD, 1e-300)])
def test_a_step_that_moves_nothing_may_be_right(kind: type[Optimizer], grad: float) -> None:
    parameter = Parameter([1.0])
    optimizer = kind([parameter], 0.1)
    parameter.grad = [grad]
    optimizer.step()


def test_swapped_arguments() -> None:
    model, loss, x = Dense(1, 1), MSELoss(), [[1.0]]
    optimizer: Any = SGD(model.parameters(), 0.1)
    swapped: Any = loss, model
    with pytest.raises(TypeError, match=r"model must be .* MSELoss\(\); .* EmpiricalRisk\(model, loss, x"):
        EmpiricalRisk(swapped[0], swapped[1], x, x)
    with pytest.raises(TypeError, match=r"loss must be .* got SGD.*; .* Trainer\(model, loss, optimizer"):
        Trainer(model, optimizer, swapped[0])
    with pytest.raises(TypeError, match=r"objective must be .* got SGD"):
        minimize(optimizer, swapped[0], 3)


def test_a_plain_function_is_not_an_objective() -> None:
    function: Any = lambda x, y: x * y  # noqa: E731
    optimizer = SGD([Parameter([1.0])], 0.1)
    for call in (
        lambda: minimize(function, optimizer, 3),
        lambda: plot_contours(function),
        lambda: check_objective(function),
    ):
        with pytest.raises((TypeError, ContractError), match=r"FunctionObjective\(f, start="):
            call()


def test_functions_of_several_numbers() -> None:
    f = FunctionObjective(lambda x, y: (x - 1) ** 2 + 2 * y**2, start=[3.0, 4.0])
    assert f.forward() == 36.0
    np.testing.assert_allclose(f.gradient([3.0, 4.0]), [4.0, 16.0], rtol=1e-9)
    exact = FunctionObjective(lambda x, y: (x - 1) ** 2 + 2 * y**2, lambda x, y: (2 * x - 2, 4 * y), start=[3.0, 4.0])
    assert exact.gradient([3.0, 4.0]).tolist() == [4.0, 16.0]
    assert check_objective(exact).error < 1e-8
    mixed = FunctionObjective(lambda t: t @ t, lambda x, y: (2 * x, 2 * y), start=[3.0, 4.0])
    assert mixed.gradient([1.0, 2.0]).tolist() == [2.0, 4.0]
    assert FunctionObjective(np.hypot, start=[3.0, 4.0]).forward() == 5.0
    assert FunctionObjective(lambda t, scale=2.0: scale * t.sum(), start=[3.0, 4.0]).forward() == 14.0
    assert FunctionObjective(lambda x, y, scale=2.0: scale * x * y, start=[3.0, 4.0]).forward() == 24.0
    assert FunctionObjective(lambda x: x * x, start=[3.0]).forward() == 9.0


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (
            lambda: FunctionObjective(lambda a, b, c: a + b + c, start=[1, 2]),
            HyperparameterError,
            "function .* 2 numbers",
        ),
        (lambda: FunctionObjective(lambda t: t @ t, lambda: 1, [1, 2]), HyperparameterError, "derivative must take θ"),
        (lambda: FunctionObjective(len, START), HyperparameterError, "derivative must be a function, .*start="),
        (lambda: FunctionObjective(NOTHING, start=[1, 2]).forward(), ContractError, "one number, got None"),
        (lambda: FunctionObjective(lambda t: t, start=[1, 2]).forward(), ContractError, "one number, got array"),
        (lambda: SGD([Group([Parameter([1.0])], 0)], 0.1), HyperparameterError, "set layer.trainable = False"),
        (lambda: metrics.confusion_matrix([10**6], [0]), DataError, "at most 10000 classes, got 1000001"),
        (lambda: metrics.confusion_matrix([0], [0], classes=10**6), DataError, "at most 10000 classes"),
        (lambda: metrics.precision_recall([0], [10**9]), DataError, "at most 10000 classes"),
        (lambda: metrics.accuracy([1e300], [0]), DataError, r"got 1e\+300"),
        (lambda: metrics.binary_accuracy([0.5], [1e300]), DataError, r"got 1e\+300"),
        (lambda: CrossEntropyLoss()([[1.0, 2.0]], [1e300]), DataError, r"there is 1e\+300 at \(0,\)"),
        (lambda: EmpiricalRisk(Dense(1, 2), CrossEntropyLoss(), [[1.0]], [1e300]), DataError, r"there is 1e\+300"),
    ],
)
def test_what_is_refused_is_explained(make: Callable[[], object], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        make()


def test_logits_in_binary_accuracy() -> None:
    for logits in ([-0.1, 0.5], [0.1, 1.5]):
        with pytest.warns(MinidlWarning, match="pass threshold=0 if they are logits, threshold=0.5 otherwise"):
            metrics.binary_accuracy(logits, [0, 1])
        for threshold in (0, 0.5):
            metrics.binary_accuracy(logits, [0, 1], threshold=threshold)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for logit in (2.0, 3.0, 4.0):
            metrics.binary_accuracy([logit], [1])
    assert len(caught) == 1


def test_a_metric_that_raises_is_named() -> None:
    with pytest.raises(DataError) as caught:
        trainer().evaluate([[1.0]], [[1.0]], {"share": metrics.accuracy})
    assert caught.value.__notes__ == ["raised by the metric 'share'"]


class OneNumber:
    """A metric of another library, which takes one array at a time."""

    def __call__(self, prediction: Any) -> float:
        return float(prediction.mean())


@pytest.mark.parametrize("metric", [OneNumber(), OneNumber, lambda: 0.0, lambda _x, _y, _z: 0.0])
def test_a_metric_that_does_not_take_two_arrays_is_refused_before_the_fit(metric: Any) -> None:
    training = trainer()
    data: Any = [[1.0], [2.0]], [[1.0], [0.0]]
    with pytest.raises(
        HyperparameterError, match=r"the metric 'a' must be a function \(prediction, target\) -> number"
    ):
        training.fit(*data, validation=data, metrics={"a": metric})
    assert training.history.loss == []


@pytest.mark.parametrize("metric", [metrics.r2, partial(metrics.r2, sample_weight=[1, 2]), np.vdot, lambda *_: 0.0])
def test_functions_of_two_arrays_are_metrics(metric: Any) -> None:
    data: Any = [[1.0], [2.0]], [[1.0], [0.0]]
    trainer().fit(*data, validation=data, metrics={"a": metric})


def test_a_metric_may_need_the_weights() -> None:
    def weighted(prediction: Array, target: Array, sample_weight: Array) -> float:
        return float(sample_weight.dot(prediction[:, 0] - target[:, 0]))

    training, chosen = trainer(), cast("Any", {"a": weighted})
    measured = training.evaluate([[1.0], [2.0]], [[1.0], [0.0]], chosen, sample_weight=[0, 3])
    assert measured["a"] == pytest.approx(3 * training.predict([[2.0]])[0, 0])


def test_a_metric_is_called_once_per_epoch_only_since_it_may_record_what_it_is_given() -> None:
    seen: list[Array] = []

    def record(prediction: Array, _: Array) -> float:
        seen.append(prediction)
        return 0.0

    data: Any = [[1.0], [2.0]], [[1.0], [0.0]]
    trainer().fit(*data, epochs=3, validation=data, metrics={"a": record})
    assert len(seen) == 3


def test_perfect_probabilities_have_no_loss() -> None:
    assert str(BCELoss()([[1.0], [0.0]], [[1.0], [0.0]])) == "0.0"


def test_reprs_of_trainers_and_of_groups() -> None:
    layers = Dense(2, 3), Dense(3, 1)
    first, second = (layer.parameters() for layer in layers)
    optimizer = Adam([Group(first, 0.1), Group(second)]).clip(norm=1.0)
    text = "Adam(9 parameters at 0.1 lr, 4 parameters, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-08, max_norm=1)"
    assert repr(optimizer) == text
    training = trainer(minidl.Timer())
    training.fit([[1.0]], [[1.0]], epochs=2)
    text = "Trainer(Dense(1, 1), MSELoss(), SGD(2 parameters, lr=0.1), callbacks: Timer; 2 steps taken)"
    assert repr(training) == text
