"""Classes as vectors of 0 and 1."""

from typing import Any

import numpy as np
import pytest

from minidl import (
    DataError,
    Dense,
    Embedding,
    OneHot,
    Sequential,
)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("shape", [(4,), (4, 3), (2, 3, 2)])
def test_one_hot(shape: tuple[int, ...], dtype: Any) -> None:
    ids = np.random.default_rng(0).integers(0, 5, shape)
    y = OneHot(5).astype(dtype)(ids)
    assert y.dtype == dtype
    assert y.shape == (*shape, 5)
    for place in np.ndindex(shape):
        assert y[place].tolist() == [float(k == ids[place]) for k in range(5)]


@pytest.mark.parametrize("wrong", [[[5]], [[-1]], [[1.0]]])
def test_ids_out_of_range(wrong: Any) -> None:
    for model in (OneHot(5), Sequential(OneHot(5), Dense(5, 1))):
        with pytest.raises(DataError, match="x must hold ids"):
            model(wrong)


def test_a_one_hot_model_is_an_embedding() -> None:
    model, embedding = Sequential(OneHot(5), Dense(5, 3, use_bias=False), rng=0), Embedding(5, 3)
    embedding.weight.value = model.parameters()["1.weight"].value
    ids = np.array([[4, 0], [2, 2]])
    np.testing.assert_array_equal(model(ids), embedding(ids))


def test_ids_from_other_layers_are_checked() -> None:
    model = Sequential(Dense(2, 2), OneHot(5))
    with pytest.raises(DataError, match="OneHot\\(5\\) takes ids from 0 to 4, but was given float64") as caught:
        model.predict([[1.0, 2.0]])
    assert "layer 1" in caught.value.__notes__[0]
