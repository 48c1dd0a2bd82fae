"""The Schedule callback: which step gets which rate, and what is left behind."""

import numpy as np
import pytest

from minidl import SGD, Callback, Group, HyperparameterError, MinidlWarning, Quadratic, Schedule, Trainer, minimize
from minidl.run import Run
from minidl.schedules import ScheduleFunction, exponential, linear_warmup, step_decay
from tests.training.factories import data, make_trainer, network


def make(schedule: ScheduleFunction, lr: float = 0.1) -> tuple[Trainer, Schedule]:
    callback = Schedule(schedule)
    return make_trainer(network(), callback, lr=lr), callback


def test_each_step_has_its_rate_within_an_epoch_and_in_a_second_fit() -> None:
    trainer, callback = make(step_decay(3, 0.5), lr=0.4)
    trainer.fit(*data(), epochs=2, batch_size=4)
    assert callback.lr == [0.4, 0.4, 0.4, 0.2]
    assert trainer.optimizer.lr == 0.4
    trainer.fit(*data(), epochs=1, batch_size=4)
    assert callback.lr == [0.4, 0.4, 0.4, 0.2, 0.2, 0.2]


def test_steps_are_as_long_as_by_hand() -> None:
    bowl, schedule = Quadratic([[1.0]], start=[8.0]), Schedule(exponential(0.5))
    descent = minimize(bowl, SGD(bowl.parameters(), lr=0.5), steps=3, callbacks=[schedule])
    assert descent.path is not None
    assert descent.path.ravel().tolist() == [8.0, 4.0, 3.0, 2.625]


def test_a_factor_of_0_is_a_step_that_changes_nothing() -> None:
    trainer, callback = make(linear_warmup(2))
    parameters = trainer.model.parameters()
    before = parameters.value.copy()
    trainer.fit(*data(), epochs=1)
    np.testing.assert_allclose(parameters.value, before, rtol=0, atol=1e-290)
    trainer.fit(*data(), epochs=1)
    assert (parameters.value != before).any()
    assert callback.lr == [1e-300, 0.05]


def test_groups_keep_their_proportion() -> None:
    model = network()
    groups = [Group(model[0].parameters()), Group(model[2].parameters(), 0.5)]
    trainer = make_trainer(model, Schedule(lambda _: 0.1), optimizer=lambda _, lr: SGD(groups, lr))
    before = [layer.parameters().value.copy() for layer in (model[0], model[2])]
    trainer.fit(*data())
    for layer, start, rate in zip((model[0], model[2]), before, (0.01, 0.005), strict=True):
        vector = layer.parameters()
        np.testing.assert_allclose(vector.value, start - rate * vector.grad)


@pytest.mark.parametrize("factor", [-0.1, float("nan"), float("inf")])
def test_factors_out_of_range_are_refused_and_the_rate_is_restored(factor: float) -> None:
    trainer, _ = make(lambda step: 0.5 if step == 0 else factor)
    words = f"factor at step 1 must be a finite number, at least 0, got {factor}"
    with pytest.raises(HyperparameterError, match=words):
        trainer.fit(*data(), epochs=3)
    assert trainer.optimizer.lr == 0.1


class Sets(Callback):
    """Sets the learning rate, which a Schedule does, too."""

    changes_optimizer = True

    def __init__(self, event: str, lr: float) -> None:
        self.lr = lr
        setattr(self, event, self.set)

    def set(self, run: Run) -> None:
        run.optimizer.lr = self.lr


@pytest.mark.parametrize("event", ["on_step_begin", "on_step_end", "on_epoch_end"])
@pytest.mark.parametrize("position", [0, 1])
def test_another_callback_that_sets_the_rate_is_named_once_per_fit(event: str, position: int) -> None:
    schedule, other = Schedule(step_decay(1, 0.5)), Sets(event, 0.03)
    trainer = make_trainer(network(), *(schedule, other)[:: 1 - 2 * position], lr=0.4)
    for rate in ("0.4", "0.05"):
        words = rf"the learning rate was set to 0.03 after the Schedule had set it to {rate};"
        with pytest.warns(MinidlWarning, match=words) as caught:
            trainer.fit(*data(), epochs=3)
        assert len(caught) == 1
    assert schedule.lr == [0.4, 0.2, 0.1, 0.05, 0.025, 0.0125]
    assert trainer.optimizer.lr == 0.4


def test_a_rate_that_is_set_between_two_fits_is_the_new_base() -> None:
    trainer, callback = make(step_decay(1, 0.5), lr=0.4)
    trainer.fit(*data(), epochs=2)
    trainer.optimizer.lr = 0.8
    trainer.fit(*data(), epochs=1)
    assert callback.lr == [0.4, 0.2, 0.2]


def test_state_round_trip() -> None:
    trainer, callback = make(step_decay(1))
    trainer.fit(*data(), epochs=2)
    state = callback.state()
    other = Schedule(step_decay(1))
    other.load_state(state)
    assert other.lr == callback.lr == pytest.approx([0.1, 0.01])
    assert other.base == 0.1
    other.load_state({"lr": np.array(callback.lr), "base": np.float64(0.1)})
    assert all(type(lr) is float for lr in [*other.lr, other.base])
    trainer.fit(*data())
    assert len(other.lr) == len(state["lr"]) == 2
