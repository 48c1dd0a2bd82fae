"""Nine optimizers on three objectives and on the digits, each at its own best learning rate of the same grid.

python demos/optimizer_race.py [--out DIR] [--show]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

import matplotlib.pyplot as plt
import numpy as np
from common import Pictures, heading
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from scipy_race import race_scipy

from minidl import (
    SGD,
    AdaGrad,
    Adam,
    AdamW,
    Beale,
    Callback,
    CrossEntropyLoss,
    CubicValley,
    Dense,
    Descent,
    FunctionObjective,
    Lion,
    Momentum,
    NAdam,
    Objective,
    Optimizer,
    ParameterVector,
    ReLU,
    RMSProp,
    Rosenbrock,
    Run,
    Sequential,
    Trainer,
    load_digits,
    minimize,
)
from minidl.metrics import accuracy
from minidl.plotting import animate_descent, plot_contours, plot_history, style
from minidl.plotting.style import Look, halo, look
from minidl.typing import Array

OPTIMIZERS: dict[str, Callable[[ParameterVector, float], Optimizer]] = {
    "SGD": lambda parameters, lr: SGD(parameters, lr),
    "Momentum": lambda parameters, lr: Momentum(parameters, lr, 0.9),
    "Nesterov": lambda parameters, lr: Momentum(parameters, lr, 0.9, nesterov=True),
    "AdaGrad": lambda parameters, lr: AdaGrad(parameters, lr),
    "RMSProp": lambda parameters, lr: RMSProp(parameters, lr),
    "Adam": lambda parameters, lr: Adam(parameters, lr),
    "AdamW": lambda parameters, lr: AdamW(parameters, lr),
    "NAdam": lambda parameters, lr: NAdam(parameters, lr),
    "Lion": lambda parameters, lr: Lion(parameters, lr),
}
# The seven looks of all plots, and two more.
EXTRA = (Look("#8A8A8A", "solid", "o"), Look("#882255", (0, (5, 1.5)), "h"))
LOOKS: dict[str, dict[str, Any]] = {
    name: (look(index) if index < 7 else EXTRA[index - 7])._asdict() for index, name in enumerate(OPTIMIZERS)
}
SHOWN = ("SGD", "Momentum", "RMSProp", "Adam")  # in the animation
GRID = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0)
STEPS = 3000
CLOSE = 0.1  # to the minimum
EPOCHS, BATCH = 10, 50  # batches of 64 would leave a last batch of 3, whose step counts as much as the others
CHOOSE, REPORT = range(3), range(10, 15)  # seeds to choose rates on, and others to report results on


class Landscape(NamedTuple):
    """A function with the start of the race, and the box of the race."""

    make: Callable[[], FunctionObjective]
    xlim: tuple[float, float]
    ylim: tuple[float, float]


LANDSCAPES = {
    "CubicValley": Landscape(lambda: CubicValley(-1.0, 1.0), (-3.0, 12.5), (-3.0, 3.0)),
    "Rosenbrock": Landscape(Rosenbrock, (-2.0, 2.0), (-1.0, 3.0)),
    "Beale": Landscape(Beale, (-1.0, 4.5), (-2.0, 2.0)),
}


class StopOutside(Callback):
    """Stops a run that leaves the box, as the race takes place inside."""

    def __init__(self, land: Landscape) -> None:
        self.low, self.high = np.transpose([land.xlim, land.ylim])

    def on_fit_begin(self, run: Run) -> None:
        self.parameters = run.model.parameters()

    def on_step_end(self, run: Run) -> None:
        x, y = self.parameters.value
        if not (self.low[0] <= x <= self.high[0] and self.low[1] <= y <= self.high[1]):
            run.stop("left the box")


class Result(NamedTuple):
    """The result of one run. A smaller score is better."""

    lr: float
    score: float
    words: str
    descent: Descent


def race(name: str, optimizer: str, lr: float) -> Result:
    """Run one optimizer on a landscape."""
    land = LANDSCAPES[name]
    f = land.make()
    descent = minimize(f, OPTIMIZERS[optimizer](f.parameters(), lr), STEPS, [StopOutside(land)], floor=-1e9)
    score, words = judge(name, f, descent)
    return Result(lr, score, words, descent)


def judge(name: str, f: Objective, descent: Descent) -> tuple[float, str]:
    """The score of a run on a landscape, and the result in words."""
    return (judge_valley if name == "CubicValley" else judge_minimum)(f, descent)


def judge_minimum(f: Objective, descent: Descent) -> tuple[float, str]:
    """The step after which the run stays close to the minimum, otherwise the distance at which it ends."""
    assert descent.path is not None  # minimize records it for two parameters
    assert isinstance(f, FunctionObjective)
    (minimum,) = f.minima
    distance = np.hypot(*(descent.path - minimum).T)
    if distance[-1] < CLOSE:
        arrived = 1 + int(np.flatnonzero(distance >= CLOSE)[-1])
        return arrived, f"{arrived}"
    return STEPS + float(distance[-1]), f"{distance[-1]:.2g} away"


def judge_valley(_: Objective, descent: Descent) -> tuple[float, str]:
    """The step at which the run leaves the box through the valley x = 2y², otherwise how low it came inside."""
    assert descent.path is not None
    x, y = descent.theta
    if x > LANDSCAPES["CubicValley"].xlim[1] and abs(2 * y * y - x) < 2.0:
        return descent.steps, f"{descent.steps}"
    if x * x + y * y < 0.5:
        return 2 * STEPS + descent.value, "at the saddle"
    stayed = descent.steps == STEPS
    return 3 * STEPS - stayed * STEPS / 2 + descent.loss[-1], "in the valley" if stayed else "over the wall"


def train(optimizer: str, lr: float, seed: int, data: tuple[Array, ...]) -> tuple[list[float], float, float]:
    """Train on the digits. Return the loss of each epoch, the final training loss, and the test accuracy."""
    x, y, x_test, y_test = data
    model = Sequential(Dense(64, 64), ReLU(), Dense(64, 10), rng=seed)
    loss = CrossEntropyLoss()
    trainer = Trainer(model, loss, OPTIMIZERS[optimizer](model.parameters(), lr))
    history = trainer.fit(x, y, epochs=EPOCHS, batch_size=BATCH, rng=seed, on_divergence="stop")
    return history.epochs["loss"], loss(model.predict(x), y), accuracy(model.predict(x_test), y_test)


class Digits(NamedTuple):
    """The result of an optimizer on the digits at its best rate: means over the seeds to report on."""

    lr: float
    losses: Array
    loss: float
    right: float


def race_digits(optimizer: str, data: tuple[Array, ...]) -> Digits:
    """Choose the rate with the lowest training loss on some seeds, and measure on others."""
    losses = {lr: np.mean([train(optimizer, lr, seed, data)[1] for seed in CHOOSE]) for lr in GRID}
    best = min(losses, key=lambda lr: losses[lr])
    curves, loss, right = zip(*(train(optimizer, best, seed, data) for seed in REPORT), strict=True)
    return Digits(best, np.mean(curves, axis=0), float(np.mean(loss)), float(np.mean(right)))


Results: TypeAlias = Mapping[str, Mapping[str, Result]]
"""For each landscape and each optimizer, its best run."""


def print_table(results: Results, digits: Mapping[str, Digits]) -> None:
    print("              " + "".join(f"{name:<22}" for name in results) + f"digits, {EPOCHS} epochs")
    print("   optimizer  " + "rate    steps         " * len(results) + "rate    loss     test")
    for optimizer in OPTIMIZERS:
        cells = [f"{runs[optimizer].lr:<7g} {runs[optimizer].words:<13} " for runs in results.values()]
        d = digits[optimizer]
        print(f"   {optimizer:<10} " + "".join(cells) + f"{d.lr:<7g} {d.loss:.4f}   {d.right:.2%}")


def print_answer(results: Results, digits: Mapping[str, Digits]) -> None:
    """Print the winners, and how far apart the best rates of each optimizer are."""
    winners = {name: min(runs, key=lambda o: runs[o].score) for name, runs in results.items()}
    winners["digits"] = min(digits, key=lambda o: digits[o].loss)
    print("   First: " + ", ".join(f"{optimizer} ({name})" for name, optimizer in winners.items()) + ".")
    spread = {}
    for optimizer in OPTIMIZERS:
        rates = [runs[optimizer].lr for runs in results.values() if runs[optimizer].score <= STEPS]
        rates.append(digits[optimizer].lr)
        spread[optimizer] = max(rates) / min(rates)
    factors = [f"{o} {factor:,.0f}" for o, factor in sorted(spread.items(), key=lambda item: item[1])]
    print("   Largest over smallest best rate, among the tasks that the optimizer solves:\n   " + ", ".join(factors))


def draw_landscape(ax: Axes, name: str) -> None:
    """Draw the contours in the box. The floor of the valley is dashed, and the saddle is a cross."""
    land = LANDSCAPES[name]
    plot_contours(land.make(), ax=ax, xlim=land.xlim, ylim=land.ylim, colorbar=False, labels=("x", "y"))
    if legend := ax.get_legend():
        legend.remove()
    if name == "CubicValley":
        y = np.linspace(*land.ylim, 200)
        ax.plot(2 * y * y, y, "--", color="black", linewidth=1.0, zorder=2)
        ax.plot([0.0], [0.0], "X", color="black", markersize=7, zorder=5)
        ax.set(xlim=land.xlim, ylim=land.ylim)


def draw_paths(pictures: Pictures, results: Results) -> None:
    """Draw one row per landscape, and three optimizers per panel, as more would be hard to tell apart."""
    names = list(OPTIMIZERS)
    with style():
        figure, axes = plt.subplots(len(results), 3, figsize=(10.4, 8.4))
        for row, (name, runs) in zip(axes, results.items(), strict=True):
            for k, ax in enumerate(row):
                draw_landscape(ax, name)
                team = names[3 * k : 3 * k + 3]
                for optimizer in team:
                    path = runs[optimizer].descent.path
                    assert path is not None
                    ax.plot(*path.T, markevery=[-1], zorder=6, path_effects=halo(1.6), **LOOKS[optimizer])
                ax.plot(
                    *LANDSCAPES[name].make().parameters().value, "o", color="black", markerfacecolor="white", zorder=7
                )
                ax.set_title(", ".join(f"{o} {runs[o].lr:g}" for o in team), fontsize=9)
                ax.set_ylabel(f"{name}\ny" if k == 0 else "y")
        handles = [Line2D([], [], label=optimizer, **LOOKS[optimizer]) for optimizer in OPTIMIZERS]
        figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False)
        figure.suptitle("Each at its best learning rate   (circle: start, cross: saddle, star: minimum)")
    pictures.save(figure, "optimizer_race.png")


def draw_progress(pictures: Pictures, results: Results, digits: Mapping[str, Digits]) -> None:
    """Draw the lowest f so far on the landscapes with a minimum, and the loss on the digits over the epochs."""
    with style():
        figure, axes = plt.subplots(1, 3, figsize=(13, 4.4))
        for ax, name in zip(axes, ("Rosenbrock", "Beale"), strict=False):
            lowest = {o: np.minimum.accumulate(run.descent.loss) for o, run in results[name].items()}
            plot_history({o: np.maximum(f, 1e-12) for o, f in lowest.items()}, ax=ax, log=True)
            ax.set(
                title=name, ylabel="lowest f so far", xscale="log", xlim=(1, STEPS), ylim=(1e-6, 100), xlabel="steps"
            )
        plot_history({o: run.losses for o, run in digits.items()}, ax=axes[2], log=True)
        axes[2].set(title="digits", xlabel="epoch", ylabel="training loss", xlim=(0.5, EPOCHS + 0.5))
        for ax in axes:
            ax.get_legend().remove()
            for line in ax.lines:
                line.set_xdata(np.arange(1, 1 + len(np.asarray(line.get_ydata()))))
                line.set(**{**LOOKS[str(line.get_label())], "marker": "", "linewidth": 1.8})
        figure.legend(handles=list(axes[2].lines), loc="outside lower center", ncols=len(digits), frameon=False)
    pictures.save(figure, "optimizer_race_progress.png")


def draw_race(pictures: Pictures, runs: Mapping[str, Result]) -> None:
    """Animate some of the optimizers on Rosenbrock's function. All nine would be hard to tell apart."""
    make, xlim, ylim = LANDSCAPES["Rosenbrock"]
    shown = {f"{name}, lr {runs[name].lr:g}": runs[name].descent for name in SHOWN}
    title, path = "Each optimizer at its best learning rate", pictures.path("optimizer_race.gif")
    animate_descent(make(), shown, path=path, xlim=xlim, ylim=ylim, title=title, labels=("x", "y"))


def main() -> None:
    pictures = Pictures("A race of nine optimizers")
    heading("1", f"Each optimizer at its best learning rate of {', '.join(f'{lr:g}' for lr in GRID)}")
    print("   CubicValley  steps until it leaves the box through the valley x = 2y², where f falls forever")
    print(f"   Rosenbrock, Beale  steps until it stays within {CLOSE:g} of the minimum, at most {STEPS:,}")
    print(f"   digits  64-64-10, batches of {BATCH}: training loss and test accuracy, means over {len(REPORT)} seeds.")
    print(f"   The rate is the one with the lowest training loss on {len(CHOOSE)} other seeds\n")
    results = {
        name: {o: min((race(name, o, lr) for lr in GRID), key=lambda result: result.score) for o in OPTIMIZERS}
        for name in LANDSCAPES
    }
    data = load_digits()
    digits = {optimizer: race_digits(optimizer, data) for optimizer in OPTIMIZERS}
    print_table(results, digits)

    heading("2", "No optimizer is first everywhere, and none has one learning rate for all tasks")
    print_answer(results, digits)
    draw_paths(pictures, results)
    draw_progress(pictures, results, digits)

    heading("3", "SciPy's minimizers have no learning rate to choose")
    race_scipy(LANDSCAPES, lambda name, f, descent: judge(name, f, descent)[1], StopOutside, GRID)

    heading("4", "The race on Rosenbrock's function")
    draw_race(pictures, results["Rosenbrock"])
    pictures.finish()


if __name__ == "__main__":
    main()
