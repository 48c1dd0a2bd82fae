"""What make_golden.py computes: each thing by its name and arguments in minidl, and the same in PyTorch."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn, optim
from torch.optim import lr_scheduler

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


def channels_last(module: nn.Module) -> nn.Module:
    """Have a module whose features are on the second axis take and return them on the last one."""
    module.register_forward_pre_hook(lambda _module, x: x[0].movedim(-1, 1))
    module.register_forward_hook(lambda _module, _x, y: y.movedim(1, -1))
    return module


def residual(*layers: Row) -> Row:
    return Row("Residual", Skip(*(layer.theirs for layer in layers)), {}, layers)


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
    (row("GroupNorm", nn.GroupNorm(2, 4), groups=2, features=4),),
    (row("GroupNorm", channels_last(nn.GroupNorm(3, 6)), groups=3, features=6), 3, 2, 6),
    (row("GroupNorm", channels_last(nn.GroupNorm(1, 4, eps=0.01)), groups=1, features=4, eps=0.01), 2, 3, 4),
    (row("GroupNorm", channels_last(nn.GroupNorm(3, 3)), groups=3, features=3), 5, 3),
    (row("RMSNorm", nn.RMSNorm(4, eps=1e-6), features=4),),
    (row("RMSNorm", nn.RMSNorm(3, eps=0.01), features=3, eps=0.01), 2, 3),
    (row("PReLU", nn.PReLU()),),
    (row("PReLU", nn.PReLU(), slope=0.25), 2, 3),
    (row("PReLU", nn.PReLU(4), features=4),),
    (row("PReLU", channels_last(nn.PReLU(3)), features=3), 2, 2, 3),
]


def focal(gamma: float, alpha: float | None = None) -> Callable[[Any, Any], Any]:
    """The focal loss as torchvision writes it (sigmoid_focal_loss), for soft targets, too."""

    def loss(z: Any, y: Any) -> Any:
        p = torch.sigmoid(z)
        positive = -y * (1 - p) ** gamma * torch.log(p) * (1 if alpha is None else alpha)
        negative = -(1 - y) * p**gamma * torch.log(1 - p) * (1 if alpha is None else 1 - alpha)
        return (positive + negative).mean()

    return loss


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
    (row("CrossEntropyLoss", nn.CrossEntropyLoss(ignore_index=1), ignore_index=1), classes),
    (
        row(
            "CrossEntropyLoss",
            nn.CrossEntropyLoss(ignore_index=0, label_smoothing=0.3),
            ignore_index=0,
            label_smoothing=0.3,
        ),
        classes,
    ),
    # New rows come last, so that the draws of the others stay. Smoothing moves targets before torch sees them.
    (row("BCELoss", lambda p, y: nn.BCELoss()(p, 0.8 * y + 0.1), label_smoothing=0.2), probabilities),
    (row("BCEWithLogitsLoss", lambda z, y: nn.BCEWithLogitsLoss()(z, 0.8 * y + 0.1), label_smoothing=0.2), logits),
    (row("BCEWithLogitsLoss", nn.BCEWithLogitsLoss(pos_weight=torch.tensor(3.0)), pos_weight=3.0), logits),
    (
        row("BCEWithLogitsLoss", nn.BCEWithLogitsLoss(pos_weight=torch.tensor([3.0, 0.5])), pos_weight=[3.0, 0.5]),
        logits,
    ),
    (row("FocalLoss", focal(2.0)), logits),
    (row("FocalLoss", focal(1.5, 0.25), gamma=1.5, alpha=0.25), logits),
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
for name, theirs, kwargs in (
    ("AMSGrad", partial(optim.Adam, amsgrad=True), {"lr": 0.1, "eps": 0.01}),
    ("RAdam", optim.RAdam, {"lr": 0.1, "eps": 0.01}),
    ("AdaDelta", optim.Adadelta, {"lr": 0.5, "rho": 0.7, "eps": 0.01}),
):
    for given in ({}, kwargs, {**kwargs, "weight_decay": 0.1}):
        OPTIMIZERS.append((row(name, lambda p, make=theirs, given=given: make(p, **given), **given),))
for name, theirs in (("AMSGrad", partial(optim.Adam, amsgrad=True)), ("RAdam", optim.RAdam)):
    OPTIMIZERS.append((row(name, lambda p, make=theirs: make(p, 0.1, (0.7, 0.5)), lr=0.1, beta1=0.7, beta2=0.5),))
OPTIMIZERS += [
    (row("SGD", lambda p: optim.SGD(p, lr=0.2), lr=0.2), {}, 0.05),
    (row("AdamW", lambda p: optim.AdamW(p, lr=0.1, weight_decay=0.1), lr=0.1, weight_decay=0.1), {}, 0.05),
]

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
    (row("cosine_restarts", lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 4), steps=4), 13),
    (
        row(
            "cosine_restarts",
            lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 3, T_mult=2, eta_min=0.1),
            steps=3,
            growth=2,
            end=0.1,
        ),
        24,
    ),
]

# A rate of 1 that falls by the values of a metric. PyTorch's patience is one epoch longer.
PlateauCase = tuple[dict[str, Any], dict[str, Any], list[float]]
VALUES = [5.0, 4.0, 3.99, 3.98, 3.97, 3.0, 3.0, 3.0, 3.0, 2.9, 2.9, 2.9, 2.9, 2.9, 2.9, 2.9, 2.9, 2.9, 1.0, 1.0, 1.0]
PLATEAU_CASES: list[PlateauCase] = [
    ({"patience": 0, "factor": 0.4}, {"patience": 1, "factor": 0.4}, VALUES),
    ({"patience": 1, "factor": 0.5}, {"patience": 2, "factor": 0.5}, VALUES),
    ({"patience": 0, "threshold": 0.01, "cooldown": 2}, {"patience": 1, "threshold": 0.01, "cooldown": 2}, VALUES),
    (
        {"patience": 1, "factor": 0.3, "min_lr": 0.2, "cooldown": 1},
        {"patience": 2, "factor": 0.3, "min_lr": 0.2, "cooldown": 1},
        VALUES,
    ),
    ({"patience": 2, "mode": "max", "factor": 0.7}, {"patience": 3, "mode": "max", "factor": 0.7}, VALUES),
]
PLATEAUS = [
    (row("ReduceOnPlateau", lambda o, theirs=theirs: lr_scheduler.ReduceLROnPlateau(o, **theirs), **ours), values)
    for theirs, ours, values in PLATEAU_CASES
]
