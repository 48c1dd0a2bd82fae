"""Networks as estimators of scikit-learn. Unlike other bridges, this module cannot be imported without its package."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Self

import numpy as np

from minidl.integrations.estimator import Estimator, Model  # first: without scikit-learn, it says what to install

# isort: split
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d, validate_data

from minidl.errors import DataError, HyperparameterError, ShapeError
from minidl.layers import ReLU, Sigmoid, Softmax
from minidl.losses import BCEWithLogitsLoss, CrossEntropyLoss, MSELoss
from minidl.modules import Layer, Loss, format_shape
from minidl.optimizers import Adam, Optimizer
from minidl.run import Callback
from minidl.typing import Array, ArrayLike

__all__ = ["MinidlClassifier", "MinidlRegressor"]


class MinidlClassifier(ClassifierMixin, Estimator):  # type: ignore[misc]  # scikit-learn has no type hints
    """A network that classifies, as an estimator of scikit-learn.

    It passes scikit-learn's `check_estimator`, and works in pipelines, searches, ensembles and calibration. Outputs are
    one logit for two classes, otherwise one score per class. A model with two outputs is fine for two classes, too.

    Args:
        hidden: the units of each hidden layer. ``()`` makes a linear model.
        activation: the class of the layer behind each hidden layer, or a functools.partial of it.
        model: another network, instead of `hidden` and `activation`. A module is copied and starts from the values that
            it has. A function (inputs, outputs) -> module is called for each fit, and `random_state` draws the values
            of its layers. Data stays (n, features): for images, begin with `Reshape`.
        loss: None means `BCEWithLogitsLoss` for one output, otherwise `CrossEntropyLoss`. It is copied. It must take
            targets of 0 and 1 for one output, otherwise classes.
        optimizer: a class, or a functools.partial of it such as ``partial(Momentum, momentum=0.8)``.
        lr: its learning rate.
        epochs: passes over the data.
        batch_size: samples per batch. None takes all at once. A sample of weight 2 equals two samples only where one
            batch holds all data: then the steps are the same, too. The default does so up to 64 samples.
        early_stopping: whether to hold out `validation_fraction` of each class, stop when the loss on it has not
            improved for `patience` epochs, and restore the best model.
        validation_fraction: the share to hold out.
        patience: epochs without improvement.
        callbacks: see `Callback`. They are copied for each fit, so their results are in ``trainer_.callbacks``. With
            ``early_stopping=True``, the run measures "validation_loss" and "validation_score".
        class_weight: class -> weight, 1 for those that it leaves out. "balanced" makes all classes weigh the same.
        dtype: float32 or float64. None keeps that of `model`, and means float64 without one.
        warm_start: whether a second fit continues with the model of the first, with a new optimizer.
        random_state: seed or RandomState of initial values, the order of the samples, dropout, and what is held out.

    Attributes:
        classes_: the classes, (k,).
        n_features_in_, feature_names_in_: the number of features, and their names if X is a table.
        n_iter_: the epochs of the last fit, and of all calls of `partial_fit` since.
        loss_curve_: the loss of each of these epochs.
        validation_scores_: the accuracy on the held-out data after each epoch. None without early stopping.
        model_, trainer_: the trained model and its `Trainer`.

    Raises:
        ImportError: scikit-learn is not installed. The import of the module raises it.

    >>> from minidl import make_moons
    >>> x, y = make_moons(100, noise=0.1, rng=0)
    >>> MinidlClassifier((16,), lr=0.01, random_state=0).fit(x, y[:, 0]).score(x, y[:, 0]) > 0.95
    True
    """

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
        class_weight: Mapping[Any, float] | Literal["balanced"] | None = None,
        dtype: Any = None,
        warm_start: bool = False,
        random_state: Any = None,
    ) -> None:
        super().__init__(
            hidden,
            activation,
            model=model,
            loss=loss,
            optimizer=optimizer,
            lr=lr,
            epochs=epochs,
            batch_size=batch_size,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            patience=patience,
            callbacks=callbacks,
            dtype=dtype,
            warm_start=warm_start,
            random_state=random_state,
        )
        self.class_weight = class_weight

    def partial_fit(
        self, X: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Train for one epoch on these data. The next call continues with model, optimizer and callbacks.

        Args:
            X, y, sample_weight: as in `fit`.
            classes: all classes, also those that follow in later calls. The first call must name them.

        Raises:
            ValueError: data or arguments as in `fit`, or other classes than in the first call.
            HyperparameterError: ``early_stopping=True`` or ``class_weight="balanced"``, which need all data.
        """
        if isinstance(self.class_weight, str):
            raise HyperparameterError(f"class_weight={self.class_weight!r} needs all data; pass partial_fit a dict")
        known = getattr(self, "classes_", None)
        if known is None and classes is None:
            raise DataError("classes must be passed to the first call of partial_fit, as in classes=np.unique(y_all)")
        if known is not None and classes is not None and not np.array_equal(np.unique(classes), known):
            raise DataError(f"classes must be those of the first call, {known.tolist()}, got {classes}")
        return self._partial_fit(X, y, sample_weight, classes=classes)

    def predict(self, X: ArrayLike) -> Array:
        """Return the most probable class of each sample, (n,)."""
        chosen = self.predict_proba(X).argmax(axis=1)
        labels: Array = self.classes_[chosen]
        return labels

    def predict_proba(self, X: ArrayLike) -> Array:
        """Return the probability of each class, (n, classes), in the order of ``classes_``."""
        return self._probabilities(self._predictions(X))

    def _probabilities(self, outputs: Array) -> Array:
        single = outputs.shape[1] == 1
        if not self.model_.gives_probabilities:
            outputs = (Sigmoid() if single else Softmax()).forward(outputs)
        return np.hstack([1 - outputs, outputs]) if single else outputs

    def _checked(
        self, X: ArrayLike, y: ArrayLike, *, first: bool, classes: ArrayLike | None = None
    ) -> tuple[Array, Array]:
        x, labels = validate_data(self, X, y, dtype="numeric", reset=first)
        check_classification_targets(labels)
        if first:
            self.classes_ = np.unique(labels if classes is None else column_or_1d(classes))
        if len(self.classes_) < 2:
            raise DataError(f"y has one class, {self.classes_.tolist()}; a classifier needs two or more")
        if len(unknown := np.setdiff1d(labels, self.classes_)):
            raise DataError(f"y holds {unknown.tolist()}, which is not among the classes {self.classes_.tolist()}")
        place: Any = np.searchsorted(self.classes_, labels)
        return x, place

    def _outputs(self, targets: Array) -> int:
        classes = len(self.classes_)
        return 1 if classes == 2 and not _takes_classes(self.loss) else classes

    def _default_loss(self, outputs: tuple[int, ...]) -> Loss:
        classes = len(self.classes_)
        if outputs != (classes,) and not (classes == 2 and outputs == (1,)):
            raise ShapeError(
                f"for {classes} classes, the model must return {classes} scores per sample"
                f"{' or one logit' * (classes == 2)}, got outputs of shape {format_shape(('n', *outputs))}"
            )
        return BCEWithLogitsLoss() if outputs == (1,) else CrossEntropyLoss()

    def _as_target(self, targets: Array) -> Array:
        return targets if _takes_classes(self.trainer_.loss) else targets[:, None]

    def _score(self, prediction: Array, target: Array) -> float:
        return float((self._probabilities(prediction).argmax(axis=1) == target.ravel()).mean())

    def _weights_of_classes(self) -> dict[str, Any]:
        weights: Any = self.class_weight
        if isinstance(weights, Mapping):
            weights = dict(enumerate(compute_class_weight(weights, classes=self.classes_, y=self.classes_).tolist()))
        return {"class_weight": weights}


class MinidlRegressor(RegressorMixin, Estimator):  # type: ignore[misc]  # scikit-learn has no type hints
    """A network that predicts numbers, as an estimator of scikit-learn.

    It is made and fitted as `MinidlClassifier` is, apart from `class_weight`. Outputs are as many as y has columns.
    A network starts with outputs around 0, so scale y, for example with scikit-learn's TransformedTargetRegressor.

    Args:
        hidden, activation, model, optimizer, lr, epochs, batch_size: as in `MinidlClassifier`.
        loss: None means `MSELoss`. It is copied.
        early_stopping, validation_fraction, patience, callbacks: as in `MinidlClassifier`.
        dtype, warm_start, random_state: as in `MinidlClassifier`.

    Attributes:
        n_features_in_, feature_names_in_, n_iter_, loss_curve_, model_, trainer_: as in `MinidlClassifier`.
        validation_scores_: R² on the held-out data after each epoch. None without early stopping.

    >>> x = np.linspace(-1, 1, 50)[:, None]
    >>> MinidlRegressor(lr=0.01, random_state=0).fit(x, np.sin(3 * x[:, 0])).score(x, np.sin(3 * x[:, 0])) > 0.99
    True
    """

    def partial_fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Train for one epoch on these data. The next call continues with model, optimizer and callbacks.

        Args:
            X, y, sample_weight: as in `fit`.

        Raises:
            ValueError: data or arguments as in `fit`.
            HyperparameterError: ``early_stopping=True``, which needs all data.
        """
        return self._partial_fit(X, y, sample_weight)

    def predict(self, X: ArrayLike) -> Array:
        """Return the predictions, (n,) or (n, outputs) as y was in the last fit."""
        outputs = self._predictions(X)
        return outputs[:, 0] if self._flat else outputs

    def _checked(self, X: ArrayLike, y: ArrayLike, *, first: bool) -> tuple[Array, Array]:
        x, y = validate_data(self, X, y, dtype="numeric", y_numeric=True, multi_output=True, reset=first)
        self._flat = y.ndim == 1
        return x, y[:, None] if self._flat else y

    def _outputs(self, targets: Array) -> int:
        return int(targets.shape[1])

    def _default_loss(self, outputs: tuple[int, ...]) -> Loss:
        return MSELoss()

    def _as_target(self, targets: Array) -> Array:
        return targets

    def _score(self, prediction: Array, target: Array) -> float:
        return float(r2_score(target, prediction))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def _takes_classes(loss: Loss | None) -> bool:
    """Whether a loss takes one class per sample and one score per class, as `CrossEntropyLoss` does."""
    try:
        return loss is not None and loss.check_target(np.arange(2), (2,)) is not None
    except ValueError:
        return False
