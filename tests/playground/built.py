"""The playground as static files, made of the present page and the present minidl, on a server of its own."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

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


class Handler(SimpleHTTPRequestHandler):
    """Serves files without a word about each, and an empty page for whatever is tried in it."""

    def do_GET(self) -> None:
        if self.path != "/empty":
            return super().do_GET()
        body = b'<!doctype html><html lang="en"><title>empty</title><link rel="icon" href="data:,">'
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        return None

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The address of a server for a folder, as long as the block runs."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
