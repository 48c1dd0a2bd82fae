"""Valid calls of the public surface, one argument of which is then replaced by something wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure

import minidl
from minidl import (
    SGD,
    Dense,
    Group,
    MSELoss,
    Parameter,
    ParameterVector,
    Quadratic,
    ReLU,
    Sequential,
    Trainer,
    initializers,
    metrics,
    minimize,
    plotting,
    schedules,
)

X, Y = [[1.0, 2.0], [3.0, 5.0]], [[1.0], [0.0]]


class Call(NamedTuple):
    """A call that works, with all of its arguments by name."""

    name: str
    function: Callable[..., Any]
    arguments: Callable[[], Mapping[str, Any]]


def model() -> Sequential:
    return Sequential(Dense(2, 3), ReLU(), Dense(3, 1), rng=0)


def trainer() -> Trainer:
    net = model()
    return Trainer(net, MSELoss(), SGD(net.parameters(), 0.1))


def bowl() -> Quadratic:
    return Quadratic([[1.0, 0.0], [0.0, 2.0]])


def descent() -> Mapping[str, Any]:
    objective = bowl()
    settings = {"tolerance": 1e-6, "patience": 9, "max_period": 8, "cycle_tolerance": 1e-9, "floor": -1e3}
    optimizer = SGD(objective.parameters(), 0.1)
    return {"objective": objective, "optimizer": optimizer, "steps": 2, "callbacks": [], "ceiling": 1e6, **settings}


def with_parameters(**others: Any) -> Callable[[], Mapping[str, Any]]:
    return lambda: {"parameters": model().parameters(), "lr": 0.1, "weight_decay": 0.1, **others}


def const(**arguments: Any) -> Callable[[], Mapping[str, Any]]:
    return lambda: arguments


def axes() -> Any:
    return Figure().subplots()


FIT = {
    "x": X,
    "y": Y,
    "epochs": 1,
    "batch_size": 1,
    "shuffle": True,
    "accumulate": 1,
    "validation": (X, Y),
    "validation_seed": 0,
    "metrics": {"r2": metrics.r2},
    "training_loss": True,
    "rng": 0,
    "on_divergence": "raise",
    "resume_from": None,
}
MOMENTS = {"beta1": 0.9, "beta2": 0.9, "eps": 1e-8}
SAMPLES = {"n_samples": 4, "noise": 0.1, "rng": 0}
CLASSES = {"prediction": [0, 1], "target": [1, 1], "sample_weight": [1, 2]}
RANKED = {"prediction": [0.1, 0.2], "target": [0, 1], "sample_weight": [1, 2]}

CALLS = [
    Call("Dense", Dense, const(inputs=2, outputs=1, use_bias=True, initializer=initializers.zeros, rng=0)),
    Call("LeakyReLU", minidl.LeakyReLU, const(negative_slope=0.1)),
    Call("ELU", minidl.ELU, const(alpha=1.0)),
    Call("GELU", minidl.GELU, const(approximate=True)),
    Call("Dropout", minidl.Dropout, const(p=0.5, rng=0)),
    Call(
        "SelfAttention",
        minidl.SelfAttention,
        const(features=4, heads=2, causal=True, dropout=0.1, use_bias=True, rng=0),
    ),
    Call("CrossAttention", minidl.CrossAttention, const(features=4, heads=2, memory=3, dropout=0.1, rng=0)),
    Call("TransformerBlock", minidl.TransformerBlock, const(features=4, heads=2, hidden=3, dropout=0.1, rng=0)),
    Call("PositionEmbedding", minidl.PositionEmbedding, const(length=4, features=2, rng=0)),
    Call("SinusoidalPositions", minidl.SinusoidalPositions, const(features=2)),
    Call("BatchNorm", minidl.BatchNorm, const(features=2, momentum=0.1, eps=1e-5)),
    Call("Standardize", minidl.Standardize, const(features=2)),
    Call("adapt", lambda x: minidl.Standardize(2).adapt(x), const(x=X)),
    Call("MinMax", minidl.MinMax, const(features=2)),
    Call("OneHot", minidl.OneHot, const(classes=2)),
    Call("LayerNorm", minidl.LayerNorm, const(features=2, eps=1e-5)),
    Call(
        "Sequential",
        lambda layer, rng, dtype: Sequential(layer, rng=rng, dtype=dtype),
        lambda: {"layer": Dense(2, 2), "rng": 0, "dtype": None},
    ),
    Call("Residual", lambda layer, rng: minidl.Residual(layer, rng=rng), lambda: {"layer": Dense(2, 2), "rng": 0}),
    Call("model(x)", lambda x: model()(x), const(x=X)),
    Call("predict", lambda x, batch_size: model().predict(x, batch_size=batch_size), const(x=X, batch_size=1)),
    Call("initialize", lambda rng: model().initialize(rng), const(rng=0)),
    Call("astype", lambda dtype: model().astype(dtype), const(dtype="float32")),
    Call("training", lambda training: setattr(model(), "training", training), const(training=False)),
    Call("load_state", lambda state: model().load_state(state), lambda: {"state": model().state()}),
    Call("Parameter", Parameter, const(value=[1.0], decay=True)),
    Call("value", lambda value: setattr(Parameter([1.0]), "value", value), const(value=[2.0])),
    Call("ParameterVector", ParameterVector, lambda: {"named": [("a", Parameter([1.0]))]}),
    Call("CrossEntropyLoss", minidl.CrossEntropyLoss, const(label_smoothing=0.1)),
    Call("HuberLoss", minidl.HuberLoss, const(delta=1.0)),
    *(
        Call(
            kind.__name__, lambda prediction, y, kind=kind: kind()(prediction, y), const(prediction=[[1.0]], y=[[1.0]])
        )
        for kind in (
            MSELoss,
            minidl.MAELoss,
            minidl.HuberLoss,
            minidl.HingeLoss,
            minidl.BCELoss,
            minidl.BCEWithLogitsLoss,
        )
    ),
    Call(
        "CrossEntropyLoss(…)",
        lambda prediction, y: minidl.CrossEntropyLoss()(prediction, y),
        const(prediction=[[1.0, 2.0]], y=[1]),
    ),
    Call("SGD", SGD, with_parameters()),
    Call("Momentum", minidl.Momentum, with_parameters(momentum=0.9, nesterov=True)),
    Call("AdaGrad", minidl.AdaGrad, with_parameters(eps=1e-8)),
    Call("RMSProp", minidl.RMSProp, with_parameters(alpha=0.9, eps=1e-8)),
    Call("Adam", minidl.Adam, with_parameters(**MOMENTS)),
    Call("AdamW", minidl.AdamW, with_parameters(**MOMENTS)),
    Call("NAdam", minidl.NAdam, with_parameters(**MOMENTS, momentum_decay=1e-3)),
    Call("AMSGrad", minidl.AMSGrad, with_parameters(**MOMENTS)),
    Call("RAdam", minidl.RAdam, with_parameters(**MOMENTS)),
    Call("AdaDelta", minidl.AdaDelta, with_parameters(rho=0.9, eps=1e-6)),
    Call("penalize", lambda l1: trainer().optimizer.penalize(l1=l1), const(l1=1.0)),
    Call("Lion", minidl.Lion, with_parameters(beta1=0.9, beta2=0.9)),
    Call(
        "Group",
        lambda parameters, factor: SGD([Group(parameters, factor)], 0.1),
        lambda: {"parameters": model().parameters(), "factor": 0.1},
    ),
    Call("clip", lambda norm, value: trainer().optimizer.clip(norm=norm, value=value), const(norm=1.0, value=1.0)),
    Call(
        "load_state of an optimizer",
        lambda state: trainer().optimizer.load_state(state),
        lambda: {"state": trainer().optimizer.state()},
    ),
    Call(
        "FunctionObjective",
        minidl.FunctionObjective,
        const(function=lambda x, y: x * y, derivative=lambda x, y: (y, x), start=[1.0, 2.0]),
    ),
    Call("Quadratic", Quadratic, const(matrix=[[1.0]], linear=[1.0], start=[1.0])),
    Call("Rosenbrock", minidl.Rosenbrock, const(start=[1.0, 2.0])),
    *(Call(kind.__name__, kind, const(x=1.0, y=1.0)) for kind in (minidl.CubicValley, minidl.Himmelblau, minidl.Beale)),
    Call("EmpiricalRisk", minidl.EmpiricalRisk, lambda: {"model": model(), "loss": MSELoss(), "x": X, "y": Y}),
    Call("value at", lambda theta: bowl().value(theta), const(theta=[1.0, 2.0])),
    Call("hessian", lambda theta, step: bowl().hessian(theta, step), const(theta=[1.0, 2.0], step=1e-4)),
    Call(
        "Trainer",
        Trainer,
        lambda: {
            "model": (net := model()),
            "loss": MSELoss(),
            "optimizer": SGD(net.parameters(), 0.1),
            "callbacks": [],
        },
    ),
    Call("fit", lambda **arguments: trainer().fit(**arguments), const(**FIT)),
    Call(
        "evaluate",
        lambda **arguments: trainer().evaluate(**arguments),
        const(x=X, y=Y, metrics={"r2": metrics.r2}, batch_size=1),
    ),
    Call(
        "predict of a trainer",
        lambda x, batch_size: trainer().predict(x, batch_size=batch_size),
        const(x=X, batch_size=1),
    ),
    Call(
        "find_learning_rate",
        lambda **arguments: minidl.find_learning_rate(trainer(), **arguments),
        const(x=X, y=Y, lowest=1e-3, highest=1e-2, steps=10, batch_size=1),
    ),
    Call("minimize", minimize, descent),
    Call("Batches", minidl.Batches, const(x=np.ones(3), y=np.ones(3), batch_size=2, shuffle=True, rng=0)),
    Call("accuracy", metrics.accuracy, const(**CLASSES)),
    Call("binary_accuracy", metrics.binary_accuracy, const(**CLASSES, threshold=0.5)),
    Call("confusion_matrix", metrics.confusion_matrix, const(**CLASSES, classes=2)),
    Call("precision_recall", metrics.precision_recall, const(**CLASSES, classes=2, zero_division=1)),
    Call("balanced_accuracy", metrics.balanced_accuracy, const(**CLASSES)),
    Call(
        "top_k_accuracy",
        metrics.top_k_accuracy,
        const(prediction=[[0.1, 0.9]], target=[0], sample_weight=[1], k=2),
    ),
    *(
        Call(metric.__name__, metric, const(**RANKED))
        for metric in (
            metrics.r2,
            metrics.log_loss,
            metrics.brier_score,
            metrics.roc_auc,
            metrics.average_precision,
        )
    ),
    Call("make_xor", minidl.make_xor, const(**SAMPLES)),
    Call("make_moons", minidl.make_moons, const(**SAMPLES, shuffle=True)),
    Call("make_circles", minidl.make_circles, const(**SAMPLES, shuffle=True, factor=0.5)),
    Call("make_spirals", minidl.make_spirals, const(**SAMPLES, shuffle=True, turns=1.0)),
    Call(
        "make_blobs",
        minidl.make_blobs,
        const(n_samples=4, n_features=2, centers=2, cluster_std=1.0, center_box=(-1, 1), shuffle=True, rng=0),
    ),
    Call("constant", schedules.constant, const(factor=1.0)),
    Call("step_decay", schedules.step_decay, const(every=2, factor=0.5)),
    Call("exponential", schedules.exponential, const(factor=0.5)),
    Call("cosine", schedules.cosine, const(steps=3, end=0.1)),
    Call("cosine_restarts", schedules.cosine_restarts, const(steps=3, growth=2, end=0.1)),
    Call("linear_warmup", schedules.linear_warmup, const(steps=3, start=0.1)),
    Call("one_cycle", schedules.one_cycle, const(steps=9, rise=0.3, start=0.1, end=0.1)),
    Call("sequence", schedules.sequence, lambda: {"schedules": [schedules.constant()] * 2, "borders": [2]}),
    Call("constant weights", initializers.constant, const(value=0.1)),
    Call(
        "EarlyStopping", minidl.EarlyStopping, const(monitor="validation_loss", patience=1, min_delta=0.1, mode="min")
    ),
    Call("ParameterAverage", minidl.ParameterAverage, const(decay=0.9, start=1, every="epoch")),
    Call("ProgressBar", minidl.ProgressBar, const(description="", interval=0.1, log_interval=1.0, show=False)),
    Call(
        "ReduceOnPlateau",
        minidl.ReduceOnPlateau,
        const(monitor="loss", factor=0.1, patience=1, min_lr=0.0, threshold=0.0, cooldown=0, mode="min"),
    ),
    Call("Schedule", minidl.Schedule, const(schedule=schedules.cosine(3))),
    Call("Checkpoint", minidl.Checkpoint, const(path="run.npz", every_steps=1, every_epochs=1, keep=1)),
    Call("CSVLog", minidl.CSVLog, const(path="log.csv", overwrite=True)),
    Call(
        "plot_contours", lambda objective: plotting.plot_contours(objective, ax=axes()), lambda: {"objective": bowl()}
    ),
]
