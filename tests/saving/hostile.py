"""Thousands of damaged and forged files: each loads with the same content, or is a `CheckpointError`.

``python -m tests.saving.hostile --count 20000`` tries as many and prints what became of them; a test tries hundreds.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import tracemalloc
from collections import Counter
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from minidl import Adam, BatchNorm, Checkpoint, Dense, Dropout, MSELoss, ReLU, Residual, Sequential, Trainer, load
from minidl.errors import CheckpointError
from minidl.saving.container import read
from minidl.saving.models import read_content
from tests.helpers import bits
from tests.saving.breaking import MUTATIONS, RAN

TIMES, SLACK = 13, 10_000_000
"""Loading takes at most 13 times the bytes of a file, and 10 MB. Reading its arrays takes twice and 10 MB."""


def make_file(folder: Path, seed: int = 0, width: int = 6) -> Path:
    """A checkpoint with a bit of everything in it."""
    rng = np.random.default_rng(seed)
    layers = [Dense(3, width), BatchNorm(width), Residual(Dense(width, width), ReLU()), Dropout(0.2, rng=1)]
    model = Sequential(*layers, Dense(width, 1), rng=seed)
    path = folder / f"run{seed}.npz"
    trainer = Trainer(model, MSELoss(), Adam(model.parameters()), [Checkpoint(path, every_steps=1)])
    trainer.fit(rng.standard_normal((20, 3)), rng.standard_normal((20, 1)), epochs=2, batch_size=8, rng=seed)
    return path


def content_of(path: Path) -> str:
    """All that a file holds, as one text."""
    model = load(path)
    names = [name for name in read(path)[0] if name != "architecture"]
    return repr([model, bits(*model.state().values()), _plain(read_content(path, names))])


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def attack(count: int, seed: int = 0) -> Counter[tuple[str, str]]:
    """Try `count` mutations, and return how often each kind was refused or loaded the same content.

    Raises:
        AssertionError: a file that loads other content, raises something else, takes too much memory, or runs code.
    """
    rng = np.random.default_rng(seed)
    outcomes: Counter[tuple[str, str]] = Counter()
    names, (_, shares) = list(MUTATIONS), zip(*MUTATIONS.values(), strict=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        original = make_file(folder).read_bytes()
        path = folder / "mutated.npz"
        path.write_bytes(original)
        expected = content_of(path)
        tracemalloc.start()
        try:
            for index in range(count):
                kind = names[int(rng.choice(len(names), p=np.array(shares) / sum(shares)))]
                mutated = MUTATIONS[kind][0](original, rng)
                path.write_bytes(mutated)
                before = tracemalloc.get_traced_memory()[0]
                tracemalloc.reset_peak()
                try:
                    same = content_of(path) == expected
                    outcome = "loaded the same"
                    assert same, f"mutation {index}, {kind}: other content was loaded"
                except CheckpointError:
                    outcome = "refused"
                peak = tracemalloc.get_traced_memory()[1] - before
                assert peak <= 2 * len(mutated) + SLACK, f"mutation {index}, {kind}: {peak / 1e6:.1f} MB"
                assert not Path(RAN).exists(), f"mutation {index}, {kind}: code was run"
                outcomes[kind, outcome] += 1
        finally:
            tracemalloc.stop()
    return outcomes


def main() -> None:
    parser = argparse.ArgumentParser(description="Try damaged and forged files on minidl.load.")
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    begin = perf_counter()
    outcomes = attack(options.count, options.seed)
    for (kind, outcome), number in sorted(outcomes.items()):
        print(f"{kind:20} {outcome:16} {number:6}")
    print(f"{sum(outcomes.values())} files, none loaded other content; {perf_counter() - begin:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
