"""The chart at the top of the page: how many times as long the others take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.benchmarks.goals import Results
from tests.benchmarks.store import Record

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["ROWS", "draw"]

ROWS = (
    ("function of two numbers", "W4", "Rosenbrock"),
    ("XOR 2-4-1", "W1", "W1 float32"),
    ("predict, one sample, 2-4-1", "latency", "predict, 1 sample of 2-4-1"),
    ("predict, one sample, 784-256-10", "latency", "predict, 1 sample of 784-256-10"),
    ("784-256-128-10, Adam", "W2", "W2"),
    ("1024-2048-2048-1024-10", "W3", "W3"),
    ("CNN on 8×8", "CNN", "CNN 8×8, 1-16-32, batch 32"),
    ("CNN on 28×28", "CNN", "CNN 28×28, 1-16-32, batch 64"),
    ("CNN on 32×32, 3 channels", "CNN", "CNN 32×32, 3-32-64, batch 32"),
    ("LSTM, 64 time steps", "RNN", "LSTM 32→128, T 64, batch 32"),
    ("GRU, 64 time steps", "RNN", "GRU 32→128, T 64, batch 32"),
    ("GPT, 4 blocks of 128", "attention", "GPT, 4 blocks of 128, T 64, batch 16"),
    ("Adam alone, 10 million", "W5", "Adam"),
)
"""The label, group and workload of each row."""
PEERS = {
    "PyTorch": ("#d55e00", "o", ("torch eager", "torch inference")),
    "JAX": ("#0072b2", "s", ("jax jit",)),
    "scikit-learn": ("#009e73", "D", ("sklearn",)),
}
"""For each library its colour and mark, and the competitors that stand for it."""


def draw(records: Sequence[Record], path: Path) -> None:
    """Write the chart, with a panel for each kind of CPU."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    width = 3.2 + 4.4 * len(records)
    figure, axes = plt.subplots(1, len(records), figsize=(width, 5), sharey=True, squeeze=False, layout="constrained")
    for ax, record in zip(axes[0], records, strict=True):
        _panel(ax, record)
    figure.supxlabel("time over that of minidl, one thread", fontsize=10)
    figure.legend(*axes[0][0].get_legend_handles_labels(), loc="outside upper center", ncols=3, frameon=False)
    figure.savefig(path, dpi=130)
    plt.close(figure)


def _panel(ax: Axes, record: Record) -> None:
    ax.axvspan(1, 40, color="#eef5ee", zorder=0)
    ax.axvline(1, color="0.2", linewidth=1.2)
    for library, (color, mark, _) in PEERS.items():
        points = [(ratio, row) for name, ratio, row in _ratios(record.results) if name == library]
        ax.plot(*zip(*points, strict=True) if points else ([], []), mark, color=color, markersize=7, label=library)
    ax.set_xscale("log")
    ax.set_xlim(0.3, 16)
    ax.set_xticks([0.5, 1, 2, 5, 10], ["0.5", "1", "2", "5", "10"])
    ax.minorticks_off()
    ax.set_yticks(range(len(ROWS)), [label for label, *_ in ROWS])
    ax.set_ylim(len(ROWS) + 0.1, -0.5)
    ax.grid(axis="y", color="0.88", linewidth=0.8)
    ax.set_axisbelow(True)
    ax.tick_params(length=0, axis="y")
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.set_title(record.kind, fontsize=11)
    style: dict[str, Any] = {"fontsize": 9, "color": "0.35", "va": "bottom"}
    ax.text(1.06, len(ROWS) + 0.02, "minidl is faster →", **style)
    ax.text(0.94, len(ROWS) + 0.02, "← slower", ha="right", **style)


def _ratios(results: Results) -> Iterator[tuple[str, float, int]]:
    for row, (_, group, workload) in enumerate(ROWS):
        times = results[group, 1].times if (group, 1) in results else {}
        for library, (_, _, peers) in PEERS.items():
            found = [times[workload, peer] for peer in peers if (workload, peer) in times]
            if found:
                yield library, found[0].over(times[workload, "minidl"]), row
