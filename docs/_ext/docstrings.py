"""How minidl's docstrings are read: in Google's style, with lines such as ``Shapes  x (n, d)`` as fields."""

from __future__ import annotations

import re
from typing import Any

from sphinx.application import Sphinx
from sphinx.ext.napoleon import GoogleDocstring

LINE = re.compile(r"^(Shapes|Backward|Gradient)\s{2,}(\S.*)$")
LETTER = re.compile(r"(: )([A-Za-z])\.$")
ALIAS = re.compile(r"TypeAliasForwardRef\('([^']+)'\)")


class Docstring(GoogleDocstring):
    """Napoleon's reading, with several names in front of one colon also where it expects one: ``epochs, steps: …``.

    Names such as ``classes_`` are escaped: in reStructuredText they would be links.
    """

    def _consume_fields(self, *args: bool, **options: bool) -> list[tuple[str, str, list[str]]]:
        fields = super()._consume_fields(*args, **{**options, "multiple": True})
        return [(re.sub(r"_$", r"\\_", name), kind, text) for name, kind, text in fields]


def field(line: str) -> str:
    r"""A line of a docstring, as a field if it begins with one of minidl's three words.

    >>> field("Shapes    x (n, d)   y of any shape")
    ':Shapes: x\xa0(n,\xa0d) \u2003 y\xa0of\xa0any\xa0shape'
    >>> field("Backward  dx = g s   ds = Σ g x     with g = dL/dy")
    ':Backward: ``dx = g s`` \u2003 ``ds = Σ g x`` \u2003 with g = dL/dy'
    """
    match = LINE.match(line)
    if match is None:
        return line
    # Three blanks part formulas from each other, five a remark from them.
    formulas, *remarks = re.split(r"\s{5,}", match[2])
    parts = [_formula(part, code=match[1] != "Shapes" and "=" in part) for part in re.split(r"\s{3,}", formulas)]
    return f":{match[1]}: " + " \u2003 ".join([*parts, *remarks])


def _formula(text: str, *, code: bool) -> str:
    if code:
        return f"``{text}``"
    # A short piece such as "x (n, inputs)" is not parted at the end of a line.
    return text.replace(" ", "\xa0") if len(text) < 30 else text


def without_markup(line: str) -> str:
    r"""Bars and stars of formulas outside of code as they are: in reStructuredText they would mean something.

    >>> print(without_markup("``|d|`` is |d|, and `Dense` W* too"))
    ``|d|`` is \|d\|, and `Dense` W\* too
    >>> print(without_markup("loss: L."))  # "L." would begin a list
    loss: \L.
    """
    parts = re.split(r"(``.*?``|`[^`]*`)", line)
    parts[::2] = [re.sub(r"([|*])", r"\\\1", part) for part in parts[::2]]
    return LETTER.sub(r"\1\\\2.", "".join(parts))


def process_docstring(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Rewrite a docstring in place as reStructuredText."""
    example = False
    for number, line in enumerate(lines):
        example = line.lstrip().startswith(">>>") or (example and bool(line))
        if not example:
            lines[number] = without_markup(field(line))
    # Napoleon would take what stands in front of a colon in the first line of a property for its type.
    if what not in ("property", "attribute", "data"):
        lines[:] = Docstring(list(lines), app.config, app, what, name, obj, options).lines()


def process_signature(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, signature: str | None, returns: str | None
) -> tuple[str | None, str | None]:
    """Write aliases inside of other types, such as ``tuple[Array, Array]``, as autodoc writes them alone."""
    return signature and ALIAS.sub(r"\1", signature), returns and ALIAS.sub(r"\1", returns)


def setup(app: Sphinx) -> dict[str, Any]:
    app.setup_extension("sphinx.ext.napoleon")
    app.connect("autodoc-process-docstring", process_docstring, priority=100)
    app.connect("autodoc-process-signature", process_signature)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
