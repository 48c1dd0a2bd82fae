"""Networks in plain Python, on lists of lists and without a single line of the package: slow, and easy to believe.

A batch is a list of samples, a sample a list of numbers. A network is a list of pairs: the name of the layer's class,
and its parameters by name as nested lists; those of a Residual are a network. A new layer or loss is one row in its
table.
"""

from collections.abc import Callable
from math import cosh, erf, exp, log, log1p, pi, sqrt, tanh
from typing import Any, NamedTuple, TypeAlias

Sample: TypeAlias = list[float]
Batch: TypeAlias = list[Sample]
Parameters: TypeAlias = dict[str, Any]
Network: TypeAlias = list[tuple[str, Parameters]]
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


def phi(x: float) -> float:
    """The share of normal numbers below x."""
    return (1 + erf(x / sqrt(2))) / 2


def softmax(sample: Sample) -> Sample:
    powers = [exp(number) for number in sample]
    return [power / sum(powers) for power in powers]


def softmax_backward(x: Batch, grad: Batch, _: Parameters) -> tuple[Batch, Parameters]:
    grad_x = []
    for y, g in zip(map(softmax, x), grad, strict=True):
        k = range(len(y))
        grad_x.append([sum(g[j] * y[j] * ((i == j) - y[i]) for j in k) for i in k])
    return grad_x, {}


def normalised(numbers: Sample) -> tuple[Sample, float]:
    """The numbers with mean 0 and variance 1, and what they were divided by."""
    mean = sum(numbers) / len(numbers)
    size = sqrt(sum((number - mean) ** 2 for number in numbers) / len(numbers) + 1e-5)
    return [(number - mean) / size for number in numbers], size


def normalised_back(numbers: Sample, grad: Sample) -> Sample:
    """Σⱼ gⱼ dzⱼ/dxᵢ, where dzⱼ/dxᵢ = ([i = j] − 1/n − zᵢ zⱼ / n) / s."""
    z, size = normalised(numbers)
    n = len(z)
    return [sum(grad[j] * ((i == j) - 1 / n - z[i] * z[j] / n) for j in range(n)) / size for i in range(n)]


def turned(batch: Batch) -> Batch:
    return [list(column) for column in zip(*batch, strict=True)]


def norm(over: Callable[[Batch], Batch]) -> Layer:
    """Normalisation of the lists that `over` makes of a batch and back, then a factor and a shift for each feature."""

    def middle(x: Batch) -> Batch:
        return over([normalised(numbers)[0] for numbers in over(x)])

    def forward(x: Batch, p: Parameters) -> Batch:
        return [[z * w + b for z, w, b in zip(row, p["weight"], p["bias"], strict=True)] for row in middle(x)]

    def backward(x: Batch, grad: Batch, p: Parameters) -> tuple[Batch, Parameters]:
        inner = over([[g * w for g, w in zip(row, p["weight"], strict=True)] for row in grad])
        grad_x = over([normalised_back(*pair) for pair in zip(over(x), inner, strict=True)])
        weight = [
            sum(a * b for a, b in zip(*pair, strict=True)) for pair in zip(turned(middle(x)), turned(grad), strict=True)
        ]
        return grad_x, {"weight": weight, "bias": [sum(column) for column in turned(grad)]}

    return Layer(forward, backward)


def added(a: Batch, b: Batch) -> Batch:
    return [[p + q for p, q in zip(*pair, strict=True)] for pair in zip(a, b, strict=True)]


def residual_backward(x: Batch, grad: Batch, p: Parameters) -> tuple[Batch, Parameters]:
    grad_x, found = backward(p["layers"], forward(p["layers"], x), grad)
    return added(grad, grad_x), {"layers": found}


LAYERS = {
    "Dense": Layer(dense_forward, dense_backward),
    "ReLU": elementwise(lambda x: x if x > 0 else 0.0, lambda x: 1.0 if x > 0 else 0.0),
    "Sigmoid": elementwise(sigmoid, lambda x: sigmoid(x) * sigmoid(-x)),
    "Tanh": elementwise(tanh, lambda x: 1 / cosh(x) ** 2),
    "LeakyReLU": elementwise(lambda x: x if x > 0 else 0.01 * x, lambda x: 1.0 if x > 0 else 0.01),
    "ELU": elementwise(lambda x: x if x > 0 else exp(x) - 1, lambda x: 1.0 if x > 0 else exp(x)),
    "GELU": elementwise(lambda x: x * phi(x), lambda x: phi(x) + x * exp(-(x**2) / 2) / sqrt(2 * pi)),
    "SiLU": elementwise(lambda x: x * sigmoid(x), lambda x: sigmoid(x) + x * sigmoid(x) * sigmoid(-x)),
    "Softplus": elementwise(lambda x: log1p(exp(x)), sigmoid),
    "Softmax": Layer(lambda x, _: [softmax(sample) for sample in x], softmax_backward),
    "LayerNorm": norm(over=lambda batch: batch),
    "BatchNorm": norm(over=turned),
    "Residual": Layer(lambda x, p: added(x, forward(p["layers"], x)[-1]), residual_backward),
    "Scale": Layer(scale_forward, scale_backward),
}


Loss: TypeAlias = Callable[[Batch, Any], tuple[float, Batch]]
"""The loss of predictions and targets, and its derivative by the predictions."""


def mean_of(term: Callable[[float, float], float], slope: Callable[[float, float], float]) -> Loss:
    """The mean over all numbers, from the loss of one number and its derivative by the prediction."""

    def loss(prediction: Batch, target: Batch) -> tuple[float, Batch]:
        pairs = [list(zip(p, y, strict=True)) for p, y in zip(prediction, target, strict=True)]
        count = sum(len(sample) for sample in pairs)
        value = sum(term(p, y) for sample in pairs for p, y in sample) / count
        return value, [[slope(p, y) / count for p, y in sample] for sample in pairs]

    return loss


def cross_entropy(smoothing: float, ignored: int | None = None) -> Loss:
    """The mean over all samples but those of the ignored class, from scores and classes."""

    def loss(scores: Batch, classes: list[int]) -> tuple[float, Batch]:
        value, grad = 0.0, []
        count = len(classes) - classes.count(ignored) if ignored is not None else len(classes)
        for sample, true in zip(scores, classes, strict=True):
            if true == ignored:
                grad.append([0.0] * len(sample))
                continue
            share = smoothing / len(sample)
            wanted = [share + (1 - smoothing) * (j == true) for j in range(len(sample))]
            p = softmax(sample)
            value -= sum(q * log(number) for q, number in zip(wanted, p, strict=True)) / count
            grad.append([(number - q) / count for q, number in zip(wanted, p, strict=True)])
        return value, grad

    return loss


def huber(delta: float) -> Loss:
    return mean_of(
        lambda p, y: (p - y) ** 2 / 2 if abs(p - y) < delta else delta * (abs(p - y) - delta / 2),
        lambda p, y: max(-delta, min(p - y, delta)),
    )


def moved(y: float, smoothing: float) -> float:
    return (1 - smoothing) * y + smoothing / 2


def weighted_bce(w: float, s: float) -> Loss:
    return mean_of(
        lambda z, y: w * moved(y, s) * log1p(exp(-z)) + (1 - moved(y, s)) * log1p(exp(z)),
        lambda z, y: (1 - moved(y, s)) * sigmoid(z) - w * moved(y, s) * sigmoid(-z),
    )


def smoothed_bce(s: float) -> Loss:
    return mean_of(
        lambda p, y: -moved(y, s) * log(p) - (1 - moved(y, s)) * log(1 - p),
        lambda p, y: (p - moved(y, s)) / (p * (1 - p)),
    )


def focal(gamma: float, positive: float = 1.0, negative: float = 1.0) -> Loss:
    def power(z: float) -> float:
        return exp(gamma * log(sigmoid(z)))

    def slope(z: float) -> float:
        return power(z) * (sigmoid(z) + gamma * sigmoid(-z) * log1p(exp(z)))

    return mean_of(
        lambda z, y: positive * y * power(-z) * log1p(exp(-z)) + negative * (1 - y) * power(z) * log1p(exp(z)),
        lambda z, y: negative * (1 - y) * slope(z) - positive * y * slope(-z),
    )


LOSSES: dict[str, Loss] = {
    "MAELoss": mean_of(lambda p, y: abs(p - y), lambda p, y: 1.0 if p > y else -1.0),
    "HuberLoss": huber(1.0),
    "HuberLoss of 0.4": huber(0.4),
    "CrossEntropyLoss": cross_entropy(0.0),
    "CrossEntropyLoss, smoothed": cross_entropy(0.1),
    "CrossEntropyLoss, ignoring": cross_entropy(0.1, ignored=0),
    "HingeLoss": mean_of(lambda p, y: max(0.0, 1 - y * p), lambda p, y: -y if y * p < 1 else 0.0),
    "MSELoss": mean_of(lambda p, y: (p - y) ** 2, lambda p, y: 2 * (p - y)),
    "BCELoss": mean_of(lambda p, y: -y * log(p) - (1 - y) * log(1 - p), lambda p, y: (p - y) / (p * (1 - p))),
    "BCEWithLogitsLoss": mean_of(lambda z, y: log1p(exp(z)) - y * z, lambda z, y: sigmoid(z) - y),
    "BCELoss, smoothed": smoothed_bce(0.05),
    "BCEWithLogitsLoss, smoothed": weighted_bce(1.0, 0.2),
    "BCEWithLogitsLoss, positives weighted": weighted_bce(3.0, 0.1),
    "FocalLoss": focal(2.0),
    "FocalLoss of 0.5": focal(0.5, 0.25, 0.75),
    "user's LogCoshLoss": mean_of(lambda p, y: log(cosh(p - y)), lambda p, y: tanh(p - y)),
}


IGNORED = {"CrossEntropyLoss, ignoring": 0}
"""The targets that a loss ignores."""


def forward(network: Network, x: Batch) -> list[Batch]:
    """The input of each layer in turn, and last the prediction."""
    batches = [x]
    for name, parameters in network:
        batches.append(LAYERS[name].forward(batches[-1], parameters))
    return batches


def backward(network: Network, batches: list[Batch], grad: Batch) -> tuple[Batch, Network]:
    """dL/dx, and the gradients of each layer's parameters, from what `forward` gave and dL/dprediction."""
    found: Network = []
    for (name, parameters), x in zip(reversed(network), reversed(batches[:-1]), strict=True):
        grad, grads = LAYERS[name].backward(x, grad, parameters)
        found.insert(0, (name, grads))
    return grad, found


def train(
    network: Network, loss: Loss, rule: Rule, batches: list[tuple[Batch, Batch]], ignored: Any = None
) -> tuple[Network, list[float]]:
    """The network after a step on each batch, and the loss before each. A batch of ignored targets takes no step.

    The rule takes one number from where it started through all of its gradients so far.
    """
    now, losses = network, []
    history: list[Network] = []
    for x, y in batches:
        passed = forward(now, x)
        value, grad = loss(passed[-1], y)
        losses.append(value)
        if all(target == ignored for target in y):
            continue
        history.append(backward(now, passed, grad)[1])
        now = _apply(rule, network, history)
    return now, losses


def _apply(rule: Rule, start: Any, grads: list[Any]) -> Any:
    """The rule for each number of a network."""
    if isinstance(start, tuple):
        return start[0], _apply(rule, start[1], [grad[1] for grad in grads])
    if isinstance(start, dict):
        return {key: _apply(rule, start[key], [grad[key] for grad in grads]) for key in start}
    if isinstance(start, list):
        return [_apply(rule, item, list(items)) for item, *items in zip(start, *grads, strict=True)]
    return rule(start, grads)
