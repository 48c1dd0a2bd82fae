"""Networks in plain Python, on lists of lists and without a single line of the package: slow, and easy to believe.

A batch is a list of samples, a sample a list of numbers. A network is a list of pairs: the name of the layer's class,
and its parameters by name as nested lists. A new layer or loss is one row in its table.
"""

from collections.abc import Callable, Sequence
from math import cosh, exp, log, log1p, tanh
from typing import Any, NamedTuple, TypeAlias

Sample: TypeAlias = list[float]
Batch: TypeAlias = list[Sample]
Parameters: TypeAlias = dict[str, Any]
Network: TypeAlias = Sequence[tuple[str, Parameters]]
Rule: TypeAlias = Callable[[float, list[float]], float]


class Layer(NamedTuple):
    """y of a batch x, and from x and dL/dy the pair dL/dx and dL/dparameters."""

    forward: Callable[[Batch, Parameters], Batch]
    backward: Callable[[Batch, Batch, Parameters], tuple[Batch, Parameters]]


def elementwise(f: Callable[[float], float], slope: Callable[[float], float]) -> Layer:
    """A layer that treats each number by itself, from the function of one number and its derivative."""

    def forward(x: Batch, _: Parameters) -> Batch:
        return [[f(number) for number in sample] for sample in x]

    def backward(x: Batch, grad: Batch, _: Parameters) -> tuple[Batch, Parameters]:
        return [[g * slope(number) for number, g in zip(*pair, strict=True)] for pair in zip(x, grad, strict=True)], {}

    return Layer(forward, backward)


def dense_forward(x: Batch, p: Parameters) -> Batch:
    weight = p["weight"]
    y = []
    for sample in x:
        sums = list(p.get("bias", [0.0] * len(weight[0])))
        for i, number in enumerate(sample):
            for j in range(len(sums)):
                sums[j] += number * weight[i][j]
        y.append(sums)
    return y


def dense_backward(x: Batch, grad: Batch, p: Parameters) -> tuple[Batch, Parameters]:
    inputs, outputs = range(len(p["weight"])), range(len(p["weight"][0]))
    grad_x = [[sum(g[j] * p["weight"][i][j] for j in outputs) for i in inputs] for g in grad]
    grads: Parameters = {
        "weight": [[sum(s[i] * g[j] for s, g in zip(x, grad, strict=True)) for j in outputs] for i in inputs]
    }
    if "bias" in p:
        grads["bias"] = [sum(g[j] for g in grad) for j in outputs]
    return grad_x, grads


def scale_forward(x: Batch, p: Parameters) -> Batch:
    return [[number * factor for number, factor in zip(sample, p["scale"], strict=True)] for sample in x]


def scale_backward(x: Batch, grad: Batch, p: Parameters) -> tuple[Batch, Parameters]:
    features = range(len(p["scale"]))
    return scale_forward(grad, p), {"scale": [sum(g[j] * s[j] for s, g in zip(x, grad, strict=True)) for j in features]}


def sigmoid(x: float) -> float:
    return 1 / (1 + exp(-x)) if x > 0 else exp(x) / (exp(x) + 1)


LAYERS = {
    "Dense": Layer(dense_forward, dense_backward),
    "ReLU": elementwise(lambda x: x if x > 0 else 0.0, lambda x: 1.0 if x > 0 else 0.0),
    "Sigmoid": elementwise(sigmoid, lambda x: sigmoid(x) * sigmoid(-x)),
    "Scale": Layer(scale_forward, scale_backward),
}


Loss: TypeAlias = Callable[[Batch, Batch], tuple[float, Batch]]
"""The loss of predictions and targets, and its derivative by the predictions."""


def mean_of(term: Callable[[float, float], float], slope: Callable[[float, float], float]) -> Loss:
    """The mean over all numbers, from the loss of one number and its derivative by the prediction."""

    def loss(prediction: Batch, target: Batch) -> tuple[float, Batch]:
        pairs = [list(zip(p, y, strict=True)) for p, y in zip(prediction, target, strict=True)]
        count = sum(len(sample) for sample in pairs)
        value = sum(term(p, y) for sample in pairs for p, y in sample) / count
        return value, [[slope(p, y) / count for p, y in sample] for sample in pairs]

    return loss


LOSSES: dict[str, Loss] = {
    "MSELoss": mean_of(lambda p, y: (p - y) ** 2, lambda p, y: 2 * (p - y)),
    "BCELoss": mean_of(lambda p, y: -y * log(p) - (1 - y) * log(1 - p), lambda p, y: (p - y) / (p * (1 - p))),
    "BCEWithLogitsLoss": mean_of(lambda z, y: log1p(exp(z)) - y * z, lambda z, y: sigmoid(z) - y),
    "LogCoshLoss": mean_of(lambda p, y: log(cosh(p - y)), lambda p, y: tanh(p - y)),
}


def forward(network: Network, x: Batch) -> list[Batch]:
    """The input of each layer in turn, and last the prediction."""
    batches = [x]
    for name, parameters in network:
        batches.append(LAYERS[name].forward(batches[-1], parameters))
    return batches


def backward(network: Network, batches: list[Batch], grad: Batch) -> tuple[Batch, list[Parameters]]:
    """dL/dx, and the gradients of each layer's parameters, from what `forward` gave and dL/dprediction."""
    found: list[Parameters] = []
    for (name, parameters), x in zip(reversed(network), reversed(batches[:-1]), strict=True):
        grad, grads = LAYERS[name].backward(x, grad, parameters)
        found.insert(0, grads)
    return grad, found


def train(network: Network, loss: Loss, rule: Rule, batches: list[tuple[Batch, Batch]]) -> tuple[Network, list[float]]:
    """The network after a step on each batch, and the loss before each.

    The rule takes one number from where it started through all of its gradients so far.
    """
    now, losses = network, []
    history: list[list[Parameters]] = []
    for x, y in batches:
        passed = forward(now, x)
        value, grad = loss(passed[-1], y)
        losses.append(value)
        history.append(backward(now, passed, grad)[1])
        now = [
            (name, {key: _apply(rule, start[key], [grads[index][key] for grads in history]) for key in start})
            for index, (name, start) in enumerate(network)
        ]
    return now, losses


def _apply(rule: Rule, start: Any, grads: list[Any]) -> Any:
    """The rule for each number of nested lists."""
    if isinstance(start, list):
        return [_apply(rule, item, list(items)) for item, *items in zip(start, *grads, strict=True)]
    return rule(start, grads)
