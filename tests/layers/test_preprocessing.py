"""Layers that prepare data: exact statistics, in any form of data, and nothing half done after an error."""

import copy
import tracemalloc
from collections.abc import Iterator
from fractions import Fraction
from math import isqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import (
    Add,
    Batches,
    DataError,
    Dense,
    HyperparameterError,
    MinMax,
    OneHot,
    Parallel,
    Sequential,
    ShapeError,
    Standardize,
    StateError,
    load,
    save,
)
from minidl.typing import Array
from tests.errors.packages import Sparse
from tests.helpers import bits, unchanged
from tests.tables import seeds

KINDS = [Standardize, MinMax]


def root(value: Fraction) -> float:
    """The square root of a number, to 600 places after the point before it becomes a float."""
    return float(Fraction(isqrt(int(value * 10**1200)), 10**600))


def exact(column: Array) -> tuple[Fraction, float]:
    """The mean of numbers, and their standard deviation."""
    numbers = [Fraction(float(number)) for number in column]
    mean = sum(numbers, Fraction()) / len(numbers)
    return mean, root(sum(((number - mean) ** 2 for number in numbers), Fraction()) / len(numbers))


@given(seeds, st.integers(1, 6), st.sampled_from([0.0, 1.0, 1e6, 1e12, -1e15]), st.sampled_from([1e-250, 1.0, 1e250]))
def test_statistics_are_exact_up_to_rounding(seed: int, parts: int, offset: float, unit: float) -> None:
    rng = np.random.default_rng(seed)
    x = (offset + rng.normal(size=(40, 2))) * unit
    batches = np.split(x, np.sort(rng.choice(np.arange(1, 40), parts - 1, replace=False)))
    layer = Standardize(2).adapt(iter(batches))
    for feature in range(2):
        mean, deviation = exact(x[:, feature])
        resolution = np.spacing(np.abs(x).max())
        assert abs(float(Fraction(float(layer.offset[feature])) - mean)) <= 4 * resolution
        assert abs(layer.scale[feature] - deviation) <= 1e-13 * deviation + 4 * resolution
    assert layer.count == 40
    ends = MinMax(2).adapt(iter(batches))
    np.testing.assert_array_equal(ends.offset, x.min(axis=0))
    np.testing.assert_array_equal(ends.offset + ends.scale, x.min(axis=0) + (x.max(axis=0) - x.min(axis=0)))


def test_the_mean_of_many_large_numbers_is_exact() -> None:
    x = 1.7e9 + 1e-3 * np.random.default_rng(0).normal(size=(32_768, 2))
    layer = Standardize(2).adapt(x)
    for feature in range(2):
        mean, deviation = exact(x[:, feature])
        assert abs(float(Fraction(float(layer.offset[feature])) - mean)) <= np.spacing(1.7e9)
        assert layer.scale[feature] == pytest.approx(deviation, rel=1e-6)


def test_all_axes_but_the_last_count() -> None:
    x = np.random.default_rng(0).normal(3, 2, (50, 40, 60, 3))  # more than one block
    layer, rows = Standardize(3).adapt(x), x.reshape(-1, 3)
    np.testing.assert_allclose(layer.offset, rows.mean(axis=0), rtol=1e-13)
    np.testing.assert_allclose(layer.scale, rows.std(axis=0), rtol=1e-13)
    np.testing.assert_allclose(MinMax(3).adapt(x)(x).reshape(-1, 3).max(axis=0), 1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", [0.1, 1 / 3, -1e-300, 1.7e308, 0.0])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_constant_features_become_exactly_0(kind: Any, value: float, dtype: Any) -> None:
    x = np.full((70_000, 2), [value, 1.0])
    x[0, 1] = 2
    y = kind(2).astype(dtype).adapt(x).forward(x)
    assert not y[:, 0].any()
    assert y[:, 1].any()
    assert not kind(2).adapt(x[:1])(x[:1]).any()
    other = kind(1).adapt([[5.0], [5.0]])
    assert other([[7.0]]) == 2  # the scale is 1


@pytest.mark.parametrize("kind", KINDS)
def test_forms_of_batches(kind: Any) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 2)), rng.normal(size=(30, 2))
    expected = kind(2).adapt(x)

    def chunks() -> Iterator[Array]:
        yield from np.split(x, [7, 11])

    forms: list[Any] = [
        x.tolist(),
        [tuple(row) for row in x.tolist()],
        np.split(x, [7, 11]),
        np.split(x, 3),
        chunks(),
        Batches(x, y, batch_size=7, rng=0),
        list(Batches(x, y, batch_size=10, rng=0)),
        [(x, y, np.ones(30))],
        ((part, None) for part in chunks()),
    ]
    for form in forms:
        layer = kind(2).adapt(form)
        np.testing.assert_allclose(layer.offset, expected.offset, rtol=1e-12)
        np.testing.assert_allclose(layer.scale, expected.scale, rtol=1e-12)
        assert layer.count == 30


@pytest.mark.parametrize("kind", KINDS)
def test_it_acts_on_the_last_axis_so_its_size_must_be_that_of_the_layer_before(kind: Any) -> None:
    with pytest.raises(ShapeError, match=r"4 features on the last axis, got shape \(2,\)"):
        Sequential(Dense(3, 2), kind(4))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_it_takes_one_array_not_several(kind: Any, dtype: Any) -> None:
    model = Sequential(Parallel(kind(2).adapt(np.eye(2)), Dense(2, 2)), Add(), dtype=dtype)
    x: Any = (np.eye(2), np.eye(2)), np.eye(2)
    with pytest.raises(DataError, match="takes one array, got a tuple of 2"):
        model.predict(x)


@pytest.mark.parametrize("kind", KINDS)
def test_adapt_begins_again(kind: Any) -> None:
    x = np.random.default_rng(0).normal(size=(9, 2))
    layer = kind(2).adapt(100 * x)
    assert layer.adapt(x) is layer
    fresh = kind(2).adapt(x)
    assert bits(layer.offset, layer.scale) == bits(fresh.offset, fresh.scale)
    assert layer.count == 9


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        ([[1.0, np.nan]], DataError, r"x holds 1 number that is NaN"),
        ([np.ones((2, 2)), np.full((2, 2), np.inf)], DataError, r"batch 2: x holds 4 numbers"),
        ([np.ones((2, 2)), np.ones((2, 3))], ShapeError, r"2 features on the last axis, got shape \(3,\)"),
        (np.ones(2), ShapeError, r"2 features on the last axis, got shape \(\)"),
        (iter([]), DataError, "there are no batches"),
        ([], DataError, "x is empty"),
        ((np.ones((2, 2)), np.ones(2)), DataError, "one array or batches, got a tuple of 2"),
        ({0: ((np.ones((2, 2)), np.ones((2, 2))), np.ones(2))}.values(), DataError, "batch 1 has a tuple of inputs"),
        ("text", DataError, "x must hold real numbers"),
        (3.0, ShapeError, "x must have the batch as its first axis"),
        ({"a": [1.0]}, DataError, "x must hold real numbers"),
        (Sparse(), DataError, r"^x must hold real numbers, got Sparse; convert it first: x\.toarray\(\)$"),
        ([Sparse()], DataError, r"^x must hold .* \[each\.toarray\(\) for each in x\]$"),
        ({0: Sparse()}.values(), DataError, r"^batch 1: x must hold real numbers, got Sparse; .*: x\.toarray\(\)$"),
    ],
)
def test_data_that_are_refused_change_nothing(kind: Any, data: Any, error: type[Exception], message: str) -> None:
    layer = kind(2).adapt([[1.0, 2.0], [4.0, 3.0]])
    with unchanged(layer), pytest.raises(error, match=message):
        layer.adapt(data)


@pytest.mark.parametrize(
    ("layer", "values"),
    [
        (Standardize(2), [1.5e308, 1.6e308]),
        (MinMax(2), [-1e308, 1e308]),
        (Standardize(2).astype(np.float32), [1e-60, 2e-60]),
        (MinMax(2).astype(np.float32), [1.0, 1e50]),
    ],
)
def test_a_range_that_the_float_type_lacks_is_refused(layer: Standardize | MinMax, values: list[float]) -> None:
    with pytest.raises(DataError, match=rf"range of feature 1, .* too large or too small for {layer.scale.dtype}"):
        layer.adapt(np.column_stack([[1.0, 2.0], values]))
    assert not layer.count


@pytest.mark.parametrize("kind", KINDS)
def test_forward_before_adapt_is_an_error(kind: Any, tmp_path: Path) -> None:
    model = Sequential(kind(2), Dense(2, 1))
    save(model, tmp_path / "model.npz")
    for each in (model, load(tmp_path / "model.npz"), copy.deepcopy(model)):
        with pytest.raises(StateError, match=rf"{kind.__name__}\(2\) has seen no data; call its adapt\(x\)") as caught:
            each.predict([[1.0, 2.0]])
        assert caught.value.__notes__[0].startswith(f"layer 0, {kind.__name__}(2), forward")


@pytest.mark.parametrize("make", [Standardize, MinMax, OneHot])
@pytest.mark.parametrize("wrong", [0, 1.5, "2", None])
def test_sizes_are_positive_integers(make: Any, wrong: Any) -> None:
    with pytest.raises(HyperparameterError, match=f"{make.__name__}: (features|classes) must be a positive integer"):
        make(wrong)


def test_adapt_does_not_copy_a_large_array() -> None:
    x = np.zeros((20_000, 100), np.float32)
    x[::2] = 1
    tracemalloc.start()
    layer = Standardize(100).adapt(x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < x.nbytes
    np.testing.assert_allclose([layer.offset, layer.scale], 0.5, rtol=1e-14)
