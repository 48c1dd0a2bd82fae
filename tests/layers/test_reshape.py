"""Reshape: shapes that fit and shapes that do not."""

from typing import Any

import numpy as np
import pytest

from minidl import Dense, Flatten, HyperparameterError, Reshape, Sequential, ShapeError

X = np.arange(24.0).reshape(2, 12)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((12,), (12,)),
        ((3, 4), (3, 4)),
        ((2, 2, 3), (2, 2, 3)),
        ((-1,), (12,)),
        ((-1, 4), (3, 4)),
        ((3, -1), (3, 4)),
        ((3, -1, 4), (3, 1, 4)),
        ((12, -1), (12, 1)),
        ((np.int64(3), 4), (3, 4)),
    ],
)
def test_numbers_keep_their_order(shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
    layer = Reshape(*shape)
    y = layer.forward(X)
    assert y.shape == (2, *expected)
    assert layer.output_shape((12,)) == layer.output_shape((2, 6)) == expected
    assert y.ravel().tolist() == X.ravel().tolist()
    assert layer.backward(2 * y).tolist() == (2 * X).tolist()


def test_no_sizes_leave_one_number_per_sample() -> None:
    layer = Reshape()
    assert layer.forward(np.ones((3, 1))).shape == (3,)
    assert layer.output_shape((1,)) == layer.output_shape(None) == ()


def test_an_unknown_shape_in_is_a_known_shape_out_unless_a_size_is_open() -> None:
    assert Reshape(3, 4).output_shape(None) == (3, 4)
    assert Reshape(3, -1).output_shape(None) is None


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((3, 5), r"Reshape\(3, 5\) takes samples of 15 elements, got shape \(12,\) of 12"),
        ((3,), r"Reshape\(3\) takes samples of 3 elements, got shape \(12,\) of 12"),
        ((24,), r"Reshape\(24\) takes samples of 24 elements, got"),
        ((5, -1), r"Reshape\(5, -1\) takes samples of a multiple of 5 elements, got shape \(12,\) of 12"),
    ],
)
def test_samples_of_other_sizes_are_refused(shape: tuple[int, ...], words: str) -> None:
    with pytest.raises(ShapeError, match=words):
        Reshape(*shape)(X)
    with pytest.raises(ShapeError, match=words):
        Sequential(Dense(2, 12), Reshape(*shape)).forward(np.ones((1, 2)))


@pytest.mark.parametrize("wrong", [(0,), (2, -2), (1.5,), (2, (3,)), ("2",), (True,)])
def test_sizes_are_positive_integers(wrong: Any) -> None:
    with pytest.raises(HyperparameterError, match=r"Reshape: each size must be a positive integer, got"):
        Reshape(*wrong)


def test_only_one_size_is_open() -> None:
    with pytest.raises(HyperparameterError, match=r"Reshape: only one size may be -1, got \(-1, 2, -1\)"):
        Reshape(-1, 2, -1)


def test_flatten_undoes_it() -> None:
    assert Sequential(Reshape(3, 4, 1), Flatten()).forward(X).tolist() == X.tolist()


@pytest.mark.parametrize("shape", [(8, 8, 1), [8, 8, 1]])
def test_a_tuple_of_sizes_is_told_to_pass_them_one_by_one(shape: Any) -> None:
    with pytest.raises(HyperparameterError, match=r"one by one, as in Reshape\(8, 8, 1\), got .8, 8, 1"):
        Reshape(shape)
