"""Single losses: conventions at kinks, extreme inputs, and targets that are refused."""

from math import log
from typing import Any

import numpy as np
import pytest

from minidl import CrossEntropyLoss, DataError, HingeLoss, HuberLoss, Loss, MAELoss, ShapeError
from minidl.typing import Array
from tests.helpers import bits
from tests.spy import counted, forget, spied
from tests.tables import LOSSES, LossCase


def slopes(loss: Loss, prediction: Any, target: Any) -> Any:
    loss.forward(np.array(prediction), np.array(target))
    return loss.backward().tolist()


def test_mae_by_hand_and_at_its_kink() -> None:
    assert MAELoss()([[1.0, 2.0], [3.0, 4.0]], [[0.0, 2.0], [5.0, 1.0]]) == 1.5
    assert slopes(MAELoss(), [1.0, 2.0, 3.0, 4.0], [0.0, 2.0, 5.0, 1.0]) == [0.25, 0.0, -0.25, 0.25]


def test_huber_by_hand_and_at_delta() -> None:
    assert HuberLoss(2.0)([1.0, -2.0, 5.0, -3.0], [0.0, 0.0, 0.0, 0.0]) == (0.5 + 2.0 + 8.0 + 4.0) / 4
    assert slopes(HuberLoss(2.0), [1.0, -2.0, 5.0, -3.0], [0.0] * 4) == [0.25, -0.5, 0.5, -0.5]
    assert HuberLoss()([3.0], [0.0]) == 2.5


def test_hinge_by_hand_and_at_its_kink() -> None:
    assert HingeLoss()([0.5, 0.5, 2.0, -1.0], [1, -1, 1, -1]) == (0.5 + 1.5) / 4
    assert slopes(HingeLoss(), [0.5, 0.5, 2.0, -1.0], [1, -1, 1, -1]) == [-0.25, 0.25, 0.0, 0.0]


def test_cross_entropy_by_hand() -> None:
    loss = CrossEntropyLoss()
    assert loss([[0.0, log(3)], [log(3), 0.0]], [1, 1]) == pytest.approx((log(4 / 3) + log(4)) / 2)
    np.testing.assert_allclose(loss.backward(), [[0.125, -0.125], [0.375, -0.375]])
    smooth = CrossEntropyLoss(label_smoothing=0.5)
    assert smooth([[0.0, log(3)]], [1]) == pytest.approx(0.75 * log(4 / 3) + 0.25 * log(4))
    np.testing.assert_allclose(smooth.backward(), [[0.0, 0.0]], atol=1e-15)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_takes_one_exp_for_loss_and_gradient(smoothing: float) -> None:
    loss = CrossEntropyLoss(smoothing)
    forget()
    loss.forward(spied(np.ones((4, 3))), np.array([0, 1, 2, 0]))
    loss.backward()
    assert (counted["exp"], counted["log"]) == (1, 1)


def test_cross_entropy_is_exact_for_large_scores() -> None:
    loss = CrossEntropyLoss()
    for scores, target, value, slope in [
        ([1000.0, -1000.0], 0, 0.0, [0.0, 0.0]),
        ([1000.0, -1000.0], 1, 2000.0, [1.0, -1.0]),
        ([-1000.0, -1000.0], 1, log(2), [0.5, -0.5]),
        ([0.0, 50.0], 1, np.exp(-50.0), [np.exp(-50.0), -np.exp(-50.0)]),
    ]:
        assert loss.forward(np.array([scores]), np.array([target])) == pytest.approx(value, rel=1e-12, abs=1e-21)
        np.testing.assert_allclose(loss.backward(), [slope], rtol=1e-12, atol=1e-21)


PACKAGED = [case for case in LOSSES if not case.name.startswith("user")]


@pytest.mark.parametrize("case", PACKAGED, ids=[case.name for case in PACKAGED])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_extreme_predictions_are_finite_without_a_warning(case: LossCase, dtype: type[np.floating]) -> None:
    _, target = case.draw(np.random.default_rng(0), (4, 2))
    prediction = np.array([[1000.0, -1000.0], [-1000.0, 1000.0], [1000.0, 1000.0], [-1000.0, 0.0]])
    if case.name.startswith("BCELoss"):
        prediction = np.clip(prediction, 0, 1)
    loss = case.make()
    value = loss.forward(prediction.astype(dtype), loss.check_target(target, dtype=dtype))
    assert np.isfinite(value)
    assert np.isfinite(loss.backward()).all()


@pytest.mark.parametrize("form", [list, np.array, lambda y: np.array(y, dtype=float), lambda y: np.array(y, np.uint8)])
def test_classes_of_any_type_are_accepted(form: Any) -> None:
    scores = np.random.default_rng(0).normal(size=(3, 4))
    loss, plain = CrossEntropyLoss(), CrossEntropyLoss()
    assert loss(scores, form([0, 3, 1])) == plain.forward(scores, np.array([0, 3, 1]))
    assert bits(loss.backward()) == bits(plain.backward())


@pytest.mark.parametrize(
    ("target", "prediction", "error", "words"),
    [
        ([0, 1], (2, 3), ShapeError, r"classes of shape \(n, 2\) or probabilities of shape \(n, 2, 3\), got \(n,\)"),
        ([0, 1], (), ShapeError, r"scores \(n, …, k\), got shape \(n,\); is a Dense"),
        ([[0], [1]], (3,), ShapeError, r"classes of shape \(n,\) or .*, got \(n, 1\); try y\[:, 0\]"),
        (np.ones((2, 2, 2)), (3,), ShapeError, "try one class for each row of scores"),
        (2 * np.eye(3), (3,), DataError, r"must be probabilities, from 0 to 1, but there is 2\.0 at \(0, 0\)"),
        (np.eye(3) / 2, (3,), DataError, r"must sum to 1, but there is 0\.5 at \(0,\)"),
        ([0, 3], (3,), DataError, r"below 3, the number of scores, but there is 3 at \(1,\); give the model more"),
        ([0, -1], (3,), DataError, r"must be classes, integers from 0, but there is -1 at \(1,\); ignore_index"),
        ([0.5, 1], (3,), DataError, r"must be classes, integers from 0, but there is 0\.5 at \(0,\)$"),
        ([0, np.nan], (3,), DataError, "y holds 1 number that is NaN"),
    ],
)
def test_targets_that_are_not_classes_are_refused(
    target: Any, prediction: tuple[int, ...], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        CrossEntropyLoss().check_target(target, prediction)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_classes_with_further_axes_are_many_samples(smoothing: float) -> None:
    rng = np.random.default_rng(0)
    scores, classes = rng.normal(size=(4, 3, 5)), rng.integers(0, 5, (4, 3))
    loss, flat = CrossEntropyLoss(smoothing), CrossEntropyLoss(smoothing)
    assert loss(scores, classes) == flat(scores.reshape(12, 5), classes.reshape(12))
    np.testing.assert_array_equal(loss.backward(), flat.backward().reshape(4, 3, 5))
    # Classes may be floats, as in a column of a table, also where forward alone knows that they are classes.
    assert loss(scores, classes.astype(float)) == flat.forward(scores.reshape(12, 5), classes.reshape(12))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("kind", [int, float, np.float32])
def test_probabilities_of_one_class_are_that_class(smoothing: float, kind: type) -> None:
    rng = np.random.default_rng(0)
    scores, classes = rng.normal(size=(4, 3, 5)), rng.integers(0, 5, (4, 3))
    loss, plain = CrossEntropyLoss(smoothing), CrossEntropyLoss(smoothing)
    np.testing.assert_allclose(loss(scores, np.eye(5, dtype=kind)[classes]), plain(scores, classes), rtol=1e-14)
    np.testing.assert_allclose(loss.backward(), plain.backward(), rtol=1e-14, atol=1e-17)
    single = loss.forward(scores.astype(np.float32), np.eye(5, dtype=kind)[classes])
    assert abs(single - plain(scores, classes)) < 1e-6
    assert loss.backward().dtype == np.float32


def test_the_loss_of_probabilities_is_the_mean_of_the_losses_of_classes() -> None:
    rng = np.random.default_rng(1)
    scores, q = rng.normal(size=(6, 3)), rng.dirichlet(np.ones(3), 6)
    loss = CrossEntropyLoss()
    each = [[loss(scores[i : i + 1], [j]) for j in range(3)] for i in range(6)]
    np.testing.assert_allclose(loss(scores, q), (q * each).sum(axis=1).mean(), rtol=1e-14)


@pytest.mark.parametrize(("scores", "classes"), [((3, 2), (2,)), ((3, 2), (3, 1)), ((3,), (3,)), ((3, 2, 2), (3,))])
def test_scores_and_classes_of_other_shapes_are_refused(scores: tuple[int, ...], classes: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match="CrossEntropyLoss takes"):
        CrossEntropyLoss().forward(np.zeros(scores), np.zeros(classes, int))


@pytest.mark.parametrize("target", [0.0, 2.0, -0.5])
def test_hinge_takes_only_minus_one_and_one(target: float) -> None:
    with pytest.raises(
        DataError, match=rf"targets must be -1 or 1, but there is {target} at \(1,\); encode .* 2 \* y - 1"
    ):
        HingeLoss()([0.5, 0.5], [1.0, target])


def test_classes_are_cast_once_to_indices() -> None:
    checked: Array = CrossEntropyLoss().check_target([0.0, 1.0], (2,))
    assert checked.dtype == np.intp


def test_a_call_refuses_probabilities_that_do_not_sum_to_1() -> None:
    scores, loss = np.random.default_rng(0).normal(size=(2, 3, 4)), CrossEntropyLoss()
    with pytest.raises(DataError, match=r"must sum to 1, but there is 2\.0 at \(0, 0\)"):
        loss(scores, np.full((2, 3, 4), 0.5))
    with pytest.raises(DataError, match=r"must be probabilities, from 0 to 1, but there is 4\.0 at \(0, 0, 0\)"):
        loss(scores, np.full((2, 3, 4), 4))
    assert loss(scores, np.full((2, 3, 4), 0.25)) > 0
