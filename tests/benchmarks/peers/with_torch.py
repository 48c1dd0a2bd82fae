"""PyTorch as its documentation teaches it, with its default, its foreach and its fused optimizers."""

from __future__ import annotations

from itertools import chain
from typing import Any

import torch
from torch import nn

from tests.benchmarks.workloads import Function, Network, Rule, Run, data, parameters, sample, weights

VERSION = f"PyTorch {torch.__version__}"
OPTIONS: dict[str, dict[str, bool]] = {"eager": {}, "foreach": {"foreach": True}, "fused": {"fused": True}}


def blas() -> str:
    """What its matrix products run on: MKL is built in, and does not show in threadpoolctl."""
    first = next((line.strip(" -") for line in torch.__config__.show().splitlines() if "Math Kernel" in line), "no MKL")
    return f"{first}, {torch.get_num_threads()} threads"


def network(spec: Network, variant: str) -> Run:
    layers = list(chain.from_iterable((nn.Linear(*W.shape), nn.ReLU()) for W, _ in weights(spec)))
    model = nn.Sequential(*layers[:-1]).to(getattr(torch, spec.dtype))
    with torch.no_grad():
        for layer, (W, b) in zip(layers[::2], weights(spec), strict=True):
            layer.weight.copy_(torch.from_numpy(W.T.copy()))
            layer.bias.copy_(torch.from_numpy(b))
    criterion = nn.BCEWithLogitsLoss() if spec.binary else nn.CrossEntropyLoss()
    optimizer = rule(spec.rule, model.parameters(), spec.lr, variant)
    x, y = (torch.from_numpy(array) for array in data(spec))
    full = spec.batch >= len(x)

    def step(x: Any, y: Any) -> float:
        optimizer.zero_grad(set_to_none=True)
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        value: float = loss.item()
        return value

    def run(epochs: int, shuffle: bool) -> list[float]:
        model.train()
        means = []
        for _ in range(epochs):
            losses = []
            if full:
                losses.append(step(x, y) * len(x))
            else:
                order = torch.randperm(len(x)) if shuffle else torch.arange(len(x))
                for chosen in order.split(spec.batch):
                    losses.append(step(x[chosen], y[chosen]) * len(chosen))
            means.append(sum(losses) / len(x))
        return means

    return run


def function(spec: Function, variant: str) -> Run:
    def valley(p: Any) -> Any:
        x, y = p
        return (3 - x * x * x) + 50 * (2 * y * y - x) ** 2

    def banana(p: Any) -> Any:
        x, y = p
        return 100 * (y - x * x) ** 2 + (1 - x) ** 2

    f = {"CubicValley": valley, "Rosenbrock": banana}[spec.name]

    def run(steps: int, _shuffle: bool) -> list[float]:
        p = torch.tensor(spec.start, dtype=torch.float64, requires_grad=True)
        optimizer, losses = rule("sgd", [p], spec.lr, variant), []
        for _ in range(steps):
            optimizer.zero_grad(set_to_none=True)
            loss = f(p)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        return losses

    return run


def optimizer(spec: Rule, variant: str) -> Run:
    values, grads = parameters(spec.shapes)
    owned = [torch.from_numpy(value.copy()).requires_grad_() for value in values]
    for parameter, grad in zip(owned, grads, strict=True):
        parameter.grad = torch.from_numpy(grad)
    descent = rule(spec.rule, owned, spec.lr, variant)

    def run(steps: int, _shuffle: bool) -> list[float]:
        for _ in range(steps):
            descent.step()
        return [sample([parameter.detach().numpy() for parameter in owned])]

    return run


def rule(name: str, owned: Any, lr: float, variant: str) -> Any:
    options: dict[str, Any] = dict(OPTIONS[variant])
    if name in ("sgd", "momentum"):
        return torch.optim.SGD(owned, lr=lr, momentum=0.9 if name == "momentum" else 0.0, **options)
    if name == "adamw":
        options["weight_decay"] = 0.01
    if name == "rmsprop" and variant == "fused":
        raise NotImplementedError("PyTorch has no fused RMSprop")
    kinds = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "rmsprop": torch.optim.RMSprop}
    return kinds[name](owned, lr=lr, **options)
