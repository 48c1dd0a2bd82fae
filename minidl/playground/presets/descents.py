"""Presets of the view Descent."""

from __future__ import annotations

from minidl.playground.presets.preset import Preset

__all__ = ["DESCENTS"]

DESCENTS = (
    Preset(
        "saddle",
        "descent",
        "A saddle",
        "At (0, 0) the gradient is 0, though f falls without bound along the valley. There, plain descent "
        "comes to rest, and looks converged.",
        "How can you tell a saddle from a minimum? Read the eigenvalues.",
        "At a minimum, both eigenvalues are positive. At (0, 0) one is 0, and f falls along the valley. The path "
        "stops just short of it after 1,902 steps, where that eigenvalue is −0.00002.",
        {"fates": ["stationary"]},
        "descent#a-valley-without-a-minimum",
        {"starts": [[-1.0, 1.0]], "optimizers": [{"name": "SGD", "lr": 1e-4}], "steps": 20_000},
    ),
    Preset(
        "momentum",
        "descent",
        "Momentum past a saddle",
        "Three paths begin at the same place with the same rate. The heavy balls arrive at the saddle with a velocity, "
        "and it carries them past.",
        "Which momentum passes the saddle, and after how many steps?",
        "Plain descent stays at f = 3. Momentum 0.9 runs away after 8,013 steps, and momentum 0.99 after 70.",
        {"fates": ["stationary", "ran away", "ran away"]},
        "descent#momentum-a-heavy-ball",
        {"starts": [[-1.0, 1.0]], "steps": 20_000}
        | {
            "optimizers": [{"name": "SGD", "lr": 1e-4}]
            + [{"name": "Momentum", "lr": 1e-4, "momentum": momentum} for momentum in (0.9, 0.99)]
        },
    ),
    Preset(
        "valley",
        "descent",
        "A valley without a minimum",
        "Along the valley x = 2y², the function is 3 − 8y⁶, so there is no lowest point. From (1, 1), plain descent "
        "follows the floor down.",
        "Where does the path leave the picture, and where would it end?",
        "It leaves the picture at (3, 1.22), after 2,143 steps. After 2,944 steps, f is below −1000, and it would "
        "fall forever, because there is no minimum.",
        {"fates": ["ran away"]},
        "descent#a-valley-without-a-minimum",
        {"starts": [[1.0, 1.0]], "optimizers": [{"name": "SGD", "lr": 1e-4}], "steps": 20_000},
    ),
    Preset(
        "two_cycle",
        "descent",
        "A two-cycle",
        "At a rate of 0.005, the steps are longer than the valley is wide. The path jumps from wall to wall, between "
        "the same two points.",
        "Halve the rate. Does it still cycle?",
        "After 1,748 steps the path repeats two points forever, with f = 3.188 and f = 3.144. At half the rate, it "
        "comes to rest at the saddle after 167 steps.",
        {"fates": ["cycle"]},
        "descent#a-valley-without-a-minimum",
        {"starts": [[1.0, 1.0]], "optimizers": [{"name": "SGD", "lr": 5e-3}], "steps": 5_000},
    ),
    Preset(
        "blow_up",
        "descent",
        "It blows up",
        "At twice the rate of the two-cycle, each jump ends higher on the wall than it began. Without a limit, the "
        "numbers would soon be too large for floating point.",
        "What is the largest rate from (1, 1) that does not blow up? Try two digits, and then 0.004.",
        "After three steps, f is above 10¹¹, and the run is stopped. At 0.0051 and above it blows up, and at 0.005 "
        "it cycles. Below, there are rates of both kinds: 0.004 blows up.",
        {"fates": ["blew up"]},
        "descent#one-direction",
        {"starts": [[1.0, 1.0]], "optimizers": [{"name": "SGD", "lr": 1e-2}], "steps": 100},
    ),
    Preset(
        "ravine",
        "descent",
        "Rates in a narrow valley",
        "This bowl curves twenty times as much along y as along x. A rate of 2/20 = 0.1 is the limit: the path jumps "
        "across forever.",
        "Which rate is the best without momentum? Try 2/21 = 0.0952.",
        "Rate 0.01 needs 1,566 steps, and 0.1 cycles. Rate 0.0952 needs 261, and about 0.0945 is the best from here, "
        "with 249. Momentum 0.6 at rate 0.03 needs 263.",
        {"fates": ["stationary", "cycle", "stationary"]},
        "descent#a-valley",
        {"objective": "expression", "expression": "0.5 * x**2 + 10 * y**2", "starts": [[-2.5, 0.5]], "steps": 3_000}
        | {
            "optimizers": [
                {"name": "SGD", "lr": 0.01},
                {"name": "SGD", "lr": 0.1},
                {"name": "Momentum", "lr": 0.03, "momentum": 0.6},
            ]
        },
    ),
    Preset(
        "rosenbrock",
        "descent",
        "Rosenbrock's banana",
        "The way to the minimum at (1, 1) leads along a flat, curved valley between steep walls. There, plain descent "
        "may take only short steps.",
        "Which of the three arrives first, and which is still under way after 5,000 steps?",
        "Momentum arrives after 3,120 steps and Adam after 4,030. Plain descent is still on its way.",
        {"fates": ["unfinished", "stationary", "stationary"]},
        "descent#momentum-a-heavy-ball",
        {"objective": "rosenbrock", "starts": [[-1.2, 1.0]], "steps": 5_000}
        | {
            "optimizers": [
                {"name": "SGD", "lr": 1e-3},
                {"name": "Momentum", "lr": 1e-3, "momentum": 0.9},
                {"name": "Adam", "lr": 0.02},
            ]
        },
    ),
    Preset(
        "himmelblau",
        "descent",
        "Four minima",
        "Himmelblau's function has four minima, all equally low. Descent finds the one in whose basin it begins.",
        "Click other places to start from. Where are the borders of the basins?",
        "From these four places, the paths end in the four minima, all with f = 0. The borders run from the maximum "
        "at (−0.27, −0.92) through the four saddles.",
        {"fates": ["stationary"] * 4},
        "descent#a-valley",
        {"objective": "himmelblau", "starts": [[0.5, 0.5], [-1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]], "steps": 1_000}
        | {"optimizers": [{"name": "SGD", "lr": 0.01}]},
    ),
)
