"""What everything is made of: a `Module` owns parameters and further modules, in the order of its attributes.

A `Layer` maps a batch to a batch, a `Loss` maps predictions and targets to a number, and an `Objective` is a
number that depends on nothing but its own parameters.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self

import numpy as np

from minidl.data import as_data
from minidl.errors import HyperparameterError, ShapeError, StateError
from minidl.parameters import Parameter, ParameterVector
from minidl.typing import Array, ArrayLike, Seed, Shape

__all__ = ["Layer", "Loss", "Module", "Objective", "same_shape", "saved"]


class _Saved:
    """Stands where forward will put a value: reading it before that is a `StateError`."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: object, owner: type) -> Any:
        # An attribute set by forward hides this object, so that reading it costs nothing.
        if instance is None:
            return self
        raise StateError(f"backward before forward: {instance!r} has no {self.name!r} yet; call forward first")


def saved() -> Any:
    """Declare an attribute that forward sets and backward reads, such as ``x: Array = saved()``."""
    return _Saved()


class Module:
    """The base of layers, losses and objectives: finds the parameters, and sets what holds for the whole tree.

    Parameters and modules are found where they are kept: in attributes, or in lists, tuples and dicts of them.
    Arguments of the constructor are kept as attributes of the same name, where `repr` reads them.
    """

    buffers: tuple[str, ...] = ()
    """Names of attributes that hold arrays or numbers that are not trained but belong to the state."""

    _training = True

    def children(self) -> Iterator[tuple[str, Module | Parameter]]:
        """Pairs (name, what) of the parameters and modules directly below this one, in reading order."""
        for name, value in vars(self).items():
            yield from _members(name, value)

    def modules(self, name: str = "") -> Iterator[tuple[str, Module]]:
        """Pairs (path, module) of this module and all below it, such as ("model.0", Dense(2, 4))."""
        yield name, self
        for child_name, child in self.children():
            if isinstance(child, Module):
                yield from child.modules(f"{name}.{child_name}" if name else child_name)

    def named_parameters(self, prefix: str = "") -> Iterator[tuple[str, Parameter]]:
        """Pairs (path, parameter) in reading order, such as ("0.weight", …)."""
        for name, child in self.children():
            if isinstance(child, Parameter):
                yield prefix + name, child
            else:
                yield from child.named_parameters(f"{prefix}{name}.")

    def parameters(self) -> ParameterVector:
        """All parameters as one flat vector; see `ParameterVector`.

        Raises:
            StateError: a Parameter in two places.
        """
        return ParameterVector(self.named_parameters())

    @property
    def training(self) -> bool:
        """Whether this module, and when set all below it, behaves as in training (dropout drops) or evaluation."""
        return self._training

    @training.setter
    def training(self, training: bool) -> None:
        for _, module in self.modules():
            module._training = bool(training)

    @contextmanager
    def mode(self, *, training: bool) -> Iterator[None]:
        """Be in training or evaluation inside a ``with`` block; afterwards every module is as it was."""
        before = [(module, module._training) for _, module in self.modules()]
        self.training = training
        try:
            yield
        finally:
            for module, was in before:
                module._training = was

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the parameters, float64 if there are none."""
        return next((parameter.dtype for _, parameter in self.named_parameters()), np.dtype(np.float64))

    def astype(self, dtype: Any) -> Self:
        """Turn all parameters and buffers into float32 or float64, in place.

        Optimizers made before hold the old memory, and refuse to go on.

        Raises:
            HyperparameterError: another dtype.
        """
        if np.dtype(dtype) not in (np.dtype(np.float32), np.dtype(np.float64)):
            raise HyperparameterError(f"dtype must be float32 or float64, got {np.dtype(dtype)}")
        for _, parameter in self.named_parameters():
            parameter.astype(dtype)
        for _, module in self.modules():
            for name in module.buffers:
                value = getattr(module, name)
                if isinstance(value, np.ndarray) and value.dtype.kind == "f":
                    setattr(module, name, value.astype(dtype))
        self.parameters()
        return self

    def state(self) -> dict[str, Any]:
        """Copies of all parameters and buffers by path."""
        state: dict[str, Any] = {name: parameter.value.copy() for name, parameter in self.named_parameters()}
        for path, module in self.modules():
            for name in module.buffers:
                state[f"{path}.{name}" if path else name] = np.copy(getattr(module, name))
        return state

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` gave; either all of it or, after an error, nothing.

        Raises:
            StateError: names that are missing or too many.
            ShapeError: an array of another shape.
        """
        expected = self.state()
        if missing := expected.keys() - state.keys():
            raise StateError(f"the state lacks {', '.join(sorted(missing))}")
        if unknown := state.keys() - expected.keys():
            raise StateError(f"the state has {', '.join(sorted(unknown))}, which {type(self).__name__} does not")
        for name, array in expected.items():
            if np.shape(state[name]) != array.shape:
                raise ShapeError(f"{name} has shape {array.shape}, the state gives {np.shape(state[name])}")
        for name, parameter in self.named_parameters():
            parameter.value = state[name]
        for path, module in self.modules():
            for name in module.buffers:
                array = expected[f"{path}.{name}" if path else name]
                setattr(module, name, np.array(state[f"{path}.{name}" if path else name], dtype=array.dtype))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(_arguments(self))})"


class Layer(Module):
    """A map from a batch to a batch that knows its own derivative.

    A layer defines `forward` and `backward`. `forward(x)` keeps in ``self`` what `backward` needs; `backward(grad)`
    takes dL/dy, writes dL/dparameter into each ``Parameter.grad`` and gives dL/dx. The first axis of x is the batch.
    """

    def forward(self, x: Array) -> Array:
        """Give y for a batch x."""
        raise NotImplementedError(f"{type(self).__name__} must define forward(x)")

    def backward(self, grad: Array) -> Array:
        """Take dL/dy, overwrite the gradients of the parameters, and give dL/dx."""
        raise NotImplementedError(f"{type(self).__name__} must define backward(grad)")

    def backward_parameters(self, grad: Array) -> None:
        """`backward` for callers who do not want dL/dx, such as the first layer in training."""
        self.backward(grad)

    def output_shape(self, shape: Shape | None) -> Shape | None:
        """The shape of one output for the shape of one input, both without the batch axis; None is unknown.

        Raises:
            ShapeError: inputs of that shape cannot be taken.
        """
        return None

    def initialize(self, rng: Seed) -> None:
        """Draw initial values anew; a layer without random initial values has nothing to do."""

    def check_input(self, x: ArrayLike, name: str = "x") -> Array:
        """The batch as `forward` takes it: finite floats of the dtype of the parameters.

        Raises:
            DataError, ShapeError: data that this layer cannot take.
        """
        parameter = next(self.named_parameters(), None)
        array = as_data(x, name, dtype=None if parameter is None else parameter[1].dtype)
        self.output_shape(array.shape[1:])
        return array

    def __call__(self, x: ArrayLike) -> Array:
        """`forward`, after a check of the data."""
        return self.forward(self.check_input(x))

    def predict(self, x: ArrayLike) -> Array:
        """`forward` as in evaluation, whatever `training` says; nothing else about the layer changes."""
        with self.mode(training=False):
            return self.forward(self.check_input(x))


class Loss(Module):
    """A number that says how far predictions are from targets, as a mean over the batch.

    A loss defines `forward(prediction, target)`, which keeps what `backward()` needs to give dL/dprediction.
    """

    def forward(self, prediction: Array, target: Array) -> float:
        """Give the loss of a batch."""
        raise NotImplementedError(f"{type(self).__name__} must define forward(prediction, target)")

    def backward(self) -> Array:
        """Give dL/dprediction for the last forward."""
        raise NotImplementedError(f"{type(self).__name__} must define backward()")

    def check_target(self, target: ArrayLike, prediction: Shape | None = None, dtype: Any = None) -> Array:
        """The targets as `forward` takes them; called once, before training.

        Args:
            target: targets for any number of samples.
            prediction: shape of one prediction, without the batch axis; None if not known.
            dtype: float type of the predictions.

        Raises:
            DataError, ShapeError: targets that this loss cannot take.
        """
        array = as_data(target, "y", dtype=dtype)
        if prediction is not None:
            same_shape(("n", *prediction), ("n", *array.shape[1:]))
        return array

    def __call__(self, prediction: ArrayLike, target: ArrayLike) -> float:
        """`forward`, after a check of the data."""
        checked = as_data(prediction, "prediction")
        return self.forward(checked, self.check_target(target, dtype=checked.dtype))


class Objective(Module):
    """A number to be minimised that depends on its own parameters alone.

    An objective defines `forward() -> float` and `backward()`, which fills the gradients of its parameters for the
    last forward. From these follow the pure functions of a flat vector theta below: afterwards, parameters and
    gradients are what they were.
    """

    def forward(self) -> float:
        """Give the value at the present parameters."""
        raise NotImplementedError(f"{type(self).__name__} must define forward()")

    def backward(self) -> None:
        """Fill the gradients of all parameters for the last forward."""
        raise NotImplementedError(f"{type(self).__name__} must define backward()")

    def value(self, theta: ArrayLike) -> float:
        """The value at theta (P,)."""
        with self._at(theta):
            return float(self.forward())

    def gradient(self, theta: ArrayLike) -> Array:
        """The gradient at theta (P,), of the same shape."""
        return self.value_and_gradient(theta)[1]

    def value_and_gradient(self, theta: ArrayLike) -> tuple[float, Array]:
        """Value and gradient at theta (P,), as SciPy's ``minimize(..., jac=True)`` takes them."""
        with self._at(theta) as parameters:
            value = float(self.forward())
            self.backward()
            return value, parameters.grad.copy()

    def hessian(self, theta: ArrayLike, step: float = 1e-5) -> Array:
        """The matrix of second derivatives at theta, (P, P), by central differences of the gradient."""
        point = np.array(theta, dtype=np.float64)
        shifts = step * np.eye(len(point))
        columns = [(self.gradient(point + shift) - self.gradient(point - shift)) / (2 * step) for shift in shifts]
        matrix = np.array(columns)
        return 0.5 * (matrix + matrix.T)

    @contextmanager
    def _at(self, theta: ArrayLike) -> Iterator[ParameterVector]:
        parameters = self.parameters()
        value, grad = parameters.value.copy(), parameters.grad.copy()
        buffers = [(module, name, getattr(module, name)) for _, module in self.modules() for name in module.buffers]
        parameters.value = theta
        try:
            yield parameters
        finally:
            parameters.value, parameters.grad = value, grad
            for module, name, buffer in buffers:
                setattr(module, name, buffer)


def same_shape(prediction: tuple[Any, ...], target: tuple[Any, ...]) -> None:
    """Raise `ShapeError` unless the shapes are equal: NumPy would broadcast (n,) against (n, 1) into (n, n).

    >>> same_shape((5, 1), (5,))
    Traceback (most recent call last):
        ...
    minidl.errors.ShapeError: predictions have shape (5, 1), targets (5,); make them equal, e.g. with y[:, None]
    """
    if prediction != target:
        fix = "they must be equal"
        if prediction == (*target, 1):
            fix = "make them equal, e.g. with y[:, None]"
        elif (*prediction, 1) == target:
            fix = "make them equal, e.g. with y[:, 0]"
        shown = [f"({', '.join(map(str, shape))}{',' * (len(shape) == 1)})" for shape in (prediction, target)]
        raise ShapeError(f"predictions have shape {shown[0]}, targets {shown[1]}; {fix}")


def _members(name: str, value: object) -> Iterator[tuple[str, Module | Parameter]]:
    if isinstance(value, Module | Parameter):
        yield name, value
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _members(f"{name}.{index}", item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _members(f"{name}.{key}", item)


def _arguments(module: Module) -> Iterator[str]:
    """The constructor's arguments as code, those at their default left out."""
    for name, argument in inspect.signature(type(module)).parameters.items():
        if name not in vars(module):
            continue
        value = vars(module)[name]
        if argument.kind is argument.VAR_POSITIONAL:
            yield from map(repr, value)
        elif argument.default is argument.empty:
            yield repr(value)
        elif not (value is argument.default or (np.isscalar(value) and value == argument.default)):
            yield f"{name}={getattr(value, '__name__', None) or repr(value)}"
