"""Writes branches.json beside it with PyTorch, on the CPU in float64: ``python -m tests.golden.make_branches``.

It needs torch and NumPy (last run with torch 2.13.0) and nothing of this project. A case is a network as a plain
function of named parameters and inputs. `tests.test_golden_branches` builds the same network of minidl's layers.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F  # noqa: N812  (as PyTorch's documentation has it)

HERE = Path(__file__).parent
Tensors = dict[str, Any]

rng = np.random.default_rng(0)


def numbers(*shape: int) -> Any:
    return torch.tensor(rng.normal(size=shape).round(3))


def dense(p: Tensors, name: str, x: Any) -> Any:
    return x @ p[f"{name}.weight"] + p[f"{name}.bias"]


def wide_and_deep(p: Tensors, x: Any) -> Any:
    return dense(p, "0.0", x) + dense(p, "0.1.2", torch.relu(dense(p, "0.1.0", x)))


def two_inputs(p: Tensors, ids: Any, x: Any) -> Any:
    words = F.embedding(ids, p["0.0.0.weight"]).flatten(1)
    return dense(p, "2", torch.cat([words, torch.tanh(dense(p, "0.1.0", x))], dim=-1))


def siamese(p: Tensors, a: Any, b: Any) -> Any:
    return torch.tanh(dense(p, "0.layer.0", a)) * torch.tanh(dense(p, "0.layer.0", b))


def tied_embedding(p: Tensors, ids: Any) -> Any:
    return torch.tanh(dense(p, "1", F.embedding(ids, p["0.weight"]))) @ p["0.weight"].T


def tied_autoencoder(p: Tensors, x: Any) -> Any:
    return torch.sigmoid(dense(p, "0", x)) @ p["0.weight"].T


def of_sequences(p: Tensors, x: Any) -> Any:
    return torch.cat([dense(p, "0.0", x), x], dim=1)


def layer(name: str, inputs: int, outputs: int) -> Tensors:
    return {f"{name}.weight": numbers(inputs, outputs), f"{name}.bias": numbers(outputs)}


def ids(*shape: int) -> Any:
    return torch.tensor(rng.integers(0, 6, shape))


NETWORKS: list[tuple[Callable[..., Any], Tensors, list[Any]]] = [
    (wide_and_deep, layer("0.0", 3, 2) | layer("0.1.0", 3, 4) | layer("0.1.2", 4, 2), [numbers(5, 3)]),
    (two_inputs, {"0.0.0.weight": numbers(6, 2)} | layer("0.1.0", 3, 2) | layer("2", 8, 1), [ids(5, 3), numbers(5, 3)]),
    (siamese, layer("0.layer.0", 3, 2), [numbers(5, 3), numbers(5, 3)]),
    (tied_embedding, {"0.weight": numbers(6, 2)} | layer("1", 2, 2), [ids(5, 4)]),
    (tied_autoencoder, layer("0", 5, 2), [numbers(5, 5)]),
    (of_sequences, layer("0.0", 3, 3), [numbers(4, 2, 3)]),
]

SCORES = 3 * numbers(4, 3, 5)
LOSSES: list[tuple[Any, float]] = [
    (ids(4, 3) % 5, 0.0),
    (ids(4, 3) % 5, 0.1),
    (torch.tensor(rng.dirichlet(np.ones(5), (4, 3))), 0.0),
    (torch.tensor(rng.dirichlet(np.ones(5), (4, 3))), 0.2),
]


def network_case(function: Callable[..., Any], parameters: Tensors, inputs: list[Any]) -> dict[str, Any]:
    floats = [x for x in [*parameters.values(), *inputs] if x.is_floating_point()]
    for tensor in floats:
        tensor.requires_grad_()
    y = function(parameters, *inputs)
    grad = numbers(*y.shape)
    y.backward(grad)
    return {
        "name": function.__name__,
        "parameters": {name: tensor.tolist() for name, tensor in parameters.items()},
        "x": [x.tolist() for x in inputs],
        "y": y.tolist(),
        "grad": grad.tolist(),
        "grad_x": [x.grad.tolist() if x.is_floating_point() else None for x in inputs],
        "gradients": {name: tensor.grad.tolist() for name, tensor in parameters.items()},
    }


def loss_case(target: Any, smoothing: float) -> dict[str, Any]:
    scores = SCORES.clone().requires_grad_()
    # PyTorch has the axis of classes second.
    moved = target.movedim(-1, 1) if target.is_floating_point() else target
    value = F.cross_entropy(scores.movedim(-1, 1), moved, label_smoothing=smoothing)
    value.backward()
    return {
        "label_smoothing": smoothing,
        "prediction": scores.tolist(),
        "target": target.tolist(),
        "value": value.item(),
        "grad": scores.grad.tolist(),
    }


if __name__ == "__main__":
    cases = {"networks": [network_case(*row) for row in NETWORKS], "losses": [loss_case(*row) for row in LOSSES]}
    (HERE / "branches.json").write_text(json.dumps(cases) + "\n", encoding="utf-8")
