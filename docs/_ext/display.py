"""A directive for pages: Python code, and below it what a notebook displays for the value of its last line.

The code runs when the site is built. A value without a display is an error.
"""

from __future__ import annotations

import ast
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx


def displayed(code: str) -> str:
    """The HTML of the last line's value.

    >>> displayed("from minidl import ReLU; ReLU().summary()")[:6]
    '<table'
    """
    *lines, last = ast.parse(code).body
    if not isinstance(last, ast.Expr):
        raise ValueError(f"the last line must be an expression, got {ast.unparse(last)!r}")
    names: dict[str, Any] = {}
    exec(compile(ast.Module(lines, []), "<page>", "exec"), names)
    html: str = eval(compile(ast.Expression(last.value), "<page>", "eval"), names)._repr_html_()
    return html


class Display(Directive):
    """The code as on any page, and its display below."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        code = "\n".join(self.content)
        html = f'<div class="displayed">{displayed(code)}</div>'
        return [nodes.literal_block(code, code, language="python"), nodes.raw("", html, format="html")]


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("display", Display)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
