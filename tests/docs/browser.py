"""Chromium without a window, told what to do through a pipe: the DevTools protocol, and nothing to install for it."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from select import select
from socketserver import BaseServer
from threading import Thread
from typing import Any

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)


class Browser:
    """One page of a browser, with what it complains of and what it asks the network for."""

    def __init__(self, write: int, read: int) -> None:
        self._write, self._read = write, read
        self._buffer = b""
        self._calls = 0
        self._session: str | None = None
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        # A worker waits at its start, so that nothing it does is missed.
        self.call("Target.setAutoAttach", autoAttach=True, waitForDebuggerOnStart=True, flatten=True)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol and give its result."""
        number = self._send(self._session, method, parameters)
        while True:
            answer = self._receive(60.0)
            if answer is None:
                raise TimeoutError(f"no answer to {method}")
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                result: dict[str, Any] = answer["result"]
                return result

    def _send(self, session: str | None, method: str, parameters: dict[str, Any]) -> int:
        """Call a method, and return the number that its answer will have."""
        self._calls += 1
        message: dict[str, Any] = {"id": self._calls, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        return self._calls

    def _receive(self, timeout: float) -> dict[str, Any] | None:
        """The next message, None if none comes in time; events are kept."""
        end = time.monotonic() + timeout
        while b"\0" not in self._buffer:
            if not select([self._read], [], [], max(0.0, end - time.monotonic()))[0]:
                return None
            self._buffer += os.read(self._read, 1 << 16)
        raw, _, self._buffer = self._buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(raw)
        if "method" in message:
            self.events.append(message)
        if message.get("method") == "Target.attachedToTarget":
            # A worker: it is watched and goes on. With Runtime.enable, it would compute at a third of its speed.
            for method in ("Log.enable", "Network.enable", "Runtime.runIfWaitingForDebugger"):
                self._send(message["params"]["sessionId"], method, {})
        return message

    def show(self, width: int, height: int = 900, *, dark: bool = False) -> None:
        """Have a screen of this width, from here on."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.call("Emulation.setEmulatedMedia", features=features)

    def open(self, url: str) -> None:
        """Go to a page and wait until it is there with all its pictures and fonts."""
        self.events.clear()
        self.call("Page.navigate", url=url)
        end = time.monotonic() + 60.0
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            if time.monotonic() > end:
                raise TimeoutError(f"{url} does not load")
            self._receive(1.0)
        self.evaluate("document.fonts.ready.then(() => true)")

    def evaluate(self, script: str) -> Any:
        """The value of a JavaScript expression; of a promise, what it promises. Its clicks count as made by hand."""
        options = {"returnByValue": True, "awaitPromise": True, "userGesture": True}
        result = self.call("Runtime.evaluate", expression=script, **options)
        if "exceptionDetails" in result:
            raise RuntimeError(result["exceptionDetails"]["exception"].get("description", script))
        return result["result"].get("value")

    def wait_for(self, script: str, seconds: float = 20.0) -> None:
        """Return as soon as an expression is true."""
        end = time.monotonic() + seconds
        while not self.evaluate(f"Boolean({script})"):
            if time.monotonic() > end:
                raise TimeoutError(f"{script} did not come true within {seconds} s")
            time.sleep(0.1)

    def complaints(self) -> list[str]:
        """Errors and warnings in the console since the page was opened."""
        found = []
        for event in self.events:
            parameters = event["params"]
            if event["method"] == "Runtime.exceptionThrown":
                found.append(str(parameters["exceptionDetails"]))
            elif event["method"] == "Log.entryAdded" and parameters["entry"]["level"] in ("error", "warning"):
                found.append(f"{parameters['entry']['text']} {parameters['entry'].get('url', '')}")
            elif event["method"] == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning", "assert"):
                found.append(str([argument.get("value") for argument in parameters["args"]]))
        return found

    def requests(self) -> list[str]:
        """The addresses that the page and its workers have asked for."""
        events = (event["params"] for event in self.events if event["method"] == "Network.requestWillBeSent")
        return [event["request"]["url"] for event in events]

    def screenshot(self, path: Path, *, whole: bool = False) -> None:
        """Write what is seen, or the whole page, to a PNG file."""
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"]
        path.write_bytes(base64.b64decode(data))


class Handler(SimpleHTTPRequestHandler):
    """Serves files without logging requests."""

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def running(server: BaseServer) -> Iterator[None]:
    """Have a server answer requests inside a ``with`` block."""
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()


@contextmanager
def served(folder: Path, handler: type[SimpleHTTPRequestHandler] = Handler) -> Iterator[str]:
    """The address of a folder on this machine, inside a ``with`` block. Some scripts refuse to run on plain files."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(folder))) as server, running(server):
        yield f"http://127.0.0.1:{server.server_port}/"


@contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    """A browser inside a ``with`` block; `profile` is an empty folder for its files."""
    assert CHROMIUM is not None
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()

    def place() -> None:
        # The protocol speaks through the files 3 and 4. One of the pipes may be 3 or 4 itself, hence the copies.
        copies = os.dup(theirs_in), os.dup(theirs_out)
        for copy, number in zip(copies, (3, 4), strict=True):
            os.dup2(copy, number)

    options = ["--headless=new", "--remote-debugging-pipe", "--disable-gpu", "--hide-scrollbars", "--no-first-run"]
    if os.geteuid() == 0:
        options.append("--no-sandbox")  # it does not start for root otherwise, as in a container
    process = subprocess.Popen(
        [CHROMIUM, *options, f"--user-data-dir={profile}"],
        close_fds=False,
        preexec_fn=place,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield Browser(ours_out, ours_in)
    finally:
        process.terminate()
        process.wait(20)
        for file in (theirs_in, ours_out, ours_in, theirs_out):
            os.close(file)
