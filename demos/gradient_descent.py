"""Q2: gradient descent, plain and with momentum, on f(x, y) = (3 − x³) + 50 (2y² − x)².

python demos/gradient_descent.py [--out DIR] [--show]
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from common import Pictures, heading
from matplotlib.axes import Axes

from minidl import SGD, CubicValley, Descent, Momentum, minimize
from minidl.checking import check_gradients
from minidl.plotting import animate_descent, plot_contours, plot_history, style

STEPS = 20_000
RATES = (1e-4, 1e-3, 5e-3, 1e-2)
SETTINGS = ((1e-4, 0.5), (1e-4, 0.9), (1e-4, 0.99), (1e-3, 0.9))  # learning rate, momentum
FOLLOWED = 60  # steps of each path that are drawn, as more could not be followed


class Start(NamedTuple):
    """Where runs start."""

    x: float
    y: float


STARTS = (Start(-1.0, 1.0), Start(1.0, 1.0), Start(0.1, 0.1))


def descend(start: Start, lr: float, momentum: float = 0.0) -> Descent:
    """Run one descent. Without momentum it is plain gradient descent."""
    f = CubicValley(start.x, start.y)
    optimizer = Momentum(f.parameters(), lr, momentum) if momentum else SGD(f.parameters(), lr)
    return minimize(f, optimizer, STEPS)


def learning_rates() -> dict[Start, dict[str, Descent]]:
    """Q2.3: the runs of plain gradient descent, by start and learning rate."""
    return {start: {f"lr {lr:g}": descend(start, lr) for lr in RATES} for start in STARTS}


def momentum_settings() -> dict[Start, dict[str, Descent]]:
    """Q2.4: the runs with momentum, by start and setting."""
    return {start: {f"lr {lr:g}, μ {mu:g}": descend(start, lr, mu) for lr, mu in SETTINGS} for start in STARTS}


def print_table(runs: Mapping[Start, Mapping[str, Descent]]) -> None:
    """Print one line per run: its settings, its fate, and where it ended."""
    print(
        "   start       settings           fate         steps         x          y             f      lowest f  reason"
    )
    for start, descents in runs.items():
        for label, run in descents.items():
            x, y = run.theta
            value, lowest = (
                f"{f:.4g}" if abs(f) > 10 else f"{f:.10f}" for f in (run.value, min([*run.loss, run.value]))
            )
            why = run.reason.split("; ")[-1].split(" (")[0]
            print(
                f"   ({start.x:g}, {start.y:g})".ljust(15) + f"{label:<18} {run.fate:<11} {run.steps:6}"
                f" {x:9.4g} {y:10.4g} {value:>13} {lowest:>13}  {why}"
            )


def draw_runs(runs: Mapping[Start, Mapping[str, Descent]], title: str, pictures: Pictures, name: str) -> None:
    """Draw one column per setting: the first steps from each start on the contours, and f over all steps."""
    settings = list(runs[STARTS[0]])
    with style():
        figure, axes = plt.subplots(
            2, len(settings), figsize=(9, 6.6), height_ratios=(3, 2), sharex="row", sharey="row"
        )
        for setting, top, bottom in zip(settings, *axes, strict=True):
            descents = {
                f"from ({start.x:g}, {start.y:g})".replace("-", "−"): of_start[setting]
                for start, of_start in runs.items()
            }
            first = {label: [*run.path][: FOLLOWED + 1] for label, run in descents.items() if run.path is not None}
            plot_contours(CubicValley(), first, top, xlim=(-1.6, 3.6), ylim=(-1.5, 1.5), colorbar=top is axes[0, -1])
            key = top.get_legend().legend_handles
            fates = [run.fate for run in descents.values()]
            top.legend(key[:-1], fates, title=setting, loc="lower center", bbox_to_anchor=(0.5, 1.0), frameon=False)
            draw_valley(top)
            top.set(xlabel="x", ylabel="y", xticks=range(-1, 4))
            plot_history(descents, bottom)
            bottom.get_legend().remove()  # the same lines as above
            bottom.set_xscale("symlog", linthresh=1)
            bottom.set_yscale("symlog", linthresh=1)
            bottom.set(xlim=(0, STEPS), ylim=(-2e3, 2e4), xticks=[0, 10, 1000], ylabel="f")
        for ax in axes[:, 1:].flat:
            ax.set_ylabel("")
        marks = [line for line in axes[0, 0].lines if str(line.get_label()).startswith(("valley", "saddle"))]
        note = f"Above, the first {FOLLOWED} steps, up to a mark, or to an arrow where a path leaves. Below, all steps."
        figure.legend(handles=[*key, *marks], title=note, loc="outside lower center", ncols=6, frameon=False)
        figure.suptitle(title)
    pictures.save(figure, name)


def draw_function(pictures: Pictures) -> None:
    """Q2.2: draw f near the saddle, and from far away."""
    with style():
        figure, (near, far) = plt.subplots(1, 2, figsize=(9, 4.4))
        plot_contours(CubicValley(), None, near, xlim=(-1.5, 2.5), ylim=(-1.5, 1.5), labels=("x", "y"))
        plot_contours(CubicValley(), None, far, xlim=(-10.0, 60.0), ylim=(-6.0, 6.0), labels=("x", "y"))
        near.set_title("near the saddle: a flat valley")
        far.set_title("from far away: f falls without end")
        for ax in (near, far):
            draw_valley(ax)
        far.plot([100 / 3], [0.0], "^", color="black", markersize=8, label="local maximum (100/3, 0)")
        figure.legend(handles=far.lines, loc="outside lower center", ncols=3, frameon=False)
    pictures.save(figure, "contours.png")


def draw_animation(runs: Mapping[str, Descent], pictures: Pictures) -> None:
    """Animate some runs on the contours, with the valley and the saddle."""
    with style():
        figure, ax = plt.subplots(figsize=(7.0, 4.9))
    xlim, ylim = (-2.0, 12.5), (-2.9, 2.9)
    ax.set(xlim=xlim, ylim=ylim)
    draw_valley(ax)
    ax.text(0.4, 0.22, "saddle", va="center")
    title, path = "Gradient descent, plain and with momentum μ", pictures.path("descent.gif")
    animate_descent(CubicValley(), runs, ax, path=path, xlim=xlim, ylim=ylim, title=title, labels=("x", "y"))
    if not pictures.show:
        plt.close(figure)


def draw_valley(ax: Axes) -> None:
    """Mark the valley x = 2y², where f = 3 − 8y⁶, and the saddle."""
    limits = ax.get_xlim(), ax.get_ylim()
    y = np.linspace(*limits[1], 200)
    ax.plot(2 * y * y, y, "--", color="black", linewidth=1.0, label="valley x = 2y²", zorder=2)
    ax.plot([0.0], [0.0], "X", color="black", markersize=8, markeredgecolor="white", label="saddle (0, 0)", zorder=2.5)
    ax.set(xlim=limits[0], ylim=limits[1])


def main() -> None:
    pictures = Pictures("Q2: gradient descent with and without momentum")
    f = CubicValley()

    heading("Q2.1", "The derivatives of f(x, y) = (3 − x³) + 50 (2y² − x)²")
    print("   ∂f/∂x = −3x² − 100 (2y² − x)      ∂f/∂y = 400 y (2y² − x)")
    print("\n   at (x, y)          ∂f/∂x        ∂f/∂y   relative error against finite differences")
    for point in ((1.0, 1.0), (-1.0, 1.0), (0.1, 0.1), (2.0, -0.5), (8.0, 2.0)):
        by_x, by_y = f.gradient(point)
        error = check_gradients(CubicValley(*point)).error
        print(f"   ({point[0]:4g}, {point[1]:4g}) {by_x:12.6g} {by_y:12.6g}   {error:.0e}")

    heading("Q2.2", "The contours. There is no minimum. The critical points are")
    for name, point in (("a saddle, flat along the valley", (0.0, 0.0)), ("a local maximum", (100 / 3, 0.0))):
        eigenvalues = np.linalg.eigvalsh(f.hessian(point)).round(2) + 0.0
        print(f"   ({point[0]:7.4f}, {point[1]:g})   f = {f.value(point):10.4f}   ", end="")
        print(f"Hessian eigenvalues {eigenvalues[0]:g} and {eigenvalues[1]:g}: {name}")
    depths = ", ".join(f"{f.value((2 * y * y, y)):g} at y = {y:g}" for y in (0.0, 1.0, 2.0, 3.0))
    print(f"   In the valley x = 2y² f is 3 − 8y⁶ and falls forever: {depths}.")
    draw_function(pictures)

    heading("Q2.3", f"Plain gradient descent, at most {STEPS:,} steps")
    plain = learning_rates()
    print_table(plain)
    rest, cycle = plain[STARTS[0]]["lr 0.0001"], plain[STARTS[1]]["lr 0.005"]
    assert cycle.path is not None
    y = rest.theta[1]
    print(
        f"   A stationary run need not be at a minimum: from ({rest.theta[0]:.4f}, {y:.4f}) the valley still falls, but"
    )
    print(f"   so slowly that leaving takes about 1 / (192 y⁴ lr) = {1 / (192 * y**4 * 1e-4):.0e} steps.")
    points = " ↔ ".join(f"({x:.4f}, {y:.4f}), f = {f.value((x, y)):.3f}" for x, y in cycle.path[-2:])
    print(f"   The cycle jumps from wall to wall of the valley: {points}.")
    draw_runs(
        plain, "Q2.3  A small learning rate crawls, a large one leaves the valley", pictures, "learning_rates.png"
    )

    heading("Q2.4", "Gradient descent with momentum μ:  v ← μ v + g,  θ ← θ − lr v")
    heavy = momentum_settings()
    print_table(heavy)
    print(
        "   From (−1, 1), lr 1e-4: plain descent stays at the saddle, μ = 0.9 creeps past it, μ = 0.99 shoots past it."
    )
    print("   From (1, 1), μ = 0.99 is too much: the run oscillates across the valley and ends at the saddle.")
    draw_runs(
        heavy, "Q2.4  Momentum carries runs past the saddle, and sometimes past the way down", pictures, "momentum.png"
    )
    creeps, shoots = (heavy[STARTS[0]][f"lr 0.0001, μ {mu}"] for mu in (0.9, 0.99))
    draw_animation({"plain": rest, "μ = 0.9": creeps, "μ = 0.99": shoots}, pictures)
    pictures.finish()


if __name__ == "__main__":
    main()
