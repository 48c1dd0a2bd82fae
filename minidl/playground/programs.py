"""Programs that people write in the page: run, with their errors shown and their figures collected."""

from __future__ import annotations

import io
import linecache
import os
import sys
import traceback
import warnings
from base64 import b64encode
from typing import Any

__all__ = ["run_program"]

NAME = "<your code>"


def run_program(code: object) -> dict[str, Any]:
    r"""Run a program in a namespace of its own, and return its figures and its error.

    What it prints goes to stdout as it comes. Figures of Matplotlib are collected from `pyplot` at the end and closed.
    The traceback begins in the program itself.

    >>> run_program("print(1 + 1)")
    2
    {'kind': 'output', 'figures': [], 'error': None}
    >>> run_program("x = 1\nx / 0")["error"]["message"]
    'ZeroDivisionError: division by zero (line 2)'
    """
    if not isinstance(code, str):
        return {"kind": "output", "figures": [], "error": {"message": f"code must be text, got {code!r:.60}"}}
    os.environ.setdefault("MPLBACKEND", "agg")  # no window: the figures are shown in the page
    linecache.cache[NAME] = (len(code), None, code.splitlines(keepends=True), NAME)  # so that tracebacks show lines
    error, figures = None, list[str]()
    streams = sys.stdout, sys.stderr
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "FigureCanvasAgg is non-interactive")  # plt.show() does nothing
            try:
                exec(compile(code, NAME, "exec"), {"__name__": "__main__"})
            except SystemExit as stop:
                error = None if stop.code in (None, 0) else {"message": f"the program has ended itself: {stop.code}"}
            figures = _figures()
    except Exception as fault:
        error = _described(fault)
    finally:
        sys.stdout, sys.stderr = streams
        linecache.cache.pop(NAME, None)
        _close_figures()
    return {"kind": "output", "figures": figures, "error": error}


def _described(fault: Exception) -> dict[str, Any]:
    """The error with its line and its traceback, without the frames outside of the program."""
    whole = traceback.TracebackException.from_exception(fault)
    frames = whole.stack
    first = next((index for index, frame in enumerate(frames) if frame.filename == NAME), len(frames))
    whole.stack = traceback.StackSummary.from_list(frames[first:])
    lines = [frame.lineno for frame in whole.stack if frame.filename == NAME]
    line = fault.lineno if isinstance(fault, SyntaxError) and fault.filename == NAME else (lines or [None])[-1]
    place = "" if line is None else f" (line {line})"
    try:
        text = str(fault.msg if isinstance(fault, SyntaxError) else fault)
    except Exception:  # in the __str__ of a class of the program
        text = ""
    message = f"{type(fault).__name__}: {text}{place}" if text else f"{type(fault).__name__}{place}"
    return {"message": message, "traceback": "".join(whole.format()), "line": line}


def _figures() -> list[str]:
    """All open figures of pyplot as PNG in base64. There are none if the program has not imported pyplot."""
    pyplot: Any = sys.modules.get("matplotlib.pyplot")
    if pyplot is None:
        return []
    pictures = []
    for number in pyplot.get_fignums():
        buffer = io.BytesIO()
        pyplot.figure(number).savefig(buffer, format="png", dpi=110)
        pictures.append(b64encode(buffer.getvalue()).decode())
    return pictures


def _close_figures() -> None:
    pyplot: Any = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close("all")
