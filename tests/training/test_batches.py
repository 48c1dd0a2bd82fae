"""fit(batches) and evaluate(batches): the same as on arrays, refusals, generators, and resuming."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import (
    Adam,
    Batches,
    Checkpoint,
    CheckpointError,
    CrossEntropyLoss,
    DataError,
    Dense,
    GeneratorBatches,
    HyperparameterError,
    Loss,
    MSELoss,
    Sequential,
    ShapeError,
    Tanh,
    Trainer,
)
from tests.errors.packages import Sparse
from tests.helpers import bits, unchanged
from tests.training.factories import agree
from tests.training.resuming import Stop, StopError

N = 14
RNG = np.random.default_rng(0)
X, Y, W = RNG.normal(size=(N, 3)), RNG.normal(size=(N, 2)), RNG.integers(0, 3, N).astype(float)
CLASSES = RNG.integers(0, 2, N)


def trainer(*callbacks: Any, loss: Loss | None = None, seed: int = 0) -> Trainer:
    model = Sequential(Dense(3, 4), Tanh(), Dense(4, 2), rng=seed)
    return Trainer(model, loss or MSELoss(), Adam(model.parameters(), lr=0.05), callbacks)


def cut(*sizes: int, arrays: tuple[Any, ...] = (X, Y, W)) -> list[tuple[Any, ...]]:
    ends = np.cumsum(sizes)
    return [tuple(array[end - size : end] for array in arrays) for size, end in zip(sizes, ends, strict=True)]


@pytest.mark.parametrize("accumulate", [1, 2, 3])
@pytest.mark.parametrize("weighted", [True, False])
def test_a_list_of_batches_is_the_arrays_in_order(accumulate: int, weighted: bool) -> None:
    arrays = (X, Y, W) if weighted else (X, Y)
    batches = cut(4, 4, 4, 2, arrays=arrays)
    of_batches, of_arrays = trainer(), trainer()
    options: dict[str, Any] = {"epochs": 3, "accumulate": accumulate, "training_loss": True}
    options["metrics"] = {"error": lambda p, y: float(np.abs(p - y).max())}
    of_batches.fit(batches, validation=batches, **options)
    options |= {"batch_size": 4, "shuffle": False, "sample_weight": W if weighted else None}
    of_arrays.fit(X, Y, validation=arrays, **options)
    agree(of_batches, of_arrays)
    value = of_arrays.evaluate(X, Y, sample_weight=W if weighted else None)["loss"]
    assert of_batches.evaluate(batches)["loss"] == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("accumulate", [2, 4])
def test_odd_batches_make_the_step_of_a_whole(accumulate: int) -> None:
    sizes = (1, 5, 2, 6)
    together = [sum(sizes[start : start + accumulate]) for start in range(0, 4, accumulate)]
    parts, wholes = trainer(), trainer()
    parts.fit(cut(*sizes), accumulate=accumulate, epochs=3)
    wholes.fit(cut(*together), epochs=3)
    agree(parts, wholes)


def test_sequences_of_different_lengths_count_by_their_tokens() -> None:
    loss = CrossEntropyLoss()
    rng = np.random.default_rng(1)
    batches = [(rng.normal(size=(2, t, 3)), rng.integers(0, 2, (2, t))) for t in (1, 4, 9)]
    fitted = trainer(loss=loss)
    every = [(x.reshape(-1, 3), y.reshape(-1)) for x, y in batches]
    x, y = np.concatenate([x for x, _ in every]), np.concatenate([y for _, y in every])
    assert fitted.evaluate(batches)["loss"] == pytest.approx(fitted.evaluate(x, y)["loss"], rel=1e-13)
    one, other = trainer(loss=loss), trainer(loss=loss)
    one.fit(batches, accumulate=3, epochs=2)
    other.fit(x, y, epochs=2)
    agree(one, other)


def test_class_weights_act_in_each_batch() -> None:
    one, other = trainer(loss=CrossEntropyLoss()), trainer(loss=CrossEntropyLoss())
    one.fit(cut(5, 5, 4, arrays=(X, CLASSES, W)), class_weight={0: 1, 1: 4}, training_loss=True)
    other.fit(X, CLASSES, sample_weight=W, batch_size=5, shuffle=False, class_weight={0: 1, 1: 4}, training_loss=True)
    agree(one, other)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"batch_size": 3}, "batch_size is for arrays"),
        ({"shuffle": False}, "shuffle is for arrays"),
        ({"shuffle": True}, "shuffle is for arrays"),
        ({"sample_weight": W}, "sample_weight is for arrays"),
        ({"augment": lambda x, _: x}, "augment is for arrays"),
        ({"rng": 0}, "rng is for arrays"),
        ({"validation": 0.2}, "a share as validation needs arrays"),
        ({"class_weight": "balanced"}, 'class_weight="balanced" needs arrays'),
    ],
)
def test_what_acts_on_arrays_is_refused(options: dict[str, Any], words: str) -> None:
    fitted = trainer(loss=CrossEntropyLoss())
    with unchanged(fitted.model, fitted.optimizer), pytest.raises(HyperparameterError, match=words):
        fitted.fit(cut(7, 7, arrays=(X, CLASSES)), **options)


@pytest.mark.parametrize("wrong", [X, [[1.0], [2.0]], ((x, y) for x, y in [(X, Y)]), 3, "xy", [], (X, Y), Sparse()])
def test_what_is_not_batches_is_refused(wrong: Any) -> None:
    fitted = trainer()
    with (
        unchanged(fitted.model),
        pytest.raises(TypeError, match=r"y is missing; .* x must be batches"),
    ):
        fitted.fit(wrong)
    with pytest.raises(TypeError, match="y is missing"):
        fitted.evaluate(wrong)


@pytest.mark.parametrize(
    ("batch", "error", "words"),
    [
        (
            (X[:3], Y[:2]),
            ShapeError,
            "batch 2: x has 3 samples but y has 2",
        ),
        ((X[:3] * np.nan, Y[:3]), DataError, "batch 2: x holds 9 numbers that are NaN"),
        ((X[:3, :2], Y[:3]), ShapeError, "takes samples of shape (.|\n)*raised by batch 2: x"),
        ((X[:3],), DataError, r"batch 2: it must be \(x, y\) or \(x, y, weight\), got tuple"),
        ((X[:3], Y[:3, 0]), ShapeError, "predictions have shape (.|\n)*raised by batch 2: y"),
        ((X[:3], Y[:3], -np.ones(3)), DataError, "batch 2: sample_weight must not be negative"),
    ],
)
def test_a_wrong_batch_is_named(batch: tuple[Any, ...], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):  # in the message or in its notes
        trainer().fit([(X, Y), batch])


def test_a_batch_with_a_class_without_weight_is_named() -> None:
    with pytest.raises(HyperparameterError, match=r"no weight for class 1(.|\n)*raised by batch 2"):
        trainer(loss=CrossEntropyLoss()).fit([(X, 0 * CLASSES), (X, CLASSES)], class_weight={0: 1.0})


class Claims:
    """Batches whose length is not what it claims."""

    def __init__(self, claimed: int, batches: Any) -> None:
        self.claimed, self.batches = claimed, batches

    def __len__(self) -> int:
        return self.claimed

    def __iter__(self) -> Iterator[Any]:
        return iter(self.batches)


@pytest.mark.parametrize("accumulate", [1, 2])
def test_another_number_than_the_length_raises(accumulate: int) -> None:
    batches = cut(5, 5, 4)
    with pytest.raises(DataError, match="batches ended after 3, but their length is 4"):
        trainer().fit(Claims(4, batches), accumulate=accumulate)
    with pytest.raises(DataError, match="there are more batches than their length says, 2"):
        trainer().fit(Claims(2, batches), accumulate=accumulate)
    with pytest.raises(DataError, match="validation batches ended after 3, but"):
        trainer().fit(batches, validation=Claims(4, batches))
    with pytest.raises(DataError, match="length 0"):
        trainer().fit(Claims(0, batches))
    with pytest.raises(DataError, match="batches ended after 0, but their length is 3; each loop over them must begin"):
        trainer().fit(Claims(3, iter(batches)), epochs=2)


def endless(rng: np.random.Generator) -> Iterator[Any]:
    while True:
        x = rng.normal(size=(4, 3))
        yield x, x[:, :2] ** 2


def test_generator_batches_stop_close_and_begin_again() -> None:
    events: list[str] = []

    def make(rng: np.random.Generator) -> Iterator[Any]:
        events.append("begins")
        try:
            yield from endless(rng)
        finally:
            events.append("ends")

    alive = []  # what nothing refers to any more is closed in any case

    def kept(rng: np.random.Generator) -> Iterator[Any]:
        alive.append(make(rng))
        return alive[-1]

    trainer().fit(GeneratorBatches(kept, 3, rng=0), epochs=2)
    assert events == ["begins", "ends"] * 2
    batches = GeneratorBatches(endless, 3, rng=0)
    first, second = list(batches), list(batches)
    assert bits(*(x for x, _ in first)) != bits(*(x for x, _ in second))
    assert bits(*(x for x, _ in GeneratorBatches(endless, 3, rng=0))) == bits(*(x for x, _ in first))
    with pytest.raises(DataError, match="make ended after 2 batches, but steps is 3"):
        trainer().fit(GeneratorBatches(lambda _: iter(cut(7, 7)), 3))
    for wrong in (0, 1.5):
        with pytest.raises(HyperparameterError, match="GeneratorBatches: steps must be a positive integer"):
            GeneratorBatches(endless, wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="make must return an iterator of batches, got None; use yield"):
        trainer().fit(GeneratorBatches(lambda _: None, 3))  # type: ignore[arg-type,return-value]
    with pytest.raises(HyperparameterError, match="make must be a function"):
        GeneratorBatches([1], 2)  # type: ignore[arg-type]


@pytest.mark.parametrize("after", range(1, 8))
@pytest.mark.parametrize("accumulate", [1, 2])
def test_a_run_on_batches_resumes_within_a_pass(after: int, accumulate: int, tmp_path: Path) -> None:
    def batches() -> Batches:
        return Batches(X, Y, sample_weight=W, batch_size=4, rng=3)

    file, options = tmp_path / "run.npz", {"epochs": 4 if accumulate == 2 else 2, "accumulate": accumulate}
    whole, resumed = trainer(), trainer()
    whole.fit(batches(), **options)  # type: ignore[arg-type]
    with pytest.raises(StopError):
        trainer(Checkpoint(file, every_steps=1), Stop(after)).fit(batches(), **options)  # type: ignore[arg-type]
    resumed.fit(batches(), resume_from=file, **options)  # type: ignore[arg-type]
    assert bits(resumed.model.parameters().value) == bits(whole.model.parameters().value)
    assert resumed.history.epochs == whole.history.epochs


def test_a_generator_resumes_between_passes_only(tmp_path: Path) -> None:
    file = tmp_path / "run.npz"
    whole, resumed = trainer(), trainer()
    whole.fit(GeneratorBatches(endless, 3, rng=5), epochs=3)
    trainer(Checkpoint(file)).fit(GeneratorBatches(endless, 3, rng=5), epochs=2)
    resumed.fit(GeneratorBatches(endless, 3, rng=5), epochs=3, resume_from=file)
    assert bits(resumed.model.parameters().value) == bits(whole.model.parameters().value)
    with pytest.raises(CheckpointError, match="the number of batches was 3 and is 4 now"):
        trainer().fit(GeneratorBatches(endless, 4, rng=5), epochs=3, resume_from=file)


def test_drop_last_and_blocks() -> None:
    batches = Batches(X, Y, batch_size=4, drop_last=True, rng=0)
    assert len(batches) == 3
    assert [len(x) for x, _ in batches] == [4, 4, 4]
    assert Batches(X, Y, batch_size=4, drop_last=True, shuffle=False).mean([1.0, 2.0, 6.0]) == 3.0
    ids = np.arange(100)
    order = np.concatenate([x for x, _ in Batches(ids, ids, batch_size=10, block=20, rng=0)])
    assert sorted(order) == list(range(100))
    assert order.tolist() != list(range(100))
    for start in range(0, 100, 20):
        part = order[start : start + 20]
        assert np.ptp(part // 20) == 0
        assert (np.diff(part) != 1).any()
    assert [order[start] // 20 for start in range(0, 100, 20)] != [0, 1, 2, 3, 4]
