"""The playground as static files, built from the current page and the current minidl."""

import os
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from tests.docs.browser import Handler

ROOT = Path(__file__).parents[2]


def load_script(name: str) -> ModuleType:
    """A program in docs/playground, which is not a package."""
    folder = str(ROOT / "docs" / "playground")
    sys.path.insert(0, folder)
    try:
        return import_module(name)
    finally:
        sys.path.remove(folder)


def build_or_skip(target: Path) -> Path:
    """Build the playground from what ``make playground`` has fetched. Without that, the test is skipped.

    PLAYGROUND=required in the environment makes that an error, where it is known to have been fetched.
    """
    build = load_script("build")
    if not all((build.CACHE / package.file).exists() for package in (build.PYTHON, build.SHIM)):
        reason = "the parts of the playground have not been fetched: make playground"
        if os.environ.get("PLAYGROUND") == "required":
            pytest.fail(reason)
        pytest.skip(reason)
    runtime = build.cut(build.fetch(build.PYTHON, build.CACHE), build.fetch(build.SHIM, build.CACHE), build.CACHE)
    build.build(target, runtime)
    return target


class EmptyPage(Handler):
    """Serves files, and at ``/empty`` an empty page to try something in."""

    def do_GET(self) -> None:  # noqa: N802  (http.server looks for this name)
        if self.path != "/empty":
            return super().do_GET()
        body = b'<!doctype html><html lang="en"><title>empty</title><link rel="icon" href="data:,">'
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        return None
