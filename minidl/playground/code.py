"""The Python that settings stand for. The page shows it, the session runs it, and it runs at home."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

from minidl.playground.expressions import functions_in
from minidl.playground.settings import NUMBERS, NUMBERS_OF
from minidl.playground.tables import class_names, read_table, table

__all__ = ["Code", "descent_code", "network_code"]

WIDTH = 100
DRAWN = "he_normal"  # the default of Dense
CROSS_ENTROPY = "CrossEntropyLoss"
ON_LOGITS = {
    "BCEWithLogitsLoss": "  # it takes the output before the sigmoid",
    CROSS_ENTROPY: "  # it takes the outputs before the softmax",
}
"""What is said of the losses that take logits."""


class Code(NamedTuple):
    """A program in three parts.

    Attributes:
        setup: makes data, model, loss, optimizer and trainer, or objective, starts and optimizers.
        run: trains, or descends.
        report: prints what came out.
    """

    setup: str
    run: str
    report: str

    @property
    def text(self) -> str:
        """The whole program."""
        return "\n".join(part for part in self if part)


NETWORK = """\
{imports}

{data}

{model}
loss = {loss}
optimizer = {optimizer}
trainer = Trainer(model, loss, optimizer)
"""

CIRCLE_OF_BLOBS = """\
angles = 2 * np.pi * np.arange({classes}) / {classes}
centers = 1.5 * np.column_stack([np.cos(angles), np.sin(angles)])
x, y = make_blobs({n}, centers=centers, cluster_std={noise}, rng={seed})"""

FIT = """\
history = trainer.fit(x, y, {options})
"""

REPORT = """\
print("training loss:", history.epochs["training_loss"][-1])
print("training accuracy:", {metric}(model.predict(x), y{threshold}))
"""

HELD_OUT_REPORT = """\
trained, held_out = hold_out(len(y), {share}, classes={classes})  # the split of fit
print("training loss:", history.epochs["training_loss"][-1])
print("held-out loss:", history.epochs["validation_loss"][-1])
print("training accuracy:", {metric}(model.predict(x[trained]), y[trained]{threshold}))
print("held-out accuracy:", {metric}(model.predict(x[held_out]), y[held_out]{threshold}))
"""

DESCENT = """\
{imports}
{function}
starts = [{starts}]
optimizers = {{
{optimizers}
}}
"""

MINIMIZE = """\
for name, make in optimizers.items():
    for start in starts:
        objective = {objective}
        descent = minimize(objective, make(objective.parameters()), steps={steps})
        print(f"{{name}} from {{start}}: {{descent}}")
"""

FUNCTION = """

def f(x, y):
    return {expression}

"""


def network_code(settings: Mapping[str, Any]) -> Code:
    """Return the program for settings of a network, which have been checked.

    Raises:
        SettingError: points or a table from which no network can learn.
    """
    classes = len(class_names(settings))
    several = classes > 2
    loss = CROSS_ENTROPY if several else settings["loss"]
    data, makers = _data(settings, several)
    model, layers = _model(settings, classes if several else 1, loss)
    optimizer = _optimizer(settings, "model.parameters()", settings["weight_decay"])
    metric = "accuracy" if several else "binary_accuracy"
    initializer, share = settings["initializer"], settings["test_share"]
    imports = ["import numpy as np"] if "np." in data else []
    imports.append(_imports({"Sequential", "Trainer", loss, _class(optimizer), *layers, *makers}))
    imports += [f"from minidl.initializers import {initializer}"] if initializer != DRAWN else []
    imports.append(f"from minidl.metrics import {metric}")
    imports += ["from minidl.splitting import hold_out"] if share else []
    options = {"epochs": settings["epochs"]}
    options |= {"batch_size": settings["batch_size"]} if settings["batch_size"] < _trained(settings, classes) else {}
    options |= {"validation": share} if share else {}
    options |= {"training_loss": True, "rng": settings["seed"]}
    call = f"{loss}(){ON_LOGITS.get(loss, '')}"
    setup = NETWORK.format(imports="\n".join(imports), data=data, model=model, loss=call, optimizer=optimizer)
    report = (HELD_OUT_REPORT if share else REPORT).format(
        share=share,
        classes="y" if several else "y[:, 0]",
        metric=metric,
        threshold="" if several else f", threshold={0 if loss in ON_LOGITS else 0.5}",
    )
    return Code(setup, FIT.format(options=_arguments(options)), report)


def descent_code(settings: Mapping[str, Any]) -> Code:
    """Return the program for settings of descents, which have been checked.

    Raises:
        SettingError: an expression that is not one of x and y.
    """
    name, expression = settings["objective"], settings["expression"].strip()
    labels = _unique([_label(rule) for rule in settings["optimizers"]])
    calls = [_optimizer(rule, "parameters") for rule in settings["optimizers"]]
    kind, call = OBJECTIVES[name]
    functions = functions_in(expression) if name == "expression" else []
    imports = [_imports({kind, "minimize", *map(_class, calls)})]
    imports += [f"from numpy import {', '.join(functions)}"] if functions else []
    setup = DESCENT.format(
        imports="\n".join(imports),
        function=FUNCTION.format(expression=expression) if name == "expression" else "",
        starts=", ".join(f"({_number(x)}, {_number(y)})" for x, y in settings["starts"]),
        optimizers="\n".join(
            f'    "{label}": lambda parameters: {made},' for label, made in zip(labels, calls, strict=True)
        ),
    )
    return Code(setup, MINIMIZE.format(objective=f"{kind}{call}", steps=settings["steps"]), "")


OBJECTIVES = {
    "cubic_valley": ("CubicValley", "(*start)"),
    "rosenbrock": ("Rosenbrock", "(start)"),
    "himmelblau": ("Himmelblau", "(*start)"),
    "beale": ("Beale", "(*start)"),
    "expression": ("FunctionObjective", "(f, start=start)  # its gradient is found by finite differences"),
}
"""The class of each objective, and how it is called."""


def _data(settings: Mapping[str, Any], several: bool) -> tuple[str, list[str]]:
    """The lines that make x and y, and the names that they import from minidl.

    Several classes are integers (n,), and two are 0.0 and 1.0, (n, 1).
    """
    kind, n = settings["data"], settings["samples"]
    noise, seed = _number(settings["noise"]), settings["data_seed"]
    if kind in ("points", "csv"):
        found = read_table(settings["csv"]).rows if kind == "csv" else settings["points"]
        target = "data[:, 2].astype(int)" if several else "data[:, 2:]"
        lines = ["# Each row is x1, x2 and the class.", table("data", found, WIDTH), f"x, y = data[:, :2], {target}"]
        if kind == "csv":
            lines.append("x = (x - x.mean(axis=0)) / x.std(axis=0)  # the same scale for both features")
        return "\n".join(lines), []
    if kind == "blobs" and several:
        return CIRCLE_OF_BLOBS.format(classes=settings["classes"], n=n, noise=noise, seed=seed), ["make_blobs"]
    if kind == "blobs":
        made = f"x, y = make_blobs({n}, centers=[[-1, -1], [1, 1]], cluster_std={noise}, rng={seed})"
        return f"{made}\ny = y[:, None]", ["make_blobs"]
    more = {"circles": ", factor=0.5", "spirals": ", turns=1"}.get(kind, "")
    return f"x, y = make_{kind}({n}, noise={noise}{more}, rng={seed})", [f"make_{kind}"]


def _trained(settings: Mapping[str, Any], classes: int) -> int:
    """The number of samples that are trained on at most. The rest is held out, as `hold_out` splits them."""
    own = {"points": settings["points"], "csv": settings["csv"]}.get(settings["data"])
    n = settings["samples"] if own is None else len(read_table(own).rows if settings["data"] == "csv" else own)
    # Of each class one sample is not held out, and of all classes but one there may be no other.
    return int(n - min(n - classes, round(settings["test_share"] * (n - classes + 1))))


def _model(settings: Mapping[str, Any], outputs: int, loss: str) -> tuple[str, set[str]]:
    """The lines that make the model, and the names of its layers."""
    sizes = [2, *settings["hidden"]]
    drawn = "" if settings["initializer"] == DRAWN else f", initializer={settings['initializer']}"
    activation, dropout, names = settings["activation"], settings["dropout"], {"Dense"}
    lines = ["model = Sequential("]
    for index, (inputs, units) in enumerate(pairwise(sizes)):
        line = f"    Dense({inputs}, {units}{drawn}), {activation}(),"
        names.add(activation)
        if dropout:
            line += f" Dropout({_number(dropout)}, rng={settings['seed'] + index}),"
            names.add("Dropout")
        lines.append(line)
    last = f"    Dense({sizes[-1]}, {outputs}{drawn}),"
    if loss not in ON_LOGITS:
        last += " Sigmoid(),"
        names.add("Sigmoid")
    return "\n".join([*lines, last, f"    rng={settings['seed']},", ")"]), names


def _optimizer(rule: Mapping[str, Any], parameters: str, weight_decay: float = 0.0) -> str:
    """The call that makes an optimizer."""
    name = rule.get("name", rule.get("optimizer"))
    options = {"lr": rule["lr"]}
    for number in NUMBERS_OF.get(name, ()):
        if number == "momentum" or rule[number] != NUMBERS[number].default:
            options[number] = rule[number]
    if name == "Nesterov":
        name, options["nesterov"] = "Momentum", True
    if weight_decay or name == "AdamW":  # whose default is not 0
        options["weight_decay"] = weight_decay
    return f"{name}({parameters}, {_arguments(options)})"


def _class(call: str) -> str:
    """The name of the class that is called."""
    return call.partition("(")[0]


def _label(rule: Mapping[str, Any]) -> str:
    """What a legend calls an optimizer."""
    momentum = f" {_number(rule['momentum'])}" if "momentum" in NUMBERS_OF.get(rule["name"], ()) else ""
    return f"{rule['name']}{momentum}, lr {_number(rule['lr'])}"


def _unique(labels: list[str]) -> list[str]:
    """The labels with a number at those that have been there before.

    >>> _unique(["SGD", "Adam", "SGD"])
    ['SGD', 'Adam', 'SGD (2)']
    """
    counts = [labels[: index + 1].count(label) for index, label in enumerate(labels)]
    return [label if count == 1 else f"{label} ({count})" for label, count in zip(labels, counts, strict=True)]


def _imports(names: Iterable[str]) -> str:
    """The line that imports names from minidl, or several if it is long. They are sorted as Ruff sorts them."""
    ordered = sorted(names, key=lambda name: (not name.isupper(), name[0].islower(), name))
    line = f"from minidl import {', '.join(ordered)}"
    if len(line) <= WIDTH:
        return line
    return "\n".join(["from minidl import (", *(f"    {name}," for name in ordered), ")"])


def _arguments(options: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={_number(value)}" for name, value in options.items())


def _number(value: Any) -> str:
    """A number as people write it. All digits that matter are there.

    >>> _number(0.5), _number(2.0), _number(1e-6), _number(3)
    ('0.5', '2.0', '1e-06', '3')
    """
    return repr(value)
