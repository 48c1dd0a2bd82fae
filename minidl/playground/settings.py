"""The settings of the playground: what each may be, its default, and checks that say what must hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from minidl.errors import MinidlError

__all__ = [
    "DESCENT", "MAX_CLASSES", "NETWORKS", "NUMBERS", "NUMBERS_OF", "RULE", "Choice", "Kind", "MissingError", "Number",
    "SettingError", "checked", "choices",
]  # fmt: skip


class SettingError(MinidlError, ValueError):
    """A setting that is unknown or out of range. `field` is its name."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class MissingError(SettingError):
    """Data of one's own that are not there yet. It is a hint rather than a mistake."""


class Choice(NamedTuple):
    """One of several names."""

    default: str
    values: tuple[str, ...]

    def check(self, name: str, value: Any) -> str:
        if not isinstance(value, str) or value not in self.values:
            raise SettingError(name, f"{name} must be one of {', '.join(self.values)}, got {value!r:.60}")
        return value

    def describe(self) -> dict[str, Any]:
        return {"kind": "choice", "default": self.default, "values": list(self.values)}


class Number(NamedTuple):
    """A number between two limits. With a whole number as default, it must be a whole number."""

    default: float
    low: float
    high: float

    def check(self, name: str, value: Any) -> float:
        whole = isinstance(self.default, int)
        right = isinstance(value, int | float) and not isinstance(value, bool)
        if not right or not self.low <= value <= self.high or (whole and value != int(value)):
            what = "a whole number" if whole else "a number"
            raise SettingError(name, f"{name} must be {what} from {self.low:g} to {self.high:g}, got {value!r:.60}")
        return int(value) if whole else float(value)

    def describe(self) -> dict[str, Any]:
        kind = "whole" if isinstance(self.default, int) else "number"
        return {"kind": kind, "default": self.default, "low": self.low, "high": self.high}


class Text(NamedTuple):
    """A text of limited length."""

    default: str
    longest: int

    def check(self, name: str, value: Any) -> str:
        if not isinstance(value, str):
            raise SettingError(name, f"{name} must be text, got {value!r:.60}")
        if len(value) > self.longest:
            raise SettingError(name, f"{name} must have at most {self.longest} characters, got {len(value)}")
        return value

    def describe(self) -> dict[str, Any]:
        return {"kind": "text", "default": self.default, "longest": self.longest}


class Several(NamedTuple):
    """A list of numbers, or of rows of them, each element checked like the kind in its place."""

    default: list[Any]
    row: tuple[Number, ...]
    longest: int
    entries: str = "entries"

    def check(self, name: str, value: Any) -> list[Any]:
        if not isinstance(value, list | tuple):
            raise SettingError(name, f"{name} must be a list, got {value!r:.60}")
        if len(value) > self.longest:
            raise SettingError(name, f"there must be at most {self.longest} {self.entries}, got {len(value)}")
        if len(self.row) == 1:
            return [self.row[0].check(name, entry) for entry in value]
        for entry in value:
            if not isinstance(entry, list | tuple) or len(entry) != len(self.row):
                raise SettingError(name, f"each of {name} must be {len(self.row)} numbers, got {entry!r:.60}")
        return [[kind.check(name, number) for kind, number in zip(self.row, entry, strict=True)] for entry in value]

    def describe(self) -> dict[str, Any]:
        row = [kind.describe() for kind in self.row]
        return {"kind": "list", "default": self.default, "longest": self.longest, "row": row}


class Rules(NamedTuple):
    """A list of optimizers, each a dict with its name and numbers."""

    default: list[dict[str, Any]]
    longest: int

    def check(self, name: str, value: Any) -> list[dict[str, Any]]:
        if not isinstance(value, list | tuple) or not 1 <= len(value) <= self.longest:
            raise SettingError(name, f"{name} must be a list of 1 to {self.longest} optimizers, got {value!r:.60}")
        found = []
        for rule in value:
            if not isinstance(rule, Mapping):
                raise SettingError(name, f'each of {name} must be like {{"name": "SGD", "lr": 0.1}}, got {rule!r:.60}')
            try:
                found.append(_fields(RULE, rule))
            except SettingError as error:
                raise SettingError(name, f"{name}: {error}") from error
        return found

    def describe(self) -> dict[str, Any]:
        rule = {name: kind.describe() for name, kind in RULE.items()}
        return {"kind": "optimizers", "default": self.default, "longest": self.longest, "each": rule}


Kind = Choice | Number | Text | Several | Rules

OPTIMIZERS = (
    "SGD", "Momentum", "Nesterov", "AdaGrad", "RMSProp", "Adam", "AdamW", "NAdam", "RAdam", "AMSGrad", "Lion",
)  # fmt: skip
PLACE = Number(0.0, -100.0, 100.0)
MAX_CLASSES = 6
LR = Number(0.1, 1e-6, 100.0)


NUMBERS: dict[str, Kind] = {
    "momentum": Number(0.9, 0.0, 0.999),
    "alpha": Number(0.99, 0.0, 0.9999),
    "beta1": Number(0.9, 0.0, 0.999),
    "beta2": Number(0.999, 0.0, 0.9999),
}
"""The numbers of optimizers besides the learning rate. The last three have the defaults of the optimizers."""

NUMBERS_OF: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("Momentum", "Nesterov"), ("momentum",)),
    **dict.fromkeys(("Adam", "AdamW", "NAdam", "RAdam", "AMSGrad"), ("beta1", "beta2")),
    "RMSProp": ("alpha",),
    "Lion": ("beta1",),
}
"""Which of them an optimizer has. Lion keeps its own β₂, whose default is another one."""

RULE: dict[str, Kind] = {"name": Choice("SGD", OPTIMIZERS), "lr": Number(1e-3, 1e-6, 100.0), **NUMBERS}
"""What describes one of the optimizers of a descent."""

NETWORKS: dict[str, Kind] = {
    "data": Choice("xor", ("xor", "moons", "circles", "spirals", "blobs", "points", "csv")),
    "classes": Number(2, 2, MAX_CLASSES),
    "samples": Number(200, 10, 1000),
    "noise": Number(0.1, 0.0, 1.0),
    "test_share": Number(0.3, 0.0, 0.8),
    "data_seed": Number(0, 0, 9999),
    "points": Several([], (PLACE, PLACE, Number(0, 0, MAX_CLASSES - 1)), 1000, "points"),
    "csv": Text("", 100_000),
    "hidden": Several([8, 8], (Number(8, 1, 16),), 8, "hidden layers"),
    "activation": Choice(
        "Tanh", ("ReLU", "Tanh", "Sigmoid", "LeakyReLU", "ELU", "GELU", "SiLU", "Softplus", "Identity")
    ),
    "initializer": Choice(
        "he_normal",
        ("he_normal", "he_uniform", "glorot_normal", "glorot_uniform", "lecun_normal", "orthogonal", "zeros"),
    ),
    "dropout": Number(0.0, 0.0, 0.9),
    "loss": Choice("BCEWithLogitsLoss", ("BCEWithLogitsLoss", "BCELoss", "MSELoss")),
    "optimizer": Choice("SGD", OPTIMIZERS),
    "lr": LR,
    **NUMBERS,
    "weight_decay": Number(0.0, 0.0, 1.0),
    "batch_size": Number(20, 1, 1000),
    "epochs": Number(1000, 1, 100_000),
    "seed": Number(0, 0, 9999),
}
"""The settings of a network and of its training. A `batch_size` of at least the number of samples takes all at once.

`classes` is the number of clouds in "blobs", and other data ignore it. With more than two classes, the loss is
`CrossEntropyLoss`, whatever `loss` is.
"""

DESCENT: dict[str, Kind] = {
    "objective": Choice("cubic_valley", ("cubic_valley", "rosenbrock", "himmelblau", "beale", "expression")),
    "expression": Text("x**2 + 10 * y**2", 200),
    "starts": Several([[-1.0, 1.0]], (PLACE, PLACE), 8, "starting points"),
    "optimizers": Rules([{"name": "SGD", "lr": 1e-3, "momentum": 0.9}], 6),
    "steps": Number(2000, 1, 50_000),
}
"""The settings of descents: each optimizer descends from each start."""


def checked(kinds: Mapping[str, Kind], given: Any) -> dict[str, Any]:
    """Return all settings, those that are not given at their default.

    Raises:
        SettingError: settings that are unknown or out of range.

    >>> checked({"lr": Number(0.1, 0.0, 1.0)}, {"lr": 1})
    {'lr': 1.0}
    """
    if not isinstance(given, Mapping):
        raise SettingError("settings", f"settings must be an object of names and values, got {given!r:.60}")
    return _fields(kinds, given)


def _fields(kinds: Mapping[str, Kind], given: Mapping[Any, Any]) -> dict[str, Any]:
    for name in given:
        if name not in kinds:
            raise SettingError(str(name), f"there is no setting {name!r:.60}; there are {', '.join(kinds)}")
    return {name: kind.check(name, given.get(name, kind.default)) for name, kind in kinds.items()}


def choices() -> dict[str, dict[str, Any]]:
    """Return what each setting may be, for the page: kind, default, and values or limits.

    >>> choices()["networks"]["samples"]
    {'kind': 'whole', 'default': 200, 'low': 10, 'high': 1000}
    """
    tabs = {"networks": NETWORKS, "descent": DESCENT}
    return {tab: {name: kind.describe() for name, kind in kinds.items()} for tab, kinds in tabs.items()}
