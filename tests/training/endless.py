"""A script that would train forever, for another process to interrupt: ``python -m tests.training.endless FOLDER``.

It prints when it has begun, and how it ended as JSON. With ``--slow`` the third step takes a minute.
"""

import argparse
import json
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np

from minidl import Adam, BatchNorm, Callback, Checkpoint, Dense, Dropout, MSELoss, Run, Sequential, Trainer

X, Y = np.random.default_rng(0).normal(size=(20, 3)), np.random.default_rng(1).normal(size=(20, 1))


class Says(Callback):
    """Prints when the third step is over, and when the fit is."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def on_step_end(self, run: Run) -> None:
        if run.step == 3:
            print("begun", flush=True)
            time.sleep(self.seconds)

    def on_fit_end(self, run: Run) -> None:
        print("ended", flush=True)


def trainer(*callbacks: Callback) -> Trainer:
    model = Sequential(Dense(3, 8), BatchNorm(8), Dropout(0.2, rng=1), Dense(8, 1), rng=0)
    return Trainer(model, MSELoss(), Adam(model.parameters()), callbacks)


def fit(trainer: Trainer, epochs: int, **options: Any) -> None:
    trainer.fit(X, Y, epochs=epochs, batch_size=6, validation=0.2, rng=2, **options)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--slow", action="store_true")
    options = parser.parse_args()
    # A process that a shell has put into the background ignores the signal from the start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.alarm(100)  # it ends in any case
    endless = trainer(Says(60.0 if options.slow else 0.0), Checkpoint(options.folder / "run.npz", every_epochs=None))
    fit(endless, 10**9)
    restored = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    history = endless.history
    print(json.dumps({"loss": history.loss, "reason": history.reason, "restored": restored}))


if __name__ == "__main__":
    main()
