"""Writes the golden values beside it with PyTorch, on the CPU in float64: ``python tests/golden/make_golden.py``.

It needs torch and NumPy (last run with torch 2.13.0) and nothing of this project; the tests need only the JSON.
A new layer, loss or optimizer is one row: its name and arguments in minidl, and the same thing in PyTorch.

Conventions that differ: the weight of a Linear is (out, in), ours (in, out), so that it is transposed here; at
predictions of exactly 0 or 1 BCELoss holds the logarithm at −100, ours at that of the smallest number, so that no
such prediction is drawn. The learning rate stays outside the velocity, and Nesterov's step is η (g + μ v), in both.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn, optim

HERE = Path(__file__).parent
NAMES: dict[type, dict[str, str]] = {}
"""How minidl calls the parameters of a PyTorch module; alike if it is not listed."""

Rng = np.random.Generator
torch.set_default_dtype(torch.float64)


class Row(NamedTuple):
    """A thing by its name and arguments in minidl, and the same in PyTorch."""

    name: str
    theirs: Any
    kwargs: dict[str, Any]

    @property
    def ours(self) -> dict[str, Any]:
        return {"name": self.name, "kwargs": self.kwargs}


def row(name: str, theirs: Any, **kwargs: Any) -> Row:
    return Row(name, theirs, kwargs)


def dense(inputs: int, outputs: int) -> Row:
    return row("Dense", nn.Linear(inputs, outputs), inputs=inputs, outputs=outputs)


def normal(rng: Rng, *shape: int) -> Any:
    return rng.normal(size=shape).round(3)


def labels(rng: Rng, *shape: int) -> Any:
    """Hard labels 0 and 1, and soft ones between."""
    return np.clip(rng.uniform(-0.5, 1.5, shape), 0, 1).round(2)


def numbers(rng: Rng) -> tuple[Any, Any]:
    return normal(rng, 5, 2), normal(rng, 5, 2)


def probabilities(rng: Rng) -> tuple[Any, Any]:
    return rng.uniform(0.02, 0.98, (5, 2)).round(3), labels(rng, 5, 2)


def logits(rng: Rng) -> tuple[Any, Any]:
    return 4 * normal(rng, 5, 2), labels(rng, 5, 2)


LAYERS = [
    dense(4, 3),
    row("Dense", nn.Linear(4, 3, bias=False), inputs=4, outputs=3, use_bias=False),
    row("ReLU", nn.ReLU()),
    row("Sigmoid", nn.Sigmoid()),
]

LOSSES: list[tuple[Row, Callable[[Rng], tuple[Any, Any]]]] = [
    (row("MSELoss", nn.MSELoss()), numbers),
    (row("BCELoss", nn.BCELoss()), probabilities),
    (row("BCEWithLogitsLoss", nn.BCEWithLogitsLoss()), logits),
]

NETWORKS = [
    ([dense(2, 4), row("ReLU", nn.ReLU()), dense(4, 1), row("Sigmoid", nn.Sigmoid())], row("BCELoss", nn.BCELoss())),
    ([dense(3, 4), row("ReLU", nn.ReLU()), dense(4, 2)], row("BCEWithLogitsLoss", nn.BCEWithLogitsLoss())),
    (
        [dense(3, 3), row("Sigmoid", nn.Sigmoid()), dense(3, 3), row("ReLU", nn.ReLU()), dense(3, 2)],
        row("MSELoss", nn.MSELoss()),
    ),
]

OPTIMIZERS = [
    row("SGD", lambda p: optim.SGD(p, lr=0.2), lr=0.2),
    row("Momentum", lambda p: optim.SGD(p, lr=0.1, momentum=0.8), lr=0.1, momentum=0.8),
    row(
        "Momentum",
        lambda p: optim.SGD(p, lr=0.1, momentum=0.8, nesterov=True),
        lr=0.1,
        momentum=0.8,
        nesterov=True,
    ),
]


def by_name(module: nn.Module, number: Callable[[Any], Any]) -> dict[str, Any]:
    """The values or gradients of all parameters, by their paths in minidl."""
    found = {}
    for path, part in module.named_modules():
        for name, parameter in part.named_parameters(recurse=False):
            array = number(parameter).detach().numpy()
            key = NAMES.get(type(part), {}).get(name, name)
            found[f"{path}.{key}".lstrip(".")] = (array.T if isinstance(part, nn.Linear) else array).tolist()
    return found


def values(module: nn.Module) -> dict[str, Any]:
    return by_name(module, lambda parameter: parameter)


def gradients(module: nn.Module) -> dict[str, Any]:
    return by_name(module, lambda parameter: parameter.grad)


def fix(rng: Rng, module: nn.Module) -> nn.Module:
    """Give all parameters short random numbers."""
    for parameter in module.parameters():
        parameter.data = torch.tensor(normal(rng, *parameter.shape))
    return module


def layer_case(rng: Rng, layer: Row) -> dict[str, Any]:
    module = fix(rng, layer.theirs)
    x = torch.tensor(normal(rng, 5, 4), requires_grad=True)
    y = module(x)
    grad = torch.tensor(normal(rng, *y.shape))
    y.backward(grad)
    return {
        **layer.ours,
        "parameters": values(module),
        "x": x.tolist(),
        "y": y.tolist(),
        "grad": grad.tolist(),
        "grad_x": x.grad.tolist(),
        "gradients": gradients(module),
    }


def loss_case(rng: Rng, loss: Row, draw: Callable[[Rng], tuple[Any, Any]]) -> dict[str, Any]:
    drawn, target = draw(rng)
    prediction = torch.tensor(drawn, requires_grad=True)
    value = loss.theirs(prediction, torch.tensor(target))
    value.backward()
    return {
        **loss.ours,
        "prediction": prediction.tolist(),
        "target": target.tolist(),
        "value": value.item(),
        "grad": prediction.grad.tolist(),
    }


def network_case(rng: Rng, layers: list[Row], loss: Row) -> dict[str, Any]:
    module = fix(rng, nn.Sequential(*(layer.theirs for layer in layers)))
    x = torch.tensor(normal(rng, 6, layers[0].kwargs["inputs"]), requires_grad=True)
    case = {"layers": [layer.ours for layer in layers], "loss": loss.ours, "parameters": values(module)}
    y = module(x)
    target = torch.tensor(labels(rng, *y.shape))
    value = loss.theirs(y, target)
    value.backward()
    return {
        **case,
        "x": x.tolist(),
        "target": target.tolist(),
        "y": y.tolist(),
        "value": value.item(),
        "grad_x": x.grad.tolist(),
        "gradients": gradients(module),
    }


def optimizer_case(rng: Rng, optimizer: Row) -> dict[str, Any]:
    """Ten steps on all samples: the loss before each, and the parameters after each."""
    layers, loss = [dense(2, 2), row("Sigmoid", nn.Sigmoid()), dense(2, 1)], row("MSELoss", nn.MSELoss())
    module = fix(rng, nn.Sequential(*(layer.theirs for layer in layers)))
    x, target = torch.tensor(normal(rng, 6, 2)), torch.tensor(normal(rng, 6, 1))
    case = {"layers": [layer.ours for layer in layers], "loss": loss.ours, "parameters": values(module)}
    descent, losses, path = optimizer.theirs(module.parameters()), [], []
    for _ in range(10):
        descent.zero_grad()
        value = loss.theirs(module(x), target)
        value.backward()
        descent.step()
        losses.append(value.item())
        path.append(values(module))
    return {**optimizer.ours, **case, "x": x.tolist(), "target": target.tolist(), "losses": losses, "path": path}


def write(name: str, make: Callable[..., dict[str, Any]], rows: list[Any]) -> None:
    """One case a line; each has a seed of its own, so that a new row at the end leaves the others as they are."""
    cases = [make(np.random.default_rng(seed), *arguments) for seed, arguments in enumerate(rows)]
    lines = ",\n".join(json.dumps(case) for case in cases)
    (HERE / f"{name}.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    write("layers", layer_case, [(layer,) for layer in LAYERS])
    write("losses", loss_case, LOSSES)
    write("networks", network_case, NETWORKS)
    write("optimizers", optimizer_case, [(optimizer,) for optimizer in OPTIMIZERS])
