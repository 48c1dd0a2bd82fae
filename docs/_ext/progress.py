"""Says what a build is doing, also where Sphinx itself is quiet."""

from __future__ import annotations

import sys
from time import perf_counter
from typing import Any

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

START = perf_counter()


def say(text: str) -> None:
    """Print a line with the seconds since the build began, past what Sphinx-Gallery captures."""
    print(f"{perf_counter() - START:5.0f} s  {text}", file=sys.__stdout__, flush=True)


def _reading(app: Sphinx, env: BuildEnvironment, names: list[str]) -> None:
    say(f"{len(names)} of {len(env.found_docs)} pages are new or have changed")


def _page(app: Sphinx, name: str, source: list[str]) -> None:
    if ".. plot::" in source[0] or "{plot}" in source[0]:
        say(f"reading {name}, which runs its plots")


def _writing(app: Sphinx, env: BuildEnvironment) -> list[str]:
    say("writing pages")
    return []  # no further pages


def _finished(app: Sphinx, error: Exception | None) -> None:
    say("failed" if error else "finished")


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("env-before-read-docs", _reading)
    app.connect("source-read", _page)
    app.connect("env-updated", _writing)
    app.connect("build-finished", _finished)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
