"""minidl through its public API, as a user runs it: `Trainer.fit` and `minimize`, with their History."""

from __future__ import annotations

from itertools import chain

import numpy as np

import minidl
from minidl import (
    GRU,
    LSTM,
    BCEWithLogitsLoss,
    Conv2D,
    CrossEntropyLoss,
    CubicValley,
    Dense,
    Embedding,
    Flatten,
    LayerNorm,
    Loss,
    MaxPool2D,
    MSELoss,
    Objective,
    Parameter,
    PositionEmbedding,
    ReLU,
    Rosenbrock,
    Sequential,
    Trainer,
    TransformerBlock,
    minimize,
)
from minidl.layers.heads import attend, attend_backward, by_head
from minidl.optimizers import SGD, Adam, AdamW, Momentum, Optimizer, RMSProp
from minidl.optimizers.groups import Parameters
from minidl.typing import Array
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

VERSION = f"minidl {minidl.__version__}"


def perceptron(pairs: list[tuple[Array, Array]]) -> Sequential:
    layers = list(chain.from_iterable((Dense(*W.shape), ReLU()) for W, _ in pairs))
    model = Sequential(*layers[:-1], dtype=pairs[0][0].dtype)
    for layer, (W, b) in zip(layers[::2], pairs, strict=True):
        assert isinstance(layer, Dense)
        layer.weight.value, layer.bias.value = W, b
    return model


def prediction(spec: Prediction, variant: str) -> Run:
    model, x = perceptron(trained(spec)), request(spec)
    call = model.forward if variant == "layers" else model.predict

    def run(calls: int, _shuffle: bool) -> list[float]:
        for _ in range(calls):
            y = call(x)
        return y.ravel().tolist()

    return run


def network(spec: Network, _: str) -> Run:
    model = perceptron(weights(spec))
    loss: Loss = BCEWithLogitsLoss() if spec.binary else CrossEntropyLoss()
    return fitting(Trainer(model, loss, rule(spec.rule, model.parameters(), spec.lr)), *data(spec), spec.batch)


def images(spec: Images, _: str) -> Run:
    one, two, three = kernels(spec)
    first, second = (Conv2D(*each.shape[2:], padding=1) for each in (one, two))
    last = Dense(*three.shape)
    layers = (first, ReLU(), MaxPool2D(), second, ReLU(), MaxPool2D(), Flatten(), last)
    model = Sequential(*layers, dtype=np.float32)
    first.weight.value, second.weight.value, last.weight.value = one, two, three
    optimizer = SGD(model.parameters(), lr=spec.lr)
    return fitting(Trainer(model, CrossEntropyLoss(), optimizer), *pictures(spec), spec.batch)


def recurrence(spec: Recurrence, _: str) -> Run:
    kinds = {"LSTM": LSTM, "GRU": GRU}
    layer, last = kinds[spec.kind](spec.inputs, spec.units, return_sequences=True), Dense(spec.units, 1)
    model = Sequential(layer, last, dtype=np.float32)
    layer.weight.value, layer.recurrent_weight.value, last.weight.value = recurrent(spec)
    layer.bias.value = np.zeros(layer.bias.shape)
    trainer = Trainer(model, MSELoss(), SGD(model.parameters(), lr=spec.lr))
    return fitting(trainer, *sequences(spec), spec.batch)


def language(spec: Language, _: str) -> Run:
    d = spec.features
    blocks = [TransformerBlock(d, spec.heads, causal=True) for _ in range(spec.blocks)]
    ends = LayerNorm(d), Dense(d, spec.ids)
    model = Sequential(Embedding(spec.ids, d), PositionEmbedding(spec.length, d), *blocks, *ends, dtype=np.float32)
    for name, weight in matrices(spec).items():
        model.parameters()[name].value = weight
    optimizer = SGD(model.parameters(), lr=spec.lr)
    return fitting(Trainer(model, CrossEntropyLoss(), optimizer), *texts(spec), spec.batch)


def attention(spec: Attention, _: str) -> Run:
    qkv, grad = heads(spec)
    inputs = by_head(qkv, spec.heads, 3)

    def run(steps: int, _shuffle: bool) -> list[float]:
        for _ in range(steps):
            y, weights = attend(*inputs, causal=spec.causal)
            dx = np.empty_like(qkv)
            attend_backward(grad, y, weights, inputs, by_head(dx, spec.heads, 3), causal=spec.causal)
        return [float(np.abs(y).mean()), float(np.abs(dx).mean())]

    return run


def fitting(trainer: Trainer, x: Array, y: Array, batch: int) -> Run:
    def run(epochs: int, shuffle: bool) -> list[float]:
        history = trainer.fit(x, y, epochs=epochs, batch_size=batch, shuffle=shuffle, rng=0)
        return history.epochs["loss"][-epochs:]

    return run


def function(spec: Function, _: str) -> Run:
    def run(steps: int, _shuffle: bool) -> list[float]:
        valley = spec.name == "CubicValley"
        objective: Objective = CubicValley(*spec.start) if valley else Rosenbrock(spec.start)
        return minimize(objective, SGD(objective.parameters(), lr=spec.lr), steps=steps).loss

    return run


def optimizer(spec: Rule, _: str) -> Run:
    values, grads = parameters(spec.shapes)
    owned = [Parameter(value) for value in values]
    descent = rule(spec.rule, owned, spec.lr)
    for parameter, grad in zip(owned, grads, strict=True):
        parameter.grad = grad

    def run(steps: int, _shuffle: bool) -> list[float]:
        for _ in range(steps):
            descent.step()
        return [moved(spec, [parameter.value for parameter in owned])]

    return run


def rule(name: str, owned: Parameters, lr: float) -> Optimizer:
    if name == "adamw":
        return AdamW(owned, lr=lr, weight_decay=0.01)
    kinds: dict[str, type[SGD | Momentum | Adam | RMSProp]]
    kinds = {"sgd": SGD, "momentum": Momentum, "adam": Adam, "rmsprop": RMSProp}
    return kinds[name](owned, lr=lr)
