"""A text shipped with the package."""

from __future__ import annotations

import os

__all__ = ["load_text"]


def load_text() -> str:
    """The novel *Persuasion* by Jane Austen (1818), as one string of 466,854 characters, of which 75 differ.

    It is plain ASCII, with a newline at the end of each printed line and an empty line between paragraphs.

    Source: the R package janeaustenr 1.0.0 by J. Silge (2022), which took it from Project Gutenberg. The text is in the
    public domain, as the file persuasion_license.txt says.

    >>> text = load_text()
    >>> text[53:99]
    'Sir Walter Elliot, of Kellynch Hall, in Somers'
    >>> len(text), len(set(text))
    (466854, 75)
    """
    with open(os.path.join(os.path.dirname(__file__), "persuasion.txt"), encoding="ascii") as file:
        return file.read()
