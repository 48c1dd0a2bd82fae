"""Finding out where numbers stopped being finite."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from copy import copy
from typing import Any, NamedTuple

import numpy as np

from minidl.modules import Loss, Module
from minidl.parameters import Parameter
from minidl.saving import holders_of
from minidl.typing import Array

__all__ = ["Finding", "Witness"]


class Finding(NamedTuple):
    """Where numbers first stopped being finite.

    Attributes:
        layer: the path of the module, "loss" for the loss; None if every single number is finite.
        direction: "forward" or "backward".
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
        self.model, self.loss = model, loss
        self._buffers = [(module, name) for _, module in model.modules() for name in module.buffers]
        self._generators = list(holders_of(model).values())
        self._needed = bool(self._buffers or self._generators)

    def note(self) -> None:
        """Remember buffers and generators as they are; for most models there are none."""
        self._noted = [copy(getattr(module, name)) for module, name in self._buffers]
        self._states = [getattr(*holder).bit_generator.state for holder in self._generators]

    def noting(self, evaluate: Callable[[Any], float]) -> Callable[[Any], float]:
        """`evaluate` with a note before, if there is anything to note."""
        if not self._needed:
            return evaluate

        def noted(batch: Any) -> float:
            self.note()
            return evaluate(batch)

        return noted

    def restore(self) -> None:
        """Bring back what was noted."""
        if self._needed:
            for (module, name), value in zip(self._buffers, self._noted, strict=True):
                setattr(module, name, copy(value))
            for holder, state in zip(self._generators, self._states, strict=True):
                getattr(*holder).bit_generator.state = state

    def find(self, evaluate: Callable[[Any], float], batch: Any) -> Finding:
        """Evaluate a batch again, from the same beginning, and tell where a number first is not finite.

        Afterwards buffers and generators are as they were before the step.
        """
        findings: list[Finding] = []
        self.restore()
        with self._watched(findings), suppress(OverflowError):
            evaluate(batch)
        self.restore()
        return next(iter(findings), Finding(None, None, "each number is finite, but the sum of their squares is not"))

    @contextmanager
    def _watched(self, findings: list[Finding]) -> Iterator[None]:
        """Inside this block every forward and backward looks at what it gives."""
        modules = [*self.model.modules(), ("loss", self.loss)]
        for path, module in modules:
            for method in ("forward", "backward", "backward_parameters"):
                if hasattr(module, method):
                    vars(module)[method] = _looking(path, module, method, findings)
        try:
            yield
        finally:
            for _, module in modules:
                for method in ("forward", "backward", "backward_parameters"):
                    vars(module).pop(method, None)


def _looking(path: str, module: Module, method: str, findings: list[Finding]) -> Callable[..., Any]:
    call = getattr(module, method)
    direction = method.removesuffix("_parameters")
    name = f"layer {path}, {module!r}" if path and path != "loss" else repr(module)
    own = {name: child for name, child in module.children() if isinstance(child, Parameter)}

    def looking(*arguments: Any) -> Any:
        result = call(*arguments)
        if not findings:
            values: dict[str, Any] = {"what it gives": result}
            if direction == "backward":
                values |= {f"the gradient of its {name}": parameter.grad for name, parameter in own.items()}
            for what, value in values.items():
                if value is not None and not np.isfinite(value).all():
                    cause = [f"its {name}" for name, parameter in own.items() if not _finite(parameter.value)]
                    because = f", since {' and '.join(cause)} is not either" if cause else ""
                    words = f"first in {name}, {direction}: {what} is not finite{because}"
                    findings.append(Finding(path, direction, words))
                    break
        return result

    return looking


def _finite(array: Array) -> bool:
    return bool(np.isfinite(array).all())
