"""Masks reach the layers that take them, through containers of every kind."""

from typing import Any

import numpy as np
import pytest

from minidl import (
    SGD,
    Add,
    Branches,
    ContractError,
    DataError,
    Dense,
    Embedding,
    Flatten,
    Layer,
    MSELoss,
    Parallel,
    ReLU,
    Sequential,
    ShapeError,
    Siamese,
    Trainer,
)
from minidl.checking import check_layer
from minidl.typing import Array, Batch
from tests.user_defined import MaskedMean

RNG = np.random.default_rng(0)
X, A, B = RNG.normal(size=(5, 3)), RNG.normal(size=(5, 3)), RNG.normal(size=(5, 2))


MASK = np.array([[1, 1, 0], [1, 0, 0], [1, 1, 1]], bool)
SEQUENCES = RNG.normal(size=(3, 3, 2))


def test_a_mask_reaches_the_layers_that_take_it() -> None:
    dense = Dense(2, 4, rng=0)
    models = [
        Sequential(dense, MaskedMean()),
        Sequential(Sequential(dense, Sequential(MaskedMean()))),
        Sequential(Branches(Sequential(dense, MaskedMean()))[0]),
    ]
    expected = [dense(SEQUENCES[i : i + 1, MASK[i]])[0].mean(axis=0) for i in range(3)]
    for model in models:
        np.testing.assert_allclose(model((SEQUENCES, MASK)), expected, rtol=1e-13)
        np.testing.assert_allclose(model.predict((SEQUENCES, MASK.tolist()), batch_size=2), expected, rtol=1e-13)
        model.forward((SEQUENCES, MASK))
        dx, none = model.backward(np.ones((3, 4)))
        assert not dx[~MASK].any()
        assert dx[MASK].all()
        assert none.shape == MASK.shape
        assert not none.any()
        plain = model(SEQUENCES)  # without a mask all steps are data, and dL/dx is one array
        assert model.backward(np.ones_like(plain)).shape == SEQUENCES.shape


def test_masks_reach_branches_towers_and_ids() -> None:
    ids = np.array([[1, 2, 0], [3, 0, 0], [1, 1, 1]])
    model = Sequential(Embedding(5, 2, rng=0), MaskedMean())
    expected = model((ids, MASK))
    model((np.where(MASK, ids, 4), MASK))
    np.testing.assert_array_equal(model((np.where(MASK, ids, 4), MASK)), expected)
    twice = Siamese(model)
    np.testing.assert_allclose(twice.predict(((ids, MASK), (ids, MASK)))[1], expected, rtol=1e-14)
    both = Parallel(model, Dense(2, 1))
    assert [array.shape for array in both.predict(((ids, MASK), np.ones((3, 2))))] == [(3, 2), (3, 1)]
    with pytest.raises(DataError, match="if the second is a mask"):
        Branches(Dense(2, 1), ReLU())((SEQUENCES, MASK))


WRONG_MASKS: list[tuple[Any, type[Exception], str]] = [
    (
        MASK[:2],
        ShapeError,
        r"^the mask of x must have shape \(n, t\), .* of x \(3, 3, 2\), got \(2, 3\)",
    ),
    (MASK[..., None], ShapeError, r"got \(3, 3, 1\)$"),
    (MASK.astype(float), DataError, r"^the mask of x must be Boolean, True where there is data, got float64"),
    (MASK.astype(int), DataError, r"^the mask of x must be Boolean, .* got int64"),
    (MASK[:, 0], ShapeError, r"got \(3,\)$"),
    ([[True], [True, False], [True]], DataError, "^the mask of x is not an array of numbers"),
    (None, DataError, "^the mask of x must hold real numbers, got NoneType"),
    (np.ma.array(MASK, mask=~MASK), DataError, "^the mask of x has masked entries"),
]


@pytest.mark.parametrize(("mask", "error", "words"), WRONG_MASKS)
def test_wrong_masks(mask: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        Sequential(Dense(2, 4), MaskedMean())((SEQUENCES, mask))
    with pytest.raises(error, match=words.replace("^the mask of x", r"^the mask of x\[0\]")):
        Parallel(Sequential(Dense(2, 4), MaskedMean()), Dense(2, 1))(((SEQUENCES, mask), np.ones((3, 2))))


def test_a_pair_is_one_array_and_one_mask() -> None:
    model = Sequential(Dense(2, 4), MaskedMean())
    with pytest.raises(DataError, match="takes one array, got a tuple of 3"):
        model((SEQUENCES, MASK, MASK))
    for size in (None, 2):
        with pytest.raises(DataError, match=r"^x\[0\] must be one array, got a tuple of 2"):
            model.predict(((SEQUENCES, MASK), MASK), batch_size=size)
    with pytest.raises(DataError, match="takes one array, got a tuple of 2; for several inputs"):
        Dense(2, 4)((SEQUENCES, [[1], [2, 3]]))
    with pytest.raises(ShapeError, match="must have equally many samples"):
        model.predict((SEQUENCES, MASK[:2]), batch_size=2)


class Forgetful(MaskedMean):
    """A mistake: of a pair, backward returns dL/dx alone."""

    def backward(self, grad: Array) -> Batch:
        dx = super().backward(grad)
        return dx[0] if isinstance(dx, tuple) else dx


class Lopsided(Layer):
    """A mistake: the gradient of the second input is that of the first."""

    takes_tuple = True

    def forward(self, x: Any) -> Array:
        y: Array = x[0] + 2 * x[1]
        return y

    def backward(self, grad: Array) -> Any:
        return grad, grad


def test_check_layer_takes_tuples_and_masks() -> None:
    report = check_layer(Parallel(Dense(3, 2), Dense(2, 1)), (A, B))
    assert {"0.weight", "x[0]", "x[1]"} <= report.errors.keys()
    assert check_layer(Sequential(Dense(2, 3), MaskedMean()), (SEQUENCES, MASK)).error < 1e-8
    with pytest.raises(ContractError, match="backward must return dL/dx, a tuple of 2 arrays as x is, got ndarray"):
        check_layer(Forgetful(), (SEQUENCES, MASK))
    with pytest.raises(AssertionError, match=r"the gradient of x\[1\] is off by .* as large as they should be"):
        check_layer(Lopsided(), (A, X))


def test_branches_that_take_a_mask_also_do_without() -> None:
    model = Sequential(Branches(MaskedMean(), Sequential(Flatten(), Dense(6, 2, rng=0))), Add())
    everything = np.ones((3, 3), bool)
    np.testing.assert_array_equal(model(SEQUENCES), model((SEQUENCES, everything)))
    grad = RNG.normal(size=(3, 2))
    with_mask, _ = model.backward(grad)
    model(SEQUENCES)
    np.testing.assert_array_equal(model.backward(grad), with_mask)
    with pytest.raises(DataError, match="takes one array, got a tuple of 3"):
        Sequential(MaskedMean()).forward((SEQUENCES, everything, everything))


def test_samples_without_data_neither_count_nor_learn() -> None:
    mask = MASK.copy()
    mask[1] = False
    model = Sequential(Dense(2, 4, rng=0), MaskedMean(), Dense(4, 1, use_bias=False, rng=1))
    y = model((SEQUENCES, mask))
    assert y[1] == 0
    dx, none = model.backward(np.ones((3, 1)))
    assert not dx[1].any()
    assert not none.any()
    with_one = model.parameters().grad.copy()
    model((SEQUENCES[[0, 2]], mask[[0, 2]]))
    model.backward(np.ones((2, 1)))
    np.testing.assert_allclose(model.parameters().grad, with_one, rtol=1e-13)
    nothing = np.zeros_like(mask)
    assert not model.predict((SEQUENCES, nothing)).any()
    trainer = Trainer(model, MSELoss(), SGD(model.parameters(), lr=0.1))
    trainer.fit((SEQUENCES, nothing), np.ones((3, 1)), epochs=2)
    assert trainer.history.loss == [1.0, 1.0]
    assert check_layer(Sequential(Dense(2, 4), MaskedMean()), (SEQUENCES, mask)).error < 1e-8
