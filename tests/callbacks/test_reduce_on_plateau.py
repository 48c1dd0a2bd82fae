"""ReduceOnPlateau: when the rate falls, how far, what it refuses, and that a resumed run continues. PyTorch's rates are
in tests/golden."""

from math import inf, nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import SGD, Checkpoint, EarlyStopping, Quadratic, ReduceOnPlateau, Run, Schedule, StateError, minimize
from minidl.schedules import cosine
from tests.callbacks.recording import At, Hooks, fails
from tests.helpers import bits
from tests.training.factories import data, make_trainer, network


def rates(values: list[float], lr: float = 1.0, **options: Any) -> list[float]:
    """The rate after each epoch with one of these values."""
    waiting = iter(values)

    def measure(run: Run) -> None:
        run.metrics["some_loss"] = next(waiting)

    seen: list[float] = []
    callbacks = Hooks(on_epoch_end=measure), ReduceOnPlateau("some_loss", **options)
    note = Hooks(on_epoch_end=lambda run: seen.append(run.optimizer.lr))
    make_trainer(network(), *callbacks, note, lr=lr).fit(*data(), epochs=len(values))
    return seen


def test_the_rate_falls_after_so_many_epochs_without_improvement() -> None:
    assert rates([1.0, 1.0, 1.0, 1.0, 1.0], factor=0.5, patience=2) == [1.0, 1.0, 0.5, 0.5, 0.25]
    assert rates([5.0, 4.0, 3.0, 2.0], factor=0.5, patience=1) == [1.0, 1.0, 1.0, 1.0]


def test_by_default_the_tenth_epoch_without_improvement_divides_the_rate_by_ten() -> None:
    assert rates([1.0] * 12) == [1.0] * 10 + [0.1] * 2


def test_the_same_value_again_is_no_improvement_however_small_the_threshold() -> None:
    assert rates([1.0, 1.0, 1.0], factor=0.5, patience=1, threshold=0.0) == [1.0, 0.5, 0.25]
    assert rates([1.0, 1.0 - 1e-15, 1.0 - 2e-15], factor=0.5, patience=1, threshold=0.0) == [1.0, 1.0, 1.0]


def test_an_infinite_value_is_no_improvement_from_the_first_epoch_on() -> None:
    assert rates([inf, inf, 1.0, 1.0], factor=0.5, patience=2) == [1.0, 0.5, 0.5, 0.5]


def test_an_improvement_starts_the_count_again() -> None:
    assert rates([1.0, 1.0, 0.5, 0.5, 0.5], factor=0.5, patience=2) == [1.0, 1.0, 1.0, 1.0, 0.5]


def test_the_threshold_is_relative_also_for_values_below_zero() -> None:
    assert rates([100.0, 95.0, 89.0], factor=0.5, patience=1, threshold=0.1) == [1.0, 0.5, 0.5]
    assert rates([-1.0, -1.05, -1.2], factor=0.5, patience=1, threshold=0.1) == [1.0, 0.5, 0.5]
    assert rates([0.0, -1e-9], factor=0.5, patience=1, threshold=0.1) == [1.0, 1.0]


def test_a_value_that_is_nan_is_no_improvement() -> None:
    assert rates([nan, 1.0, nan, 0.5], factor=0.5, patience=1) == [0.5, 0.5, 0.25, 0.25]


def test_it_never_falls_below_the_least_rate_and_never_rises_to_it() -> None:
    assert rates([1.0] * 4, factor=0.1, patience=1, min_lr=0.05) == [1.0, 0.1, 0.05, 0.05]
    assert rates([1.0] * 3, factor=0.1, patience=1, min_lr=2.0) == [1.0, 1.0, 1.0]
    assert rates([1.0] * 3, lr=1e-299, factor=0.1, patience=1) == [1e-299, 1e-300, 1e-300]


def test_epochs_after_a_reduction_are_not_counted() -> None:
    assert rates([1.0] * 7, factor=0.5, patience=1, cooldown=2) == [1.0, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25]


def test_the_optimizer_keeps_the_rate_and_the_next_fit_has_its_own_best() -> None:
    reduce = ReduceOnPlateau("loss", factor=0.5, patience=1, threshold=0.99)
    trainer = make_trainer(network(), reduce, lr=0.4)
    trainer.fit(*data(), epochs=3)
    assert (reduce.lr, trainer.optimizer.lr) == ([0.4, 0.4, 0.2], 0.1)
    trainer.fit(*data(), epochs=2)
    assert (reduce.lr, trainer.optimizer.lr) == ([0.4, 0.4, 0.2, 0.1, 0.1], 0.05)


@pytest.mark.parametrize("step", [3, 6, 8, 9, 15])
def test_a_resumed_run_ends_bit_for_bit_like_one_without_a_break(step: int, tmp_path: Path) -> None:
    def reduce() -> ReduceOnPlateau:
        return ReduceOnPlateau("loss", factor=0.5, patience=2, threshold=0.2, cooldown=1)

    options: dict[str, Any] = {"epochs": 12, "batch_size": 4, "rng": 0}
    whole, first, second = (make_trainer(network(), reduce(), lr=0.3) for _ in range(3))
    whole.fit(*data(), **options)
    first.callbacks += [At("on_step_end", step, fails), Checkpoint(tmp_path / "run.npz", every_steps=1)]
    with pytest.raises(KeyError):
        first.fit(*data(), **options)
    second.fit(*data(), **options, resume_from=tmp_path / "run.npz")
    ends = [(each.callbacks[0].state(), each.history.loss) for each in (whole, second)]
    assert ends[0] == ends[1]
    assert bits(second.model.parameters().value) == bits(whole.model.parameters().value)
    assert len(set(ends[0][0]["lr"])) > 2


def test_a_state_of_numbers_of_numpy_becomes_one_of_python() -> None:
    reduce = ReduceOnPlateau("loss")
    saved = reduce.state() | {"lr": np.array([0.2, 0.1]), "best": np.float64(3.0), "waited": np.int64(2)}
    reduce.load_state(saved)
    state = reduce.state()
    assert state == {"watches": "loss (min)", "lr": [0.2, 0.1], "best": 3.0, "waited": 2, "cooling": 0}
    assert {type(number) for number in [*state["lr"], state["best"], state["waited"]]} == {float, int}


def test_what_it_refuses() -> None:
    for callbacks in ([ReduceOnPlateau("loss"), Schedule(cosine(3))], [Schedule(cosine(3)), ReduceOnPlateau("loss")]):
        with pytest.raises(StateError, match="ReduceOnPlateau and Schedule both set the learning rate"):
            make_trainer(network(), *callbacks).fit(*data())
    trainer = make_trainer(network(), ReduceOnPlateau())
    with pytest.raises(StateError, match="ReduceOnPlateau watches 'validation_loss', but the run measures loss; pass"):
        trainer.fit(*data())
    assert trainer.history.loss == []  # before the first step
    trainer.callbacks = [ReduceOnPlateau("loss"), EarlyStopping("validation_loss")]
    with pytest.raises(StateError, match="EarlyStopping watches 'validation_loss', but the run measures loss; pass"):
        trainer.fit(*data())
    assert trainer.history.loss == []  # ReduceOnPlateau does not add it either
    bowl = Quadratic([[1.0]])
    with pytest.raises(StateError, match="ReduceOnPlateau watches 'loss', but the run measures nothing"):
        minimize(bowl, SGD(bowl.parameters(), 0.1), 3, [ReduceOnPlateau("loss")])
    with pytest.raises(StateError, match=r"ReduceOnPlateau watched loss \(min\), but should watch loss \(max\) now"):
        ReduceOnPlateau("loss", mode="max").load_state(ReduceOnPlateau("loss").state())
