"""A run with everything that draws, to compare two processes: prints a checksum of everything that it leaves."""

import hashlib
from typing import Any

import numpy as np

from minidl import Adam, BatchNorm, CrossEntropyLoss, Dense, Dropout, ReLU, Sequential, Trainer, make_blobs


def digest(seed: int) -> str:
    """Train from a seed, and return a checksum over parameters, buffers, losses and metrics."""
    x, y = make_blobs(90, rng=seed)
    layers: list[Any] = [Dense(2, 16), BatchNorm(16), ReLU(), Dropout(0.3, rng=seed + 1), Dense(16, 3)]
    model = Sequential(*layers, rng=seed + 2, dtype=np.float32)
    trainer = Trainer(model, CrossEntropyLoss(), Adam(model.parameters(), 0.01).clip(norm=1.0))
    history = trainer.fit(x, y, epochs=5, batch_size=8, accumulate=2, validation=0.2, training_loss=True, rng=seed + 3)
    left = hashlib.sha256(repr((history.loss, history.epochs)).encode())
    for value in model.state().values():
        left.update(value.tobytes())
    return left.hexdigest()


if __name__ == "__main__":
    print(digest(0))
