"""The Python that settings stand for. The page shows it, the session runs it, and it runs at home."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

from minidl.playground.expressions import functions_in
from minidl.playground.tables import rows_of, table

__all__ = ["Code", "descent_code", "network_code"]

WIDTH = 100
NUMERICAL = "its gradient is found by finite differences"


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


def network_code(settings: Mapping[str, Any]) -> Code:
    """Return the program for settings of a network, which have been checked.

    Raises:
        SettingError: points or a table from which no network can learn.
    """
    data, names = _data(settings)
    model, layers = _model(settings)
    rule = _optimizer(settings, "model.parameters()", settings["weight_decay"])
    loss = settings["loss"]
    modules = {*layers, "Sequential", "Trainer", loss, rule.partition("(")[0], *names}
    initializer = settings["initializer"]
    lines = [] if initializer == "he_normal" else [f"from minidl.initializers import {initializer}"]
    lines = [*(["import numpy as np"] if "np." in data else []), _imports(modules), *lines]
    note = "  # it takes the output before the sigmoid" if loss == "BCEWithLogitsLoss" else ""
    setup = "\n".join(
        [
            *(*lines, "", data, "", model, f"loss = {loss}(){note}", f"optimizer = {rule}"),
            *("trainer = Trainer(model, loss, optimizer)", ""),
        ]
    )
    share = settings["test_share"]
    options = {"epochs": settings["epochs"], "batch_size": settings["batch_size"]}
    options |= {"validation": share} if share else {}
    options |= {"training_loss": True, "rng": settings["seed"]}
    run = f"history = trainer.fit(x, y, {_arguments(options)})\n"
    report = 'print("training loss:", history.epochs["training_loss"][-1])\n'
    report += 'print("test loss:", history.epochs["validation_loss"][-1])\n' if share else ""
    return Code(setup, run, report)


def descent_code(settings: Mapping[str, Any]) -> Code:
    """Return the program for settings of descents, which have been checked.

    Raises:
        SettingError: an expression that is not one of x and y.
    """
    name = settings["objective"]
    labels = _unique([_label(rule) for rule in settings["optimizers"]])
    calls = [_optimizer(rule, "parameters") for rule in settings["optimizers"]]
    kind = CLASSES.get(name, "FunctionObjective")
    lines = [_imports({kind, "minimize", *(call.partition("(")[0] for call in calls)})]
    made = {"rosenbrock": "Rosenbrock(start)", "expression": f"FunctionObjective(f, start=start)  # {NUMERICAL}"}
    if name == "expression":
        functions = functions_in(settings["expression"])
        lines += [f"from numpy import {', '.join(functions)}"] if functions else []
        lines += ["", "", "def f(x, y):", f"    return {settings['expression'].strip()}", ""]
    starts = ", ".join(f"({_number(x)}, {_number(y)})" for x, y in settings["starts"])
    lines += ["", f"starts = [{starts}]", "optimizers = {"]
    lines += [f'    "{label}": lambda parameters: {call},' for label, call in zip(labels, calls, strict=True)]
    setup = "\n".join([*lines, "}", ""])
    run = "\n".join(
        [
            "for name, make in optimizers.items():",
            "    for start in starts:",
            f"        objective = {made.get(name, f'{kind}(*start)')}",
            f"        descent = minimize(objective, make(objective.parameters()), steps={settings['steps']})",
            '        print(f"{name} from {start}: {descent}")',
            "",
        ]
    )
    return Code(setup, run, "")


CLASSES = {"cubic_valley": "CubicValley", "rosenbrock": "Rosenbrock", "himmelblau": "Himmelblau", "beale": "Beale"}


def _data(settings: Mapping[str, Any]) -> tuple[str, list[str]]:
    """The lines that make x and y, and the names that they import from minidl."""
    kind, n = settings["data"], settings["samples"]
    noise, seed = _number(settings["noise"]), settings["data_seed"]
    if kind in ("points", "csv"):
        found = rows_of(settings["csv"]) if kind == "csv" else settings["points"]
        lines = ["# Each row is x1, x2 and the class.", table("data", found, WIDTH), "x, y = data[:, :2], data[:, 2:]"]
        if kind == "csv":
            lines.append("x = (x - x.mean(axis=0)) / x.std(axis=0)  # the same scale for both features")
        return "\n".join(lines), []
    if kind == "blobs":
        made = f"x, y = make_blobs({n}, centers=[[-1, -1], [1, 1]], cluster_std={noise}, rng={seed})"
        return f"{made}\ny = y[:, None]", ["make_blobs"]
    more = {"circles": ", factor=0.5", "spirals": ", turns=1"}.get(kind, "")
    return f"x, y = make_{kind}({n}, noise={noise}{more}, rng={seed})", [f"make_{kind}"]


def _model(settings: Mapping[str, Any]) -> tuple[str, set[str]]:
    """The lines that make the model, and the names of its layers."""
    sizes = [2, *settings["hidden"]]
    drawn = "" if settings["initializer"] == "he_normal" else f", initializer={settings['initializer']}"
    activation, dropout, names = settings["activation"], settings["dropout"], {"Dense"}
    lines = ["model = Sequential("]
    for index, (inputs, outputs) in enumerate(pairwise(sizes)):
        line = f"    Dense({inputs}, {outputs}{drawn}), {activation}(),"
        names.add(activation)
        if dropout:
            line += f" Dropout({_number(dropout)}, rng={settings['seed'] + index}),"
            names.add("Dropout")
        lines.append(line)
    last = f"    Dense({sizes[-1]}, 1{drawn}),"
    if settings["loss"] != "BCEWithLogitsLoss":
        last += " Sigmoid(),"
        names.add("Sigmoid")
    return "\n".join([*lines, last, f"    rng={settings['seed']},", ")"]), names


def _optimizer(rule: Mapping[str, Any], parameters: str, weight_decay: float = 0.0) -> str:
    """The call that makes an optimizer."""
    name = rule.get("name", rule.get("optimizer"))
    options = {"lr": rule["lr"]}
    if name in ("Momentum", "Nesterov"):
        options["momentum"] = rule["momentum"]
    if name == "Nesterov":
        name, options["nesterov"] = "Momentum", True
    if weight_decay or name == "AdamW":  # which has a decay of its own
        options["weight_decay"] = weight_decay
    return f"{name}({parameters}, {_arguments(options)})"


def _label(rule: Mapping[str, Any]) -> str:
    """What a legend calls an optimizer."""
    momentum = f" {_number(rule['momentum'])}" if rule["name"] in ("Momentum", "Nesterov") else ""
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
