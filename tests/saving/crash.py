"""A run that saves after every step, killed again and again. Its file always loads, and the run always resumes.

``python -m tests.saving.crash --kills 200`` kills as often, by SIGKILL at random moments, and prints what it found.
"""

from __future__ import annotations

import argparse
import os
import signal
import tempfile
from pathlib import Path
from time import perf_counter, sleep
from typing import NamedTuple

import numpy as np

from minidl import Adam, BatchNorm, Checkpoint, CSVLog, Dense, Dropout, MSELoss, Sequential, Trainer, load
from minidl.saving.models import read_content
from tests.helpers import bits

BATCHES = 3


class Report(NamedTuple):
    """What was found.

    Attributes:
        kills: how often the run was killed.
        while_writing: how often a half-written file lay beside the checkpoint then.
        steps: how many steps the run took in all, each kept.
        same: whether the parameters are those of a run without a break.
    """

    kills: int
    while_writing: int
    steps: int
    same: bool


def train(folder: Path | None, epochs: int = 1_000_000) -> Sequential:
    """Run: save to a folder, and resume from the file that is there."""
    rng = np.random.default_rng(0)
    model = Sequential(Dense(8, 64), BatchNorm(64), Dropout(0.2, rng=1), Dense(64, 1), rng=2)
    trainer = Trainer(model, MSELoss(), Adam(model.parameters()))
    path = None
    if folder is not None:
        path = folder / "run.npz"
        trainer.callbacks = [CSVLog(folder / "log.csv", overwrite=not path.exists()), Checkpoint(path, every_steps=1)]
    x, y = rng.standard_normal((8 * BATCHES, 8)), rng.standard_normal((8 * BATCHES, 1))
    found = path if path is not None and path.exists() else None
    trainer.fit(x, y, epochs=epochs, batch_size=8, rng=3, resume_from=found)
    return model


def kill_again_and_again(kills: int, folder: Path, seed: int = 0) -> Report:
    """Kill the run `kills` times, and look at its file each time."""
    rng = np.random.default_rng(seed)
    step, while_writing = 0, 0
    train(folder, 1)
    begin = perf_counter()
    train(folder, 2)
    longest = 1.5 * (perf_counter() - begin)  # on a slow or busy machine a run needs longer until it saves
    for _ in range(kills):
        child = os.fork()
        if child == 0:
            try:
                train(folder)
            finally:
                os._exit(1)
        sleep(float(rng.uniform(0.0, longest)))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status), "the run ended by itself"
        for half_written in folder.glob(".minidl-*.tmp"):
            while_writing += 1
            half_written.unlink()
        if (folder / "run.npz").exists():
            load(folder / "run.npz")
            now = read_content(folder / "run.npz", ["run"])["run"]["step"]
            assert now >= step, f"step {step} was saved, and the file now is of step {now}"
            step = now
    epochs = step // BATCHES + 1
    resumed, whole = train(folder, epochs), train(None, epochs)
    return Report(kills, while_writing, step, bits(*resumed.state().values()) == bits(*whole.state().values()))


def main() -> None:
    parser = argparse.ArgumentParser(description="Kill a run that saves constantly, and look at its file.")
    parser.add_argument("--kills", type=int, default=200)
    begin = perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        report = kill_again_and_again(parser.parse_args().kills, Path(folder))
    print(f"{report}, {perf_counter() - begin:.0f} s")
    if not report.same:
        raise SystemExit("the resumed run did not end as the one without a break")


if __name__ == "__main__":
    main()
