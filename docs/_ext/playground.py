"""Puts the playground into the site, where the guide links to it.

``make playground`` makes it, before the site or after it. Without it, a page in its place says so.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

BUILT = Path(__file__).resolve().parents[1] / "_build" / "playground"
INSTEAD = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>minidl playground</title>
<link rel="icon" href="data:,">
<body>
<p>The playground is not part of this build of the site. <code>make playground</code> adds it, and
<code>python -m minidl.playground</code> opens it without the site.
<a href="../learn/playground.html">How the playground works</a></p>
"""


def add_playground(app: Sphinx, error: Exception | None) -> None:
    """Copy the playground, or write the page that says that it is missing."""
    if error is not None or app.builder.format != "html":
        return
    target = Path(app.outdir) / "playground"
    if (BUILT / "index.html").exists():
        shutil.rmtree(target, ignore_errors=True)  # the names of files change with their content
        shutil.copytree(BUILT, target)
    elif not (target / "index.html").exists():
        target.mkdir(exist_ok=True)
        (target / "index.html").write_text(INSTEAD, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.connect("build-finished", add_playground)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
