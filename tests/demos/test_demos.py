"""The demos, run as a reader runs them: what they print and what they draw."""

import re

import numpy as np
import pytest
from PIL import Image

from tests.demos.conftest import Demo, of_demo

pytestmark = pytest.mark.slow

ITEMS = {
    "feedforward": ["Q1.1", "Q1.2", "Q1.3", "Q1.4"],
    "gradient_descent": ["Q2.1", "Q2.2", "Q2.3", "Q2.4"],
    "xor": ["Q3.1", "Q3.2", "Q3.3", "Q3.4", "Q3.5", "Q3.6"],
}
PICTURES = {
    "feedforward": ["network.png"],
    "gradient_descent": ["contours.png", "descent.gif", "learning_rates.png", "momentum.png"],
    "xor": ["boundary.gif", "boundary.png", "boundary_forms.png", "data.png", "loss.png", "study.png"],
}


@of_demo(*ITEMS)
def test_answers_every_item_in_order_and_nothing_is_nan(demo: Demo) -> None:
    text = demo.text
    headings = re.findall(r"^(Q\d\.\d)  \S", text, re.MULTILINE)
    assert list(dict.fromkeys(headings)) == ITEMS[demo.name]
    assert not re.search(r"\b(nan|inf)\b", text, re.IGNORECASE)


@of_demo(*PICTURES)
def test_writes_its_pictures(demo: Demo) -> None:
    assert sorted(path.name for path in demo.folder.iterdir()) == PICTURES[demo.name]
    for picture in PICTURES[demo.name]:
        assert picture in demo.text
        with Image.open(demo.folder / picture) as image:
            pixels = np.asarray(image.convert("RGB"))
        assert min(pixels.shape[:2]) >= 200
        # Neither blank nor all of one colour: a part of it, and not all, differs from the background.
        drawn = (pixels != pixels[0, 0]).any(axis=2).mean()
        assert 0.01 < drawn < 0.95, f"{picture}: {drawn:.1%} is drawn"


@of_demo("gradient_descent")
def test_every_frame_of_the_animation_differs(demo: Demo) -> None:
    path = demo.folder / "descent.gif"
    assert path.stat().st_size < 300_000
    with Image.open(path) as movie:
        frames = []
        for index in range(getattr(movie, "n_frames", 1)):
            movie.seek(index)
            frames.append(movie.convert("RGB").tobytes())
    assert len(set(frames)) == len(frames) > 20


@of_demo("feedforward")
def test_the_class_probabilities(demo: Demo) -> None:
    found = [float(number) for number in re.findall(r"\)\s+(0\.\d{16})", demo.section("Q1.4"))]
    np.testing.assert_allclose(found, [0.8175744761936437, 0.6224593312018546, 0.6224593312018546], rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("item", "start", "setting", "fate", "lowest"),
    [
        ("Q2.3", "(-1, 1)", "lr 0.0001", "stationary", 2.9999999997),
        ("Q2.3", "(1, 1)", "lr 0.0001", "ran away", -1009.8),
        ("Q2.3", "(1, 1)", "lr 0.001", "blew up", -114.3),
        ("Q2.3", "(1, 1)", "lr 0.005", "cycle", 2.9559),
        ("Q2.3", "(1, 1)", "lr 0.01", "blew up", 52.0),
        ("Q2.3", "(0.1, 0.1)", "lr 0.005", "cycle", 2.738),
        ("Q2.4", "(-1, 1)", "lr 0.0001, μ 0.9", "ran away", -1105.8),
    ],
)
@of_demo("gradient_descent")
def test_fates(item: str, start: str, setting: str, fate: str, lowest: float, demo: Demo) -> None:
    rows = [re.split(r"\s{2,}", line.strip()) for line in demo.section(item).splitlines()]
    # After the fate: steps, x, y and f, then the lowest f; a single blank may part two of them.
    (row,) = (row for row in rows if row[:2] == [start, setting])
    numbers = " ".join(row[3:]).split()
    assert row[2] == fate
    assert float(numbers[4]) == pytest.approx(lowest, rel=1e-3)


@of_demo("gradient_descent")
def test_the_cycle_and_the_two_critical_points(demo: Demo) -> None:
    assert "(0.3669, -0.4632), f = 3.144 ↔ (0.4000, -0.4056), f = 3.188" in demo.section("Q2.3")
    assert re.search(r"f =\s+3\.0000\s+Hessian eigenvalues 0 and 100: a saddle", demo.section("Q2.2"))
    assert re.search(r"f = 18521\.5185\s+Hessian eigenvalues -13333.3 and -100: a local max", demo.section("Q2.2"))


@of_demo("gradient_descent")
def test_printed_errors_of_the_gradients_of_f_are_rounding_errors(demo: Demo) -> None:
    errors = re.findall(r"(\de-\d\d)$", demo.section("Q2.1"), re.MULTILINE)
    assert len(errors) == 5
    assert all(float(error) < 1e-10 for error in errors)


@of_demo("xor")
def test_printed_errors_of_the_gradients_of_the_network_are_rounding_errors(demo: Demo) -> None:
    (worst,) = re.findall(r"100 random vectors of 17 weights: (\S+)", demo.section("Q3.2"))
    assert 0 < float(worst) <= 1e-8
    (difference,) = re.findall(r"the losses differ by (\S+)\.", demo.section("Q3.4"))
    assert float(difference) < 1e-12
    (difference,) = re.findall(r"framework's back-propagation: (\S+)", demo.section("Q3.1"))
    assert float(difference) < 1e-14


@of_demo("xor")
def test_eight_units_solve_xor_with_momentum(demo: Demo) -> None:
    (share,) = re.findall(r"8 units\s+momentum 0.9\s+\S+\s+(\d+)%", demo.section("Q3.5"))
    assert int(share) >= 95


@of_demo("xor")
def test_the_study_reports_its_progress_also_without_a_terminal(demo: Demo) -> None:
    parts = re.findall(r"^   training (.*) …$", demo.section("Q3.5"), re.MULTILINE)
    assert len(parts) == 4
    assert all("networks" in part for part in parts)
