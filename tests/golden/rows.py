"""What make_golden.py computes: each thing by its name and arguments in minidl, and the same in PyTorch or Keras."""

import os
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn, optim
from torch.optim import lr_scheduler

os.environ["KERAS_BACKEND"] = "torch"
from keras import ops  # reads it

Rng = np.random.Generator
torch.set_default_dtype(torch.float64)


class Row(NamedTuple):
    """A thing by its name, arguments and layers in minidl, and the same in PyTorch."""

    name: str
    theirs: Any
    kwargs: dict[str, Any]
    layers: tuple["Row", ...] = ()

    @property
    def ours(self) -> dict[str, Any]:
        inside = {"layers": [layer.ours for layer in self.layers]} if self.layers else {}
        return {"name": self.name, "kwargs": self.kwargs, **inside}


def row(name: str, theirs: Any, **kwargs: Any) -> Row:
    return Row(name, theirs, kwargs)


def dense(inputs: int, outputs: int) -> Row:
    return row("Dense", nn.Linear(inputs, outputs), inputs=inputs, outputs=outputs)


class Skip(nn.Sequential):  # type: ignore[misc]  # torch is not there when types are checked
    """Adds what its layers give to what they were given."""

    def forward(self, x: Any) -> Any:
        return x + super().forward(x)


def residual(*layers: Row) -> Row:
    return Row("Residual", Skip(*(layer.theirs for layer in layers)), {}, layers)


class ChannelsLast:
    """Put before a layer of PyTorch, it takes and returns images and sequences with the channels last."""

    def forward(self, x: Any) -> Any:
        y: Any = super().forward(x.movedim(-1, 1))  # type: ignore[misc]
        return y.movedim(1, -1)


def channels_last(kind: Any, *args: Any, **kwargs: Any) -> Any:
    return type(kind.__name__, (ChannelsLast, kind), {})(*args, **kwargs)


def convolution(name: str, kind: Any, size: Any, channels: int = 2, filters: int = 2, **settings: Any) -> Row:
    theirs = channels_last(kind, channels, filters, size, **settings)
    return row(name, theirs, channels=channels, filters=filters, kernel_size=size, **settings)


def depthwise(size: Any, multiplier: int, channels: int = 2, **settings: Any) -> Row:
    theirs = channels_last(nn.Conv2d, channels, channels * multiplier, size, groups=channels, **settings)
    return row("DepthwiseConv2D", theirs, channels=channels, kernel_size=size, multiplier=multiplier, **settings)


def pool(name: str, kind: Any, size: Any, **settings: Any) -> Row:
    return row(name, channels_last(kind, size, **settings), pool_size=size, **settings)


class InKeras(nn.Module):  # type: ignore[misc]  # torch is not there when types are checked
    """A layer of Keras with padding "same" on images of 2 channels. PyTorch has no such padding with a stride."""

    def __init__(self, function: Callable[..., Any], shape: tuple[int, ...], strides: int, outputs: int) -> None:
        super().__init__()
        self.function, self.strides = function, strides
        if shape:
            self.weight, self.bias = nn.Parameter(torch.zeros(shape)), nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Any) -> Any:
        how = {"strides": self.strides, "padding": "same", "data_format": "channels_last"}
        return self.function(x, self.weight, **how) + self.bias if hasattr(self, "bias") else self.function(x, **how)


def same_convolution(name: str, size: tuple[int, int], stride: int) -> Row:
    kernels = {"channels": 2, "filters": 3, "kernel_size": size}
    function = ops.conv
    if name == "ConvTranspose2D":  # filters come before channels there
        function = lambda x, weight, **how: ops.conv_transpose(x, weight.swapaxes(-1, -2), **how)  # noqa: E731
    if name == "DepthwiseConv2D":
        kernels, function = {"channels": 2, "kernel_size": size, "multiplier": 3}, ops.depthwise_conv
    theirs = InKeras(function, (*size, 2, 3), stride, 6 if name == "DepthwiseConv2D" else 3)
    return row(name, theirs, stride=stride, padding="same", **kernels)


def same_pool(name: str, function: Callable[..., Any], size: tuple[int, int], stride: int) -> Row:
    theirs = InKeras(lambda x, **how: function(x, size, **how), (), stride, 0)
    return row(name, theirs, pool_size=size, stride=stride, padding="same")


def average_pool(x: Any, size: tuple[int, int], strides: int, **_: Any) -> Any:
    """The average without padding, for images of which one row and one column are missing at the end.

    On PyTorch, Keras counts copies of the border as numbers, other than on TensorFlow.
    """
    ones = torch.ones_like(x)
    sums, counts = (nn.functional.pad(each.movedim(-1, 1), (0, 1, 0, 1)) for each in (x, ones))
    pooled = nn.functional.avg_pool2d(sums, size, strides) / nn.functional.avg_pool2d(counts, size, strides)
    return pooled.movedim(1, -1)


def global_average_pool() -> Row:
    theirs = nn.Sequential(channels_last(nn.AdaptiveAvgPool2d, 1), nn.Flatten())
    return row("GlobalAveragePool2D", theirs)


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


def signs(rng: Rng) -> tuple[Any, Any]:
    return 2 * normal(rng, 5, 2), rng.choice([-1.0, 1.0], (5, 2))


def classes(rng: Rng) -> tuple[Any, Any]:
    return 4 * normal(rng, 5, 3), rng.integers(0, 3, 5)


LAYERS = [
    (dense(4, 3),),
    (row("Dense", nn.Linear(4, 3, bias=False), inputs=4, outputs=3, use_bias=False),),
    (row("ReLU", nn.ReLU()),),
    (row("Sigmoid", nn.Sigmoid()),),
    (row("Identity", nn.Identity()),),
    (row("Tanh", nn.Tanh()),),
    (row("LeakyReLU", nn.LeakyReLU()),),
    (row("LeakyReLU", nn.LeakyReLU(0.2), negative_slope=0.2),),
    (row("ELU", nn.ELU()),),
    (row("ELU", nn.ELU(0.5), alpha=0.5),),
    (row("GELU", nn.GELU()),),
    (row("GELU", nn.GELU(approximate="tanh"), approximate=True),),
    (row("SiLU", nn.SiLU()),),
    (row("Softplus", nn.Softplus()),),
    (row("Softmax", nn.Softmax(dim=-1)),),
    (row("Softmax", nn.Softmax(dim=-1)), 2, 3),
    (row("Flatten", nn.Flatten()), 2, 3),
    (row("Dropout", nn.Dropout(0.3), p=0.3),),
    (row("BatchNorm", nn.BatchNorm1d(4), features=4),),
    (row("BatchNorm", nn.BatchNorm1d(4, momentum=0.4, eps=0.01), features=4, momentum=0.4, eps=0.01),),
    (row("LayerNorm", nn.LayerNorm(4), features=4),),
    (row("LayerNorm", nn.LayerNorm(3, eps=0.01), features=3, eps=0.01), 2, 3),
    (residual(dense(4, 3), row("Tanh", nn.Tanh()), dense(3, 4)),),
    # Images of 5 × 4: with a stride of 2, one row or column is left over.
    (convolution("Conv2D", nn.Conv2d, 3), 5, 4, 2),
    (convolution("Conv2D", nn.Conv2d, (1, 2), stride=2), 5, 4, 2),
    (convolution("Conv2D", nn.Conv2d, 2, stride=(2, 3), padding=(0, 1)), 5, 4, 2),
    (convolution("Conv2D", nn.Conv2d, 2, dilation=(3, 2), padding=1), 5, 4, 2),
    (convolution("Conv2D", nn.Conv2d, 3, channels=1, stride=2, padding=1), 5, 4, 1),
    (convolution("Conv2D", nn.Conv2d, 2, stride=2, padding=3, dilation=2), 5, 4, 2),
    (convolution("Conv1D", nn.Conv1d, 3, filters=3, stride=2, padding=2, dilation=2), 7, 2),
    (convolution("ConvTranspose2D", nn.ConvTranspose2d, 3), 3, 2, 2),
    (convolution("ConvTranspose2D", nn.ConvTranspose2d, 2, filters=3, stride=3, padding=1), 3, 2, 2),
    (convolution("ConvTranspose2D", nn.ConvTranspose2d, (3, 2), stride=2, padding=1, output_padding=(1, 0)), 3, 2, 2),
    (convolution("ConvTranspose2D", nn.ConvTranspose2d, 2, stride=(2, 1), dilation=2, padding=(0, 1)), 3, 2, 2),
    (depthwise(3, 1), 5, 4, 2),
    (depthwise((2, 1), 3, stride=2, padding=1, dilation=(2, 1)), 5, 4, 2),
    (pool("MaxPool2D", nn.MaxPool2d, 2), 5, 4, 2),
    (pool("MaxPool2D", nn.MaxPool2d, (3, 2), stride=(1, 2), padding=1), 5, 4, 2),
    (pool("MaxPool2D", nn.MaxPool2d, 2, stride=3), 5, 4, 2),
    (row("AveragePool2D", channels_last(nn.AvgPool2d, 2)), 5, 4, 2),
    (
        row(
            "AveragePool2D",
            channels_last(nn.AvgPool2d, 3, stride=(2, 1), padding=1, count_include_pad=False),
            pool_size=3,
            stride=(2, 1),
            padding=1,
        ),
        5,
        4,
        2,
    ),
    (global_average_pool(), 5, 4, 2),
    (same_convolution("Conv2D", (2, 3), 2), 5, 4, 2),
    (same_convolution("Conv2D", (1, 2), 3), 5, 4, 2),
    (same_convolution("DepthwiseConv2D", (2, 3), 2), 5, 4, 2),
    (same_convolution("ConvTranspose2D", (3, 2), 2), 3, 2, 2),
    (same_pool("MaxPool2D", ops.max_pool, (2, 3), 2), 5, 4, 2),
    (same_pool("AveragePool2D", average_pool, (2, 3), 2), 5, 4, 2),
]

LOSSES: list[tuple[Row, Callable[[Rng], tuple[Any, Any]]]] = [
    (row("MSELoss", nn.MSELoss()), numbers),
    (row("BCELoss", nn.BCELoss()), probabilities),
    (row("BCEWithLogitsLoss", nn.BCEWithLogitsLoss()), logits),
    (row("MAELoss", nn.L1Loss()), numbers),
    (row("HuberLoss", nn.HuberLoss()), numbers),
    (row("HuberLoss", nn.HuberLoss(delta=0.4), delta=0.4), numbers),
    (row("CrossEntropyLoss", nn.CrossEntropyLoss()), classes),
    (row("CrossEntropyLoss", nn.CrossEntropyLoss(label_smoothing=0.1), label_smoothing=0.1), classes),
    # Which of two comes first, the second held at 0
    (row("HingeLoss", lambda p, y: nn.MarginRankingLoss(margin=1.0)(p, torch.zeros_like(p), y)), signs),
]

NETWORKS = [
    ([dense(2, 4), row("ReLU", nn.ReLU()), dense(4, 1), row("Sigmoid", nn.Sigmoid())], row("BCELoss", nn.BCELoss())),
    ([dense(3, 4), row("ReLU", nn.ReLU()), dense(4, 2)], row("BCEWithLogitsLoss", nn.BCEWithLogitsLoss())),
    (
        [dense(3, 3), row("Sigmoid", nn.Sigmoid()), dense(3, 3), row("ReLU", nn.ReLU()), dense(3, 2)],
        row("MSELoss", nn.MSELoss()),
    ),
    (
        [
            dense(3, 4),
            row("BatchNorm", nn.BatchNorm1d(4), features=4),
            row("GELU", nn.GELU()),
            residual(row("LayerNorm", nn.LayerNorm(4), features=4), dense(4, 4), row("SiLU", nn.SiLU())),
            dense(4, 3),
        ],
        row("CrossEntropyLoss", nn.CrossEntropyLoss()),
    ),
]

OPTIMIZERS: list[Any] = [
    (row("SGD", lambda p: optim.SGD(p, lr=0.2), lr=0.2),),
    (row("Momentum", lambda p: optim.SGD(p, lr=0.1, momentum=0.8), lr=0.1, momentum=0.8),),
    (
        row(
            "Momentum",
            lambda p: optim.SGD(p, lr=0.1, momentum=0.8, nesterov=True),
            lr=0.1,
            momentum=0.8,
            nesterov=True,
        ),
    ),
    (row("SGD", lambda p: optim.SGD(p, lr=0.2, weight_decay=0.1), lr=0.2, weight_decay=0.1),),
    (
        row(
            "Momentum",
            lambda p: optim.SGD(p, lr=0.1, momentum=0.8, weight_decay=0.1),
            lr=0.1,
            momentum=0.8,
            weight_decay=0.1,
        ),
    ),
    (row("SGD", lambda p: optim.SGD(p, lr=0.2), lr=0.2), {"norm": 0.3}),
    (row("SGD", lambda p: optim.SGD(p, lr=0.2), lr=0.2), {"value": 0.1}),
    (row("AdamW", lambda p: optim.AdamW(p), lr=1e-3), {"norm": 0.3, "value": 0.1}),
]
for name, theirs, kwargs in (
    ("AdaGrad", optim.Adagrad, {"lr": 0.1, "eps": 0.01}),
    ("RMSProp", optim.RMSprop, {"lr": 0.05, "alpha": 0.9, "eps": 0.01}),
    ("Adam", optim.Adam, {"lr": 0.1, "eps": 0.01}),
    ("AdamW", optim.AdamW, {"lr": 0.1, "eps": 0.01}),
    ("NAdam", optim.NAdam, {"lr": 0.1, "eps": 0.01, "momentum_decay": 0.3}),
):
    # With its defaults, with others, and with weight decay
    for given in ({}, kwargs, {**kwargs, "weight_decay": 0.1}):
        OPTIMIZERS.append((row(name, lambda p, make=theirs, given=given: make(p, **given), **given),))
for name, theirs in (("Adam", optim.Adam), ("AdamW", optim.AdamW), ("NAdam", optim.NAdam)):
    OPTIMIZERS.append((row(name, lambda p, make=theirs: make(p, 0.1, (0.7, 0.9)), lr=0.1, beta1=0.7, beta2=0.9),))

SCHEDULES = [
    (row("step_decay", lambda o: lr_scheduler.StepLR(o, 3, 0.5), every=3, factor=0.5), 10),
    (row("exponential", lambda o: lr_scheduler.ExponentialLR(o, 0.8), factor=0.8), 10),
    (row("cosine", lambda o: lr_scheduler.CosineAnnealingLR(o, 10), steps=10), 11),
    (row("cosine", lambda o: lr_scheduler.CosineAnnealingLR(o, 10, 0.1), steps=10, end=0.1), 11),
    (row("linear_warmup", lambda o: lr_scheduler.LinearLR(o, 0.2, total_iters=4), steps=4, start=0.2), 8),
    (row("one_cycle", lambda o: lr_scheduler.OneCycleLR(o, 1.0, 20), steps=20), 20),
    (
        row(
            "one_cycle",
            lambda o: lr_scheduler.OneCycleLR(o, 1.0, 10, pct_start=0.5, div_factor=5, final_div_factor=10),
            steps=10,
            rise=0.5,
            start=0.2,
            end=0.02,
        ),
        10,
    ),
]
