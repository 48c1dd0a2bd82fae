"""Small images shipped with the package."""

from __future__ import annotations

import os

import numpy as np

from minidl.typing import Array

__all__ = ["load_digits", "load_fashion"]


def load_digits(*, images: bool = False) -> tuple[Array, Array, Array, Array]:
    """1,797 handwritten digits of 8 × 8 grey pixels by 13 people, split 3 : 1 into training and test data.

    The split is fixed and stratified: a quarter of each digit is for testing. Each writer may appear in both parts.

    Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository
    (1998), doi.org/10.24432/C50P49. These are its test set, as in scikit-learn. Licence CC BY 4.0.

    Args:
        images: whether a sample is an image (8, 8, 1), as convolutions take it, instead of a row (64,).

    Returns:
        x_train (1347, 64), y_train (1347,), x_test (450, 64), y_test (450,). x is in [0, 1], y holds integers 0 to 9.

    >>> x_train, y_train, x_test, y_test = load_digits()
    >>> x_train.shape, x_test.shape, y_test[:5]
    ((1347, 64), (450, 64), array([1, 5, 9, 2, 4]))
    >>> load_digits(images=True)[0].shape
    (1347, 8, 8, 1)
    """
    pixels, classes, test = _read("digits.npz")
    return _split(pixels / 16.0, classes, test, (8, 8, 1) if images else (64,))


def load_fashion(*, images: bool = False) -> tuple[Array, Array, Array, Array]:
    """7,000 grey images of clothes, 28 × 28 pixels: a subset of Fashion-MNIST with 600 + 100 of each class.

    The classes 0 to 9 are T-shirt, trouser, pullover, dress, coat, sandal, shirt, sneaker, bag and ankle boot. The
    training data are the first 600 of each class in the original training set, the test data the first 100 of each in
    the original test set, in the original order. `read_idx` reads the files of all 70,000 images.

    Source: H. Xiao, K. Rasul and R. Vollgraf, Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning
    Algorithms (2017), arXiv:1708.07747. Copyright 2017 Zalando SE, MIT licence, in the file fashion_license.txt.

    Args:
        images: whether a sample is an image (28, 28, 1), as convolutions take it, instead of a row (784,).

    Returns:
        x_train (6000, 784), y_train (6000,), x_test (1000, 784), y_test (1000,). x is in [0, 1], y holds integers 0
        to 9.

    >>> x_train, y_train, x_test, y_test = load_fashion(images=True)
    >>> x_train.shape, x_test.shape, y_test[:5]
    ((6000, 28, 28, 1), (1000, 28, 28, 1), array([9, 2, 1, 1, 6]))
    """
    pixels, classes, test = _read("fashion.npz")
    # The file holds the columns of each image one after the other, which compresses 3 % better than the rows.
    rows = pixels.transpose(0, 2, 1).reshape(len(pixels), -1)
    return _split(rows / 255.0, classes, test, (28, 28, 1) if images else (784,))


def _read(name: str) -> tuple[Array, Array, Array]:
    """Return the pixels, the classes and which samples are for testing."""
    # Not pathlib, whose import takes longer than all of minidl.datasets.
    with np.load(os.path.join(os.path.dirname(__file__), name)) as file:
        return file["pixels"], file["classes"].astype(np.int64), file["test"]


def _split(x: Array, y: Array, test: Array, shape: tuple[int, ...]) -> tuple[Array, Array, Array, Array]:
    x = x.reshape(len(x), *shape)
    return x[~test], y[~test], x[test], y[test]
