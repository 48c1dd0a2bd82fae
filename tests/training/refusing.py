"""A run in a file, and what must stay unchanged when another run is refused that file."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import (
    Adam,
    BatchNorm,
    Callback,
    Checkpoint,
    CheckpointError,
    Dense,
    Dropout,
    MSELoss,
    Sequential,
    Trainer,
)
from minidl.modules.places import places_of
from minidl.saving.generators import generator_state
from tests.callbacks.recording import At, fails
from tests.helpers import bits_of
from tests.training.endless import X, Y

OPTIONS: dict[str, Any] = {"epochs": 4, "batch_size": 6, "validation": 0.2}


def network(width: int = 8, **options: Any) -> Sequential:
    return Sequential(Dense(3, width), BatchNorm(width), Dropout(0.2, rng=1), Dense(width, 1), **{"rng": 0, **options})


def make(*callbacks: Callback, model: Sequential | None = None, optimizer: Any = Adam) -> Trainer:
    model = model or network()
    return Trainer(model, MSELoss(), optimizer(model.parameters(), lr=0.01), callbacks)


def write(path: Path, *callbacks: Callback) -> Path:
    """A checkpoint in the middle of the second epoch."""
    broken_off = At("on_epoch_end", 2, fails)  # otherwise the end of the run is saved
    trainer = make(*callbacks, broken_off, Checkpoint(path, every_steps=5, every_epochs=None))
    with suppress(KeyError):
        trainer.fit(X, Y, **{**OPTIONS, "epochs": 2}, rng=2)
    return path


def everything(trainer: Trainer, rng: np.random.Generator) -> list[Any]:
    """Everything that must stay unchanged when a file is refused."""
    model, history = trainer.model, trainer.history
    generators = [rng, *(place.generator for place in places_of(model).values())]
    return [
        bits_of(model),
        repr(trainer.optimizer),
        bits_of(trainer.optimizer),
        [parameter.decay for parameter in model.parameters()],
        [module.training for _, module in model.modules()],
        [*map(id, generators)],
        [generator_state(generator) for generator in generators],
        (list(history.loss), {name: list(values) for name, values in history.epochs.items()}),
        [repr(callback.state()) for callback in trainer.callbacks],
    ]


def check_refused(trainer: Trainer, path: Path, words: str, **options: Any) -> None:
    """Resume from a file that is refused, in a trainer that has already learned something."""
    rng = np.random.default_rng(2)
    data = options.pop("data", (X, Y))
    trainer.fit(*data, **{**OPTIONS, "epochs": 1}, rng=rng)
    trainer.model.parameters().parameters[0].decay = False
    trainer.model.layers[1].training = False  # type: ignore[attr-defined]
    before = everything(trainer, rng)
    with pytest.raises(CheckpointError) as caught:
        trainer.fit(*data, **{**OPTIONS, **options}, rng=rng, resume_from=path)
    assert str(caught.value).startswith(repr(str(path)))
    assert words in str(caught.value)
    after = everything(trainer, rng)
    for was, now in zip(before, after, strict=True):
        assert was == now
