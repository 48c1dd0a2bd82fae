"""The digits: sizes, ranges, the fixed split, and plausibility of the classes."""

from pathlib import Path

import numpy as np

import minidl
from minidl import load_digits
from tests.helpers import bits

FILE = Path(minidl.__file__).parent / "datasets" / "digits.npz"


def test_sizes_types_and_ranges() -> None:
    x_train, y_train, x_test, y_test = load_digits()
    assert (x_train.shape, y_train.shape, x_test.shape, y_test.shape) == ((1347, 64), (1347,), (450, 64), (450,))
    assert x_train.dtype == x_test.dtype == np.float64
    assert y_train.dtype == y_test.dtype == np.int64
    for x in (x_train, x_test):
        assert (x.min(), x.max()) == (0.0, 1.0)
        np.testing.assert_array_equal(x * 16, np.round(x * 16))


def test_every_digit_is_split_three_to_one() -> None:
    _, y_train, _, y_test = load_digits()
    train, test = np.bincount(y_train, minlength=10), np.bincount(y_test, minlength=10)
    # The number of samples of each digit according to the source.
    assert (train + test).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert np.abs(test - (train + test) / 4).max() < 1


def test_no_sample_is_in_both_parts() -> None:
    with np.load(FILE) as file:
        test = file["test"]
        assert test.dtype == bool
        assert (len(test), test.sum()) == (1797, 450)
        x_train, _, x_test, _ = load_digits()
        pixels = file["pixels"] / 16
    assert bits(x_train, x_test) == bits(pixels[~test], pixels[test])
    train = {row.tobytes() for row in x_train}
    assert not any(row.tobytes() in train for row in x_test)


def test_the_split_is_fixed_and_each_call_returns_new_arrays() -> None:
    first = load_digits()
    kept = bits(*first)
    for array in first:
        array[...] = 0
    assert bits(*load_digits()) == kept


def test_neighbours_have_the_same_digit() -> None:
    """The classes match the images: the nearest image nearly always shows the same digit."""
    x_train, y_train, x_test, y_test = load_digits()
    distances = (x_test**2).sum(axis=1)[:, None] - 2 * x_test @ x_train.T + (x_train**2).sum(axis=1)
    assert np.mean(y_train[distances.argmin(axis=1)] == y_test) > 0.98


def test_the_file_is_small() -> None:
    assert FILE.stat().st_size < 100_000


def test_images_are_the_same_pixels() -> None:
    x_train, y_train, x_test, y_test = load_digits(images=True)
    assert (x_train.shape, x_test.shape) == ((1347, 8, 8, 1), (450, 8, 8, 1))
    assert bits(x_train, y_train, x_test, y_test) == bits(*load_digits())
