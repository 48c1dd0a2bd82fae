"""Writes the golden values beside it with PyTorch, on the CPU in float64: ``python -m tests.golden.make_golden``.

It needs torch, keras and NumPy (last run with torch 2.13.0 and keras 3.15.1, on torch) and nothing of this project; the
tests need only the JSON.
A new layer, loss, optimizer or schedule is one row (rows.py, image_rows.py): its name and arguments in minidl, and the
same thing in PyTorch.

Conventions that differ:
- The weight of a Linear is (out, in), ours (in, out), so that it is transposed here. That of a convolution is
  (filters, channels, k, k), of a transposed one (channels, filters, k, k), ours (k, k, channels, filters).
- At predictions of exactly 0 or 1 BCELoss holds the logarithm at −100, ours at that of the smallest number, so that no
  such prediction is drawn.
- Beyond 20 Softplus takes y = x, ours the exact value, so that no such input is drawn.
- BatchNorm1d has the features of samples with two axes on the first one, ours on the last, so that samples with one
  axis are drawn.
- Masks of Dropout come from other random numbers: it is compared in evaluation only.

The learning rate stays outside the velocity, and Nesterov's step is η (g + μ v), in both.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn, optim

from tests.golden.image_rows import IMAGE_LAYERS
from tests.golden.rows import LAYERS, LOSSES, NETWORKS, OPTIMIZERS, PLATEAUS, SCHEDULES, Row, dense, labels, normal, row

HERE = Path(__file__).parent
Rng = np.random.Generator


def by_name(module: nn.Module, number: Callable[[Any], Any]) -> dict[str, Any]:
    """The values or gradients of all parameters, by their paths."""
    found = {}
    for path, part in module.named_modules():
        for name, parameter in part.named_parameters(recurse=False):
            array = number(parameter).detach().numpy()
            found[f"{path}.{name}".lstrip(".")] = (in_our_order(part, array) if name == "weight" else array).tolist()
    return found


def in_our_order(part: nn.Module, weight: Any) -> Any:
    if isinstance(part, nn.Linear):
        return weight.T
    if isinstance(part, nn.ConvTranspose2d):
        return np.moveaxis(weight, (0, 1), (-2, -1))
    if isinstance(part, nn.Conv1d | nn.Conv2d):
        kernel = np.moveaxis(weight, (1, 0), (-2, -1))
        return kernel if part.groups == 1 else kernel.reshape(*part.kernel_size, part.groups, -1)
    return weight


def values(module: nn.Module) -> dict[str, Any]:
    return by_name(module, lambda parameter: parameter)


def gradients(module: nn.Module) -> dict[str, Any]:
    return by_name(module, lambda parameter: parameter.grad)


def buffers(module: nn.Module) -> dict[str, Any]:
    return {name: buffer.tolist() for name, buffer in module.named_buffers() if "running" in name}


def fix(rng: Rng, module: nn.Module) -> nn.Module:
    """Give all parameters short random numbers."""
    for parameter in module.parameters():
        parameter.data = torch.tensor(normal(rng, *parameter.shape))
    return module


def layer_case(rng: Rng, layer: Row, *sample: int) -> dict[str, Any]:
    """Two batches in training and one in evaluation, of two samples if they are images, else of five."""
    module = fix(rng, layer.theirs)
    case = {**layer.ours, "parameters": values(module), "passes": []}
    for training in [False] if isinstance(module, nn.Dropout) else [True, True, False]:
        module.train(training)
        module.zero_grad()
        drawn = normal(rng, 2 if len(sample) == 3 else 5, *(sample or (4,)))
        if layer.name == "MaxPool2D":
            drawn = drawn.round()  # so that several numbers in a window are the largest
        x = torch.tensor(drawn, requires_grad=True)
        y = module(x)
        grad = torch.tensor(normal(rng, *y.shape))
        y.backward(grad)
        case["passes"].append(
            {
                "training": training,
                "x": x.tolist(),
                "y": y.tolist(),
                "grad": grad.tolist(),
                "grad_x": x.grad.tolist(),
                "gradients": gradients(module),
                "buffers": buffers(module),
            }
        )
    return case


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
    n, k = y.shape
    target = torch.tensor(rng.integers(0, k, n) if loss.name == "CrossEntropyLoss" else labels(rng, n, k))
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


def optimizer_case(rng: Rng, optimizer: Row, clip: dict[str, float] | None = None, l1: float = 0.0) -> dict[str, Any]:
    """Ten steps on all samples: the loss before each, without a penalty, and the parameters after each."""
    layers, loss = [dense(2, 2), row("Sigmoid", nn.Sigmoid()), dense(2, 1)], row("MSELoss", nn.MSELoss())
    module = fix(rng, nn.Sequential(*(layer.theirs for layer in layers)))
    x, target = torch.tensor(normal(rng, 6, 2)), torch.tensor(normal(rng, 6, 1))
    case = {"layers": [layer.ours for layer in layers], "loss": loss.ours, "parameters": values(module)}
    descent, losses, path, clip = optimizer.theirs(module.parameters()), [], [], clip or {}
    for _ in range(10):
        descent.zero_grad()
        value = loss.theirs(module(x), target)
        (value + l1 * sum(parameter.abs().sum() for parameter in module.parameters())).backward()
        if "norm" in clip:
            nn.utils.clip_grad_norm_(module.parameters(), clip["norm"])
        if "value" in clip:
            nn.utils.clip_grad_value_(module.parameters(), clip["value"])
        descent.step()
        losses.append(value.item())
        path.append(values(module))
    data = {"x": x.tolist(), "target": target.tolist(), "losses": losses, "path": path}
    return {**optimizer.ours, "clip": clip, "l1": l1, **case, **data}


def schedule_case(_rng: Rng, schedule: Row, steps: int) -> dict[str, Any]:
    """The factors of the first steps."""
    descent = optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler, factors = schedule.theirs(descent), []
    for _ in range(steps):
        factors.append(descent.param_groups[0]["lr"])
        descent.step()
        scheduler.step()
    return {**schedule.ours, "factors": factors}


def plateau_case(_rng: Rng, plateau: Row, measured: list[float]) -> dict[str, Any]:
    """The rates of the epochs that follow each measurement."""
    descent = optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler, rates = plateau.theirs(descent), []
    for value in measured:
        descent.step()
        scheduler.step(value)
        rates.append(descent.param_groups[0]["lr"])
    return {**plateau.ours, "values": measured, "rates": rates}


def write(name: str, make: Callable[..., dict[str, Any]], rows: list[Any]) -> None:
    """One case a line; each has a seed of its own, so that a new row at the end leaves the others as they are."""
    cases = [make(np.random.default_rng(seed), *arguments) for seed, arguments in enumerate(rows)]
    lines = ",\n".join(json.dumps(case) for case in cases)
    (HERE / f"{name}.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    write("layers", layer_case, [*LAYERS, *IMAGE_LAYERS])
    write("losses", loss_case, LOSSES)
    write("networks", network_case, NETWORKS)
    write("optimizers", optimizer_case, OPTIMIZERS)
    write("schedules", schedule_case, SCHEDULES)
    write("plateaus", plateau_case, PLATEAUS)
