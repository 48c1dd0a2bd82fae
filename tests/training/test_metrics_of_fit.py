"""fit(metrics=…): what is measured, when and on what."""

import numpy as np
import pytest

from minidl import (
    SGD,
    Callback,
    CrossEntropyLoss,
    Dense,
    Dropout,
    HyperparameterError,
    MSELoss,
    Run,
    Sequential,
    Trainer,
    metrics,
)
from minidl.typing import Array
from tests.helpers import bits, unchanged
from tests.training.test_trainer import data, network


def test_metrics_are_measured_on_the_validation_data_after_each_epoch() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20, 2)), rng.integers(0, 3, 20)
    model = Sequential(Dense(2, 3), Dropout(rng=0), rng=0)
    predictions: list[Array] = []

    class Watch(Callback):
        def on_epoch_end(self, run: Run) -> None:
            predictions.append(model.predict(x[:5]))
            assert run.metrics["validation_accuracy"] == metrics.accuracy(predictions[-1], y[:5])

    trainer = Trainer(model, CrossEntropyLoss(), SGD(model.parameters(), 0.5), [Watch()])
    measures = {"accuracy": metrics.accuracy, "largest": lambda p, _: p.max()}
    history = trainer.fit(x, y, epochs=3, batch_size=8, validation=(x[:5], y[:5]), metrics=measures)
    assert history.epochs["validation_accuracy"] == [metrics.accuracy(p, y[:5]) for p in predictions]
    assert history.epochs["validation_largest"] == [p.max() for p in predictions]
    assert all(type(value) is float for value in history.epochs["validation_largest"])
    assert list(history.epochs) == ["loss", "validation_loss", "validation_accuracy", "validation_largest"]


def test_metrics_change_nothing_about_the_training() -> None:
    models = [network(), network()]
    for model, measures in zip(models, (None, {"r2": metrics.r2}), strict=True):
        trainer = Trainer(model, MSELoss(), SGD(model.parameters(), 0.1))
        trainer.fit(*data(), epochs=2, batch_size=3, validation=data(5, seed=9), metrics=measures, rng=0)
    assert bits(models[0].parameters().value) == bits(models[1].parameters().value)


def test_metrics_without_validation_data_are_refused() -> None:
    model = network()
    trainer = Trainer(model, MSELoss(), SGD(model.parameters(), 0.1))
    with (
        unchanged(model),
        pytest.raises(HyperparameterError, match=r"metrics .* pass validation=\(x, y\), or tr"),
    ):
        trainer.fit(*data(), metrics={"r2": metrics.r2})
    trainer.fit(*data(), metrics={})
    trainer.fit(*data(), metrics=None)
