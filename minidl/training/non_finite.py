"""Where a loss or gradient stopped being finite."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.batch import arrays_in
from minidl.errors import DivergenceError
from minidl.modules import Layer, Loss, Module, Snapshot, watching
from minidl.run import Run
from minidl.typing import Batch

__all__ = ["Diagnosis"]

NOT_AGAIN = "but not when the batch was evaluated again: the result depends on more than the batch"
ADVICE = "try a smaller learning rate, or look at the data"


class Diagnosis:
    """Repeats a step whose loss or gradient is not finite, and finds the layer where that begins.

    Args:
        model, loss: what a step evaluates.
        evaluate: evaluates a batch: it writes the gradients and returns the loss.
    """

    def __init__(self, model: Layer, loss: Loss, evaluate: Callable[[Any], float]) -> None:
        self.model, self.loss, self._evaluate = model, loss, evaluate
        # Buffers and generators change in a step that is then not applied. Most models have none.
        self._before = Snapshot([model, loss], stateful=True)
        self.evaluate = self._undone_on_error if self._before else evaluate

    def _undone_on_error(self, batch: Any) -> float:
        """Evaluate a batch. After an error, buffers and generators are as before."""
        self._before.take()
        try:
            return self._evaluate(batch)
        except BaseException:
            self._before.restore()
            raise

    def __call__(self, run: Run, batch: Any) -> DivergenceError:
        """Evaluate the latest batch again, and describe where a number first is not finite.

        Buffers and generators are then as they were before the step.
        """
        findings: list[tuple[str | None, str | None, str]] = []

        def see(path: str, module: Module, direction: str, result: Any) -> None:
            if not findings and (what := _non_finite(module, direction, result)):
                where = repr(module) if path in ("", "loss") else f"layer {path}, {module!r}"
                findings.append((path, direction, f"first in {where}, {direction}: {what}"))

        self._before.restore()
        try:
            with watching([*self.model.modules(), *self.loss.modules("loss")], see):
                self._evaluate(batch)
        except Exception as error:
            findings.append((None, None, f"outside of any layer: {error!r}"))
        finally:
            self._before.restore()
        layer, direction, what = findings[0] if findings else (None, None, NOT_AGAIN)
        place = f"at step {run.step}, in batch {run.batch} of epoch {run.epoch + 1}"
        return DivergenceError(
            f"loss or gradient stopped being finite {place}, {what}; {ADVICE}",
            step=run.step,
            batch=batch,
            layer=layer,
            direction=direction,
        )


def _non_finite(module: Module, direction: str, result: Any) -> str | None:
    """What is not finite after a call of forward or backward, in words."""
    if isinstance(result, Exception):
        return f"it raised {result!r}"
    own = dict(module.named_parameters())
    values = {"its result": result}
    if direction == "backward":
        values |= {f"the gradient of its {name}": parameter.grad for name, parameter in own.items()}
    for what, value in values.items():
        if value is not None and not _finite(value):
            causes = [f"its {name}" for name, parameter in own.items() if not _finite(parameter.value)]
            return f"{what} is not finite" + (f", because {' and '.join(causes)} is not" if causes else "")
    return None


def _finite(batch: Batch | float) -> bool:
    return all(bool(np.isfinite(array).all()) for array in arrays_in(batch))
