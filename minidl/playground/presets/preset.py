"""What a preset consists of."""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["Preset"]


class Preset(NamedTuple):
    """Settings that teach something.

    Attributes:
        id: its name in an address.
        tab: "networks" or "descent".
        title, text, question: what the reader is told, and asked.
        result: what comes out, in words.
        expect: the same in numbers. Of a network, limits of "train_loss", "test_loss" and "train_accuracy" at the end,
            and a part of its "fate", None for no fate. Of descents, the "fates" of the paths.
        learn: the page and the heading that explain it, relative to the pages to learn from.
        settings: those that differ from their defaults.
    """

    id: str
    tab: str
    title: str
    text: str
    question: str
    result: str
    expect: dict[str, Any]
    learn: str
    settings: dict[str, Any]
