"""PyTorch as its documentation teaches it: with its default, foreach and fused optimizers; and its products alone."""

from __future__ import annotations

from itertools import chain, pairwise
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812  (as PyTorch's documentation has it)

from tests.benchmarks.attention import Attention, Language, heads, matrices, texts
from tests.benchmarks.latency import Prediction, request, trained
from tests.benchmarks.sequences import Recurrence, recurrent, sequences
from tests.benchmarks.workloads import (
    Function,
    Images,
    Network,
    Rule,
    Run,
    data,
    kernels,
    moved,
    parameters,
    pictures,
    weights,
)

VERSION = f"PyTorch {torch.__version__}"
OPTIONS: dict[str, dict[str, bool]] = {"eager": {}, "foreach": {"foreach": True}, "fused": {"fused": True}}


def blas() -> str:
    """What its matrix products run on: MKL is built in, and does not show in threadpoolctl."""
    first = next((line.strip(" -") for line in torch.__config__.show().splitlines() if "Math Kernel" in line), "no MKL")
    return f"{first}, {torch.get_num_threads()} threads"


def network(spec: Network, variant: str) -> Run:
    return floor(spec) if variant == "floor" else model(spec, variant)


def floor(spec: Network) -> Run:
    """The matrix products alone, as in with_numpy.py."""
    shapes, batches = list(pairwise(spec.sizes)), -(-spec.samples // spec.batch)
    x = [torch.ones(spec.batch, a) for a in spec.sizes]
    grads = [torch.ones_like(array) for array in x]
    W = [torch.full(shape, 1e-3) for shape in shapes]
    dW = [torch.ones_like(array) for array in W]

    def run(epochs: int, _shuffle: bool) -> list[float]:
        for _ in range(epochs * batches):
            for i in range(len(W)):
                torch.mm(x[i], W[i], out=x[i + 1])
            for i in reversed(range(len(W))):
                torch.mm(x[i].T, grads[i + 1], out=dW[i])
                if i > 0:
                    torch.mm(grads[i + 1], W[i].T, out=grads[i])
            for array in (*x[1:], *grads[:-1]):  # products of products would soon overflow
                array[:1] = 1.0
        return []

    return run


def perceptron(pairs: Any) -> Any:
    layers = list(chain.from_iterable((nn.Linear(*W.shape), nn.ReLU()) for W, _ in pairs))
    net = nn.Sequential(*layers[:-1]).to(torch.from_numpy(pairs[0][0]).dtype)
    with torch.no_grad():
        for layer, (W, b) in zip(layers[::2], pairs, strict=True):
            layer.weight.copy_(torch.from_numpy(W.T.copy()))
            layer.bias.copy_(torch.from_numpy(b))
    return net


def prediction(spec: Prediction, variant: str) -> Run:
    net, x = perceptron(trained(spec)).eval(), request(spec)
    tensor = torch.from_numpy(x)

    def with_arrays() -> Any:
        with torch.inference_mode():
            return net(torch.from_numpy(x)).numpy()

    def with_tensors() -> Any:
        with torch.inference_mode():
            return net(tensor)

    call = with_tensors if variant == "tensors" else with_arrays

    def run(calls: int, _shuffle: bool) -> list[float]:
        for _ in range(calls):
            y = call()
        figures: list[float] = y.ravel().tolist()
        return figures

    return run


def model(spec: Network, variant: str) -> Run:
    net = perceptron(weights(spec))
    criterion = nn.BCEWithLogitsLoss() if spec.binary else nn.CrossEntropyLoss()
    optimizer = rule(spec.rule, net.parameters(), spec.lr, variant)
    x, y = (torch.from_numpy(array) for array in data(spec))
    return fitting(net, criterion, optimizer, x, y, spec.batch)


def images(spec: Images, variant: str) -> Run:
    """In channels_last, which is the faster layout."""
    one, two, three = kernels(spec)
    a, b, c = spec.channels
    first, second = nn.Conv2d(a, b, 3, padding=1), nn.Conv2d(b, c, 3, padding=1)
    last = nn.Linear(*three.shape)
    net = nn.Sequential(first, nn.ReLU(), nn.MaxPool2d(2), second, nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), last)
    side = spec.size // 4
    # Flatten takes the channels first here, and last in minidl.
    ordered = three.reshape(side, side, c, 10).transpose(3, 2, 0, 1).reshape(10, -1)
    turned = [weight.transpose(3, 2, 0, 1) for weight in (one, two)]
    with torch.no_grad():
        for layer, weight in zip((first, second, last), (*turned, ordered), strict=True):
            layer.weight.copy_(torch.from_numpy(weight.copy()))
            layer.bias.zero_()
    net = net.to(memory_format=torch.channels_last)
    x, y = (torch.from_numpy(array) for array in pictures(spec))
    x = x.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
    return fitting(net, nn.CrossEntropyLoss(), rule("sgd", net.parameters(), spec.lr, variant), x, y, spec.batch)


class Recurrent(nn.Module):  # type: ignore[misc]
    """A recurrent layer of PyTorch and a linear one on each of its outputs."""

    def __init__(self, spec: Recurrence) -> None:
        super().__init__()
        self.layer = getattr(nn, spec.kind)(spec.inputs, spec.units, batch_first=True)
        self.last = nn.Linear(spec.units, 1)

    def forward(self, x: Any) -> Any:
        return self.last(self.layer(x)[0])


def recurrence(spec: Recurrence, variant: str) -> Run:
    net = Recurrent(spec)
    own = [net.layer.weight_ih_l0, net.layer.weight_hh_l0, net.last.weight]
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.zero_()
        for parameter, weight in zip(own, recurrent(spec), strict=True):
            parameter.copy_(torch.from_numpy(weight.T.copy()))
    # Of two biases that are added, only one learns, as in minidl: together they would learn at twice the rate.
    single = torch.zeros_like(net.layer.bias_hh_l0)
    if spec.kind == "GRU":
        single[2 * spec.units :] = 1
    net.layer.bias_hh_l0.register_hook(lambda grad: grad * single)
    x, y = (torch.from_numpy(array) for array in sequences(spec))
    return fitting(net, nn.MSELoss(), rule("sgd", net.parameters(), spec.lr, variant), x, y, spec.batch)


class Block(nn.Module):  # type: ignore[misc]  # torch is not there when types are checked
    """A pre-norm block on `scaled_dot_product_attention`."""

    def __init__(self, d: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm, self.norm_2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.input, self.output = nn.Linear(d, 3 * d), nn.Linear(d, d)
        self.wide, self.narrow = nn.Linear(d, 4 * d), nn.Linear(4 * d, d)

    def forward(self, x: Any) -> Any:
        n, t, d = x.shape
        q, k, v = self.input(self.norm(x)).view(n, t, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.output(y.transpose(1, 2).reshape(n, t, d))
        return x + self.narrow(F.gelu(self.wide(self.norm_2(x))))


class Transformer(nn.Module):  # type: ignore[misc]
    """What predicts the next character. Its scores have the ids second, as `CrossEntropyLoss` takes them."""

    def __init__(self, spec: Language) -> None:
        super().__init__()
        d = spec.features
        self.ids, self.positions = nn.Embedding(spec.ids, d), nn.Embedding(spec.length, d)
        self.blocks = nn.Sequential(*(Block(d, spec.heads) for _ in range(spec.blocks)))
        self.norm, self.scores = nn.LayerNorm(d), nn.Linear(d, spec.ids)

    def forward(self, x: Any) -> Any:
        return self.scores(self.norm(self.blocks(self.ids(x) + self.positions.weight))).movedim(-1, 1)


def language(spec: Language, variant: str) -> Run:
    net, given = Transformer(spec), iter(matrices(spec).values())
    linear = [each for block in net.blocks for each in (block.input, block.output, block.wide, block.narrow)]
    with torch.no_grad():
        for layer in (net.ids, net.positions):
            layer.weight.copy_(torch.from_numpy(next(given)))
        for layer in (*linear, net.scores):
            layer.weight.copy_(torch.from_numpy(next(given).T.copy()))
            layer.bias.zero_()
    x, y = (torch.from_numpy(array) for array in texts(spec))
    return fitting(net, nn.CrossEntropyLoss(), rule("sgd", net.parameters(), spec.lr, variant), x, y, spec.batch)


def attention(spec: Attention, _: str) -> Run:
    array, grad = (torch.from_numpy(each) for each in heads(spec))
    x, g = array.clone().requires_grad_(), grad.view(spec.batch, spec.length, spec.heads, -1).transpose(1, 2)

    def run(steps: int, _shuffle: bool) -> list[float]:
        for _ in range(steps):
            x.grad = None
            q, k, v = x.view(spec.batch, spec.length, 3, spec.heads, -1).permute(2, 0, 3, 1, 4)
            y = F.scaled_dot_product_attention(q, k, v, is_causal=spec.causal)
            y.backward(g)
        return [y.abs().mean().item(), x.grad.abs().mean().item()]

    return run


def fitting(net: Any, criterion: Any, optimizer: Any, x: Any, y: Any, batch: int) -> Run:
    full = batch >= len(x)

    def step(x: Any, y: Any) -> float:
        optimizer.zero_grad(set_to_none=True)
        loss = criterion(net(x), y)
        loss.backward()
        optimizer.step()
        value: float = loss.item()
        return value

    def run(epochs: int, shuffle: bool) -> list[float]:
        net.train()
        means = []
        for _ in range(epochs):
            losses = []
            if full:
                losses.append(step(x, y) * len(x))
            else:
                order = torch.randperm(len(x)) if shuffle else torch.arange(len(x))
                for chosen in order.split(batch):
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
        return [moved(spec, [parameter.detach().numpy() for parameter in owned])]

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
