"""Parallel training: a network on 1, 2 and 4 processes learns the same, up to rounding.

python demos/parallel.py [--out DIR] [--show]
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from shutil import which
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from common import Pictures, heading

from minidl import CrossEntropyLoss, Dense, History, Momentum, ReLU, Sequential, Trainer, load_digits
from minidl.plotting import style

RANKS = (1, 2, 4)
EPOCHS, BATCH = 20, 128


def train(kind: type[Trainer]) -> History:
    """Train on the digits. Every rank calls this, with the same data."""
    x, y, x_test, y_test = load_digits()
    model = Sequential(Dense(64, 64), ReLU(), Dense(64, 10), rng=0)
    trainer = kind(model, CrossEntropyLoss(), Momentum(model.parameters(), lr=0.1))
    return trainer.fit(x, y, epochs=EPOCHS, batch_size=BATCH, validation=(x_test, y_test), rng=1)


def curves(history: History) -> dict[str, Any]:
    """The loss of each step, and what was measured in each epoch."""
    return {"steps": history.loss, **history.epochs}


def train_as_rank(path: Path) -> None:
    """Train with all other ranks. Rank 0 writes the history to a file."""
    from mpi4py import MPI

    from minidl.integrations.mpi import ParallelTrainer

    history = train(ParallelTrainer)
    if MPI.COMM_WORLD.rank == 0:
        path.write_text(json.dumps(curves(history)))


def train_on(ranks: int, mpirun: str) -> dict[str, Any]:
    """Start this file once per rank, and return the history."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history.json"
        # Without these two, Open MPI refuses root and more ranks than cores.
        command = [mpirun, "--allow-run-as-root", "--oversubscribe", "-n", str(ranks)]
        command += [sys.executable, "-m", "mpi4py", __file__, "--rank", str(path)]
        threads = {"OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        subprocess.run(command, env=os.environ | threads, check=True, timeout=300)
        found: dict[str, Any] = json.loads(path.read_text())
    return found


def find_mpirun() -> str | None:
    """Return the program that starts ranks. The wheel of Open MPI has its own, beside Python."""
    try:
        import mpi4py  # noqa: F401  (only whether it is installed matters)
    except ImportError:
        return None
    own = Path(sysconfig.get_path("scripts")) / "mpirun"
    return str(own) if own.exists() else which("mpirun")


def draw(histories: dict[str, dict[str, Any]], pictures: Pictures) -> None:
    with style():
        figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
        for index, (name, history) in enumerate(histories.items()):
            width = 2.5 * (len(histories) - index) - 1  # all curves are one, so the first is the widest
            left.plot(history["validation_loss"], linewidth=width, label=name)
            if index:
                base = np.array(next(iter(histories.values()))["steps"])
                apart = np.abs(np.array(history["steps"]) - base) / base
                right.semilogy(np.maximum(apart, 1e-17), label=name, color=f"C{index}")
        left.set(title="validation loss", xlabel="epoch", ylabel="loss")
        right.set(
            title="difference from one process",
            xlabel="step",
            ylabel="relative difference of the loss",
            ylim=(1e-17, 1e-9),
        )
        left.legend()
        if len(histories) > 1:
            right.legend()
        pictures.save(figure, "parallel.png")


def main() -> None:
    if sys.argv[1:2] == ["--rank"]:
        train_as_rank(Path(sys.argv[2]))
        return
    pictures = Pictures("Train on 1, 2 and 4 processes.")
    heading("Digits", "64-64-10, batches of 128 shared by the ranks")
    history = train(Trainer)
    histories = {"one process": curves(history)}
    if (mpirun := find_mpirun()) is None:
        print("   mpi4py is not installed, so there is one process only. pip install 'minidl[mpi]' adds it.")
    else:
        histories |= {f"{ranks} ranks" if ranks > 1 else "1 rank": train_on(ranks, mpirun) for ranks in RANKS}
    base = np.array(history.loss)
    for name, found in histories.items():
        apart = np.max(np.abs(np.array(found["steps"]) - base) / base)
        print(f"   {name:<12} loss {found['loss'][-1]:.12f}   at most {apart:.1e} from one process")
    draw(histories, pictures)
    pictures.finish()


if __name__ == "__main__":
    main()
