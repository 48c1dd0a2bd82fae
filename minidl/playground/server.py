"""The local server of the playground: the page, and one process per open page that runs its session.

It listens on the loopback interface only. The address that it prints holds a token, which a cookie then carries. Host
and Origin are checked, so that no other page in the same browser can send it commands.
"""

from __future__ import annotations

import hmac
import json
import mimetypes
import os
import queue
import re
import secrets
import socket
import sys
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qs, urlsplit

from minidl.playground.processes import SessionProcess

__all__ = ["Handler", "RefusedError", "Server"]

HOST = "127.0.0.1"
MAX_BYTES = 4_000_000
"""The largest command: data in CSV, or a program."""

MAX_SESSIONS = 8
"""How many pages may be open at the same time. Each has a Python process."""

NOT_FROM_HERE = "Commands come from the page of this server only."
CHECK_SECONDS = 0.25
"""Seconds between two checks whether the page is still connected."""

mimetypes.add_type("text/javascript", ".js")  # some systems have another type, with which browsers refuse modules


class RefusedError(Exception):
    """A request that is refused, with the status and the reason."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class Server(ThreadingHTTPServer):
    """Serves the playground on a port of this machine; 0 takes a free one.

    Example:
        >>> with Server(0) as server:
        ...     server.url == f"http://127.0.0.1:{server.server_port}/?token={server.token}"
        True

    Raises:
        OSError: the port is taken.
    """

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = os.name == "posix"  # elsewhere it would let two servers share a port

    def __init__(self, port: int) -> None:
        self.token = secrets.token_urlsafe(32)
        self._ticket = secrets.token_urlsafe(32)
        self.sessions: dict[str, SessionProcess] = {}
        self.lock = threading.Lock()
        super().__init__((HOST, port), Handler)
        self.origins = {f"http://{name}:{self.server_port}" for name in (HOST, "localhost")}

    @property
    def url(self) -> str:
        """The address to open first. It holds the token."""
        return f"http://{HOST}:{self.server_port}/?token={self.token}"

    @property
    def url_for_browser(self) -> str:
        """The same for the command line of a browser, which other users of this machine can read: it works once."""
        return f"http://{HOST}:{self.server_port}/?ticket={self._ticket}"

    def take_ticket(self, text: str) -> bool:
        """Whether this is the ticket, which is used up then."""
        with self.lock:
            valid = hmac.compare_digest(text.encode(), self._ticket.encode()) and self._ticket != ""
            if valid:
                self._ticket = ""
        return valid

    @property
    def cookie(self) -> str:
        """The name of the cookie. Browsers share cookies between all ports of a host."""
        return f"minidl-playground-{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report an error in a handler, unless the browser has closed the connection."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def server_close(self) -> None:
        """Stop listening, and end all processes."""
        super().server_close()
        with self.lock:
            for process in self.sessions.values():
                process.kill()
            self.sessions.clear()


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    server: Server
    protocol_version = "HTTP/1.1"
    server_version = "minidl"
    disable_nagle_algorithm = True
    timeout = 60  # seconds that a browser may take to send or to receive

    def do_GET(self) -> None:
        """Serve the page, or the events of a new session."""
        self._answer(self._get)

    def do_POST(self) -> None:
        """Pass a command on to a session."""
        self._answer(self._post)

    def _answer(self, method: Callable[[], None]) -> None:
        """Answer a request for this host that comes from its own pages. Refuse all others with the reason."""
        host, origin = f"http://{self.headers.get('Host')}", self.headers.get("Origin")
        try:
            if host not in self.server.origins:
                raise RefusedError(HTTPStatus.MISDIRECTED_REQUEST, f"This is {HOST}:{self.server.server_port}.")
            if origin not in (None, host):
                raise RefusedError(HTTPStatus.FORBIDDEN, NOT_FROM_HERE)
            method()
        except RefusedError as refusal:
            self.close_connection = True  # what the request still holds is not read
            kind = "text/plain; charset=utf-8"
            self._send(refusal.status, f"{refusal}\n".encode(), Content_Type=kind, Connection="close")

    def _get(self) -> None:
        try:
            address = urlsplit(self.path)
        except ValueError:
            raise RefusedError(HTTPStatus.BAD_REQUEST, "This is not an address.") from None
        given = parse_qs(address.query)
        token, ticket = given.get("token", [""])[0], given.get("ticket", [""])[0]
        if address.path == "/" and (self._is_token(token) or self.server.take_ticket(ticket)):
            self._send(HTTPStatus.SEE_OTHER, b"", Location="/", Set_Cookie=self._cookie())
        elif not self._is_token(self._token_of_cookie()):
            raise RefusedError(HTTPStatus.FORBIDDEN, "Open the address that python -m minidl.playground has printed.")
        elif address.path == "/events":
            self._stream()
        elif address.path == "/engine.json":
            self._send(HTTPStatus.OK, b'{"kind": "server"}', Content_Type="application/json")
        else:
            self._send_file(address.path)

    def _post(self) -> None:
        if self.headers.get("Origin") is None or not self._is_token(self._token_of_cookie()):
            raise RefusedError(HTTPStatus.FORBIDDEN, NOT_FROM_HERE)
        if self.path != "/ask":
            raise RefusedError(HTTPStatus.NOT_FOUND, f"There is nothing at {self.path}.")
        if self.headers.get_content_type() != "application/json":
            raise RefusedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "A command must be JSON.")
        length = self.headers.get("Content-Length", "")
        if not re.fullmatch("[0-9]{1,20}", length):
            raise RefusedError(HTTPStatus.LENGTH_REQUIRED, "A command needs a Content-Length.")
        if int(length) > MAX_BYTES:
            message = f"A command has at most {MAX_BYTES} bytes, got {length}."
            raise RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message)
        try:
            request = json.loads(self.rfile.read(int(length)))
            number, command, session = int(request["id"]), request["command"], str(request["session"])
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
            message = "A command must be JSON with session, id and command."
            raise RefusedError(HTTPStatus.BAD_REQUEST, message) from None
        process = self.server.sessions.get(session)
        if process is None:
            raise RefusedError(HTTPStatus.GONE, "This session has ended. Load the page again.")
        process.ask(number, command)
        self._send(HTTPStatus.ACCEPTED, b"")

    def _token_of_cookie(self) -> str:
        try:
            morsel = SimpleCookie(self.headers.get("Cookie", "")).get(self.server.cookie)
        except CookieError:
            return ""
        return morsel.value if morsel else ""

    def _is_token(self, text: str) -> bool:
        return hmac.compare_digest(text.encode(), self.server.token.encode())

    def _cookie(self) -> str:
        return f"{self.server.cookie}={self.server.token}; Path=/; HttpOnly; SameSite=Strict"

    def _send_file(self, path: str) -> None:
        """A file of the page. Each part of its path is looked up, so no path leads out of the folder."""
        found = files("minidl.playground") / "page"
        for name in path.strip("/").split("/") if path != "/" else ["index.html"]:
            children = {} if found.is_file() else {child.name: child for child in found.iterdir()}
            if name not in children:
                raise RefusedError(HTTPStatus.NOT_FOUND, f"There is nothing at {path}.")
            found = children[name]
        if not found.is_file():
            raise RefusedError(HTTPStatus.NOT_FOUND, f"There is nothing at {path}.")
        kind = mimetypes.guess_type(found.name)[0] or "application/octet-stream"
        self._send(HTTPStatus.OK, found.read_bytes(), Content_Type=kind)

    def _stream(self) -> None:
        """Start a session, and send its events until the page is closed."""
        self.close_connection = True
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Connection", "close")
        self.end_headers()
        name = secrets.token_urlsafe(16)
        with self.server.lock:
            free = len(self.server.sessions) < MAX_SESSIONS
            if free:
                process = self.server.sessions[name] = SessionProcess()
        if not free:
            return self._tell("died", {"message": f"{MAX_SESSIONS} pages are open. Close one, and load this again."})
        try:
            self._tell("ready", {"session": name})
            while self._is_open():
                try:
                    event = process.events.get(timeout=CHECK_SECONDS)
                except queue.Empty:
                    continue
                self._tell(event.name, event.data)
        except OSError:
            pass  # the page is gone
        finally:
            process.kill()
            with self.server.lock:
                self.server.sessions.pop(name, None)

    def _is_open(self) -> bool:
        """Whether the page is still connected. It sends nothing more, so all that can be read is the end."""
        self.connection.setblocking(False)
        try:
            return bool(self.connection.recv(1, socket.MSG_PEEK))
        except BlockingIOError:
            return True
        finally:
            self.connection.settimeout(self.timeout)

    def _tell(self, name: str, data: dict[str, Any]) -> None:
        self.wfile.write(f"event: {name}\ndata: {json.dumps(data)}\n\n".encode())

    def _send(self, status: HTTPStatus, body: bytes, **headers: str) -> None:
        self.send_response(status)
        fixed = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY"}
        for name, value in (fixed | headers | {"Content-Length": str(len(body))}).items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Log nothing: a page sends many requests per second, and the first holds the token."""
