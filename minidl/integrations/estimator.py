"""What the estimators for scikit-learn have in common."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any, Self, TypeAlias

import numpy as np

from minidl.arguments import check_type, function, got
from minidl.callbacks import EarlyStopping
from minidl.errors import HyperparameterError
from minidl.interruption import INTERRUPTED, TERMINATED
from minidl.layers import Dense, ReLU, Sequential
from minidl.modules import Layer, Loss
from minidl.modules.places import generators_in
from minidl.optimizers import Adam, Optimizer
from minidl.run import Callback
from minidl.training import Trainer
from minidl.typing import Array, ArrayLike

try:
    from sklearn.base import BaseEstimator
    from sklearn.utils import check_random_state
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:
    raise ImportError('this needs scikit-learn 1.6 or newer; pip install "minidl[sklearn]"') from error

__all__ = ["Estimator", "Model"]

Model: TypeAlias = Layer | Callable[[int, int], Layer] | None
MAKE = "make(inputs, outputs)"
PART = 4096
"""Samples per call of forward in a prediction, so that what layers cache does not grow with X."""


class Estimator(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no type hints
    """The base of `MinidlClassifier` and `MinidlRegressor`, which say what targets, loss and predictions are."""

    def __init__(
        self,
        hidden: int | Sequence[int] = (32,),
        activation: Callable[[], Layer] = ReLU,
        *,
        model: Model = None,
        loss: Loss | None = None,
        optimizer: Callable[..., Optimizer] = Adam,
        lr: float = 1e-3,
        epochs: int = 200,
        batch_size: int | None = 64,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        patience: int = 10,
        callbacks: Sequence[Callback] | None = None,
        dtype: Any = None,
        warm_start: bool = False,
        random_state: Any = None,
    ) -> None:
        # scikit-learn clones and searches over what it finds in attributes of these names. Fit checks the values.
        self.hidden, self.activation, self.model = hidden, activation, model
        self.loss, self.optimizer, self.lr = loss, optimizer, lr
        self.epochs, self.batch_size = epochs, batch_size
        self.early_stopping, self.validation_fraction, self.patience = early_stopping, validation_fraction, patience
        self.callbacks, self.dtype, self.warm_start, self.random_state = callbacks, dtype, warm_start, random_state

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Train for `epochs` epochs: a new model, or with ``warm_start=True`` the model of the last fit.

        Ctrl-C ends the fit after the current step. The estimator can predict with what it has learned until then.

        Args:
            X: the inputs, (n, features).
            y: the targets, (n,). A regressor also takes (n, outputs).
            sample_weight: the weight of each sample, (n,), at least 0. None means 1.

        Raises:
            ValueError: data that the estimator cannot take, or arguments out of range.
            TypeError: arguments of another type, or a sparse X.
            DivergenceError: the loss or a gradient is no longer finite.
            KeyboardInterrupt: Ctrl-C.
        """
        again = self.warm_start and hasattr(self, "trainer_")
        x, targets = self._checked(X, y, first=not again)
        seed = self._begin(x, targets, self.model_ if again else None)
        measured: dict[str, Any] = {}
        if self.early_stopping:
            measured = {"validation": self.validation_fraction, "validation_seed": seed}
            measured["metrics"] = {"score": self._score}
        return self._train(x, targets, sample_weight, epochs=self.epochs, **measured)

    def _partial_fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None, **classes: Any) -> Self:
        """Train for one epoch, and continue the run of the last call."""
        if self.early_stopping:
            raise HyperparameterError("partial_fit has no validation data for early_stopping=True; use fit")
        again = hasattr(self, "trainer_")
        x, targets = self._checked(X, y, first=not again, **classes)
        if not again:
            self._begin(x, targets, None)
        return self._train(x, targets, sample_weight, epochs=1)

    def _begin(self, x: Array, targets: Array, model: Layer | None) -> int:
        """Make a trainer, and a model if there is none. Return the seed of all randomness."""
        _check_class("activation", self.activation, Layer, "ReLU")
        _check_class("optimizer", self.optimizer, Optimizer, "Adam")
        if self.loss is not None:
            check_type("loss", self.loss, Loss)
        if "lr" in getattr(self.optimizer, "keywords", ()):
            raise HyperparameterError("lr of the estimator would override that of the optimizer; leave out the latter")
        seed: int = check_random_state(self.random_state).randint(2**31 - 1)
        self._rng = np.random.default_rng(seed)
        model = self._new_model(x.shape[1], self._outputs(targets)) if model is None else model
        # One prediction shows the shape even of a model that cannot tell it beforehand.
        loss = self._default_loss(model.predict(x[:1]).shape[1:])
        if self.loss is not None:
            loss = copy.deepcopy(self.loss)
        callbacks = copy.deepcopy(list(self.callbacks or ()))
        if self.early_stopping:
            callbacks.append(EarlyStopping("validation_loss", patience=self.patience))
        self.trainer_ = Trainer(model, loss, self.optimizer(model.parameters(), lr=self.lr), callbacks=callbacks)
        self.model_ = model
        return seed

    def _new_model(self, inputs: int, outputs: int) -> Layer:
        if isinstance(self.model, Layer):
            model = copy.deepcopy(self.model)
        else:
            build = self._dense if self.model is None else function("model", self.model, MAKE)
            try:
                model = build(inputs, outputs)
            except TypeError as error:
                error.add_note(f"model must be a module, or a function such as {MAKE}; it was called with both")
                raise
            check_type("what model(inputs, outputs) returns", model, Layer)
            model.initialize(self._rng)
            for _, module in model.modules():
                for generator in generators_in(vars(module)):  # such as that of Dropout
                    bits = generator.bit_generator
                    bits.state = type(bits)(int(self._rng.integers(2**63))).state
        return model if self.dtype is None else model.astype(self.dtype)

    def _dense(self, inputs: int, outputs: int) -> Layer:
        layers: list[Layer] = []
        for size in np.atleast_1d(self.hidden).tolist():
            layers += [Dense(inputs, size), self.activation()]
            inputs = size
        return Sequential(*layers, Dense(inputs, outputs))

    def _train(self, x: Array, targets: Array, sample_weight: ArrayLike | None, **options: Any) -> Self:
        weights = None if sample_weight is None else np.asarray(sample_weight)
        options |= {"sample_weight": weights, "batch_size": self.batch_size, "rng": self._rng}
        history = self.trainer_.fit(x, self._as_target(targets), **options, **self._weights_of_classes())
        self.loss_curve_ = list(history.epochs.get("loss", ()))
        scores = history.epochs.get("validation_score")
        self.validation_scores_ = None if scores is None else list(scores)
        self.n_iter_ = len(self.loss_curve_)
        if history.reason in (INTERRUPTED, TERMINATED):  # otherwise a search would go on with its next fit
            raise KeyboardInterrupt(history.reason)
        return self

    def _predictions(self, X: ArrayLike) -> Array:
        """The outputs of the model."""
        check_is_fitted(self, "trainer_")
        x = validate_data(self, X, dtype="numeric", reset=False)
        return self.model_.predict(x, batch_size=PART)

    def _checked(self, X: ArrayLike, y: ArrayLike, *, first: bool) -> tuple[Array, Array]:
        """X and y as arrays. If it is the first data, note what is known of it."""
        raise NotImplementedError(f"{type(self).__name__} must define _checked")

    def _outputs(self, targets: Array) -> int:
        """The outputs of a new model."""
        raise NotImplementedError(f"{type(self).__name__} must define _outputs")

    def _default_loss(self, outputs: tuple[int, ...]) -> Loss:
        """The loss for a model with outputs of this shape, which must be one that the targets allow."""
        raise NotImplementedError(f"{type(self).__name__} must define _default_loss")

    def _as_target(self, targets: Array) -> Array:
        """The targets as the loss takes them."""
        raise NotImplementedError(f"{type(self).__name__} must define _as_target")

    def _score(self, prediction: Array, target: Array) -> float:
        """The score of the outputs of the model."""
        raise NotImplementedError(f"{type(self).__name__} must define _score")

    def _weights_of_classes(self) -> dict[str, Any]:
        """The argument class_weight of `Trainer.fit`, if there are classes."""
        return {}


def _check_class(name: str, value: Any, kind: type, such_as: str) -> None:
    """Raise unless the value makes a layer or an optimizer when it is called."""
    if isinstance(value, kind) or not callable(value):
        raise TypeError(f"{name} must be a class such as {such_as}, or a functools.partial of one, {got(value)}")
