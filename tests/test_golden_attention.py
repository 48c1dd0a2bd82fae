"""Attention, transformer blocks and positions against PyTorch: the file written by golden/make_attention.py."""

import json
from typing import Any

import numpy as np
import pytest

import minidl
from minidl.typing import Array
from tests.test_golden import FOLDER, TOLERANCE, set_parameters

CASES = json.loads((FOLDER / "attention.json").read_text(encoding="utf-8"))


def title(case: dict[str, Any]) -> str:
    return "-".join([case["name"], *map(str, case["kwargs"].values()), "masked" if case["mask"] else ""])


@pytest.mark.parametrize("case", CASES, ids=title)
def test_layers(case: dict[str, Any]) -> None:
    layer = getattr(minidl, case["name"])(**case["kwargs"])
    set_parameters(layer, case["parameters"])
    mask, grad = None if case["mask"] is None else np.array(case["mask"]), np.array(case["grad"])
    inputs = [np.array(x) for x in case["x"]]
    x = inputs[0] if len(inputs) == 1 else tuple(inputs)
    y = layer.forward(x if mask is None else (x, mask))
    if case["name"] == "TransformerBlock" and mask is not None:
        y, grad = y * mask[..., None], grad * mask[..., None]  # masked positions go through the dense layers alone
    agree(y, case["y"])
    if case["attention"] is not None:
        attention = np.array(case["attention"])
        # PyTorch's masked positions look at themselves, so that no row is empty. Their rows mean nothing.
        rows = np.ones(y.shape[:2], bool) if mask is None or len(inputs) > 1 else mask
        keys = np.ones(attention.shape[::3], bool) if mask is None else mask
        agree(layer.attention * rows[:, None, :, None], attention * rows[:, None, :, None] * keys[:, None, None, :])
    dx = layer.backward(grad)
    for name, parameter in layer.named_parameters():
        agree(parameter.grad, case["gradients"][name])
    dx = dx if mask is None else dx[0]
    for found, expected in zip(dx if len(inputs) > 1 else (dx,), case["grad_x"], strict=True):
        agree(found, expected)


def agree(found: Array, expected: Any) -> None:
    # A bias of the keys moves all scores of a row alike. So its gradient is 0, and what is found there is rounding.
    np.testing.assert_allclose(found, expected, rtol=TOLERANCE, atol=1e-13)
