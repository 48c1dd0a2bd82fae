"""Threads: several predict with one model at once, and none does so while another trains it."""

import copy
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np
import pytest

from minidl import (
    SGD,
    BatchNorm,
    BCELoss,
    Dense,
    Dropout,
    EmpiricalRisk,
    HuberLoss,
    Layer,
    Loss,
    MSELoss,
    Run,
    Sequential,
    Sigmoid,
    StateError,
    Trainer,
    minimize,
)
from minidl.typing import Array
from tests.callbacks.recording import Hooks
from tests.helpers import bits, randomise, unchanged
from tests.tables.layers import LAYERS, LayerCase
from tests.training.factories import data, make_trainer, network

THREADS = 8
TRAINED = "is being trained in another thread, .*wait until that ends, or use a copy"


@pytest.fixture(autouse=True)
def often() -> Iterator[None]:
    """Have threads take turns as often as possible."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def in_threads(function: Callable[[int], Any]) -> list[Any]:
    """What a function returns for 0, 1, … when each is called in a thread of its own, all at once."""
    start = threading.Barrier(THREADS)

    def begin(index: int) -> Any:
        start.wait()
        return function(index)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(begin, range(THREADS)))


@pytest.mark.long
@pytest.mark.parametrize("case", LAYERS, ids=lambda case: case.name)
@pytest.mark.parametrize("batch_size", [None, 2])
def test_threads_predict_as_one_would(case: LayerCase, batch_size: int | None) -> None:
    rng = np.random.default_rng(0)
    layer = case.make(4)
    randomise(layer, rng)
    inputs = [case.draw(rng, 2 + index, 4) for index in range(THREADS)]
    expected = [bits(copy.deepcopy(layer).predict(x)) for x in inputs]

    def predict(index: int) -> int:
        return sum(bits(layer.predict(inputs[index], batch_size=batch_size)) != expected[index] for _ in range(60))

    if batch_size is None or not layer.mixes_samples:
        expected = [bits(copy.deepcopy(layer).predict(x, batch_size=batch_size)) for x in inputs]
    assert in_threads(predict) == [0] * THREADS


@pytest.mark.parametrize("loss", [MSELoss(), HuberLoss(), BCELoss()])
def test_threads_evaluate_as_one_would(loss: Loss) -> None:
    model = Sequential(Dense(2, 3), BatchNorm(3), Dropout(rng=0), Dense(3, 1), Sigmoid(), rng=0)
    trainer = Trainer(model, loss, SGD(model.parameters(), 0.1))
    sets = [data(3 + index, seed=index) for index in range(THREADS)]
    expected = [trainer.evaluate(*each) for each in sets]
    wrong = in_threads(lambda index: sum(trainer.evaluate(*sets[index]) != expected[index] for _ in range(100)))
    assert wrong == [0] * THREADS
    assert model.training


def other_thread(function: Callable[[], Any]) -> Any:
    """What a function returns or raises in another thread."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function).result()


CALLS: dict[str, Callable[[Sequential, Array, Array], Any]] = {
    "predict": lambda model, x, _: model.predict(x),
    "predict in parts": lambda model, x, _: model.predict(x, batch_size=1),
    "a call": lambda model, x, _: model(x),
    "predict of one layer": lambda model, x, _: model[0].predict(x),
    "evaluate": lambda model, x, y: make_trainer(model).evaluate(x, y),
    "fit": lambda model, x, y: make_trainer(model).fit(x, y),
}


@pytest.mark.parametrize("call", [pytest.param(call, id=name) for name, call in CALLS.items()])
@pytest.mark.parametrize("event", ["on_fit_begin", "on_step_end", "on_fit_end"])
def test_no_other_thread_uses_a_model_that_is_being_trained(call: Callable[..., Any], event: str) -> None:
    x, y = data()
    used = partial(call, network(), x, y)
    assert used() is not None
    model, seen = network(), list[str]()

    def use(_: Run) -> None:
        with pytest.raises(StateError, match=TRAINED):
            other_thread(lambda: call(model, x, y))
        assert call(copy.deepcopy(model), x, y) is not None
        assert model.predict(x).shape == (7, 1)
        seen.append(event)

    trainer = make_trainer(model, Hooks(last=False, **{event: use}))
    whole = make_trainer(network())
    for each in (trainer, whole):
        each.fit(x, y, epochs=3)
    assert len(seen) == (3 if event == "on_step_end" else 1)
    if call is not CALLS["fit"]:
        assert trainer.history.loss == whole.history.loss
    assert bits(other_thread(lambda: model.predict(x))) == bits(model.predict(x))


def test_a_copy_made_during_a_run_is_free() -> None:
    copies = list[Any]()
    model = network()
    make_trainer(model, Hooks(on_step_end=lambda run: copies.append(copy.deepcopy(run.model)))).fit(*data())
    assert bits(other_thread(lambda: copies[0].predict(data()[0]))) == bits(model.predict(data()[0]))


def test_a_run_that_fails_frees_the_model_and_one_inside_another_does_not() -> None:
    model, x = network(), data()[0]

    def fit_inside(_: Run) -> None:
        make_trainer(model).fit(*data())
        with pytest.raises(StateError, match=TRAINED):
            other_thread(lambda: model.predict(x))
        raise KeyError("a callback fails")

    with pytest.raises(KeyError):
        make_trainer(model, Hooks(on_epoch_end=fit_inside)).fit(*data())
    assert other_thread(lambda: model.predict(x)).shape == (7, 1)


def test_minimize_trains_too() -> None:
    model = Dense(2, 1, rng=0)
    risk = EmpiricalRisk(model, MSELoss(), *data())
    theta = risk.parameters().value.copy()

    def use(_: Run) -> None:
        for call in (lambda: model.predict(data()[0]), lambda: risk.value(theta), lambda: risk.gradient(theta)):
            with unchanged(risk), pytest.raises(StateError, match=TRAINED):
                other_thread(call)
        assert risk.value(theta) > 0

    minimize(risk, SGD(risk.parameters(), 0.1), 3, [Hooks(on_step_end=use)])


def test_of_two_fits_at_once_one_is_refused() -> None:
    model = network()
    trainers = [make_trainer(model) for _ in range(THREADS)]

    def fit(index: int) -> bool:
        with suppress(StateError):
            trainers[index].fit(*data(), epochs=200)
        return len(trainers[index].history.loss) == 200

    assert any(in_threads(fit))
    assert sum(len(trainer.history.loss) for trainer in trainers) % 200 == 0
    assert other_thread(lambda: model.predict(data()[0])).shape == (7, 1)


def test_of_two_fits_with_one_loss_one_is_refused() -> None:
    """What a loss caches belongs to one batch."""
    loss, model, other = MSELoss(), network(), network()

    def use(_: Run) -> None:
        with pytest.raises(StateError, match=f"MSELoss {TRAINED}"):
            other_thread(lambda: Trainer(other, loss, SGD(other.parameters(), 0.1)).fit(*data()))

    Trainer(model, loss, SGD(model.parameters(), 0.1), [Hooks(on_step_end=use)]).fit(*data())
    Trainer(other, loss, SGD(other.parameters(), 0.1)).fit(*data())


def test_no_run_begins_while_another_thread_predicts_for_long() -> None:
    class Slow(Layer):
        """Waits in evaluation until a run has tried to begin."""

        def forward(self, x: Array) -> Array:
            if not self.training and not refused.is_set():
                reached.set()
                assert refused.wait(10)
            return x

        def backward(self, grad: Array) -> Array:
            return grad

    reached, refused = threading.Event(), threading.Event()
    model = Sequential(Dense(2, 1), Slow(), rng=0)
    x, y = data()
    trainer = make_trainer(model)
    calls = lambda: model.predict(x), lambda: model.predict(x, batch_size=2), lambda: trainer.evaluate(x, y)
    with ThreadPoolExecutor(1) as pool:
        for evaluate in calls:
            reached.clear()
            refused.clear()
            result = pool.submit(evaluate)
            assert reached.wait(10)
            with unchanged(model), pytest.raises(StateError, match="is being evaluated in another thread"):
                trainer.fit(x, y)
            refused.set()
            np.testing.assert_equal(result.result(), evaluate())
    assert trainer.history.loss == []
    trainer.fit(x, y)
    assert other_thread(lambda: model.predict(x)).shape == (7, 1)


def test_predict_beside_fits_never_falsifies_them() -> None:
    x, y = data()
    model = network()
    expected = make_trainer(network()).fit(x, y, epochs=20).loss
    start = model.state()
    ended = threading.Event()
    refused: list[StateError] = []

    def predict() -> None:
        while not ended.is_set():
            try:
                model.predict(x[:3])
            except StateError as error:
                refused.append(error)

    thread = threading.Thread(target=predict)
    thread.start()
    try:
        for _ in range(100):
            model.load_state(start)
            assert make_trainer(model).fit(x, y, epochs=20).loss == expected
    finally:
        ended.set()
        thread.join()
    assert refused


def test_of_an_objective_one_thread_at_a_time_asks_for_values() -> None:
    """Each of them sets the parameters for a while."""
    model = Dense(2, 1, rng=0)
    risk = EmpiricalRisk(model, MSELoss(), *data())
    points = np.random.default_rng(0).normal(size=(THREADS, 3))
    expected = [risk.value(theta) for theta in points]

    def wrong(index: int) -> int:
        count = 0
        for _ in range(100):
            with suppress(StateError):
                count += risk.value(points[index]) != expected[index]
        return count

    with unchanged(risk):
        assert in_threads(wrong) == [0] * THREADS
