"""The loss of a model on data, as an objective."""

import numpy as np
import pytest

from minidl import (
    BCEWithLogitsLoss,
    DataError,
    Dense,
    Dropout,
    EmpiricalRisk,
    Loss,
    MinidlWarning,
    MSELoss,
    ReLU,
    Residual,
    Sequential,
    ShapeError,
    Sigmoid,
    StateError,
)
from minidl.typing import Array
from tests.helpers import bits, unchanged
from tests.reference import gradient_error


def model() -> Sequential:
    return Sequential(Dense(2, 3), ReLU(), Dense(3, 1), rng=0)


def data(n: int = 5) -> tuple[Array, Array]:
    rng = np.random.default_rng(1)
    return rng.normal(size=(n, 2)), rng.integers(0, 2, (n, 1)).astype(float)


def test_value_is_the_loss_of_the_predictions() -> None:
    net, (x, y) = model(), data()
    risk = EmpiricalRisk(net, MSELoss(), x, y)
    assert risk.forward() == pytest.approx(float(((net(x) - y) ** 2).mean()), rel=1e-14)
    theta = np.linspace(-1, 1, 13)
    value = risk.value(theta)
    net.parameters().value = theta
    assert value == pytest.approx(float(((net(x) - y) ** 2).mean()), rel=1e-14)


@pytest.mark.parametrize("loss", [BCEWithLogitsLoss(), MSELoss()])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_weights_count_as_copies_of_samples(loss: Loss, dtype: type) -> None:
    (x, y), copies = data(), [0, 2, 1, 3, 1]
    weighted = EmpiricalRisk(model().astype(dtype), loss, x, y, sample_weight=copies)
    repeated = EmpiricalRisk(model().astype(dtype), loss, np.repeat(x, copies, axis=0), np.repeat(y, copies, axis=0))
    theta = np.linspace(-1, 1, 13)
    found, expected = weighted.value_and_gradient(theta), repeated.value_and_gradient(theta)
    eps = float(np.finfo(dtype).eps)
    assert found[0] == pytest.approx(expected[0], rel=10 * eps)
    np.testing.assert_allclose(found[1], expected[1], rtol=100 * eps, atol=10 * eps)


def test_wrong_weights_are_refused() -> None:
    (x, y), weights = data(), np.ones(5)
    with pytest.raises(ShapeError, match=r"sample_weight must have shape \(5,\), got \(4,\)"):
        EmpiricalRisk(model(), MSELoss(), x, y, sample_weight=weights[:4])
    with pytest.raises(DataError, match="sample_weight must not be negative"):
        EmpiricalRisk(model(), MSELoss(), x, y, sample_weight=-weights)
    with pytest.raises(DataError, match="sample_weight is zero for every sample, so nothing counts"):
        EmpiricalRisk(model(), MSELoss(), x, y, sample_weight=0 * weights)


def test_the_parameters_are_those_of_the_model() -> None:
    net, (x, y) = model(), data()
    risk = EmpiricalRisk(net, MSELoss(), x, y)
    assert np.shares_memory(risk.parameters().value, net.parameters().value)
    assert risk.parameters().names == tuple(f"model.{name}" for name in net.parameters().names)


def test_data_is_cast_to_the_dtype_of_the_model() -> None:
    x, y = data()
    risk = EmpiricalRisk(model().astype(np.float32), BCEWithLogitsLoss(), x, y.astype(int))
    assert risk.x.dtype == risk.y.dtype == np.float32
    assert risk.gradient(np.zeros(13)).dtype == np.float32


def test_bad_data_is_refused_at_construction() -> None:
    net, (x, y) = model(), data()
    holed = x.copy()
    holed[3, 1] = np.nan
    with unchanged(net):
        with pytest.raises(ShapeError, match=r"predictions have shape \(n, 1\), targets \(n,\).*y\[:, None\]"):
            EmpiricalRisk(net, MSELoss(), x, y[:, 0])
        with pytest.raises(ShapeError, match="5 samples but y has 4"):
            EmpiricalRisk(net, MSELoss(), x, y[:4])
        with pytest.raises(ShapeError, match=r"shape \(2,\), got \(1,\)[^\n]*\nlayer 0, Dense\(2, 3\)"):
            EmpiricalRisk(net, MSELoss(), x[:, :1], y)
        with pytest.raises(DataError, match=r"x holds 1 number that is NaN.*\(3, 1\)"):
            EmpiricalRisk(net, MSELoss(), holed, y)
        with pytest.raises(DataError, match="from 0 to 1"):
            EmpiricalRisk(net, BCEWithLogitsLoss(), x, 2 * y)


def test_a_loss_on_logits_warns_of_a_model_that_returns_probabilities() -> None:
    with pytest.warns(MinidlWarning, match=r"^BCEWithLogitsLoss takes logits .* remove its last layer, Sigmoid\(\)"):
        EmpiricalRisk(Sequential(Dense(2, 1), Sigmoid()), BCEWithLogitsLoss(), *data())


def test_the_repr_names_model_and_loss() -> None:
    shown = repr(EmpiricalRisk(model(), MSELoss(), *data()))
    assert shown == "EmpiricalRisk(Sequential(Dense(2, 3), ReLU(), Dense(3, 1)), MSELoss(), 5 samples)"


def test_backward_before_forward_is_an_error() -> None:
    risk = EmpiricalRisk(model(), MSELoss(), *data())
    with pytest.raises(StateError):
        risk.backward()
    risk.value_and_gradient(np.zeros(13))
    with pytest.raises(StateError):
        risk.backward()


def test_dropout_drops_the_same_numbers_in_each_pure_call_and_goes_on_afterwards() -> None:
    def dropping() -> EmpiricalRisk:
        net = Sequential(
            Dense(2, 8, rng=0), Dropout(0.5, rng=1), Residual(Sequential(Dense(8, 8, rng=2), Dropout(rng=3)))
        )
        return EmpiricalRisk(Sequential(net, Dense(8, 1, rng=4)), MSELoss(), *data())

    risk, expected = dropping(), dropping()
    theta = risk.parameters().value.copy()
    value, slope = risk.value_and_gradient(theta)
    assert {risk.value(theta) for _ in range(3)} == {value}
    assert gradient_error(lambda: risk.value(theta), theta, slope) < 1e-8
    for each in (risk, expected):
        each.forward()
    risk.value(3 * theta)
    for each in (risk, expected):
        each.backward()
    assert bits(risk.parameters().grad) == bits(expected.parameters().grad)
    assert risk.forward() == expected.forward() != value


@pytest.mark.parametrize("loss", [BCEWithLogitsLoss(), MSELoss()])
def test_a_model_turned_to_float32_casts_the_data(loss: Loss) -> None:
    net, (x, y) = model(), data()
    risk = EmpiricalRisk(net, loss, x, y)
    before, slope = risk.value_and_gradient(risk.parameters().value)
    net.astype(np.float32)
    after, same = risk.value_and_gradient(risk.parameters().value)
    assert risk.forward() == after
    assert risk.x.dtype == risk.y.dtype == same.dtype == np.float32
    assert after == pytest.approx(before, rel=1e-6)
    np.testing.assert_allclose(same, slope, rtol=1e-4, atol=1e-6)
