"""All losses: what holds for the whole table, and extreme inputs."""

from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import BCELoss, BCEWithLogitsLoss, CrossEntropyLoss, DataError, Loss, MSELoss, ShapeError, StateError
from tests.helpers import bits
from tests.reference import TOLERANCE, gradient_error, worst
from tests.tables import LOSSES, NAMESPACE, LossCase, seeds

every_loss = pytest.mark.parametrize("case", LOSSES, ids=[case.name for case in LOSSES])
shapes = st.one_of(
    st.tuples(st.integers(1, 8)),
    st.tuples(st.integers(1, 8), st.integers(1, 3)),
    st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(1, 3)),
)


@every_loss
@given(seeds, shapes)
def test_gradient_agrees_with_finite_differences(case: LossCase, seed: int, shape: tuple[int, ...]) -> None:
    prediction, target = case.draw(np.random.default_rng(seed), shape)
    loss = case.make()
    loss.forward(prediction, target)
    grad = loss.backward()
    error = gradient_error(lambda: loss.forward(prediction, target), prediction, grad)
    assert worst(case.name, error) <= TOLERANCE


@every_loss
@given(seeds, shapes)
def test_value_is_the_mean_of_a_plain_loop(case: LossCase, seed: int, shape: tuple[int, ...]) -> None:
    prediction, target = case.draw(np.random.default_rng(seed), shape)
    rows = prediction.ravel() if prediction.shape == target.shape else prediction
    losses = [case.plain(p, y) for p, y in zip(rows.tolist(), target.ravel().tolist(), strict=True)]
    terms = [term for term in losses if term is not None]
    value = case.make().forward(prediction, target)
    assert type(value) is float
    assert value == pytest.approx(sum(terms) / max(len(terms), 1), rel=1e-12, abs=1e-14)


@every_loss
@given(seeds, shapes)
def test_inputs_do_not_change_and_backward_repeats(case: LossCase, seed: int, shape: tuple[int, ...]) -> None:
    prediction, target = case.draw(np.random.default_rng(seed), shape)
    before = bits(prediction, target)
    prediction.flags.writeable = target.flags.writeable = False
    loss = case.make()
    loss.forward(prediction, target)
    first = loss.backward()
    kept = bits(first)
    assert bits(loss.backward()) == kept == bits(first)
    assert bits(prediction, target) == before


@every_loss
@given(seeds, shapes)
def test_float32_stays_float32(case: LossCase, seed: int, shape: tuple[int, ...]) -> None:
    prediction, target = case.draw(np.random.default_rng(seed), shape)
    loss = case.make()
    expected = loss.forward(prediction, target), loss.backward()
    value = loss.forward(prediction.astype(np.float32), loss.check_target(target, dtype=np.float32))
    grad = loss.backward()
    assert type(value) is float
    assert grad.dtype == np.float32
    assert value == pytest.approx(expected[0], rel=1e-4, abs=1e-5)
    np.testing.assert_allclose(grad, expected[1], rtol=1e-4, atol=1e-5)


@every_loss
def test_call_casts_lists_and_repr_can_be_evaluated(case: LossCase) -> None:
    prediction, target = case.draw(np.random.default_rng(0), (3, 2))
    loss = eval(repr(case.make()), dict(NAMESPACE))
    assert type(loss) is type(case.make())
    assert loss(prediction.tolist(), target.tolist()) == case.make().forward(prediction, target)


def takes_equal_shapes(case: LossCase) -> bool:
    prediction, target = case.draw(np.random.default_rng(0), (3, 2))
    return bool(prediction.shape == target.shape)


PACKAGED = sorted({type(case.make()) for case in LOSSES if not case.name.startswith("user")}, key=str)
ALIKE = sorted({type(case.make()) for case in LOSSES if takes_equal_shapes(case)} & {*PACKAGED}, key=str)


@pytest.mark.parametrize("make", ALIKE)
@pytest.mark.parametrize(
    ("prediction", "target", "fix"),
    [
        ((5, 1), (5,), r"\(5, 1\), targets \(5,\); .*y\[:, None\]"),
        ((5,), (5, 1), r"\(5,\), targets \(5, 1\); .*y\[:, 0\]"),
        ((5, 2), (5, 1), r"\(5, 2\), targets \(5, 1\); they must be equal"),
        ((4, 1), (1, 1), r"\(4, 1\), targets \(1, 1\)"),
    ],
)
def test_shapes_that_would_broadcast_are_refused(
    make: type[Loss], prediction: tuple[int, ...], target: tuple[int, ...], fix: str
) -> None:
    with pytest.raises(ShapeError, match=fix):
        make().forward(np.full(prediction, 0.5), np.ones(target))
    with pytest.raises(ShapeError, match=fix):
        make()(np.full(prediction, 0.5), np.ones(target))
    if prediction[1:] != target[1:]:
        with pytest.raises(ShapeError, match="predictions have shape"):
            make().check_target(np.ones(target), prediction[1:])


@pytest.mark.parametrize("make", PACKAGED)
def test_backward_before_forward_is_an_error(make: type[Loss]) -> None:
    with pytest.raises(StateError, match="call forward first"):
        make().backward()


@pytest.mark.parametrize("make", [BCELoss, BCEWithLogitsLoss])
@pytest.mark.parametrize(("wrong", "shown"), [(2.0, "2.0"), (-1.0, "-1.0"), (1.0000001, "1.0000001")])
def test_targets_outside_zero_to_one_are_refused(make: type[Loss], wrong: float, shown: str) -> None:
    targets = [[0.0], [1.0], [wrong]]
    with pytest.raises(DataError, match=rf"targets must be probabilities.*{shown} at \(2, 0\).*encode"):
        make().check_target(targets)
    with pytest.raises(DataError, match="targets must be probabilities"):
        make()([[0.5]] * 3, targets)


@pytest.mark.parametrize("wrong", [-0.1, 1.1])
def test_predictions_that_are_not_probabilities_are_refused(wrong: float) -> None:
    with np.errstate(invalid="ignore"), pytest.raises(DataError, match=rf"predictions .* {wrong} at \(1,\).*Sigmoid"):
        BCELoss().forward(np.array([0.5, wrong]), np.array([0.5, 0.5]))
    with pytest.raises(DataError, match=rf"predictions .* {wrong} at \(1,\)"):
        BCELoss()([0.5, wrong], [0.5, 0.5])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_bce_is_finite_and_correct_at_certain_predictions(dtype: type[np.floating]) -> None:
    loss, tiny = BCELoss(), float(np.finfo(dtype).tiny)
    for p, y, value in [(0, 0, 0.0), (1, 1, 0.0), (0, 1, -log(tiny)), (1, 0, -log(tiny)), (0, 0.5, -0.5 * log(tiny))]:
        assert loss.forward(np.array([[p]], dtype), np.array([[y]], dtype)) == pytest.approx(value, rel=1e-6)
        grad = loss.backward()
        assert np.isfinite(grad).all()
        assert np.sign(grad[0, 0]) == (-1 if y > p or y == p == 1 else 1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_bce_with_logits_is_exact_for_large_logits(dtype: type[np.floating]) -> None:
    loss = BCEWithLogitsLoss()
    cases = [(1000, 1, 0, 0), (-1000, 0, 0, 0), (1000, 0, 1000, 1), (-1000, 1, 1000, -1), (0, 0.5, log(2), 0)]
    for z, y, value, slope in [*cases, (0, 0, log(2), 0.5), (0, 1, log(2), -0.5), (1000, 0.25, 750, 0.75)]:
        assert loss.forward(np.array([z], dtype), np.array([y], dtype)) == pytest.approx(value, rel=1e-6, abs=0)
        assert loss.backward().tolist() == [slope]


def test_bce_with_logits_does_not_lose_small_losses() -> None:
    assert BCEWithLogitsLoss().forward(np.array([50.0]), np.array([1.0])) == pytest.approx(np.exp(-50.0), rel=1e-12)
    assert BCEWithLogitsLoss().forward(np.array([-50.0]), np.array([0.0])) == pytest.approx(np.exp(-50.0), rel=1e-12)


def test_mse_by_hand() -> None:
    loss = MSELoss()
    assert loss([[1.0, 2.0], [3.0, 4.0]], [[0.0, 2.0], [0.0, 2.0]]) == 3.5
    np.testing.assert_array_equal(loss.backward(), [[0.5, 0.0], [1.5, 1.0]])


def test_a_class_without_a_score_is_named() -> None:
    with pytest.raises(DataError, match=r"below 2, the number of scores, but there is 5 at \(1,\)"):
        CrossEntropyLoss()([[1.0, 2.0], [0.0, 0.0]], [1, 5])
