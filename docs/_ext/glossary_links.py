"""Links to the glossary: on each page, the first use of a term leads to its definition, and shows it as a tooltip.

The sources need no markup. A term with parentheses, such as "class (of a sample)", is an everyday word as well, and is
not linked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

GLOSSARY = "learn/glossary"
PAGES = ("learn/", "assignment", "demos")
APART = (nodes.title, nodes.reference, nodes.literal, nodes.FixedTextElement, nodes.math, nodes.raw)
"""Text inside these is not linked."""


def first_sentences(glossary: nodes.document) -> dict[str, tuple[str, str]]:
    """Each linked term in lower case, with its anchor and the first sentence of its definition."""
    found = {}
    for entry in glossary.findall(nodes.definition_list_item):
        sentence = re.split(r"(?<=\.)\s", entry[-1].astext(), maxsplit=1)[0]
        for term in entry.findall(nodes.term):
            if "(" not in term.astext():
                found[term.astext().lower()] = (term["ids"][0], " ".join(sentence.split()))
    return found


def pattern(term: str) -> str:
    """A regular expression for a term and its plural, also across the end of a line.

    >>> re.fullmatch(pattern("loss"), "losses")[0], re.fullmatch(pattern("accuracy"), "accuracies")[0]
    ('losses', 'accuracies')
    """
    words = r"\s+".join(map(re.escape, term.split()))
    return rf"{words[:-1]}(?:y|ies)" if words.endswith("y") else rf"{words}(?:e?s)?"


def parts(text: str, terms: dict[str, tuple[str, str]], address: str) -> Iterator[nodes.Node]:
    """The text, with a link around each term. A term that was linked is removed from the terms."""
    while terms:
        longest_first = sorted(terms, key=len, reverse=True)
        choices = "|".join(f"({pattern(term)})" for term in longest_first)
        match = re.search(rf"(?<![\w-])(?<!& )(?:{choices})(?![\w-])", text, re.IGNORECASE)
        if match is None:
            break
        anchor, sentence = terms.pop(longest_first[match.lastindex - 1])
        yield nodes.Text(text[: match.start()])
        place = f"{address}#{anchor}"
        yield nodes.reference("", match[0], refuri=place, reftitle=sentence, internal=True, classes=["term"])
        text = text[match.end() :]
    yield nodes.Text(text)


def join(page: nodes.document) -> None:
    """Make one text of the pieces on both sides of a line break, since a term may be there."""
    for element in page.findall(nodes.TextElement):
        pieces = [(kind, list(group)) for kind, group in groupby(element.children, type)]
        element[:] = [
            child for kind, group in pieces for child in ([nodes.Text("".join(group))] if kind is nodes.Text else group)
        ]


def link_first_uses(app: Sphinx, page: nodes.document, name: str) -> None:
    if name.startswith(PAGES) and name != GLOSSARY and GLOSSARY in app.env.all_docs:
        terms = first_sentences(app.env.get_doctree(GLOSSARY))
        address = app.builder.get_relative_uri(name, GLOSSARY)
        join(page)
        for text in [node for node in page.findall(nodes.Text) if not _apart(node)]:
            text.parent.replace(text, list(parts(str(text), terms, address)))


def _apart(node: Any) -> bool:
    while node.parent is not None and not isinstance(node, APART):
        node = node.parent
    return node.parent is not None


def note_dependency(app: Sphinx, name: str, source: list[str]) -> None:
    """Have a page built again when the glossary changes."""
    if name.startswith(PAGES):
        app.env.note_dependency(app.env.doc2path(GLOSSARY), docname=name)


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("source-read", note_dependency)
    app.connect("doctree-resolved", link_first_uses)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
