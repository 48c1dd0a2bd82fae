"""The study behind Q3.5: many networks, trained with and without momentum from the same initial weights.

One run proves nothing, because the initial weights decide whether a network of four ReLU units solves XOR at all. The
study therefore chooses the best learning rate of each method on some seeds, and compares the methods on others.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from minidl import (
    SGD,
    BCEWithLogitsLoss,
    Callback,
    Dense,
    Momentum,
    Optimizer,
    ParameterVector,
    ReLU,
    Run,
    Sequential,
    Trainer,
    make_xor,
)
from minidl.plotting import style
from minidl.plotting.style import look
from minidl.typing import Array

__all__ = ["METHODS", "Study", "X", "Y", "accuracy", "draw_study", "make_network", "print_study", "study"]

X, Y = make_xor(200, noise=0.25, rng=0)

METHODS: dict[str, Callable[[ParameterVector, float], Optimizer]] = {
    "plain": lambda parameters, lr: SGD(parameters, lr),
    "momentum 0.9": lambda parameters, lr: Momentum(parameters, lr, momentum=0.9),
}
GRID = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
CHOOSE = range(50)  # seeds to choose the learning rate on
REPORT = range(100, 200)  # seeds to report the result on
BUDGET = 2000  # the largest number of steps of a run


def make_network(units: int = 4, *, seed: int) -> Sequential:
    """The network of the assignment without its sigmoid, which belongs in the loss: see Q3.4 in `xor.py`."""
    return Sequential(Dense(2, units), ReLU(), Dense(units, 1), rng=seed)


def accuracy(model: Sequential) -> float:
    """The share of samples on the correct side of the boundary."""
    return float(((model.predict(X) > 0) == (Y > 0.5)).mean())


class StopWhenSolved(Callback):
    """Records the first step with a loss below 0.1, and stops the run once the accuracy is 99 %, too."""

    def __init__(self) -> None:
        self.steps = BUDGET
        self.solved = False

    def on_step_end(self, run: Run) -> None:
        if run.loss < 0.1:
            self.steps = min(self.steps, run.step - 1)  # the loss was measured before the latest step
            assert isinstance(run.model, Sequential)
            if accuracy(run.model) >= 0.99:
                self.solved = True
                run.stop("solved")


def train(seed: int, method: str, lr: float, units: int = 4) -> tuple[int, bool]:
    """Train on all data in each step. Return the steps to loss < 0.1, or the budget, and whether XOR was solved."""
    model = make_network(units, seed=seed)
    watch = StopWhenSolved()
    trainer = Trainer(model, BCEWithLogitsLoss(), METHODS[method](model.parameters(), lr), callbacks=[watch])
    trainer.fit(X, Y, epochs=BUDGET, on_divergence="stop")
    return (watch.steps if watch.solved else BUDGET), watch.solved


@dataclass(frozen=True)
class Outcome:
    """The results of one method at one learning rate, one number per seed."""

    method: str
    lr: float
    steps: Array
    solved: Array

    @property
    def share(self) -> float:
        return float(self.solved.mean())

    @property
    def median(self) -> float:
        return float(np.median(self.steps))

    @property
    def mean(self) -> float:
        return float(self.steps.mean())


def announce(part: str) -> None:
    """Print a line at the beginning of a part of the study, wherever the output goes."""
    show_progress("")
    print(f"   training {part} …", flush=True)


def show_progress(text: str) -> None:
    """Overwrite the present line, if standard error is a terminal."""
    if sys.stderr.isatty():
        print("\r" + text.ljust(70) + "\r", end="", flush=True, file=sys.stderr)


def outcome(method: str, lr: float, seeds: Sequence[int], units: int = 4) -> Outcome:
    """Train one network per seed."""
    show_progress(f"   {method}, learning rate {lr:g}: {len(seeds)} networks …")
    runs = [train(seed, method, lr, units) for seed in seeds]
    steps, solved = zip(*runs, strict=True)
    return Outcome(method, lr, np.array(steps), np.array(solved))


def choose(outcomes: Sequence[Outcome], criterion: str) -> float:
    """The learning rate with the smallest "mean" or "median" number of steps."""
    return min(outcomes, key=lambda o: getattr(o, criterion)).lr


@dataclass(frozen=True)
class Study:
    """All measurements.

    Attributes:
        grid: for each method, its outcomes on the seeds to choose on, one per learning rate.
        by_mean: for each method, its outcome on the seeds to report on, at the rate with the least mean.
        by_median: the same at the rate with the least median.
        between: plain descent at the grid's rates between those two, on the seeds to report on.
        eight: eight units with momentum, at the rate chosen for four.
    """

    grid: dict[str, list[Outcome]]
    by_mean: dict[str, Outcome]
    by_median: dict[str, Outcome]
    between: list[Outcome]
    eight: Outcome


def study() -> Study:
    """Choose each method's learning rate on one set of seeds, and measure on another, with about 1,500 networks."""
    grid = {}
    for method in METHODS:
        announce(f"{method}: {len(CHOOSE)} networks at each of {len(GRID)} learning rates")
        grid[method] = [outcome(method, lr, CHOOSE) for lr in GRID]
    announce(f"both methods at their best learning rates: {len(REPORT)} other networks at each")
    by_mean = {method: outcome(method, choose(grid[method], "mean"), REPORT) for method in METHODS}
    by_median = {method: outcome(method, choose(grid[method], "median"), REPORT) for method in METHODS}
    chosen = by_mean["plain"].lr, by_median["plain"].lr
    announce("plain at the learning rates in between, and networks with 8 units with momentum")
    between = [outcome("plain", lr, REPORT) for lr in GRID if min(chosen) < lr < max(chosen)]
    eight = outcome("momentum 0.9", by_mean["momentum 0.9"].lr, REPORT, units=8)
    show_progress("")
    return Study(grid, by_mean, by_median, between, eight)


def share_interval(share: float, n: int) -> tuple[float, float]:
    """The 95 % interval of a share observed in n trials (Wilson 1927)."""
    z = 1.96
    center, half = share + z * z / (2 * n), z * sqrt(share * (1 - share) / n + (z / (2 * n)) ** 2)
    return (center - half) / (1 + z * z / n), (center + half) / (1 + z * z / n)


def interval(statistic: Callable[[Array], Any], values: Array, draws: int = 2000) -> tuple[float, float]:
    """The 95 % interval of a statistic of the values, by drawing as many of them with replacement (bootstrap)."""
    rng = np.random.default_rng(0)
    drawn = [float(statistic(values[rng.integers(0, len(values), len(values))])) for _ in range(draws)]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(low), float(high)


def print_study(results: Study) -> None:
    """Print the study in words and numbers."""
    print(
        f"   Solved means loss < 0.1 and 99 % accuracy within {BUDGET} steps. An unsolved run counts as {BUDGET} steps."
    )
    print("   Choosing: seeds 0–49       " + "".join(f"{lr:>7g}" for lr in GRID) + "   learning rate")
    for method, outcomes in results.grid.items():
        print(f"   {method:<13} solved       " + "".join(f"{o.share:7.0%}" for o in outcomes))
        print("                 median steps " + "".join(f"{o.median:7.4g}" for o in outcomes))
        print("                 mean steps   " + "".join(f"{o.mean:7.0f}" for o in outcomes))
    print("   Reporting: seeds 100–199   rate   solved              median steps        mean steps   (95 % intervals)")
    print_outcomes("least mean", results.by_mean.values())
    print_outcomes("least median", results.by_median.values())
    print_outcomes("for comparison", results.between)
    print_outcomes("8 units", [results.eight])
    plain, momentum = results.by_mean.values()
    faster, slower = (momentum.steps < plain.steps).sum(), (momentum.steps > plain.steps).sum()
    alone, alone_plain = (momentum.solved & ~plain.solved).sum(), (plain.solved & ~momentum.solved).sum()
    print(f"   Seed by seed, at the least means: momentum is faster in {faster} of 100, slower in {slower}.", end=" ")
    print(f"It alone solves {alone}, plain alone {alone_plain}.")
    low, high = interval(lambda drawn: np.divide(*np.median(drawn, axis=0)), np.stack([plain.steps, momentum.steps], 1))
    factor, long, hasty = plain.median / momentum.median, results.between[-1], results.by_median["plain"]
    print(f"   Answer: yes. Momentum solves as many networks in {factor:.2g} times fewer steps", end=" ")
    print(f"({low:.2g} to {high:.2g}).")
    print(f"   But the mean is similar at several rates of plain descent: at rate {long.lr:g} the factor is", end=" ")
    print(f"{long.median / momentum.median:.2g}.\n   At rate {hasty.lr:g} plain descent is nearly as fast,", end=" ")
    print(f"but solves only {hasty.share:.0%}. Momentum takes long steps that are reliable.")


def print_outcomes(why: str, outcomes: Iterable[Outcome]) -> None:
    """Print one line per outcome."""
    for o in outcomes:
        share, median = share_interval(o.share, len(o.steps)), interval(np.median, o.steps)
        shares = f"{o.share:.0%} ({share[0]:.0%} to {share[1]:.0%})"
        medians = f"{o.median:.4g} ({median[0]:.3g} to {median[1]:.3g})"
        print(f"   {why:<14} {o.method:<12} {o.lr:3g}   {shares:<17}   {medians:<17}   {o.mean:10.0f}")


def draw_study(results: Study) -> Figure:
    """Draw the share of solved networks and the median steps with their 95 % intervals, by learning rate and method."""
    with style():
        figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4.2))
        for index, (method, outcomes) in enumerate(results.grid.items()):
            color, dashes, marker = look(index)
            kind = {"color": color, "linestyle": dashes, "marker": marker, "label": method}
            shares = [share_interval(o.share, len(o.steps)) for o in outcomes]
            medians = [interval(np.median, o.steps) for o in outcomes]
            left.plot(GRID, [100 * o.share for o in outcomes], **kind)
            left.fill_between(GRID, *100 * np.transpose(shares), color=color, alpha=0.15, linewidth=0)
            right.plot(GRID, [o.median for o in outcomes], **kind)
            right.fill_between(GRID, *np.transpose(medians), color=color, alpha=0.15, linewidth=0)
        right.axhline(BUDGET, color="0.4", linewidth=1, linestyle=":", zorder=1)
        right.text(GRID[0], BUDGET * 1.12, f"{BUDGET:,} steps: the run ends, unsolved", color="0.3", fontsize=9)
        left.set(
            title="Both methods solve about equally many networks", ylabel="networks that solve XOR (%)", ylim=(0, 100)
        )
        right.set(title="Momentum needs fewer steps", ylabel="median steps to a loss below 0.1", yscale="log")
        right.set_ylim(4, 2 * BUDGET)
        right.yaxis.set_major_formatter("{x:,.0f}")
        for ax in (left, right):
            ax.set(xscale="log", xlabel="learning rate")
            ax.set_xticks(GRID, [f"{lr:g}" for lr in GRID])
            ax.set_xticks([], minor=True)
            ax.grid(color="0.9")
        handles = [*left.lines, Patch(color="0.5", alpha=0.3, linewidth=0, label=f"95 % interval, {len(CHOOSE)} seeds")]
        figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False)
    return figure
