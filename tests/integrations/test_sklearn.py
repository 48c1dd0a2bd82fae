"""The estimators work wherever scikit-learn takes one: searches, pipelines, ensembles, calibration, displays."""

import pickle
import time
from functools import partial
from typing import Any

import numpy as np
import pytest

from tests.integrations.packages import real

real("sklearn")

from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_diabetes, load_digits, load_iris, load_wine
from sklearn.ensemble import AdaBoostClassifier, AdaBoostRegressor, BaggingClassifier
from sklearn.inspection import DecisionBoundaryDisplay
from sklearn.metrics import brier_score_loss
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score, train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from minidl import Callback, Momentum, Run, Tanh, make_moons
from minidl.integrations.sklearn import MinidlClassifier, MinidlRegressor
from tests.integrations.sklearn_models import with_dropout


def iris() -> tuple[Any, Any]:
    x, y = load_iris(return_X_y=True)
    return StandardScaler().fit_transform(x), y


def moons(n: int = 200, seed: int = 0) -> tuple[Any, Any]:
    x, y = make_moons(n, noise=0.2, rng=seed)
    return x, y[:, 0].astype(int)


def test_a_grid_search_in_two_processes_over_a_pipeline() -> None:
    x, y = load_wine(return_X_y=True)
    pipeline = make_pipeline(StandardScaler(), MinidlClassifier(epochs=30, random_state=0))
    grid = {
        "minidlclassifier__hidden": [(), (16, 8)],
        "minidlclassifier__activation": [Tanh],
        "minidlclassifier__lr": [1e-6, 1e-2],
        "minidlclassifier__optimizer": [partial(Momentum, momentum=0.8)],
    }
    search = GridSearchCV(pipeline, grid, cv=3, n_jobs=2).fit(x, y)
    assert search.best_params_["minidlclassifier__lr"] == 1e-2
    assert search.best_score_ > 0.9
    assert search.predict_proba(x).shape == (178, 3)
    one_process = GridSearchCV(pipeline, grid, cv=3, n_jobs=1).fit(x, y)
    np.testing.assert_allclose(search.cv_results_["mean_test_score"], one_process.cv_results_["mean_test_score"])


def test_an_error_in_a_search_is_a_score_of_nan() -> None:
    x, y = iris()
    search = GridSearchCV(MinidlClassifier(epochs=2, random_state=0), {"lr": [-1.0, 0.01]}, cv=2, n_jobs=1)
    with pytest.warns(match="lr must be a finite number, above 0, got -1.0"), pytest.warns(match="are non-finite"):
        search.fit(x, y)
    assert np.isnan(search.cv_results_["mean_test_score"]).tolist() == [True, False]


class Interrupting(Callback):
    def on_step_begin(self, run: Run) -> None:
        if run.step == 3:
            run.interrupt()  # as Ctrl-C does


def test_ctrl_c_ends_a_search_but_leaves_a_fitted_estimator() -> None:
    x, y = iris()
    estimator = MinidlClassifier(callbacks=[Interrupting()], batch_size=50)
    with pytest.raises(KeyboardInterrupt):
        GridSearchCV(estimator, {"lr": [0.1, 0.01]}, n_jobs=1).fit(x, y)
    with pytest.raises(KeyboardInterrupt, match="interrupted by Ctrl-C"):
        estimator.fit(x, y)
    assert (estimator.n_iter_, len(estimator.trainer_.history.loss)) == (1, 4)
    assert estimator.predict(x).shape == (150,)


def test_names_of_features_pass_through_a_pipeline() -> None:
    data = load_iris(as_frame=real("pandas") is not None)
    pipeline = make_pipeline(StandardScaler(), MinidlClassifier(epochs=5)).set_output(transform="pandas")
    pipeline.fit(data.data, data.target)
    assert pipeline[-1].feature_names_in_.tolist() == data.feature_names
    assert pipeline[-1].n_features_in_ == 4
    with pytest.raises(ValueError, match="feature names should match"):
        pipeline[-1].predict(data.data.iloc[:, ::-1])


@pytest.mark.parametrize("estimator", [MinidlClassifier, MinidlRegressor])
def test_clones_are_unfitted_and_equal(estimator: Any) -> None:
    x, y = iris()
    first = estimator((8,), Tanh, model=None, lr=0.02, epochs=7, random_state=3).fit(x, y)
    second = clone(first)
    assert second.get_params() == first.get_params()
    assert not hasattr(second, "model_")
    np.testing.assert_array_equal(second.fit(x, y).predict(x), first.predict(x))


def test_a_fitted_estimator_can_be_pickled_and_trained_further() -> None:
    x, y = iris()
    estimator = MinidlClassifier(model=with_dropout, epochs=5, random_state=0).fit(x, y)
    loaded = pickle.loads(pickle.dumps(estimator))
    np.testing.assert_array_equal(loaded.predict_proba(x), estimator.predict_proba(x))
    assert loaded.model_ is loaded.trainer_.model
    for each in (estimator, loaded):
        each.partial_fit(x, y)
    np.testing.assert_array_equal(loaded.predict_proba(x), estimator.predict_proba(x))


def test_calibration_improves_probabilities_that_are_too_sure() -> None:
    x, y = make_moons(600, noise=0.5, rng=0)
    x, x_test, y, y_test = train_test_split(x, y[:, 0].astype(int), test_size=400, random_state=0)
    sure = MinidlClassifier((64, 64), lr=0.01, epochs=300, random_state=0)
    calibrated = CalibratedClassifierCV(sure, cv=3).fit(x, y)
    before, after = (
        brier_score_loss(y_test, each.predict_proba(x_test)[:, 1]) for each in (sure.fit(x, y), calibrated)
    )
    assert after < before - 0.01


def test_boosting_reweights_a_weak_classifier() -> None:
    x, y = moons()
    weak = MinidlClassifier((), lr=0.1, epochs=20, random_state=0)
    boosted = AdaBoostClassifier(weak, n_estimators=20, random_state=0).fit(x, y)
    assert len(boosted.estimators_) > 1
    assert boosted.score(x, y) >= weak.fit(x, y).score(x, y)
    first, second = (each.predict_proba(x) for each in boosted.estimators_[:2])
    assert np.abs(first - second).max() > 0.05


def test_boosting_of_a_regressor() -> None:
    x, y = load_diabetes(return_X_y=True)
    x, y = StandardScaler().fit_transform(x), (y - y.mean()) / y.std()
    boosted = AdaBoostRegressor(MinidlRegressor((8,), lr=0.01, epochs=20, random_state=0), n_estimators=4)
    assert boosted.fit(x, y).score(x, y) > 0.4


def test_bagging_and_predictions_of_held_out_folds() -> None:
    x, y = iris()
    estimator = MinidlClassifier(lr=0.01, epochs=40, random_state=0)
    assert BaggingClassifier(estimator, n_estimators=3, random_state=0).fit(x, y).score(x, y) > 0.9
    probabilities = cross_val_predict(estimator, x, y, cv=3, method="predict_proba")
    assert probabilities.shape == (150, 3)
    assert (probabilities.argmax(axis=1) == y).mean() > 0.9


def test_the_display_of_the_decision_boundary_separates_the_moons() -> None:
    x, y = moons()
    estimator = MinidlClassifier(lr=0.01, random_state=0).fit(x, y)
    display = DecisionBoundaryDisplay.from_estimator(estimator, x, response_method="predict", grid_resolution=20)
    assert set(np.unique(display.response)) == {0, 1}
    smooth = DecisionBoundaryDisplay.from_estimator(estimator, x, grid_resolution=20)
    assert 0 <= smooth.response.min() < 0.01
    assert 0.99 < smooth.response.max() <= 1


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer. Maximum iterations")
def test_it_is_as_good_as_an_mlp_classifier_in_less_processor_time() -> None:
    x, y = load_digits(return_X_y=True)
    ours = MinidlClassifier((64,), epochs=20, batch_size=32, random_state=0)
    theirs = MLPClassifier((64,), max_iter=20, batch_size=32, alpha=0, n_iter_no_change=20, random_state=0)
    scores: dict[str, float] = {}
    times: dict[str, float] = {}
    for _ in range(3):
        for name, each in (("ours", ours), ("theirs", theirs)):
            begin = time.process_time()
            scores[name] = cross_val_score(each, x / 16, y, cv=3).mean()
            times[name] = min(times.get(name, np.inf), time.process_time() - begin)
    assert scores["ours"] > scores["theirs"] - 0.02
    assert times["ours"] < times["theirs"]
