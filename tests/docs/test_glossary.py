"""The glossary: every entry is short and leads to a page, and pages link the first use of each term."""

import re
from pathlib import Path

import pytest

from tests.docs.conftest import DOCS

pytest.importorskip("sphinx")
EXTENSIONS = DOCS / "_ext"
GLOSSARY = DOCS / "learn" / "glossary.md"
ENTRY = re.compile(r"^((?:\S.*\n)+)((?:  .*\n)+)", re.MULTILINE)


def entries() -> list[tuple[list[str], str]]:
    """Terms that share a definition, and the definition on one line."""
    text = GLOSSARY.read_text(encoding="utf-8").partition(":::{glossary}\n")[2].partition(":::")[0]
    return [(terms.splitlines(), " ".join(definition.split())) for terms, definition in ENTRY.findall(text)]


@pytest.mark.parametrize("definition", [pytest.param(text, id=terms[0]) for terms, text in entries()])
def test_an_entry_is_short_and_leads_to_a_page(definition: str) -> None:
    plain = re.sub(r"\]\([^)]*\)", "]", definition)
    sentences = re.split(r"(?<=[.:]) ", plain)
    assert max(len(sentence.split()) for sentence in sentences) <= 25
    assert len(sentences) <= 4
    assert "](" in definition
    assert not re.search(r"[$`\[]", re.split(r"(?<=[.:]) ", definition)[0]), "tooltips show the first sentence as text"


def test_entries_are_in_order() -> None:
    first = [terms[0].lower() for terms, _ in entries()]
    assert first == sorted(first)
    every = [term.lower() for terms, _ in entries() for term in terms]
    assert len(set(every)) == len(every) >= 100


PAGE = """\
# Losses and weights

`loss` is code. Losses
count, and a [weight](other.md) is linked already. Weight
decay, weights, loss again, a class, lossy and no-loss.
"""
TERMS = """\
# Glossary

:::{glossary}
loss
  How wrong a prediction is. More words.

weight
  A factor.

weight decay
  A pull
  toward 0.

class (of a sample)
  A category.
:::
"""


def built(folder: Path, page: str) -> str:
    """A page of a small site whose glossary is above."""
    from sphinx.testing.util import SphinxTestApp

    (folder / "learn").mkdir(exist_ok=True)
    (folder / "conf.py").write_text(
        f"import sys\nsys.path.insert(0, {str(EXTENSIONS)!r})\nextensions = ['myst_parser', 'glossary_links']\n"
        "myst_enable_extensions = ['colon_fence']\nexclude_patterns = ['_build']\n"
    )
    for name, text in (("index", "# Index\n"), ("learn/page", page), ("learn/other", "# Other\n\nA loss.\n")):
        (folder / f"{name}.md").write_text("---\norphan: true\n---\n" + text)
    (folder / "learn" / "glossary.md").write_text("---\norphan: true\n---\n" + TERMS)
    app = SphinxTestApp("html", srcdir=folder)
    app.build()
    assert app.warning.getvalue() == ""
    app.cleanup()
    return (folder / "_build" / "html" / "learn" / "page.html").read_text(encoding="utf-8")


@pytest.mark.filterwarnings("ignore:.*deprecated")  # myst-parser calls Sphinx by its old names
def test_the_first_use_of_each_term_is_linked(tmp_path: Path) -> None:
    pytest.importorskip("myst_parser")
    html = built(tmp_path, PAGE)
    links = re.findall(r'<a class="term[^"]*" href="([^"]+)" title="([^"]+)">([^<]+)</a>', html)
    assert [(place, title, " ".join(text.split())) for place, title, text in links] == [
        ("glossary.html#term-loss", "How wrong a prediction is.", "Losses"),
        ("glossary.html#term-weight-decay", "A pull toward 0.", "Weight decay"),
        ("glossary.html#term-weight", "A factor.", "weights"),
    ]
