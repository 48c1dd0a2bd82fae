"""What Markdown pages consist of: prose, blocks of code, and pictures."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

BLOCK = re.compile(r"^( *)(```+|~~~+)([^\n]*)\n(.*?)^\1\2 *$", re.DOTALL | re.MULTILINE)
OPTION = re.compile(r"^:[a-z-]+:.*$")
HIDDEN = re.compile(r"^:include-source: *(?:false|no)", re.MULTILINE)
TEXTUAL = ("{note}", "{tip}", "{warning}", "{admonition}", "{glossary}")
"""Directives with prose inside."""

PICTURE = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)\)|<img\b[^>]*>")
ATTRIBUTE = re.compile(r"\balt=\"([^\"]*)\"")


class Block(NamedTuple):
    """A block of code: its language or directive, its lines, and the number of its first line on the page."""

    kind: str
    lines: list[str]
    first: int


def blocks(text: str) -> Iterator[Block]:
    """The blocks of code that a reader sees, without the options of a directive."""
    for match in BLOCK.finditer(text):
        kind, body = match[3].split(" ")[0], match[4]
        if kind in TEXTUAL or HIDDEN.search(body):
            continue
        lines = ["" if OPTION.match(line) and kind.startswith("{") else line for line in body.splitlines()]
        yield Block(kind, lines, text[: match.start(4)].count("\n") + 1)


def prose(text: str) -> str:
    """A page without code, formulas and the targets of links, with as many lines as before."""

    def empty(match: re.Match[str]) -> str:
        return match[0] if match[0].lstrip(" `").startswith(TEXTUAL) else "\n" * match[0].count("\n")

    text = BLOCK.sub(empty, text)
    text = re.sub(r"`[^`]+`|\$\$[^$]+\$\$|\$[^$\n]+\$", lambda match: "\n" * match[0].count("\n"), text)
    return re.sub(r"\]\([^)\s]+\)", "]", text)


def pictures(text: str) -> list[tuple[str, str]]:
    """The pictures of a page, those of code apart: what stands for each of them in words, and its address."""
    found = []
    for match in PICTURE.finditer(BLOCK.sub("", text)):
        if match[2]:
            found.append((" ".join(match[1].split()), match[2]))
        else:
            words = ATTRIBUTE.search(match[0])
            found.append((words[1] if words else "", match[0]))
    for block in BLOCK.finditer(text):
        if block[3].startswith("{plot}") and ":nofigs:" not in block[4]:
            words = re.search(r"^:alt: (.*)$", block[4], re.MULTILINE)
            found.append((words[1] if words else "", "plot"))
    return found
