"""What the build removes from the module that runs Python, nothing of NumPy, Matplotlib and the library needs."""

import contextlib
import io
import json
import runpy
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

from tests.docs.browser import CHROMIUM, browser, served
from tests.playground.built import EmptyPage, build_or_skip
from tests.playground.engine import Engine

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]
SWEEP = Path(__file__).with_name("sweep.py")


def test_a_program_that_calls_everything_prints_what_it_prints_here(tmp_path: Path) -> None:
    folder = build_or_skip(tmp_path / "playground")
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()) as here, plt.rc_context():
        warnings.simplefilter("ignore")
        runpy.run_path(str(SWEEP), run_name="__main__")
    code = f"import warnings\nwarnings.simplefilter('ignore')\n{SWEEP.read_text()}"
    with served(folder, EmptyPage) as address, browser(tmp_path / "browser") as tab:
        engine = Engine(tab, address)
        engine.open()
        command = json.dumps({"do": "run", "code": code})
        tab.evaluate(f"engine.ask({command}).then(f => {{ frame = f }}, e => {{ frame = e.message }}); 0")
        tab.wait_for("window.frame", 120)
        assert tab.evaluate("frame.error ?? frame") == {"kind": "output", "figures": [], "error": None}
        there = "".join(text for stream, text in tab.evaluate("output") if stream == "stdout")
    expected, found = by_name(here.getvalue()), by_name(there)
    both = expected.keys() & found.keys()  # another version of NumPy may have other functions
    assert len(both) > 0.95 * len(expected)
    for name in both:
        assert len(found[name]) == len(expected[name]), name
        for one, other in zip(found[name], expected[name], strict=True):
            assert one == other or float(one) == pytest.approx(float(other), rel=1e-4, abs=1e-4), name


def by_name(text: str) -> dict[str, list[str]]:
    """The last word of each line, by the words before."""
    values: dict[str, list[str]] = {}
    for line in text.splitlines():
        name, _, value = line.rpartition(" ")
        values.setdefault(name, []).append(value)
    return values
