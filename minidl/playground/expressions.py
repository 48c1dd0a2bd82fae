"""Expressions in x and y that people type, checked before they become code."""

from __future__ import annotations

import ast

from minidl.playground.settings import SettingError

__all__ = ["functions_in"]

FUNCTIONS = (
    "abs", "arctan", "cos", "cosh", "exp", "log", "maximum", "minimum", "sign", "sin", "sinh", "sqrt", "tan", "tanh",
)  # fmt: skip
CONSTANTS = ("pi", "e")
VARIABLES = ("x", "y")
OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow)
TWO = ("maximum", "minimum")
LARGEST = 1000


def functions_in(text: str) -> list[str]:
    """Check an expression, and return the names that it needs from NumPy, sorted.

    Allowed are numbers, x, y, pi, e, the operators ``+ - * / **``, and `FUNCTIONS`.

    Raises:
        SettingError: anything else.

    >>> functions_in("sin(pi * x) + y**2")
    ['pi', 'sin']
    """
    if any(mark in text.strip() for mark in "#\\\n\r\f"):
        raise _wrong("it must be on one line, without a comment")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else "it cannot be read"
        raise _wrong(f"{text.strip()!r:.60} is not an expression: {reason}") from error
    names = set[str]()
    _check(tree, names)
    if not names & {*VARIABLES}:
        raise _wrong("it must depend on x or y, as x**2 + 10 * y**2 does")
    return sorted(names - {*VARIABLES, "abs"})


def _check(node: ast.expr, names: set[str]) -> None:
    """Check a part of an expression, and add the names in it."""
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            if not value <= 1e9:
                raise _wrong(f"numbers must be at most 1e9, got {value!r:.40}")
        case ast.Name(id=name) if name in VARIABLES + CONSTANTS:
            names.add(name)
        case ast.UnaryOp(op=ast.UAdd() | ast.USub(), operand=operand):
            _check(operand, names)
        case ast.BinOp(left=left, op=operator, right=right) if isinstance(operator, OPERATORS):
            if isinstance(operator, ast.Pow):
                _check_power(left, right)
            _check(left, names)
            _check(right, names)
        case ast.BinOp(op=ast.BitXor()):
            raise _wrong("a power is written with **, as in x**2")
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in FUNCTIONS:
            if len(arguments) != (2 if name in TWO else 1):
                raise _wrong(f"{name} takes {'two arguments' if name in TWO else 'one argument'}")
            names.add(name)
            for argument in arguments:
                _check(argument, names)
        case _:
            what = f"got {ast.unparse(node)!r:.60}"
            raise _wrong(f"it may use numbers, x, y, pi, e, + - * / **, and {', '.join(FUNCTIONS)}; {what}")


def _check_power(base: ast.expr, exponent: ast.expr) -> None:
    """Refuse powers of whole numbers that would take forever, as 9**9**9 does."""
    for part in (base, exponent):
        match part.operand if isinstance(part, ast.UnaryOp) else part:
            case ast.Constant(value=int() | float() as value) if value <= LARGEST:
                continue
            case ast.Name(id=name) if name in CONSTANTS:
                continue
        if not any(isinstance(inner, ast.Name) and inner.id in VARIABLES for inner in ast.walk(part)):
            raise _wrong(f"a power of constants must be one of numbers up to {LARGEST}, got {ast.unparse(part)!r:.40}")


def _wrong(why: str) -> SettingError:
    return SettingError("expression", f"the expression cannot be used: {why}")
