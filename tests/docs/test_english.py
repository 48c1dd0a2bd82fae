"""The pages to learn from have short sentences, and none of the phrases by which a translation is known.

What it finds is listed by page and sentence. ``python -m tests.docs.test_english`` shows the list for all pages.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.conftest import DOCS

LEARN = DOCS / "learn"
LEARNING = sorted(LEARN.rglob("*.md"))

LONGEST = 30
"""The most words that a sentence may have. Most should have fewer than 25."""

TRANSLATED = re.compile(
    r"\b(?:anew|for ever|at the door|belongs? into|by heart|taken up again|to and fro|so many (?:epochs|steps)|"
    r"once an? (?:batch|block|epoch|step)|gives an? (?:array|float|number)|"
    r"(?:is|are) no (?:arrays?|classes|integers?|layers?))\b",
    re.IGNORECASE,
)

FENCE = re.compile(r"^( *)(```+|~~~+)(\{\w+\})?.*?^\1\2 *$", re.DOTALL | re.MULTILINE)
TEXT = ("{note}", "{tip}", "{warning}", "{admonition}", "{dropdown}", "{glossary}")
"""Blocks of text that look like blocks of code."""

DROPPED = re.compile(
    r"\A---\n(?:[^\n]*\n)*?---$|^ *(?:```|~~~|:::|\|)[^\n]*$|!\[[^\]]*\]\([^)]*\)|<[^>\n]+>",
    re.MULTILINE,
)
"""Settings, fences, tables, pictures and tags."""

DISPLAY = re.compile(r"\s*^ *\$\$[^$]+\$\$ *$\s*([a-z]?)", re.MULTILINE)
CODE = re.compile(r"`[^`]+`|\$[^$\n]+(?:\n[^$\n]+)?\$")
LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
MARK = r" *(?:[-*+]|\d+\.|:|#+) "
BLOCK = re.compile(rf"\n\s*\n|\n(?={MARK})")
END = re.compile(r"(?:(?<=[.!?])|(?<=[.!?][)\]\"”*_])|(?<=[.!?]\*\*))\s+")
ABBREVIATED = re.compile(r"\b(?:e\.g|i\.e|et al|vs|cf)\.$")
WORD = re.compile(r"\w[\w'’.,-]*")


def sentences(text: str) -> list[str]:
    """The sentences of a page, without code, tables and pictures. A formula and a name in code are a word each."""
    text = FENCE.sub(lambda match: match[0] if match[3] in TEXT else "", text)
    text = DROPPED.sub("", text)
    # Behind a formula on its own line, a small letter continues the sentence.
    text = DISPLAY.sub(lambda match: f" formula {match[1]}" if match[1] else " formula\n\n", text)
    text = LINK.sub(r"\1", CODE.sub("code", text))
    found = []
    for block in BLOCK.split(text):
        begun = ""
        for part in END.split(" ".join(re.sub(f"^{MARK}", "", block).split())):
            begun = f"{begun} {part}".strip()
            if not ABBREVIATED.search(begun):
                found.append(begun)
                begun = ""
        found.append(begun)
    return [sentence for sentence in found if WORD.search(sentence)]


def findings(text: str) -> list[str]:
    """The sentences to rewrite, each with the reason in front."""
    found = []
    for sentence in sentences(text):
        if (words := len(WORD.findall(sentence))) > LONGEST:
            found.append(f"{words} words: {sentence}")
        found += [f"“{match}”: {sentence}" for match in TRANSLATED.findall(sentence)]
    return found


@pytest.mark.parametrize("page", LEARNING, ids=lambda page: page.relative_to(LEARN).as_posix())
def test_sentences_are_short(page: Path) -> None:
    found = findings(page.read_text(encoding="utf-8"))
    assert not found, f"{page.relative_to(LEARN)}\n" + "\n".join(found)


@pytest.mark.parametrize("page", LEARNING, ids=lambda page: page.relative_to(LEARN).as_posix())
def test_no_part_of_a_page_is_left_out(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    titles = [LINK.sub(r"\1", CODE.sub("code", title)) for title in re.findall(r"^#+ (.*)$", FENCE.sub("", text), re.M)]
    found = sentences(text)
    assert titles
    assert [title for title in titles if not any(title.startswith(sentence) for sentence in found)] == []


def test_a_page_is_cut_into_sentences() -> None:
    text = """---
hide-toc: true
---
# A title

One `a. b`, and
two (Duchi et al. 2011). minidl goes *on.* Is it 0.5? [A link. Or two](page.md).

![A picture. Or two](a.png)

| a | table. |
|---|---|

- A **point.** Another one, with $x.$
- 1.5 is the next, for
  $$ y = x. $$

where $x$ is small, it is

$$
1 .
$$

Then it ends.

```python
no = "text. at all"
```

```{note}
This is text.
```
"""
    assert sentences(text) == [
        "A title",
        "One code, and two (Duchi et al. 2011).",
        "minidl goes *on.*",
        "Is it 0.5?",
        "A link.",
        "Or two.",
        "A **point.**",
        "Another one, with code",
        "1.5 is the next, for formula where code is small, it is formula",
        "Then it ends.",
        "This is text.",
    ]


def test_a_long_sentence_is_found() -> None:
    long = " ".join(["word"] * (LONGEST + 1)) + "."
    assert findings(f"Short.\n\n- {long} Short.") == [f"31 words: {long}"]
    assert findings(long.replace("word ", "", 1)) == []


def test_a_translated_phrase_is_found() -> None:
    assert findings("It draws the weights anew.") == ["“anew”: It draws the weights anew."]


def main() -> None:
    for page in LEARNING:
        for finding in findings(page.read_text(encoding="utf-8")):
            print(f"{page.relative_to(LEARN)}  {finding}")


if __name__ == "__main__":
    main()
