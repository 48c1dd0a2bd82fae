"""Branches, shared weights, ids and further axes against PyTorch: the file written by golden/make_branches.py."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from minidl import (
    Add,
    Branches,
    Concatenate,
    CrossEntropyLoss,
    Dense,
    Embedding,
    Flatten,
    Identity,
    Layer,
    Multiply,
    Parallel,
    ReLU,
    Sequential,
    Siamese,
    Sigmoid,
    Tanh,
    Tied,
)
from tests.test_golden import FOLDER, agree, gradients_agree, set_parameters

CASES = json.loads((FOLDER / "branches.json").read_text(encoding="utf-8"))

NETWORKS: dict[str, Callable[[], Layer]] = {
    "wide_and_deep": lambda: Sequential(Branches(Dense(3, 2), Sequential(Dense(3, 4), ReLU(), Dense(4, 2))), Add()),
    "two_inputs": lambda: Sequential(
        Parallel(Sequential(Embedding(6, 2), Flatten()), Sequential(Dense(3, 2), Tanh())), Concatenate(), Dense(8, 1)
    ),
    "siamese": lambda: Sequential(Siamese(Sequential(Dense(3, 2), Tanh())), Multiply()),
    "tied_embedding": lambda: Tied(Embedding(6, 2), Dense(2, 2), Tanh()),
    "tied_autoencoder": lambda: Tied(Dense(5, 2), Sigmoid()),
    "of_sequences": lambda: Sequential(Branches(Dense(3, 3), Identity()), Concatenate(axis=1)),
}


@pytest.mark.parametrize("case", CASES["networks"], ids=lambda case: case["name"])
def test_networks(case: dict[str, Any]) -> None:
    model = NETWORKS[case["name"]]()
    set_parameters(model, case["parameters"])
    x = tuple(map(np.array, case["x"]))
    agree(model.forward(x if len(x) > 1 else x[0]), case["y"])  # type: ignore[arg-type]
    dx = model.backward(np.array(case["grad"]))
    gradients_agree(model, case["gradients"])
    for found, expected in zip(dx if len(x) > 1 else (dx,), case["grad_x"], strict=True):
        agree(found, np.zeros(found.shape) if expected is None else expected)


@pytest.mark.parametrize("case", CASES["losses"])
def test_cross_entropy_with_further_axes_and_probabilities(case: dict[str, Any]) -> None:
    loss = CrossEntropyLoss(case["label_smoothing"])
    agree(loss(case["prediction"], case["target"]), case["value"])
    agree(loss.backward(), case["grad"])
    assert len(CASES["networks"]) == len(NETWORKS)
