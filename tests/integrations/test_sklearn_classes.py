"""Labels of any type, all classes in partial fits, and weights of samples and classes."""

from typing import Any

import numpy as np
import pytest

from tests.integrations.packages import real

real("sklearn")

from sklearn.datasets import load_iris
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_sample_weight

from minidl import DataError, HyperparameterError
from minidl.integrations.sklearn import MinidlClassifier, MinidlRegressor

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
BINARY = np.where(X[:, 0] + 0.3 * RNG.normal(size=60) > 0.8, "yes", "no")
NAMES = np.array(["setosa", "versicolor", "virginica"])


def full_batch(**options: Any) -> MinidlClassifier:
    return MinidlClassifier(epochs=20, lr=0.01, batch_size=None, random_state=0, **options)


@pytest.mark.parametrize("labels", [NAMES, NAMES.astype(object), np.array([-7, 3, 40]), np.array([0.0, 2.0, 5.0])])
def test_labels_of_any_type_come_back(labels: Any) -> None:
    x, y = load_iris(return_X_y=True)
    estimator = MinidlClassifier(lr=0.02, random_state=0).fit(StandardScaler().fit_transform(x), labels[y])
    assert estimator.classes_.tolist() == labels.tolist()
    predicted = estimator.predict(StandardScaler().fit_transform(x))
    assert predicted.dtype == labels.dtype
    assert (predicted == labels[y]).mean() > 0.95


def test_booleans_are_two_classes() -> None:
    estimator = full_batch().fit(X, BINARY == "yes")
    assert estimator.classes_.tolist() == [False, True]
    assert estimator.predict(X).dtype == bool


def test_partial_fit_has_a_column_for_classes_that_it_has_not_seen() -> None:
    x, y = load_iris(return_X_y=True)
    x = StandardScaler().fit_transform(x)
    estimator = MinidlClassifier(lr=0.02, random_state=0)
    estimator.partial_fit(x[:100], NAMES[y[:100]], classes=NAMES)
    assert estimator.predict_proba(x).shape == (150, 3)
    for _ in range(100):
        for rows in (slice(0, 50), slice(50, 100), slice(100, 150)):  # one class at a time
            estimator.partial_fit(x[rows], NAMES[y[rows]])
    estimator.partial_fit(x, NAMES[y], classes=NAMES[::-1])
    assert estimator.n_iter_ == 302
    assert estimator.score(x, NAMES[y]) > 0.8


def test_the_classes_of_partial_fit_are_those_of_the_first_call() -> None:
    estimator = MinidlClassifier()
    with pytest.raises(DataError, match="classes must be passed to the first call of partial_fit"):
        estimator.partial_fit(X, BINARY)
    estimator.partial_fit(X, BINARY, classes=["no", "yes"])
    with pytest.raises(DataError, match=r"must be those of the first call, \['no', 'yes'\], got \['no', 'maybe'\]"):
        estimator.partial_fit(X, BINARY, classes=["no", "maybe"])
    with pytest.raises(DataError, match=r"y holds \['yesterday'\], which is not among the classes \['no', 'yes'\]"):
        estimator.partial_fit(X, np.where(BINARY == "no", "no", "yesterday"))


@pytest.mark.parametrize("estimator", [full_batch(), MinidlRegressor(epochs=20, batch_size=None, random_state=0)])
def test_a_weight_of_three_is_three_samples_and_one_of_zero_is_none(estimator: Any) -> None:
    y = (BINARY == "yes").astype(float)
    counts = RNG.integers(0, 4, size=60)
    weighted = estimator.fit(X, y, sample_weight=counts).predict(X)
    losses = estimator.loss_curve_
    repeated = estimator.fit(X.repeat(counts, axis=0), y.repeat(counts))
    np.testing.assert_allclose(losses, repeated.loss_curve_, rtol=1e-9)
    np.testing.assert_allclose(weighted, repeated.predict(X), rtol=1e-7)
    assert not np.allclose(losses, estimator.fit(X, y).loss_curve_)


@pytest.mark.parametrize(
    "class_weight", ["balanced", {"yes": 5.0}, {"yes": 5.0, "no": 0.5}, {"no": 2, "yes": 1, "never": 9}], ids=str
)
def test_weights_of_classes_are_weights_of_samples(class_weight: Any) -> None:
    by_class = full_batch(class_weight=class_weight).fit(X, BINARY)
    by_sample = full_batch().fit(X, BINARY, sample_weight=compute_sample_weight(class_weight, BINARY))
    np.testing.assert_allclose(by_class.predict_proba(X), by_sample.predict_proba(X), rtol=1e-6)
    assert not np.allclose(by_class.predict_proba(X), full_batch().fit(X, BINARY).predict_proba(X), rtol=1e-3)


def test_balanced_counts_the_weights_of_samples() -> None:
    weights = RNG.integers(1, 4, size=60)
    weighted = full_batch(class_weight="balanced").fit(X, BINARY, sample_weight=weights)
    repeated = full_batch(class_weight="balanced").fit(X.repeat(weights, axis=0), BINARY.repeat(weights))
    np.testing.assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), rtol=1e-7)


def test_weights_of_classes_act_on_partial_fits() -> None:
    def probability(**options: Any) -> float:
        estimator = full_batch(**options).partial_fit(X[:30], BINARY[:30], classes=["no", "yes"])
        for _ in range(20):
            estimator.partial_fit(X[30:], BINARY[30:])
        return float(estimator.predict_proba(X)[:, 1].mean())

    assert probability(class_weight={"yes": 20}) > probability() + 0.1
    with pytest.raises(HyperparameterError, match="class_weight='balanced' needs all data; pass partial_fit a dict"):
        probability(class_weight="balanced")


def test_a_class_weight_for_a_label_that_does_not_occur_instead_of_one_that_does() -> None:
    with pytest.raises(ValueError, match=r"The classes, \['yes'\], are not in class_weight"):
        full_batch(class_weight={"no": 1, "Yes": 5}).fit(X, BINARY)
    with pytest.raises(HyperparameterError, match='class_weight must be "balanced" or a dict'):
        full_batch(class_weight=[1, 2]).fit(X, BINARY)
