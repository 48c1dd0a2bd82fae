"""The subset of Fashion-MNIST: sizes, ranges, the classes, and what is shipped with it."""

from pathlib import Path

import numpy as np

import minidl
from minidl import load_fashion
from tests.helpers import bits

FOLDER = Path(minidl.__file__).parent / "datasets"


def test_sizes_types_and_ranges() -> None:
    x_train, y_train, x_test, y_test = load_fashion()
    assert (x_train.shape, y_train.shape, x_test.shape, y_test.shape) == ((6000, 784), (6000,), (1000, 784), (1000,))
    assert x_train.dtype == x_test.dtype == np.float64
    assert y_train.dtype == y_test.dtype == np.int64
    for x in (x_train, x_test):
        assert (x.min(), x.max()) == (0.0, 1.0)
        np.testing.assert_allclose(x * 255, np.round(x * 255), rtol=0, atol=1e-12)


def test_every_class_has_600_and_100_images() -> None:
    _, y_train, _, y_test = load_fashion()
    assert np.bincount(y_train).tolist() == [600] * 10
    assert np.bincount(y_test).tolist() == [100] * 10
    # The order is that of the original files, in which the classes are mixed. These are its first 10 labels.
    assert y_train[:10].tolist() == [9, 0, 0, 3, 0, 2, 7, 2, 5, 5]
    assert y_test[:10].tolist() == [9, 2, 1, 1, 6, 1, 4, 6, 5, 7]


def test_images_are_upright_and_have_the_same_pixels() -> None:
    x_train, y_train, x_test, y_test = load_fashion(images=True)
    assert (x_train.shape, x_test.shape) == ((6000, 28, 28, 1), (1000, 28, 28, 1))
    assert all(array.flags.c_contiguous for array in (x_train, x_test))
    assert bits(x_train, y_train, x_test, y_test) == bits(*load_fashion())
    # Trousers are tall and narrow: the columns at both sides are empty, the rows are not.
    trousers = x_train[y_train == 1].mean(axis=(0, 3))
    assert trousers[:, [0, 1, 26, 27]].mean() < 0.02
    assert trousers[[1, 2, 25, 26]].mean() > 0.15


def test_no_image_is_in_both_parts() -> None:
    x_train, _, x_test, _ = load_fashion()
    train = {row.tobytes() for row in x_train}
    assert not any(row.tobytes() in train for row in x_test)


def test_neighbours_have_the_same_class() -> None:
    """The classes match the images: 1-nearest-neighbour reaches about 85 % on all 70,000 images."""
    x_train, y_train, x_test, y_test = load_fashion()
    distances = (x_test**2).sum(axis=1)[:, None] - 2 * x_test @ x_train.T + (x_train**2).sum(axis=1)
    assert np.mean(y_train[distances.argmin(axis=1)] == y_test) > 0.75


def test_the_file_is_small_and_its_licence_is_beside_it() -> None:
    assert (FOLDER / "fashion.npz").stat().st_size < 3_000_000
    notice = (FOLDER / "fashion_license.txt").read_text(encoding="utf-8")
    assert "MIT License" in notice
    assert "Copyright © 2017 Zalando SE" in notice
    with np.load(FOLDER / "fashion.npz") as file:
        assert {name: file[name].dtype for name in file.files} == {
            "pixels": np.uint8,
            "classes": np.uint8,
            "test": bool,
        }
