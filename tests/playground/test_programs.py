"""Programs that people write are run, and their errors are shown as Python shows them."""

import sys
from base64 import b64decode

import pytest

from minidl.playground.programs import run_program


def test_what_a_program_prints_comes_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_program("import sys\nprint('one')\nprint('two', file=sys.stderr)")["error"] is None
    assert capsys.readouterr() == ("one\n", "two\n")


def test_a_traceback_begins_in_the_program_and_shows_its_lines() -> None:
    code = "from minidl import Dense\n\ndef f():\n    return Dense(0, 1)\n\nf()\n"
    error = run_program(code)["error"]
    lines = error["traceback"].splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[1] == '  File "<your code>", line 6, in <module>'
    assert "    return Dense(0, 1)" in lines
    assert not any("programs.py" in line for line in lines)
    assert lines[-1].startswith("minidl.errors.HyperparameterError: Dense: inputs must be a positive integer")
    assert error["line"] == 4
    assert error["message"].startswith("HyperparameterError: Dense: inputs")
    assert error["message"].endswith("(line 4)")


def test_a_syntax_error_names_its_line() -> None:
    error = run_program("x = 1\ny = = 2\n")["error"]
    assert error["line"] == 2
    assert error["message"] == "SyntaxError: invalid syntax (line 2)"
    assert "y = = 2" in error["traceback"]


def test_an_error_in_other_code_names_the_line_that_led_there() -> None:
    error = run_program("x = 1\nexec('y = = 2')")["error"]
    assert error["line"] == 2


def test_notes_and_causes_are_shown() -> None:
    code = "try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    raise ValueError('no') from error"
    assert "The above exception was the direct cause" in run_program(code)["error"]["traceback"]
    code = "from minidl import *\nimport numpy as np\nSequential(Dense(2, 2)).forward(np.zeros((1, 3)))"
    assert "layer 0, Dense(2, 2)" in run_program(code)["error"]["traceback"]


@pytest.mark.parametrize(
    "code",
    [
        "raise MemoryError",
        "raise RecursionError('deep')",
        "def f(): f()\nf()",
        "\x00",
        "x" * 3,
        "'" * 3,
        "raise StopIteration",
        "class Mute(Exception):\n    def __str__(self): raise ValueError\nraise Mute",
    ],
)
def test_every_error_is_described(code: str) -> None:
    error = run_program(code)["error"]
    assert error["message"]
    assert error["traceback"]


@pytest.mark.parametrize("code", [None, 1, b"x"])
def test_a_program_is_text(code: object) -> None:
    assert "must be text" in run_program(code)["error"]["message"]


@pytest.mark.parametrize(
    ("code", "message"),
    [("exit()", None), ("import sys; sys.exit(0)", None), ("raise SystemExit('enough')", "enough"), ("exit(3)", "3")],
)
def test_a_program_may_end_itself(code: str, message: str | None) -> None:
    error = run_program(code)["error"]
    assert error is None if message is None else message in error["message"]


def test_ctrl_c_is_not_an_error_of_the_program() -> None:
    with pytest.raises(KeyboardInterrupt):
        run_program("raise KeyboardInterrupt")


def test_streams_are_as_before() -> None:
    before = sys.stdout, sys.stderr
    run_program("import sys, io\nsys.stdout = sys.stderr = io.StringIO()\n1 / 0")
    assert (sys.stdout, sys.stderr) == before


def test_programs_share_no_names() -> None:
    run_program("secret = 1")
    assert run_program("secret")["error"]["message"].startswith("NameError")


def test_figures_are_collected_in_order_and_closed() -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    code = "import matplotlib.pyplot as plt\nfor _ in range(2):\n    plt.figure()\n    plt.plot([1, 2])\nplt.show()"
    frame = run_program(code)
    assert frame["error"] is None
    assert [b64decode(figure)[:4] for figure in frame["figures"]] == [b"\x89PNG"] * 2
    assert run_program("")["figures"] == []
    assert len(run_program(f"{code}\nexit()")["figures"]) == 2
    assert run_program(f"{code}\n1 / 0")["figures"] == []
    assert run_program("")["figures"] == []


@pytest.mark.parametrize(
    ("end", "error"), [("", "ValueError"), ("exit()", "ValueError"), ("1 / 0", "ZeroDivisionError")]
)
def test_a_figure_that_cannot_be_drawn_is_an_error_of_the_program(end: str, error: str) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    frame = run_program(f"import matplotlib.pyplot as plt\nplt.title('$x_$')\n{end}")
    assert frame["error"]["message"].startswith(error)
    assert run_program("") == {"kind": "output", "figures": [], "error": None}
