"""The local server obeys its own page alone, and ends what does not end by itself."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from http.client import BadStatusLine, HTTPConnection, HTTPResponse
from typing import Any

import pytest

from minidl.playground import server as module
from minidl.playground.processes import SessionProcess
from minidl.playground.server import MAX_BYTES, Server
from tests.docs.browser import running

JSON = "application/json"


class Visitor:
    """A browser, as far as the server can tell: it keeps the cookie and says where its pages come from."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.origin = f"http://127.0.0.1:{server.server_port}"
        self.cookie = f"{server.cookie}={server.token}"

    @contextmanager
    def request(
        self, method: str, path: str, body: bytes | None = None, **headers: str | None
    ) -> Iterator[HTTPResponse]:
        """Send a request. Headers are those of the page, unless they are given; None leaves one out."""
        connection = HTTPConnection("127.0.0.1", self.server.server_port, timeout=30)
        usual: dict[str, str | None] = {"Host": f"127.0.0.1:{self.server.server_port}", "Cookie": self.cookie}
        if method == "POST":
            usual |= {"Origin": self.origin, "Content-Type": JSON, "Content-Length": str(len(body or b""))}
        usual |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in usual.items():
            if value is not None:
                connection.putheader(name, value)
        connection.endheaders(body)
        with closing(connection), connection.getresponse() as response:
            yield response

    def status(self, method: str, path: str, body: bytes | None = None, **headers: str | None) -> int:
        with self.request(method, path, body, **headers) as response:
            return response.status

    def ask(self, session: str, number: int, command: object) -> int:
        return self.status("POST", "/ask", json.dumps({"session": session, "id": number, "command": command}).encode())


class Stream(ExitStack):
    """The events of a session, until it is left."""

    def __init__(self, visitor: Visitor) -> None:
        super().__init__()
        self.response = self.enter_context(visitor.request("GET", "/events"))
        assert self.response.headers["Content-Type"] == "text/event-stream"

    def next(self) -> tuple[str, Any]:
        lines = [self.response.readline().decode() for _ in range(3)]
        name, data = (line.partition(": ")[2].strip() for line in lines[:2])
        return name, json.loads(data)

    def ready(self) -> str:
        name, data = self.next()
        assert name == "ready"
        return str(data["session"])


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(0) as started, running(started):
        yield started


@pytest.fixture
def visitor(server: Server) -> Visitor:
    return Visitor(server)


def wait_until_empty(server: Server, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while server.sessions and time.monotonic() < end:
        time.sleep(0.02)
    assert not server.sessions


def test_the_printed_address_opens_the_page(server: Server, visitor: Visitor) -> None:
    path = server.url.removeprefix(visitor.origin)
    with visitor.request("GET", path, Cookie=None) as response:
        assert (response.status, response.headers["Location"]) == (303, "/")
        attributes = response.headers["Set-Cookie"].split("; ")
    assert attributes == [visitor.cookie, "Path=/", "HttpOnly", "SameSite=Strict"]
    with visitor.request("GET", "/") as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "text/html"
        assert b"minidl" in response.read()
    with visitor.request("GET", "/transport.js") as response:
        assert response.headers["Content-Type"] == "text/javascript"
    with visitor.request("GET", "/engine.json") as response:
        assert json.loads(response.read()) == {"kind": "server"}


def test_the_address_for_the_browser_works_once(server: Server, visitor: Visitor) -> None:
    path = server.url_for_browser.removeprefix(visitor.origin)
    with visitor.request("GET", path, Cookie=None) as response:
        assert (response.status, response.headers["Location"]) == (303, "/")
        assert response.headers["Set-Cookie"].startswith(f"{visitor.cookie}; ")
    for again in (path, "/?ticket="):
        assert visitor.status("GET", again, Cookie=None) == 403


@pytest.mark.parametrize(
    "path", ["/", "/events", "/engine.json", "/transport.js", "/?token=", "/?token=guess", "/?ticket=guess"]
)
def test_without_the_token_nothing_is_served(visitor: Visitor, path: str) -> None:
    assert visitor.status("GET", path, Cookie=None) == 403
    assert visitor.status("GET", path, Cookie=f"{visitor.server.cookie}=guess") == 403
    assert visitor.status("GET", path, Cookie="=;=") == 403


def test_an_address_that_cannot_be_read_is_refused(visitor: Visitor) -> None:
    assert visitor.status("GET", "http://[", Cookie=None) == 400


def test_two_servers_have_different_tokens(server: Server) -> None:
    with Server(0) as other:
        assert server.token != other.token
        assert len(server.token) >= 32


def test_other_hosts_and_origins_are_refused(visitor: Visitor) -> None:
    """A page elsewhere can have the browser send requests here, even under a name that it made to mean this machine."""
    port = visitor.server.server_port
    assert visitor.status("GET", "/", Host=f"localhost:{port}") == 200
    for host in ("evil.example", f"evil.example:{port}", "127.0.0.1", "127.0.0.1:1", None):
        assert visitor.status("GET", "/", Host=host) == 421, host
    for origin in ("http://evil.example", "null", f"http://127.0.0.1:{port + 1}", f"https://127.0.0.1:{port}"):
        assert visitor.status("GET", "/events", Origin=origin) == 403, origin
        assert visitor.status("POST", "/ask", b"{}", Origin=origin) == 403, origin
    assert visitor.status("POST", "/ask", b"{}", Origin=None) == 403
    assert visitor.status("POST", "/ask", b"{}", Cookie=None) == 403
    assert not visitor.server.sessions


@pytest.mark.parametrize(
    "path", ["/../server.py", "/app/../../server.py", "/%2e%2e/server.py", "/app", "/app/", "/index.html/x", "/none"]
)
def test_only_files_of_the_page_are_served(visitor: Visitor, path: str) -> None:
    assert visitor.status("GET", path) == 404


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (400, b"no JSON", {}),
        (400, b"[1]", {}),
        (400, b"[" * 200_000, {}),
        (400, b'{"session": "x", "id": 1e999, "command": {}}', {}),
        (400, b'{"session": "x", "id": 1}', {}),
        (400, b'{"session": "x", "id": "a", "command": {}}', {}),
        (410, b'{"session": "x", "id": 1, "command": {}}', {}),
        (415, b'{"session": "x", "id": 1, "command": {}}', {"Content_Type": "text/plain"}),
        (411, None, {"Content_Length": None}),
        (411, None, {"Content_Length": "-1"}),
        (411, None, {"Content_Length": "9" * 5000}),
        (413, None, {"Content_Length": str(MAX_BYTES + 1)}),
    ],
)
def test_what_is_not_a_command_is_refused(
    visitor: Visitor, status: int, body: bytes | None, headers: dict[str, str | None]
) -> None:
    assert visitor.status("POST", "/ask", body, **headers) == status
    assert visitor.status("POST", "/other", b"{}") == 404


def test_a_session_answers_and_remembers(visitor: Visitor) -> None:
    with Stream(visitor) as stream:
        session = stream.ready()
        assert visitor.ask(session, 1, {"do": "run", "code": "print('ü')"}) == 202
        assert stream.next() == ("output", {"text": "ü\n", "stream": "stdout"})
        name, data = stream.next()
        assert (name, data["id"], json.loads(data["frame"])["error"]) == ("frame", 1, None)
        visitor.ask(session, 2, {"do": "networks", "settings": {"hidden": [2]}})
        visitor.ask(session, 3, {"do": "step", "steps": 2, "budget_ms": 5000})
        numbers = [(data["id"], json.loads(data["frame"])["step"]) for _, data in (stream.next(), stream.next())]
        assert numbers == [(2, 0), (3, 2)]


def test_closing_a_page_ends_a_program_that_does_not_end(server: Server, visitor: Visitor) -> None:
    with Stream(visitor) as stream:
        session = stream.ready()
        process = server.sessions[session]
        visitor.ask(session, 1, {"do": "run", "code": "print('on', flush=True)\nwhile True: pass"})
        assert stream.next()[0] == "output"
    wait_until_empty(server)
    assert process.ended
    with Stream(visitor) as stream:
        session = stream.ready()
        visitor.ask(session, 1, {"do": "run", "code": ""})
        assert stream.next()[0] == "frame"


def test_the_end_of_a_process_is_told(visitor: Visitor) -> None:
    with Stream(visitor) as stream:
        session = stream.ready()
        visitor.ask(session, 1, {"do": "run", "code": "import os; os._exit(3)"})
        assert stream.next() == ("died", {"message": "Python has exited with status 3."})
        assert visitor.ask(session, 2, {"do": "presets"}) == 202


def test_endless_output_is_cut_and_ends_with_its_page(server: Server, visitor: Visitor) -> None:
    with Stream(visitor) as stream:
        session = stream.ready()
        process = server.sessions[session]
        visitor.ask(session, 1, {"do": "run", "code": "while True: print('x' * 1000)"})
        text = ""
        while not text.endswith("… what follows is not shown\n"):
            text += stream.next()[1]["text"]
        assert 200_000 <= len(text) < 201_000
    wait_until_empty(server)
    assert process.ended


def test_the_number_of_pages_is_limited(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_SESSIONS", 1)
    with Stream(visitor) as first:
        first.ready()
        with Stream(visitor) as second:
            name, data = second.next()
        assert (name, data["message"][:16]) == ("died", "1 pages are open")


@pytest.mark.parametrize(("error", "told"), [(BrokenPipeError, False), (RuntimeError, True)])
def test_a_browser_that_has_gone_is_no_error(
    visitor: Visitor,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    error: type[Exception],
    told: bool,
) -> None:
    def fail(_: object) -> None:
        raise error

    monkeypatch.setattr(module.Handler, "do_GET", fail)
    with pytest.raises((ConnectionError, BadStatusLine)):
        visitor.status("GET", "/")
    assert ("Traceback" in capfd.readouterr().err) == told


def test_closing_the_server_ends_its_processes() -> None:
    with Server(0) as server:
        process = server.sessions["x"] = SessionProcess()
        assert not process.ended
    assert process.ended
