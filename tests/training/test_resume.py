"""A run that was interrupted and resumed ends bit for bit as one that was not."""

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import (
    SGD,
    AdaGrad,
    Adam,
    AdamW,
    BatchNorm,
    Callback,
    Checkpoint,
    Dense,
    Dropout,
    EarlyStopping,
    Group,
    Layer,
    Lion,
    MinidlWarning,
    Momentum,
    MSELoss,
    NAdam,
    Optimizer,
    ParameterAverage,
    RecordPath,
    ReLU,
    RMSProp,
    Run,
    Schedule,
    Sequential,
    Tanh,
    Trainer,
)
from minidl.augment import noise
from minidl.saving.generators import generator_state
from minidl.schedules import ScheduleFunction, cosine, exponential, linear_warmup, one_cycle, sequence, step_decay
from tests.helpers import bits

pytestmark = pytest.mark.filterwarnings("ignore:the learning rate was set to")  # by Halving, beside a Schedule

N, STEPS = 11, 40
X = np.random.default_rng(1).standard_normal((N, 3))
Y = np.random.default_rng(2).standard_normal((N, 2))

OPTIMIZERS: dict[str, Callable[[Any], Optimizer]] = {
    "SGD": lambda p: SGD(p, lr=0.05),
    "Momentum": lambda p: Momentum(p, lr=0.02, nesterov=True),
    "AdaGrad": lambda p: AdaGrad(p, lr=0.1),
    "RMSProp": lambda p: RMSProp(p, lr=0.01),
    "Adam": lambda p: Adam(p, lr=0.01).clip(norm=1.0),
    "AdamW": lambda p: AdamW(p, lr=0.01),
    "NAdam": lambda p: NAdam(p, lr=0.01, weight_decay=0.1),
    "Lion": lambda p: Lion(p, lr=0.01),
    "groups": lambda p: Adam([Group(list(p)[:2], 0.1), Group(list(p)[2:])], lr=0.01),
}

SCHEDULES: dict[str, ScheduleFunction | None] = {
    "none": None,
    "step_decay": step_decay(3, 0.5),
    "exponential": exponential(0.9),
    "cosine": cosine(STEPS),
    "warmup": sequence([linear_warmup(4), cosine(STEPS)], [4]),
    "one_cycle": one_cycle(STEPS),
}


class InterruptionError(Exception):
    """What ends a run in the middle."""


class Interrupt(Callback):
    """Raises after `after` steps, once every other callback has seen the step."""

    last = True

    def __init__(self, after: int) -> None:
        self.after = after

    def on_step_end(self, run: Run) -> None:
        if run.step == self.after:
            raise InterruptionError


class Halving(Callback):
    """Changes model and optimizer whenever an epoch begins."""

    def on_epoch_begin(self, run: Run) -> None:
        run.optimizer.lr *= 0.5
        run.model.parameters().value *= 0.9


class Setting(NamedTuple):
    """What a script that trains has chosen."""

    optimizer: str
    schedule: str
    dropout: bool
    norm: bool
    shuffle: bool
    batch_size: int | None
    accumulate: int
    float32: bool
    shared: bool  # whether one generator serves dropout and the orders
    children: int  # how many children it has spawned before
    halving: bool  # whether a callback halves the learning rate whenever an epoch begins
    augment: bool


class Script:
    """A script. It trains when run as it is, and resumes when run with a file."""

    def __init__(self, setting: Setting, *extra: Callback) -> None:
        self.setting = setting
        self.generator = np.random.default_rng(5)
        self.generator.spawn(setting.children)
        self.dropout = Dropout(0.3, rng=self.generator if setting.shared else 7)
        layers: list[Layer] = [Dense(3, 4), BatchNorm(4) if setting.norm else Tanh(), ReLU()]
        layers += [self.dropout] if setting.dropout else []
        self.model = Sequential(*layers, Dense(4, 2), rng=0, dtype=np.float32 if setting.float32 else np.float64)
        optimizer = OPTIMIZERS[setting.optimizer](self.model.parameters())
        self.path, self.average = RecordPath(), ParameterAverage(0.9)
        self.stopping = EarlyStopping("validation_loss", patience=2)
        schedule = SCHEDULES[setting.schedule]
        self.schedule = [] if schedule is None else [Schedule(schedule)]
        halving = [Halving()] if setting.halving else []
        callbacks = [*extra, *halving, self.path, *self.schedule, self.average, self.stopping]
        self.trainer = Trainer(self.model, MSELoss(), optimizer, callbacks)

    def fit(self, epochs: int, **options: Any) -> None:
        self.trainer.fit(
            X,
            Y,
            epochs=epochs,
            batch_size=self.setting.batch_size,
            accumulate=self.setting.accumulate if self.setting.batch_size else 1,
            shuffle=self.setting.shuffle,
            validation=0.2,
            training_loss=True,
            augment=noise if self.setting.augment else None,
            rng=self.generator,
            **options,
        )

    def left(self) -> dict[str, Any]:
        """All that a run leaves behind, as bytes and text."""
        history = self.trainer.history
        return {
            "model": bits(*self.model.state().values()),
            "optimizer": {
                name: bits(value) if isinstance(value, np.ndarray) else value
                for name, value in self.trainer.optimizer.state().items()
            },
            "history": (history.loss, history.epochs, history.reason),
            "generators": repr([generator_state(self.generator), generator_state(self.dropout.rng)]),
            "path": bits(*self.path.points),
            "schedule": [(callback.lr, callback.base) for callback in self.schedule],
            "average": bits(*(value for value in self.average.state().values() if isinstance(value, np.ndarray))),
            "stopping": (self.stopping.best, self.stopping.best_epoch),
            "training": [module.training for _, module in self.model.modules()],
        }


settings = st.builds(
    Setting,
    optimizer=st.sampled_from(sorted(OPTIMIZERS)),
    schedule=st.sampled_from(sorted(SCHEDULES)),
    dropout=st.booleans(),
    norm=st.booleans(),
    shuffle=st.booleans(),
    batch_size=st.sampled_from([None, 1, 2, 4, 5, 9, 100]),
    accumulate=st.sampled_from([1, 1, 2, 3]),
    float32=st.booleans(),
    shared=st.booleans(),
    children=st.integers(0, 3),
    halving=st.booleans(),
    augment=st.booleans(),
)


@pytest.mark.filterwarnings("ignore:.*that had ended")  # before it was interrupted
@given(settings, st.integers(1, 12), st.sampled_from([1, 2, 3]))
def test_interrupted_anywhere_and_resumed_it_ends_the_same(
    tmp_path_factory: pytest.TempPathFactory, setting: Setting, after: int, every: int
) -> None:
    file = tmp_path_factory.mktemp("run") / "run.npz"
    whole = Script(setting)
    whole.fit(4)
    # Interrupted at a step after the latest save, so that some of the steps are lost and taken again.
    first = Script(setting, Checkpoint(file, every_steps=every), Interrupt(after))
    with suppress(InterruptionError):
        first.fit(4)
    if not file.exists():
        return
    second = Script(setting)
    second.fit(4, resume_from=file)
    assert second.left() == whole.left()


def small(**changes: Any) -> Setting:
    return Setting("Adam", "cosine", True, True, True, 4, 1, False, False, 0, True, True)._replace(**changes)


@pytest.mark.parametrize("after", range(1, 10))
def test_every_single_step_can_be_the_last(tmp_path: Path, after: int) -> None:
    whole = Script(small())
    whole.fit(3)
    first = Script(small(), Checkpoint(tmp_path / "run.npz", every_steps=1, every_epochs=None), Interrupt(after))
    with pytest.raises(InterruptionError):
        first.fit(3)
    second = Script(small())
    second.fit(3, resume_from=tmp_path / "run.npz")
    assert second.left() == whole.left()
    assert len(second.trainer.history.loss) == 9


def test_a_run_can_be_resumed_again_and_again_in_new_files(tmp_path: Path) -> None:
    whole = Script(small())
    whole.fit(4)
    options: dict[str, Any] = {}
    for after in (1, 2, 4, 5):
        part = Script(small(), Checkpoint(tmp_path / "run.npz", every_steps=1), Interrupt(after))
        with pytest.raises(InterruptionError):
            part.fit(4, **options)
        options = {"resume_from": tmp_path / "run.npz"}
    last = Script(small())
    last.fit(4, **options)
    assert last.left() == whole.left()


def test_the_second_of_two_fits_is_resumed(tmp_path: Path) -> None:
    whole = Script(small())
    whole.fit(2)
    whole.fit(3)
    first = Script(small())
    first.fit(2)
    first.trainer.callbacks += [Checkpoint(tmp_path / "run.npz", every_steps=1), Interrupt(8)]
    with pytest.raises(InterruptionError):
        first.fit(3)
    second = Script(small())
    second.fit(3, resume_from=tmp_path / "run.npz")
    assert second.left() == whole.left()


def test_a_run_that_was_stopped_by_a_callback_stays_stopped(tmp_path: Path) -> None:
    whole = Script(small(), Checkpoint(tmp_path / "run.npz"))
    whole.fit(100)
    assert whole.trainer.history.reason is not None
    again = Script(small())
    with pytest.warns(MinidlWarning, match=r"had ended \(.* has not improved .*\), and so does this one"):
        again.fit(100, resume_from=tmp_path / "run.npz")
    assert again.left() == whole.left()


def test_a_finished_run_can_be_made_longer(tmp_path: Path) -> None:
    whole = Script(small())
    whole.fit(4)
    Script(small(), Checkpoint(tmp_path / "run.npz")).fit(2)
    longer = Script(small())
    longer.fit(4, resume_from=tmp_path / "run.npz")
    assert longer.left() == whole.left()


def test_states_are_numbers_strings_and_arrays_that_json_can_name(tmp_path: Path) -> None:
    Script(small(), Checkpoint(tmp_path / "run.npz")).fit(1)
    with np.load(tmp_path / "run.npz", allow_pickle=False) as file:
        description = json.loads(file["minidl.json"])
        assert {f"{name}" for name in description["arrays"]} == set(file.files) - {"minidl.json"}
        assert file["model/state/0.weight"].shape == (3, 4)
