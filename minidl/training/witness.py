"""Finding out where numbers stopped being finite."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from copy import copy
from math import isfinite
from typing import Any, NamedTuple

import numpy as np

from minidl.modules import Loss, Module
from minidl.modules.places import places_of
from minidl.typing import Array

__all__ = ["Finding", "Witness"]

METHODS = ("forward", "backward", "backward_parameters")


class Finding(NamedTuple):
    """Where numbers first stopped being finite.

    Attributes:
        layer: the path of the module, "" for the model itself and "loss" for the loss; None if it is in none of them.
        direction: "forward" or "backward", None if it is in no module.
        words: both in words.
    """

    layer: str | None
    direction: str | None
    words: str


class Witness:
    """Remembers what a step began with besides the parameters, and looks at a step a second time.

    Args:
        model, loss: what a step evaluates.
    """

    def __init__(self, model: Module, loss: Loss) -> None:
        self.model = model
        self._modules = [*model.modules(), *loss.modules("loss")]
        self._buffers = [(module, name) for _, module in self._modules for name in module.buffers]
        places = [*places_of(model).values(), *places_of(loss).values()]
        self._generators = [place for place in places if isinstance(place.generator, np.random.Generator)]
        self._needed = bool(self._buffers or self._generators)

    def note(self) -> None:
        """Remember buffers and generators as they are; for most models there are none."""
        self._noted = [(module, name, copy(getattr(module, name))) for module, name in self._buffers]
        self._states = [(place, place.generator.bit_generator.state) for place in self._generators]

    def noting(self, evaluate: Callable[[Any], float]) -> Callable[[Any], float]:
        """`evaluate` with a note before, if there is anything to note, to which an error leads back."""
        if not self._needed:
            return evaluate

        def noted(batch: Any) -> float:
            self.note()
            try:
                return evaluate(batch)
            except BaseException:
                self.restore()
                raise

        return noted

    def restore(self) -> None:
        """Bring back what was noted."""
        if self._needed:
            for module, name, value in self._noted:
                setattr(module, name, copy(value))
            for place, state in self._states:
                place.generator.bit_generator.state = state

    def find(self, evaluate: Callable[[Any], float], batch: Any) -> Finding:
        """Evaluate a batch again, from the same beginning, and tell where a number first is not finite.

        Afterwards buffers and generators are as they were before the step.
        """
        findings: list[Finding] = []
        try:
            self.restore()
            with self._watched(findings):
                evaluate(batch)
        except Exception as error:
            findings.append(Finding(None, None, f"in no layer: {error!r}"))
        finally:
            self.restore()
        return findings[0] if findings else self._in_no_layer()

    def _in_no_layer(self) -> Finding:
        grad = self.model.parameters().grad
        if isfinite(grad.dot(grad)):
            return Finding(None, None, "but not when the batch was evaluated again: it depends on more than its inputs")
        return Finding(None, None, "each number is finite, but the sum of their squares is not")

    @contextmanager
    def _watched(self, findings: list[Finding]) -> Iterator[None]:
        """Inside this block every forward and backward looks at what it gives."""
        with ExitStack() as undo:
            for path, module in self._modules:
                undo.callback(_give_back, module, dict(vars(module)))
                for method in METHODS:
                    if hasattr(module, method):
                        vars(module)[method] = _looking(path, module, method, findings)
            yield


def _give_back(module: Module, before: dict[str, Any]) -> None:
    """Have a module's own methods, or those that a user has put in their place, again."""
    for method in METHODS:
        vars(module).pop(method, None)
        if method in before:
            vars(module)[method] = before[method]


def _looking(path: str, module: Module, method: str, findings: list[Finding]) -> Callable[..., Any]:
    call = getattr(module, method)
    direction = method.removesuffix("_parameters")
    own = dict(module.named_parameters())

    def tell(what: str) -> None:
        if not findings:
            where = f"layer {path}, {module!r}" if path and path.split(".")[0] != "loss" else repr(module)
            findings.append(Finding(path, direction, f"first in {where}, {direction}: {what}"))

    def looking(*arguments: Any) -> Any:
        try:
            result = call(*arguments)
        except Exception as error:
            tell(f"it raised {error!r}")
            raise
        values: dict[str, Any] = {"what it gives": result}
        if direction == "backward":
            values |= {f"the gradient of its {name}": parameter.grad for name, parameter in own.items()}
        for what, value in values.items():
            if value is not None and not np.isfinite(value).all():
                cause = [f"its {name}" for name, parameter in own.items() if not _finite(parameter.value)]
                tell(f"{what} is not finite" + (f", since {' and '.join(cause)} is not either" if cause else ""))
        return result

    return looking


def _finite(array: Array) -> bool:
    return bool(np.isfinite(array).all())
