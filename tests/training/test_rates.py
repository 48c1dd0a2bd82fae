"""The search for a learning rate: what it tries, what it suggests, and that the trainer stays as it is."""

from typing import Any

import numpy as np
import pytest

from minidl import (
    SGD,
    Adam,
    Batches,
    BatchNorm,
    Callback,
    CrossEntropyLoss,
    DataError,
    Dense,
    DivergenceError,
    Dropout,
    HyperparameterError,
    MSELoss,
    Optimizer,
    Quadratic,
    ReLU,
    Run,
    Sequential,
    Trainer,
    find_learning_rate,
    load_digits,
)
from minidl.training.rates import _Search
from tests.helpers import bits, bits_of
from tests.training.factories import data, make_trainer, network


def model(seed: int = 0) -> Sequential:
    return Sequential(Dense(2, 8), BatchNorm(8), Dropout(0.2, rng=1), ReLU(), Dense(8, 1), rng=seed)


def test_rates_grow_by_the_same_factor() -> None:
    search = find_learning_rate(make_trainer(), *data(), lowest=1e-5, highest=1e-2, steps=31, batch_size=3, rng=0)
    np.testing.assert_allclose(search.rates, np.geomspace(1e-5, 1e-2, 31), rtol=1e-12)
    assert len(search.losses) == len(search.smoothed) == 31


def test_losses_are_those_of_a_run_with_these_rates() -> None:
    class Rates(Callback):
        changes_optimizer = True

        def on_step_begin(self, run: Run) -> None:
            run.optimizer.lr = float(np.geomspace(1e-4, 1e-1, 20)[run.step])

    search = find_learning_rate(
        make_trainer(model()), *data(), lowest=1e-4, highest=1e-1, steps=20, batch_size=4, rng=3
    )
    history = make_trainer(model(), Rates()).fit(*data(), epochs=10, batch_size=4, rng=3)
    np.testing.assert_allclose(search.losses, history.loss, rtol=1e-9)
    weights = 0.9 ** np.arange(20)[::-1]
    assert search.smoothed[-1] == pytest.approx(weights @ search.losses / weights.sum(), rel=1e-12)


@pytest.mark.parametrize("make", [SGD, Adam])
def test_the_trainer_stays_as_it_is(make: Any) -> None:
    class Refuses(Callback):
        def on_fit_begin(self, run: Run) -> None:
            raise AssertionError("it is not to be called")

    trainer, rng = make_trainer(model(), optimizer=make), np.random.default_rng(5)
    trainer.fit(*data(), epochs=2)
    trainer.callbacks = [Refuses()]
    stream = rng.bit_generator.state
    before = bits_of(trainer.model), bits_of(trainer.optimizer), repr(trainer.optimizer), list(trainer.history.loss)
    search = find_learning_rate(trainer, *data(), batch_size=4, rng=rng)
    after = bits_of(trainer.model), bits_of(trainer.optimizer), repr(trainer.optimizer), list(trainer.history.loss)
    assert after == before
    assert rng.bit_generator.state == stream
    assert find_learning_rate(trainer, *data(), batch_size=4, rng=rng) == search
    trainer.callbacks = []
    whole = make_trainer(model(), optimizer=make)
    whole.fit(*data(), epochs=2)
    assert bits(*map(np.array, (whole.fit(*data()).loss,))) == bits(np.array(trainer.fit(*data()).loss))


def test_it_ends_early_when_the_loss_rises() -> None:
    search = find_learning_rate(make_trainer(), *data(), lowest=1e-3, highest=1e3, steps=100)
    assert 10 <= len(search.rates) < 100
    assert search.smoothed[-1] > 4 * min(search.smoothed)
    assert search.smoothed[-2] <= 4 * min(search.smoothed)
    assert np.isfinite(search.losses).all()
    assert search.lr == pytest.approx(search.rates[int(np.argmin(search.smoothed))] / 10)


@pytest.mark.parametrize(("optimizer", "low", "high"), [(SGD, 0.03, 1.0), (Adam, 1e-3, 0.05)])
def test_on_the_digits_the_suggestion_trains(optimizer: Any, low: float, high: float) -> None:
    """The range is where ten epochs end with a fifth of the initial loss at most."""
    x, y, _, _ = load_digits()

    def trainer(lr: float) -> Trainer:
        network = Sequential(Dense(64, 32), ReLU(), Dense(32, 10), rng=0)
        made: Optimizer = optimizer(network.parameters(), lr=lr)
        return Trainer(network, CrossEntropyLoss(), made)

    search = find_learning_rate(trainer(1e-4), x, y, batch_size=32, rng=0)
    assert low < search.lr < high
    history = trainer(search.lr).fit(x, y, epochs=10, batch_size=32, rng=0)
    assert history.epochs["loss"][-1] < 0.3


def test_a_loss_that_is_never_lower_than_at_first_suggests_the_lowest_rate() -> None:
    trainer = make_trainer(Sequential(Dense(2, 1), rng=0), lr=1.0)
    trainer.model.parameters().value = 0.0 * trainer.model.parameters().value
    x = np.ones((3, 2))
    search = find_learning_rate(trainer, x, np.zeros((3, 1)), lowest=1e-3, highest=1e-2, steps=12)
    assert search.losses == [0.0] * 12
    assert search.lr == 1e-3


def test_it_ends_at_four_times_the_least_loss_whatever_its_size_and_sign() -> None:
    """A run of given losses. Below 0, as far above the minimum as three times its size."""
    for least, last in ((1.0, 4.0), (100.0, 400.0), (0.01, 0.04), (-2.0, 4.0)):
        for factor, stopped in ((0.99, False), (1.01, True)):
            search = _Search(1e-3, 1.0, 100)
            bowl = Quadratic([[1.0]])
            run = Run(bowl, SGD(bowl.parameters(), 0.1), [search], range(1), lambda _: 0.0)
            # The smoothed loss is the mean of the two, weighted 0.09 and 0.1.
            for loss in (least, (last * factor * 0.19 - 0.09 * least) / 0.1):
                search.on_step_begin(run)
                run.loss = loss
                search.on_step_end(run)
            assert (run.reason is not None) is stopped


def test_defaults() -> None:
    trainer = make_trainer(Sequential(Dense(2, 1), rng=0))
    trainer.model.parameters().value = 0.0 * trainer.model.parameters().value
    search = find_learning_rate(trainer, np.ones((3, 2)), np.zeros((3, 1)))
    np.testing.assert_allclose(search.rates, np.geomspace(1e-6, 10.0, 100), rtol=1e-9)


def test_what_it_refuses() -> None:
    for wrong in (0.0, -1.0, np.nan, np.inf, "1"):
        for name in ("lowest", "highest"):
            with pytest.raises(HyperparameterError, match=f"{name} must be a finite number, above 0, got"):
                find_learning_rate(make_trainer(), *data(), **{name: wrong})  # type: ignore[arg-type]
    with pytest.raises(HyperparameterError, match=r"highest must be above lowest, got 1 and 0\.5"):
        find_learning_rate(make_trainer(), *data(), lowest=1.0, highest=0.5)
    with pytest.raises(HyperparameterError, match="highest must be above lowest, got 1 and 1"):
        find_learning_rate(make_trainer(), *data(), lowest=1.0, highest=1.0)
    with pytest.raises(HyperparameterError, match="steps must be an integer, at least 10, got 9"):
        find_learning_rate(make_trainer(), *data(), steps=9)
    with pytest.raises(TypeError, match="trainer must be of type Trainer"):
        find_learning_rate(network(), *data())  # type: ignore[arg-type]
    with pytest.raises(DataError):
        find_learning_rate(make_trainer(), np.full((3, 2), np.nan), np.ones((3, 1)))
    with pytest.raises(DivergenceError, match=r"begin with a smaller lowest, such as lowest=100") as caught:
        find_learning_rate(make_trainer(loss=MSELoss()), *data(), lowest=1e4, highest=1e9)
    assert caught.value.step is not None
    assert caught.value.step < 10


def test_its_repr_says_the_suggestion() -> None:
    search = find_learning_rate(make_trainer(), *data(), lowest=1e-5, highest=1e-2, steps=10)
    assert repr(search) == "RateSearch(lr=0.001, 10 steps up to 0.01)"


@pytest.mark.parametrize("weighted", [False, True])
def test_batches_and_weights_are_searched_as_they_are_fitted(weighted: bool) -> None:
    x, y = data()
    weights = np.arange(1.0, 1 + len(x)) if weighted else None
    arrays = find_learning_rate(make_trainer(), x, y, sample_weight=weights, batch_size=3, rng=5)
    batches = Batches(x, y, sample_weight=weights, batch_size=3, rng=5)
    found = find_learning_rate(make_trainer(), batches)
    np.testing.assert_allclose(found.losses, arrays.losses, rtol=1e-12)
    assert find_learning_rate(make_trainer(), batches) == found  # the generator of the batches is where it was
    if weighted:
        assert found.losses != find_learning_rate(make_trainer(), x, y, batch_size=3, rng=5).losses


def test_weights_of_classes_are_searched_as_those_of_samples() -> None:
    x, classes = np.random.default_rng(0).normal(size=(12, 2)), np.arange(12) % 4 == 0

    def trainer() -> Trainer:
        model = Sequential(Dense(2, 2), rng=0)
        return Trainer(model, CrossEntropyLoss(), SGD(model.parameters(), lr=0.1))

    by_class = find_learning_rate(trainer(), x, classes.astype(int), class_weight={0: 1, 1: 3})
    by_sample = find_learning_rate(trainer(), x, classes.astype(int), sample_weight=1 + 2.0 * classes)
    assert by_class == by_sample
