"""What a process tells of a command is its output and then its frame, whatever a program prints."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from minidl.playground.processes import Event, SessionProcess


@pytest.fixture
def process() -> Iterator[SessionProcess]:
    started = SessionProcess()
    yield started
    started.kill()


def answer(process: SessionProcess, number: int, command: object) -> tuple[str, Event]:
    """Ask, and return what is printed until something else than output comes, and that."""
    process.ask(number, command)
    printed = ""
    while (event := process.events.get(timeout=60)).name == "output":
        printed += event.data["text"]
    return printed, event


@pytest.mark.parametrize(
    "code",
    [
        "for i in range(128): print(chr(i))",
        "for i in reversed(range(128)): print(chr(i))",
        "print(chr(29) + 'a')\nfor i in (29, 30, 29): print(chr(i), end='')",
        "import sys\nfor text in ('a', *'\\x1d\\x1e\\x1d\\n\\x1d'): print(text, end='', file=sys.stderr)",
    ],
)
def test_the_frame_is_found_whatever_a_program_prints(process: SessionProcess, code: str) -> None:
    printed, event = answer(process, 1, {"do": "run", "code": code})
    assert "a" in printed
    assert (event.name, event.data["id"]) == ("frame", 1)
    assert json.loads(event.data["frame"]) == {"kind": "output", "figures": [], "error": None}
    printed, event = answer(process, 2, {"do": "networks"})
    assert (printed, event.name, event.data["id"]) == ("", "frame", 2)
    assert json.loads(event.data["frame"])["kind"] == "networks"


@pytest.mark.parametrize("command", [None, [], "x", {"do": None}])
def test_what_is_not_a_command_is_answered(process: SessionProcess, command: object) -> None:
    _, event = answer(process, 1, command)
    assert json.loads(event.data["frame"])["error"]["field"] == "do"
    _, event = answer(process, 2, {"do": "presets"})
    assert json.loads(event.data["frame"])["error"] is None


def test_both_streams_come_before_the_frame(process: SessionProcess) -> None:
    code = "import sys\nprint(1)\nprint(2, file=sys.stderr)"
    for number in range(30):
        printed, event = answer(process, number, {"do": "run", "code": code})
        assert sorted(printed.split()) == ["1", "2"]
        assert event.name == "frame"


ENDLESS = """
from time import sleep
from minidl.playground.processes import SessionProcess
process = SessionProcess()
process.ask(1, {{"do": "run", "code": "import socket; s = socket.create_connection({address})\\nwhile True: pass"}})
sleep(600)
"""


def test_an_endless_program_ends_with_its_server() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(60)
        with subprocess.Popen([sys.executable, "-c", ENDLESS.format(address=listener.getsockname())]) as server:
            try:
                connection, _ = listener.accept()  # the program is running
            finally:
                server.kill()  # nothing of its own can end its process then
        with connection:
            connection.settimeout(20)
            assert connection.recv(1) == b"", "the program goes on"
