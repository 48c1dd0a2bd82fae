"""What a fit does: models, losses, optimizers, callbacks, early stopping, and fits that continue."""

from functools import partial
from typing import Any

import numpy as np
import pytest

from tests.integrations.packages import real

real("sklearn")

from sklearn.base import clone
from sklearn.metrics import r2_score

from minidl import (
    Adam,
    BCELoss,
    Callback,
    CrossEntropyLoss,
    Dense,
    EarlyStopping,
    Embedding,
    Flatten,
    HuberLoss,
    Momentum,
    MSELoss,
    ReLU,
    Reshape,
    Run,
    Sequential,
    Sigmoid,
    Softmax,
    StateError,
    Tanh,
    Trainer,
)
from minidl.integrations.sklearn import MinidlClassifier, MinidlRegressor
from tests.helpers import bits
from tests.integrations.sklearn_models import with_dropout

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 3))
NUMBERS = X @ [1.0, -2.0, 0.5] + 0.1 * RNG.normal(size=120)
TWO = (NUMBERS > 0).astype(int)
THREE = np.digitize(NUMBERS, [-1.0, 1.0])


def test_the_trainer_gets_what_the_estimator_was_given() -> None:
    model = Sequential(Dense(3, 5), Tanh(), Dense(5, 1), rng=4)
    estimator = MinidlRegressor(model=model, loss=HuberLoss(2.0), optimizer=partial(Momentum, momentum=0.5), lr=0.05)
    estimator.set_params(epochs=3, batch_size=None).fit(X, NUMBERS)
    trainer = Trainer(model, HuberLoss(2.0), Momentum(model.parameters(), lr=0.05, momentum=0.5))
    losses = trainer.fit(X, NUMBERS[:, None], epochs=3).epochs["loss"]
    np.testing.assert_allclose(estimator.loss_curve_, losses, rtol=1e-12)
    np.testing.assert_allclose(estimator.predict(X), model.predict(X)[:, 0], rtol=1e-9)
    assert estimator.n_iter_ == 3
    assert estimator.validation_scores_ is None


def test_a_model_is_copied_and_starts_from_its_own_values() -> None:
    model = Sequential(Dense(3, 4), ReLU(), Dense(4, 2), rng=0)
    before = bits(model.parameters().value)
    estimators = [MinidlClassifier(model=model, epochs=0, random_state=seed).fit(X, TWO) for seed in (0, 1)]
    for estimator in estimators:
        assert bits(estimator.model_.parameters().value) == before
    MinidlClassifier(model=model, epochs=2).fit(X, TWO)
    assert bits(model.parameters().value) == before


def test_a_loss_is_copied() -> None:
    loss = HuberLoss()
    estimator = MinidlRegressor(loss=loss, epochs=1).fit(X, NUMBERS)
    assert isinstance(estimator.trainer_.loss, HuberLoss)
    assert estimator.trainer_.loss is not loss
    with pytest.raises(StateError):
        loss.backward()  # it has seen no data


@pytest.mark.parametrize("model", [None, with_dropout])
def test_random_state_is_all_the_randomness(model: Any) -> None:
    def fitted(seed: int) -> list[bytes]:
        estimator = MinidlClassifier(model=model, epochs=3, batch_size=16, random_state=seed).fit(X, THREE)
        return bits(estimator.model_.parameters().value)

    assert fitted(0) == fitted(0)
    assert fitted(0) != fitted(1)


@pytest.mark.parametrize("estimator", [MinidlClassifier(model=with_dropout), MinidlClassifier()])
def test_a_second_fit_starts_afresh(estimator: Any) -> None:
    estimator.set_params(epochs=2, random_state=0)
    first = estimator.fit(X, TWO).predict_proba(X)
    estimator.fit(X[:, :2], THREE)  # another number of features and of classes
    assert estimator.predict_proba(X[:, :2]).shape == (120, 3)
    np.testing.assert_array_equal(estimator.fit(X, TWO).predict_proba(X), first)
    assert estimator.n_iter_ == 2


def test_hidden_and_activation_make_the_network() -> None:
    def layers(**options: Any) -> str:
        return repr(MinidlRegressor(epochs=1, **options).fit(X, NUMBERS).model_)

    assert layers(hidden=(7, 5), activation=Tanh) == repr(
        Sequential(Dense(3, 7), Tanh(), Dense(7, 5), Tanh(), Dense(5, 1))
    )
    assert layers(hidden=4) == repr(Sequential(Dense(3, 4), ReLU(), Dense(4, 1)))
    assert layers(hidden=()) == repr(Sequential(Dense(3, 1)))


def test_images_are_reshaped_by_the_model() -> None:
    model = Sequential(Reshape(3, 1), Reshape(3), Dense(3, 2))
    assert MinidlClassifier(model=model, epochs=1).fit(X, TWO).predict(X).shape == (120,)


def test_ids_reach_an_embedding_as_integers() -> None:
    ids = np.arange(120).reshape(60, 2) % 5
    model = Sequential(Embedding(5, 4), Flatten(), Dense(8, 1), rng=0)
    estimator = MinidlClassifier(model=model, lr=0.05, random_state=0).fit(ids, ids[:, 0] > 2)
    assert estimator.score(ids, ids[:, 0] > 2) == 1


@pytest.mark.parametrize("dtype", ["float32", np.float64])
def test_dtype_is_that_of_the_model_and_of_predictions(dtype: Any) -> None:
    estimator = MinidlRegressor(epochs=1, dtype=dtype).fit(X, NUMBERS)
    assert estimator.model_.dtype == estimator.predict(X).dtype == dtype


@pytest.mark.parametrize(
    ("last", "loss"),
    [
        ([Dense(3, 1)], None),
        ([Dense(3, 2)], None),
        ([Dense(3, 2)], CrossEntropyLoss(label_smoothing=0.01)),
        ([Dense(3, 1), Sigmoid()], BCELoss()),
        ([Dense(3, 1), Sigmoid()], MSELoss()),
    ],
    ids=repr,
)
def test_two_classes_with_one_output_or_two(last: Any, loss: Any) -> None:
    estimator = MinidlClassifier(model=Sequential(*last, rng=0), loss=loss, lr=0.05, random_state=0).fit(X, TWO)
    probabilities = estimator.predict_proba(X)
    assert probabilities.shape == (120, 2)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert estimator.score(X, TWO) > 0.95
    assert np.array_equal(estimator.predict(X), probabilities.argmax(axis=1))


def test_probabilities_are_the_softmax_or_the_sigmoid_of_the_outputs() -> None:
    three = MinidlClassifier(epochs=3).fit(X, THREE)
    np.testing.assert_allclose(three.predict_proba(X), Sequential(three.model_, Softmax()).predict(X))
    two = MinidlClassifier(epochs=3).fit(X, TWO)
    np.testing.assert_allclose(two.predict_proba(X)[:, 1:], Sequential(two.model_, Sigmoid()).predict(X))


def test_a_loss_that_takes_classes_gets_one_output_per_class() -> None:
    estimator = MinidlClassifier(loss=CrossEntropyLoss(), lr=0.05, random_state=0).fit(X, TWO)
    assert estimator.model_.predict(X).shape == (120, 2)
    assert estimator.score(X, TWO) > 0.95


def test_a_regressor_predicts_in_the_shape_of_y() -> None:
    for y, r2 in ((NUMBERS, 0.9), (NUMBERS[:, None], 0.9), (np.stack([NUMBERS, -X[:, 0]], axis=1), 0.9)):
        estimator = MinidlRegressor(lr=0.02, random_state=0).fit(X, y)
        assert estimator.predict(X).shape == y.shape
        assert estimator.score(X, y) > r2


class Counting(Callback):
    def __init__(self) -> None:
        self.epochs = 0

    def on_epoch_end(self, run: Run) -> None:
        self.epochs += 1


def test_callbacks_are_copied_for_each_fit() -> None:
    counting = Counting()
    first = MinidlClassifier(callbacks=[counting], epochs=2)
    fits = [first.fit(X, TWO).trainer_, first.fit(X, TWO).trainer_, clone(first).fit(X, TWO).trainer_]
    counts: list[Any] = [trainer.callbacks[0] for trainer in fits]
    assert [each.epochs for each in counts] == [2, 2, 2]
    assert counting.epochs == 0


def test_early_stopping_restores_the_best_of_a_held_out_share_of_each_class() -> None:
    estimator = MinidlClassifier(lr=0.3, early_stopping=True, patience=3, random_state=0)
    noisy = np.random.default_rng(1).permutation(THREE)
    estimator.set_params(validation_fraction=0.25).fit(X, noisy)
    assert 3 < estimator.n_iter_ < 100
    losses = estimator.trainer_.history.epochs["validation_loss"]
    scores = estimator.validation_scores_ or []
    assert len(scores) == len(losses) == estimator.n_iter_
    assert int(np.argmin(losses)) == estimator.n_iter_ - 1 - 3
    stopping: Any = estimator.trainer_.callbacks[-1]
    assert isinstance(stopping, EarlyStopping)
    assert stopping.best == min(losses)
    assert all(score * 30 == pytest.approx(round(score * 30)) for score in scores)
    clean = MinidlClassifier(lr=0.05, early_stopping=True, random_state=0).fit(X, THREE)
    assert 0.9 < max(clean.validation_scores_ or []) <= 1


def test_random_state_chooses_what_is_held_out() -> None:
    def validation_loss(seed: int) -> Any:
        model = Sequential(Dense(3, 1), rng=0)
        estimator = MinidlRegressor(model=model, batch_size=None, epochs=1, early_stopping=True, random_state=seed)
        return estimator.fit(X, NUMBERS).trainer_.history.epochs["validation_loss"]

    assert validation_loss(0) == validation_loss(0)
    assert validation_loss(0) != validation_loss(1)


def test_validation_scores_of_a_regressor_are_those_of_its_predictions() -> None:
    seen: list[float] = []

    class Watching(MinidlRegressor):
        def _score(self, prediction: Any, target: Any) -> float:
            seen.append(r2_score(target, prediction))
            return super()._score(prediction, target)

    estimator = Watching(early_stopping=True, epochs=4, random_state=0).fit(X, NUMBERS)
    assert estimator.validation_scores_ == seen
    assert seen == sorted(seen)


def test_a_warm_start_continues_with_the_model_alone() -> None:
    estimator = MinidlRegressor(epochs=60, lr=0.01, batch_size=None, warm_start=True, random_state=0).fit(X, NUMBERS)
    model, last = estimator.model_, estimator.loss_curve_[-1]
    estimator.set_params(epochs=5, lr=0.001, optimizer=Adam).fit(X, NUMBERS)
    assert estimator.model_ is model
    assert estimator.n_iter_ == len(estimator.loss_curve_) == 5
    assert estimator.loss_curve_[0] < last
    assert estimator.trainer_.optimizer.lr == 0.001
    cold = estimator.set_params(warm_start=False).fit(X, NUMBERS)
    assert cold.model_ is not model
    assert cold.loss_curve_[0] > 2 * last


def test_partial_fits_are_epochs_of_one_run() -> None:
    settings: dict[str, Any] = {"lr": 0.01, "batch_size": None, "random_state": 0}
    whole = MinidlRegressor(epochs=6, **settings).fit(X, NUMBERS)
    parts = MinidlRegressor(epochs=100, **settings)
    for _ in range(6):
        assert parts.partial_fit(X, NUMBERS) is parts
    assert parts.n_iter_ == 6
    np.testing.assert_allclose(parts.loss_curve_, whole.loss_curve_, rtol=1e-12)
    np.testing.assert_allclose(parts.predict(X), whole.predict(X), rtol=1e-9)
    assert len(whole.partial_fit(X, NUMBERS).loss_curve_) == 7
