"""The demos beyond the assignment: what they find, and what they draw."""

import re
from importlib.util import find_spec

import numpy as np
import pytest
from PIL import Image

from minidl import load_digits
from tests.demos.conftest import ROOT, Demo, of_demo
from tests.demos.test_characters import PICTURES as CHARACTERS
from tests.demos.test_functions import load

pytestmark = [pytest.mark.slow, pytest.mark.long]

PICTURES = {
    "digits": ["digits_confusion.png", "digits_jitter.png", "digits_mistakes.png"],
    "images": ["images_filters.png", "images_maps.png", "images_mistakes.png", "images_saliency.png"],
    "optimizer_race": ["optimizer_race.gif", "optimizer_race.png", "optimizer_race_progress.png"],
    "vanishing_gradients": ["vanishing_gradients.png", "vanishing_health.png"],
    "curve_fitting": ["curve_fitting.png", "curve_fitting_epochs.png"],
    "branches": ["branches.png", "branches_autoencoder.png"],
    "parallel": ["parallel.png"],
}
OPTIMIZERS = ["SGD", "Momentum", "Nesterov", "AdaGrad", "RMSProp", "Adam", "AdamW", "NAdam", "Lion"]


def cells(line: str) -> list[str]:
    return re.split(r"\s{2,}", line.strip())


@of_demo(*PICTURES)
def test_draws_its_pictures_and_nothing_is_nan(demo: Demo) -> None:
    assert not re.search(r"\b(nan|inf)\b", demo.text, re.IGNORECASE)
    assert max(map(len, demo.text.splitlines())) <= 125
    assert sorted(path.name for path in demo.folder.iterdir()) == PICTURES[demo.name]
    for picture in PICTURES[demo.name]:
        assert picture in demo.text
        with Image.open(demo.folder / picture) as image:
            pixels = np.asarray(image.convert("RGB"))
        assert min(pixels.shape[:2]) >= 200
        drawn = (pixels != pixels[0, 0]).any(axis=2).mean()
        assert 0.01 < drawn < 0.95, f"{picture}: {drawn:.1%} is drawn"


@of_demo("digits")
def test_digits_are_right_98_times_in_100_on_average(demo: Demo) -> None:
    text = demo.text
    seeds = [float(share) for share in re.findall(r"seed \d   accuracy (\d+\.\d\d)%", text)]
    (mean,) = re.findall(r"mean     accuracy (\d+\.\d\d)%", text)
    assert len(seeds) == 5
    assert float(mean) == pytest.approx(np.mean(seeds), abs=0.01)
    assert float(mean) >= 98.0


@of_demo("digits")
def test_the_digits_recipe_is_the_best_in_cross_validation_and_each_line_is_printed(demo: Demo) -> None:
    text = demo.text
    rows = re.findall(r"^   (.+?)\s+(\d+\.\d\d)%   ± \d\.\d\d%$", text, re.MULTILINE)
    assert [name for name, _ in rows] == list(load("digits").RECIPES)
    scores = {name: float(score) for name, score in rows}
    (chosen,) = re.findall(r"Chosen: '(.+)'", text)
    assert scores[chosen] == max(scores.values())


@of_demo("digits")
def test_the_confusion_matrix_counts_every_test_image_five_times(demo: Demo) -> None:
    rows = re.findall(r"^   (   \d )((?:\s+(?:\d+|·)){10})$", demo.text, re.MULTILINE)
    matrix = np.array([[0 if count == "·" else int(count) for count in row.split()] for _, row in rows])
    assert matrix.shape == (10, 10)
    y_test = load_digits()[3]
    np.testing.assert_array_equal(matrix.sum(axis=1), 5 * np.bincount(y_test))
    assert np.trace(matrix) / matrix.sum() >= 0.98


def test_jitter_moves_images_in_training_only() -> None:
    jitter = load("digits").Jitter(rng=0)
    x = load_digits()[0][:20]
    np.testing.assert_array_equal(jitter.predict(x), x)
    moved = jitter(x)
    assert moved.shape == x.shape
    assert moved.dtype == x.dtype
    assert 0.0 <= moved.min() <= moved.max() <= 1.0
    assert 0.02 < np.abs(moved - x).mean() < 0.3
    assert np.abs(jitter(x) - moved).max() > 0.1  # another way each time
    still = load("digits").Jitter(0.0, 0.0, 0.0, rng=0)
    np.testing.assert_allclose(still(x), x, atol=1e-12)
    assert still.output_shape((64,)) == (64,)


def test_jitter_shifts_by_whole_pixels_exactly() -> None:
    jitter = load("digits").Jitter(1.0, 0.0, 0.0)
    jitter.rng = type("Ones", (), {"uniform": lambda self, low, high, shape: np.ones(shape)})()  # noqa: ARG005
    x = load_digits()[0][:5]
    images, moved = x.reshape(-1, 8, 8), jitter.forward(x).reshape(-1, 8, 8)
    np.testing.assert_allclose(moved[:, :-1, :-1], images[:, 1:, 1:], atol=1e-3)


@of_demo("optimizer_race")
def test_every_optimizer_has_its_row_and_masters_what_it_should(demo: Demo) -> None:
    text = demo.text
    rows = {row[0]: row[1:] for line in text.splitlines() if (row := cells(line))[0] in OPTIMIZERS and len(row) > 5}
    assert list(rows) == OPTIMIZERS
    assert list(load("optimizer_race").OPTIMIZERS) == OPTIMIZERS
    for name, line in rows.items():
        assert float(line[-1].rstrip("%")) > 93.0, name  # the digits
        assert "over the wall" not in line
    assert re.search(r"^   SGD +0.0001 +at the saddle", text, re.MULTILINE)
    steps = {name: re.findall(r"\s(\d+)(?=\s)", " ".join(line) + " ") for name, line in rows.items()}
    assert steps["Momentum"]
    for name in ("Momentum", "Adam", "Nesterov"):
        assert "away" not in " ".join(rows[name]), name


def test_a_run_on_a_landscape_is_judged_by_its_path() -> None:
    demo = load("optimizer_race")
    result = demo.race("Beale", "SGD", 0.03)
    distance = np.hypot(*(result.descent.path - (3.0, 0.5)).T)
    arrived = int(result.score)
    assert (distance[arrived:] < demo.CLOSE).all()
    assert distance[arrived - 1] >= demo.CLOSE
    assert result.words == str(arrived)
    far = demo.race("Beale", "SGD", 1e-4)
    assert far.score > demo.STEPS
    assert far.words.endswith("away")
    out = demo.race("CubicValley", "Adam", 1.0)
    x, y = out.descent.theta
    assert x > 12.5
    assert abs(2 * y * y - x) < 2
    assert out.score == out.descent.steps
    assert demo.race("CubicValley", "SGD", 1.0).words == "over the wall"
    assert demo.race("CubicValley", "SGD", 1e-4).words == "at the saddle"


@of_demo("optimizer_race")
def test_scipys_minimizers_have_a_row_each_where_scipy_is_installed(demo: Demo) -> None:
    if find_spec("scipy") is None:
        assert "SciPy is not installed" in demo.text
        return
    methods = load("scipy_race").METHODS
    rows = {row[0]: row[1:] for line in demo.text.splitlines() if (row := cells(line))[0] in methods}
    assert list(rows) == list(methods)
    for valley, rosenbrock, beale, xor, solved in rows.values():
        assert re.fullmatch(r"(\d+|over the wall|in the valley|at the saddle) \(\d+\)", valley)
        for cell in (rosenbrock, beale, xor):
            steps, evaluations = map(float, re.fullmatch(r"([\d.]+) \(([\d.]+)\)", cell).groups())  # type: ignore[union-attr]
            assert steps < evaluations
        assert solved == "20 of 20"


@of_demo("optimizer_race")
def test_the_race_is_a_small_movie_in_which_something_moves(demo: Demo) -> None:
    path = demo.folder / "optimizer_race.gif"
    assert path.stat().st_size < 300_000
    with Image.open(path) as movie:
        frames = []
        for index in range(getattr(movie, "n_frames", 1)):
            movie.seek(index)
            frames.append(movie.convert("RGB").tobytes())
    assert len(set(frames)) == len(frames) > 20


def gradients_and_shares(text: str) -> dict[tuple[str, str], list[float]]:
    pattern = r"^   (Sigmoid|Tanh|ReLU)\s+(plain|good) weights( \+ \w+)?\s+(.+)$"
    return {
        (activation, weights + norm): [float(number.rstrip("%")) for number in numbers.split()]
        for activation, weights, norm, numbers in re.findall(pattern, text, re.MULTILINE)
    }


@of_demo("vanishing_gradients")
def test_gradients_vanish_with_depth_unless_something_is_done(demo: Demo) -> None:
    table = gradients_and_shares(demo.text)
    assert len(table) == 12
    for activation, worst in (("Sigmoid", 1e-15), ("Tanh", 1e-3), ("ReLU", 1e-6)):
        ratios, shares = table[activation, "plain"][:4], table[activation, "plain"][4:]
        assert ratios == sorted(ratios, reverse=True)
        assert ratios[-1] < worst
        assert shares[-1] < 20  # of ten classes
        assert shares[0] > 75
    for key in (("Tanh", "good"), ("ReLU", "good"), ("Sigmoid", "good + BatchNorm")):
        assert 0.1 < table[key][3] < 10, key
        assert table[key][-1] > 60, key
    assert table["Sigmoid", "good"][3] < 1e-9  # good weights do not save the sigmoid


@of_demo("curve_fitting")
def test_the_right_size_and_each_remedy_come_closer_to_the_truth(demo: Demo) -> None:
    pattern = r"^   (.+?)\s+(\d\.\d+) \(.+?\)\s+(\d\.\d+) \(.+?\)\s+([\d,]+)$"
    rows = re.findall(pattern, demo.text, re.MULTILINE)
    on_points = {name: float(error) for name, error, _, _ in rows}
    on_truth = {name: float(error) for name, _, error, _ in rows}
    assert list(on_truth) == list(load("curve_fitting").SETTINGS)
    large = "too large: 64 + 64 units"
    assert on_points[large] == min(on_points.values())
    assert on_points["too small: 2 units"] == max(on_points.values())
    for name, error in on_truth.items():
        if name != large and not name.startswith("too small"):
            assert error < 0.85 * on_truth[large], name
    epochs = int(rows[-1][3].replace(",", ""))
    assert epochs < 1500  # early stopping stopped


@of_demo("branches")
def test_each_network_with_branches_learns_what_a_simpler_one_cannot(demo: Demo) -> None:
    one, both = map(float, re.findall(r"data: (\d\.\d+) with the wide branch alone, (\d\.\d+) with both", demo.text)[0])
    # The best line leaves the variance of sin(4x) on (-2, 2), which is 1/2 - sin(16) / 32 = 0.509.
    assert one == pytest.approx(0.509, abs=0.03)
    assert both < 0.05
    shares = [float(share) for share in re.findall(r"accuracy on .+: (\d+\.\d) %", demo.text)]
    assert len(shares) == 2
    assert min(shares) > 94  # half of the targets are 1
    rows = re.findall(r"images: (\d\.\d+) (not )?tied, with ([\d,]+) parameters", demo.text)
    assert [int(count.replace(",", "")) for *_, count in rows] == [64 * 10 + 10, 64 * 10 + 10 + 10 * 64 + 64]
    tied, free = (float(loss) for loss, *_ in rows)
    _, _, new, _ = load_digits()
    assert tied < 1.2 * free < 0.35 * new.var(axis=0).mean()  # that of ten numbers that say nothing


def test_pairs_are_of_one_digit_half_of_the_time() -> None:
    x, y, _, _ = load_digits()
    (first, second), same = load("branches").pairs(x, y, np.random.default_rng(0), 200)
    digit = {image.tobytes(): label for image, label in zip(x, y, strict=True)}
    expected = [[digit[a.tobytes()] == digit[b.tobytes()]] for a, b in zip(first, second, strict=True)]
    np.testing.assert_array_equal(same, expected)
    assert same.mean() == 0.5
    assert len({image.tobytes() for image in second}) > 100


@of_demo("branches")
def test_the_page_quotes_what_the_demo_prints(demo: Demo) -> None:
    page = (
        (ROOT / "docs" / "demos.md").read_text(encoding="utf-8").partition("demos/branches.py")[2].partition("\n## ")[0]
    )
    figures = re.compile(r"0\.\d{3,4}|\d\d\.\d(?= %)")
    printed, quoted = (sorted(map(float, figures.findall(text))) for text in (demo.text, page))
    np.testing.assert_allclose(quoted, printed, rtol=0.1)  # rounding differs from machine to machine


def test_pictures_in_the_docs_are_small_and_the_demos_draw_them() -> None:
    page = (ROOT / "docs" / "demos.md").read_text(encoding="utf-8")
    shown = re.findall(r"!\[[^\]]+\]\(images/([^)]+)\)", page)
    demos = {**PICTURES, "characters": CHARACTERS}
    drawn = {picture for pictures in demos.values() for picture in pictures}
    assert len(shown) >= 4
    assert set(shown) <= drawn
    for name, pictures in demos.items():
        assert f"demos/{name}.py" in page
        assert set(pictures) & set(shown), f"{name} is shown nowhere"
    for picture in shown:
        assert (ROOT / "docs" / "images" / picture).stat().st_size < 300_000
