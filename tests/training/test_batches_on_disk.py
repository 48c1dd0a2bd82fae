"""fit(batches) on data larger than memory: what is read stays small."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import Batches, CrossEntropyLoss, metrics
from tests.training.factories import agree
from tests.training.test_batches import CLASSES, N, trainer


def test_small_integers_stay_small_until_the_batch() -> None:
    images = np.random.default_rng(0).integers(0, 256, (N, 3), np.uint8)
    batches = Batches(images, CLASSES, batch_size=5, shuffle=False)
    assert all(x.dtype == np.uint8 for x, _ in batches)
    one, other = trainer(loss=CrossEntropyLoss()), trainer(loss=CrossEntropyLoss())
    one.fit(batches, validation=batches, metrics={"accuracy": metrics.accuracy})
    options: dict[str, Any] = {"validation": (images, CLASSES), "metrics": {"accuracy": metrics.accuracy}}
    other.fit(images.astype(float), CLASSES, batch_size=5, shuffle=False, **options)
    agree(one, other)


LARGE = """
import resource, sys
import numpy as np
from minidl import SGD, Batches, Callback, CrossEntropyLoss, Dense, Sequential, Trainer

def anonymous():
    with open("/proc/self/status") as file:
        return int(next(line for line in file if line.startswith("RssAnon")).split()[1]) / 1024

rows = int(sys.argv[2])
x = np.memmap(sys.argv[1], np.uint8, "w+", shape=(rows, 1024))
x.flags.writeable = False
y = np.zeros(rows, np.uint8)
model = Sequential(Dense(1024, 2), rng=0, dtype=np.float32)
batches = Batches(x, y, batch_size=4096, block=65536, rng=0)
peak = []
class Watch(Callback):
    def on_step_end(self, run):
        if run.step % 20 == 0:
            peak.append(anonymous())
Trainer(model, CrossEntropyLoss(), SGD(model.parameters(), lr=0.01), [Watch()]).fit(batches)
print(max(peak))
"""


def peak_of(rows: int, file: Path) -> float:
    run = subprocess.run(
        [sys.executable, "-c", LARGE, str(file), str(rows)], capture_output=True, text=True, check=True
    )
    return float(run.stdout)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's account of memory")
def test_data_on_disk_is_never_copied_whole(tmp_path: Path) -> None:
    assert peak_of(300_000, tmp_path / "x") < 200


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's account of memory")
def test_ten_gigabytes_on_disk_train_in_200_megabytes(tmp_path: Path) -> None:
    assert peak_of(10 * 2**20, tmp_path / "x") < 200
