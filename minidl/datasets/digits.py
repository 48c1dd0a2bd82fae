"""Handwritten digits."""

from __future__ import annotations

import os

import numpy as np

from minidl.typing import Array

__all__ = ["load_digits"]


def load_digits() -> tuple[Array, Array, Array, Array]:
    """1,797 handwritten digits of 8 × 8 grey pixels by 13 people, split 3 : 1 into training and test data.

    The split is fixed and stratified: a quarter of each digit is for testing. Each writer may appear in both parts.

    Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository
    (1998), doi.org/10.24432/C50P49. These are its test set, as in scikit-learn. Licence CC BY 4.0.

    Returns:
        x_train (1347, 64), y_train (1347,), x_test (450, 64), y_test (450,). x is in [0, 1], y holds integers 0 to 9.

    >>> x_train, y_train, x_test, y_test = load_digits()
    >>> x_train.shape, x_test.shape, y_test[:5]
    ((1347, 64), (450, 64), array([1, 5, 9, 2, 4]))
    """
    # Not pathlib, whose import takes longer than all of minidl.datasets.
    with np.load(os.path.join(os.path.dirname(__file__), "digits.npz")) as file:
        x, y, test = file["pixels"] / 16.0, file["classes"].astype(np.int64), file["test"]
    return x[~test], y[~test], x[test], y[test]
