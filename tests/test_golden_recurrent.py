"""Recurrent layers against PyTorch: the file written by golden/make_recurrent.py.

The conversion of PyTorch's parameters is the one that the page *Coming from* describes.
"""

import json
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import Bidirectional, Layer
from minidl.layers.recurrence import Recurrent
from minidl.typing import Array
from tests.test_golden import FOLDER, agree

CASES = json.loads((FOLDER / "recurrent.json").read_text(encoding="utf-8"))


def name_of(case: dict[str, Any]) -> str:
    marks = ("bidirectional", "lengths", "return_sequences")
    return " ".join([case["kind"], *(mark for mark in marks if case[mark])])


def parameters(kind: str, torchs: dict[str, Any], suffix: str, *, gradients: bool = False) -> dict[str, Array]:
    """Those of minidl, for one direction of those of PyTorch. The gradient of a sum is that of each of its terms."""
    w, u, b, c = (np.array(torchs[f"{n}_l0{suffix}"]) for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
    inner = c[2 * len(c) // 3 :] if kind == "GRU" else c[:0]
    outer = c[: len(c) - len(inner)]
    total = b.copy()
    if not gradients:
        total[: len(outer)] += outer
    return {"weight": w.T, "recurrent_weight": u.T, "bias": np.append(total, inner)}


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_recurrent_layers(case: dict[str, Any]) -> None:
    kind, lengths = case["kind"], case["lengths"]
    x, grad = np.array(case["x"]), np.array(case["grad"])

    def make(suffix: str) -> Recurrent:
        layer: Recurrent = getattr(minidl, kind)(3, 2, return_sequences=case["return_sequences"])
        for name, value in parameters(kind, case["parameters"], suffix).items():
            getattr(layer, name).value = value
        return layer

    single = make("")
    layer: Layer = Bidirectional(single, make("_reverse")) if case["bidirectional"] else single
    mask = np.arange(x.shape[1]) < np.array(lengths or [x.shape[1]] * len(x))[:, None]
    y = layer.forward(x if lengths is None else (x, mask))  # type: ignore[arg-type]
    dx = layer.backward(grad)
    # PyTorch fills the outputs behind the end of a sequence with zeros.
    agree(y[mask] if case["return_sequences"] else y, np.array(case["y"])[mask if case["return_sequences"] else ...])
    agree(dx if lengths is None else dx[0], case["grad_x"])
    sides = [(single, "")]
    if isinstance(layer, Bidirectional):
        sides.append((layer.backward_layer, "_reverse"))
    for each, suffix in sides:
        for name, expected in parameters(kind, case["gradients"], suffix, gradients=True).items():
            agree(getattr(each, name).grad, expected)


def test_all_kinds_are_there() -> None:
    assert len({name_of(case) for case in CASES}) == len(CASES) == 24
