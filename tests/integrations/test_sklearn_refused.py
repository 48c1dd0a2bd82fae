"""What the estimators refuse, and what they say about it."""

from functools import partial
from typing import Any

import numpy as np
import pytest

from tests.integrations.packages import real

real("sklearn")

from sklearn.exceptions import NotFittedError

from minidl import (
    SGD,
    Adam,
    BCELoss,
    Dense,
    DivergenceError,
    HyperparameterError,
    MSELoss,
    Parameter,
    ReLU,
    Sequential,
    ShapeError,
)
from minidl.integrations.sklearn import MinidlClassifier, MinidlRegressor

X = np.random.default_rng(0).normal(size=(40, 2))
Y = (X[:, 0] > 0).astype(int)
THREE = np.arange(40) % 3

ARGUMENTS: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "hidden": ({"hidden": (8, 0)}, HyperparameterError, "Dense: outputs must be a positive integer, got 0"),
    "half a unit": ({"hidden": 2.5}, HyperparameterError, "Dense: outputs must be a positive integer, got 2.5"),
    "activation": ({"activation": ReLU()}, TypeError, r"activation must be a class such as ReLU, .* got ReLU\(\)"),
    "a name": ({"activation": "relu"}, TypeError, "activation must be a class such as ReLU, .* got 'relu'"),
    "optimizer": ({"optimizer": "adam"}, TypeError, "optimizer must be a class such as Adam, .* got 'adam'"),
    "made": ({"optimizer": SGD([Parameter(np.ones(1))], lr=1)}, TypeError, "optimizer must be a class .* got SGD"),
    "lr": ({"lr": 0}, HyperparameterError, "lr must be a finite number, above 0, got 0"),
    "lr twice": ({"optimizer": partial(Adam, lr=0.1)}, HyperparameterError, "lr of the estimator would override"),
    "epochs": ({"epochs": -1}, HyperparameterError, "epochs must be an integer, at least 0"),
    "batch_size": ({"batch_size": "auto"}, HyperparameterError, "batch_size must be a positive integer, got 'auto'"),
    "patience": ({"early_stopping": True, "patience": 0}, HyperparameterError, "patience must be a positive integer"),
    "share": ({"early_stopping": True, "validation_fraction": 1.5}, HyperparameterError, "share of held-out data"),
    "loss": ({"loss": MSELoss}, TypeError, "loss must be of type Loss.*make one by calling it"),
    "callbacks": ({"callbacks": [print]}, TypeError, "each callback must be of type Callback"),
    "model": ({"model": 3}, HyperparameterError, "model must be a function such as"),
    "not a model": ({"model": lambda *sizes: sizes}, TypeError, r"returns must be of type Layer, got \(2, 1\)"),
    "dtype": ({"dtype": "int"}, HyperparameterError, "dtype must be float32 or float64, got 'int'"),
}


@pytest.mark.parametrize("name", ARGUMENTS)
@pytest.mark.parametrize("estimator", [MinidlClassifier, MinidlRegressor])
def test_arguments(name: str, estimator: Any) -> None:
    options, error, message = ARGUMENTS[name]
    with pytest.raises(error, match=message):
        estimator(**options).fit(X, Y)


def test_models_of_other_sizes() -> None:
    with pytest.raises(ShapeError, match=r"takes samples of shape \(3,\), got \(2,\)"):
        MinidlClassifier(model=Dense(3, 1)).fit(X, Y)
    with pytest.raises(ShapeError, match=r"for 3 classes, the model must return 3 scores per sample, got .* \(n, 4\)"):
        MinidlClassifier(model=Dense(2, 4)).fit(X, THREE)
    with pytest.raises(ShapeError, match=r"for 3 classes, the model must return 3 scores per sample, got .* \(n, 1\)"):
        MinidlClassifier(model=Dense(2, 1)).fit(X, THREE)
    with pytest.raises(ShapeError, match=r"for 2 classes, .* or one logit, got outputs of shape \(n, 3\)"):
        MinidlClassifier(model=Dense(2, 3)).fit(X, Y)
    with pytest.raises(ShapeError, match=r"predictions have shape \(n, 2\), targets \(n, 1\)"):
        MinidlRegressor(model=Dense(2, 2)).fit(X, Y)


def test_a_function_that_takes_no_sizes() -> None:
    make: Any = lambda: Dense(2, 1)  # noqa: E731
    with pytest.raises(TypeError, match="takes 0 positional arguments") as caught:
        MinidlClassifier(model=make).fit(X, Y)
    (note,) = caught.value.__notes__
    assert "such as make(inputs, outputs)" in note


def test_losses_for_other_targets() -> None:
    with pytest.raises(ShapeError, match="predictions have shape"):
        MinidlClassifier(loss=MSELoss()).fit(X, THREE)
    with pytest.raises(ValueError, match="must be probabilities"):
        MinidlClassifier(model=Sequential(Dense(2, 1), rng=0), loss=BCELoss()).fit(100 * X, Y)


def test_one_class_and_numbers_for_classes() -> None:
    with pytest.raises(ValueError, match=r"y has one class, \['a'\]; a classifier needs two or more"):
        MinidlClassifier().fit(X, ["a"] * 40)
    with pytest.raises(ValueError, match="continuous"):
        MinidlClassifier().fit(X, X[:, 0])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_numbers_that_are_not_finite(bad: float) -> None:
    x = X.copy()
    x[3, 1] = bad
    for estimator in (MinidlClassifier(epochs=1), MinidlRegressor(epochs=1)):
        with pytest.raises(ValueError, match="Input X contains"):
            estimator.fit(x, Y)
        estimator.fit(X, Y)
        with pytest.raises(ValueError, match="Input X contains"):
            estimator.predict(x)


WEIGHTS = {
    "zero for every sample": np.zeros(40),
    "must not be negative": -np.ones(40),
    r"must have shape \(40,\), got \(39,\)": np.ones(39),
    "NaN": np.full(40, np.nan),
}


@pytest.mark.parametrize("message", WEIGHTS)
def test_weights_of_samples(message: str) -> None:
    classifier, regressor = MinidlClassifier(epochs=1), MinidlRegressor(epochs=1)
    for fit in (classifier.fit, regressor.fit, partial(classifier.partial_fit, classes=[0, 1]), regressor.partial_fit):
        with pytest.raises(ValueError, match=message):
            fit(X, Y, sample_weight=WEIGHTS[message])


def test_early_stopping_of_partial_fits() -> None:
    with pytest.raises(HyperparameterError, match="partial_fit has no validation data for early_stopping=True"):
        MinidlClassifier(early_stopping=True).partial_fit(X, Y, classes=[0, 1])
    with pytest.raises(HyperparameterError, match="partial_fit has no validation data for early_stopping=True"):
        MinidlRegressor(early_stopping=True).partial_fit(X, Y)


def test_predictions_before_a_fit_that_succeeds() -> None:
    estimator = MinidlRegressor(optimizer=SGD, lr=1e200, epochs=5)
    with pytest.raises(NotFittedError):
        estimator.predict(X)
    with pytest.raises(ShapeError):
        estimator.set_params(model=Dense(9, 1)).fit(X, Y)
    with pytest.raises(NotFittedError):
        estimator.predict(X)
    with pytest.raises(DivergenceError, match="finite"):
        estimator.set_params(model=None).fit(X, Y)
