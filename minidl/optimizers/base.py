"""The base of optimizers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from copy import copy
from math import hypot, inf
from typing import Any, Self

import numpy as np

from minidl.arguments import check_type, copy_into, hyperparameter, number
from minidl.errors import StateError
from minidl.modules import Module
from minidl.optimizers.blocks import BLOCK, Block, cut_blocks, keep_freed_memory, warn_if_still
from minidl.optimizers.groups import Parameters, check_moved, describe_settings, describe_sizes, parts_of
from minidl.parameters import ParameterVector
from minidl.sums import norm
from minidl.typing import Array

__all__ = ["Optimizer"]


class Optimizer:
    """The base of optimizers: an elementwise rule, applied in place to all parameters at each step.

    A rule defines ``update(theta, grad, *slots)``, which changes theta in place. A `MinidlWarning` says so if
    ``theta = theta - …`` makes a new array instead. Slots are the arrays that the rule remembers from step to step, one
    number per parameter. ``slots = ("velocity",)`` asks for one.

    Long arrays are cut into blocks that fit the processor's cache, so one step may call `update` several times. What
    changes once per step, such as a count, therefore belongs in an overridden `step`. Name it in `scalars` to save it.

    Args:
        parameters: ``model.parameters()``, a list of Parameters, or a list of `Group`.
        lr: learning rate η, above 0.
        weight_decay: λ, at least 0. It applies to all parameters but those made with ``decay=False``.

    Raises:
        HyperparameterError: no parameters. A learning rate that is not a finite number above 0, also when set later.
        StateError: at a step, parameters that have moved into a larger model or to another dtype.
    """

    slots: tuple[str, ...] = ()
    """Names of the arrays that `update` takes after grad. They are shaped like the parameters and start at 0."""

    scalars: tuple[str, ...] = ()
    """Names of attributes that evolve from step to step and belong to the state."""

    lr: float = hyperparameter(above=0.0)
    weight_decay: float = hyperparameter(at_least=0.0)
    max_norm, max_value, l1 = inf, inf, 0.0  # what `clip` and `penalize` set

    def __init__(self, parameters: Parameters, lr: float, *, weight_decay: float = 0.0) -> None:
        keep_freed_memory()
        self.lr, self.weight_decay = lr, weight_decay
        self.steps = 0
        # One vector for each contiguous run of parameters, with the factor of its group. Usually there is one in all.
        self.vectors, self._factors = parts_of(parameters)
        size, dtype = sum(vector.size for vector in self.vectors), np.result_type(*(v.dtype for v in self.vectors))
        self._slots = {name: np.zeros(size, dtype) for name in self.slots}
        self.cut()

    def update(self, theta: Array, grad: Array, *slots: Any, **_: Any) -> None:
        """Change theta in place by the rule. All arrays are flat and of the same size."""
        raise NotImplementedError(f"{type(self).__name__} must define update(theta, grad, …)")

    def step(self) -> None:
        """Change the parameters once, by the gradients that backward has written."""
        changes = 0
        for vector in self.vectors:
            changes += vector._memory.changes  # read directly, as it is at every step
        if changes != self._changes:  # since the blocks were cut
            self.cut()
        self.steps += 1
        before = self._blocks[0].arrays[0].copy() if self.steps == 1 and self._blocks else None
        if self.weight_decay == self.l1 == 0.0 and self.max_norm == self.max_value == inf and not self._grouped:
            for arrays, _, _ in self._blocks:
                self.update(*arrays)
        else:
            self._adjusted_step()
        if before is not None:
            warn_if_still(type(self), before, self._blocks[0])

    def decayed(self, theta: Array, grad: Array) -> Array:
        """Return the gradient with weight decay, ``g + λ θ``. A rule with decoupled weight decay overrides it."""
        return grad + self.weight_decay * theta

    def clip(self, *, norm: float = inf, value: float = inf) -> Self:
        """Limit the gradients at each step, as in ``Adam(model.parameters()).clip(norm=1.0)``.

        Args:
            norm: the largest norm of all gradients together. A larger one is scaled by ``norm / (length + 1e-6)``, as
                in PyTorch.
            value: after that, each element is clipped to ±value.

        Raises:
            HyperparameterError: a limit that is not above 0.
        """
        norm = number("clip: norm", norm, above=0.0, finite=False)
        value = number("clip: value", value, above=0.0, finite=False)
        self.max_norm, self.max_value = norm, value
        return self

    def penalize(self, *, l1: float) -> Self:
        """Add ``λ₁ Σ |θ|`` to what is minimized, as in ``Adam(model.parameters()).penalize(l1=1e-4)``.

        Each step adds the subgradient ``λ₁ sign(θ)`` to g, with sign(0) = 0, as Keras's ``L1`` and a penalty in PyTorch
        do. Parameters shrink towards 0 and then stay within a step of it. None becomes exactly 0, as it would by
        soft thresholding (a proximal step). Like weight decay, the penalty leaves out parameters made with
        ``decay=False``, is not clipped, and does not count in the loss of a run. It also acts on g in `AdamW`.

        Args:
            l1: λ₁.

        Raises:
            HyperparameterError: a negative l1.
        """
        self.l1 = number("penalize: l1", l1, at_least=0.0)
        return self

    def _adjusted_step(self) -> None:
        """One step with clipping, penalties or groups."""
        scale = 1.0 if self.max_norm == inf else min(1.0, self.max_norm / (self._norm() + 1e-6))
        for (theta, grad, *slots), factor, decay in self._blocks:
            if scale != 1.0:
                # In float64, as a float32 holds fewer digits of a scale below 1e-38.
                grad = (grad * np.float64(scale)).astype(grad.dtype, copy=False)
            if self.max_value != inf:
                grad = np.clip(grad, -self.max_value, self.max_value)
            with nullcontext() if factor == 1.0 else self._rate(factor):
                if decay and self.l1 != 0.0:
                    grad = grad + self.l1 * np.sign(theta)
                if decay and self.weight_decay != 0.0:
                    grad = self.decayed(theta, grad)
                self.update(theta, grad, *slots)

    def _norm(self) -> float:
        return hypot(*(norm(each.grad.ravel()) for vector in self.vectors for each in vector if each.trainable))

    @contextmanager
    def _rate(self, factor: float) -> Iterator[None]:
        """Multiply the learning rate by a factor inside a ``with`` block."""
        lr = self.lr
        self.lr = lr * factor
        try:
            yield
        finally:
            self.lr = lr

    def cut(self, size: int = BLOCK) -> None:
        """Cut trainable parameters, gradients and slots into blocks of at most `size` elements, as views."""
        self._grouped = any(factor != 1.0 for factor in self._factors)
        self._blocks: list[Block] = cut_blocks(self.vectors, self._factors, self._slots.values(), size)
        self._changes = sum(vector._memory.changes for vector in self.vectors)

    def check_owner(self, module: Module) -> None:
        """Raise `StateError` unless all parameters that this optimizer moves belong to `module`."""
        check_moved(self.vectors, module)

    def moves(self, module: Module) -> list[str]:
        """Describe which parameters of `module` move, in order, each vector with its factor of the learning rate."""
        paths = {parameter: path for path, parameter in module.named_parameters()}
        parts = zip(self.vectors, self._factors, strict=True)
        return [f"{factor:g}: {' '.join(paths[parameter] for parameter in vector)}" for vector, factor in parts]

    def rebind(self) -> None:
        """Continue with the same parameters in the memory to which they have moved."""
        self.vectors = [ParameterVector(vector.items()) for vector in self.vectors]
        self.cut()

    def _hyperparameters(self) -> dict[str, Any]:
        # The numbers and flags of a user's own rule are hyper-parameters, too. A bool is an int.
        others = {"steps", *self.scalars}
        numbers = {name: value for name, value in vars(self).items() if isinstance(value, float | int)}
        return {name: value for name, value in numbers.items() if name not in others and not name.startswith("_")}

    def state(self) -> dict[str, Any]:
        """Everything on which the next steps depend: steps, hyper-parameters, scalars, and copies of the slots."""
        scalars = {name: getattr(self, name) for name in self.scalars}
        slots = {name: slot.copy() for name, slot in self._slots.items()}
        return {"steps": self.steps, **self._hyperparameters(), **scalars, **slots}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Load what `state` returned. After an error, nothing has changed.

        Raises:
            StateError: missing or unknown names, as from another optimizer.
            ShapeError: slots for another number of parameters.
            DataError: slots that are not made of real numbers.
        """
        check_type("state", state, Mapping)
        new, trial = self.state(), copy(self)
        if new.keys() != state.keys():
            raise StateError(
                f"{type(self).__name__} has {', '.join(new)}, but the state has {', '.join(state) or 'nothing'}"
            )
        for name in self.slots:
            copy_into(new[name], state[name], name)
        for optimizer in (trial, self):  # a value that is refused is refused by the trial
            for name in new.keys() - self._slots.keys():
                setattr(optimizer, name, state[name])
        for name, slot in self._slots.items():
            slot[...] = new[name]

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_blocks"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.cut()

    def __repr__(self) -> str:
        sizes = describe_sizes(self.vectors, self._factors)
        return f"{type(self).__name__}({sizes}{describe_settings(self._hyperparameters())})"
