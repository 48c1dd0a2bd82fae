"""Expressions that people type are checked before they become code."""

import pytest

from minidl.playground.descent import Descents
from minidl.playground.expressions import functions_in
from minidl.playground.session import Session
from minidl.playground.settings import SettingError


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("x", []),
        (" x**2 + 10 * y**2 ", []),
        ("-x**-2 + y", []),
        ("2**x", []),
        ("x**1000 + 1000**y + 1e9", []),
        ("sin(pi * x) * exp(-y**2)", ["exp", "pi", "sin"]),
        ("abs(x) + maximum(y, 0)", ["maximum"]),
        ("e**x", ["e"]),
        ("(x + y)**(y + 1)", []),
    ],
)
def test_an_expression_says_what_it_needs_from_numpy(text: str, names: list[str]) -> None:
    assert functions_in(text) == names


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x +",
        "x; y",
        "x\n",
        "x +\ny",
        "(x +\n y)",
        "x = 1",
        "1",
        "pi",
        "z + x",
        "x @ y",
        "x // y",
        "x if y else 1",
        "x < y",
        "x and y",
        "not x",
        "[x]",
        "x[0]",
        "x.real",
        "(lambda: x)()",
        "__import__('os').system('true') + x",
        "open('a') + x",
        "sin.__class__(x)",
        "sin",
        "sin()",
        "sin(x, y)",
        "maximum(x)",
        "sin(x, out=y)",
        "sin(*[x])",
        "'x'",
        "f'{x}'",
        "x + True",
        "x + 1j",
        "x + 1e400",
        "x + 10**12**3",
        "x + (9**9)**(9**9)",
        "x**(9**9)",
        "x**1001",
        "x + (9 + pi)**2",
        "x + 1000000001",
        "x + -(-(9**99999))",
        "x + 9**-(-99999)",
        "x ^ 2",
        "(" * 300 + "x" + ")" * 300,
        "x := 2",
        "x # comment\n + 1",
        "x # comment",
        "x # comment\r# another",
        "x + \\\n y",
        "await x",
        "yield x",
        "\x00x",
    ],
)
def test_all_else_is_refused(text: str) -> None:
    if text == "x\n":  # white space around it does no harm
        assert functions_in(text) == []
        return
    with pytest.raises(SettingError, match=r"^the expression cannot be used: ") as caught:
        functions_in(text)
    assert caught.value.field == "expression"


def test_a_mistake_in_an_expression_is_named_as_python_names_it() -> None:
    with pytest.raises(SettingError, match="'x \\+' is not an expression: invalid syntax"):
        functions_in("x +")


def test_a_power_says_how_it_is_written() -> None:
    with pytest.raises(SettingError, match=r"x\*\*2"):
        functions_in("x^2")


@pytest.mark.parametrize("text", ["sqrt(x - 1000)", "log(x - 1000) + y", "1 / (x * 0) - 1 / (x * 0)"])
def test_an_expression_without_a_finite_value_is_refused(text: str) -> None:
    with pytest.raises(SettingError):
        Descents({"objective": "expression", "expression": text}).frame(whole=True)


@pytest.mark.parametrize("text", ["x**2 + exp(1000 * y)", "1000**1000 + x", "(x**1000)**1000", "1000**x + y"])
def test_values_that_overflow_end_a_descent_or_are_refused(text: str) -> None:
    session = Session()
    settings = {"objective": "expression", "expression": text, "steps": 50}
    error = session.handle({"do": "descent", "settings": settings})["error"]
    if error is None:
        assert session.handle({"do": "step", "steps": 100, "budget_ms": 10_000})["finished"]
    else:
        assert error["field"] == "starts"
