"""Processes that run sessions, so that a program which does not end can be stopped."""

from __future__ import annotations

import codecs
import json
import os
import queue
import secrets
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import IO, Any, NamedTuple

from minidl.playground.child import END
from minidl.playground.session import MARK

__all__ = ["Event", "Lines", "SessionProcess"]

MAX_OUTPUT = 200_000
"""How many characters that a command prints are passed on, per stream."""

CUT = "\n… what follows is not shown\n"


class Event(NamedTuple):
    """What happens in a process: "frame", "output" or "died", with its data."""

    name: str
    data: dict[str, Any]


class Lines:
    r"""Separates frames, and the ends of commands, from the output around them.

    Example:
        >>> lines = Lines()
        >>> list(lines.parts("1\n2\x1e{}"))
        ['1\n2']
        >>> list(lines.parts("\n\x1d\n"))
        ['\x1e{}', '\x1d']
    """

    def __init__(self) -> None:
        self._pending = ""

    def parts(self, text: str) -> Iterator[str]:
        """Output as it comes, and each line that begins with `MARK` or `END` once it is whole, without its end."""
        rest = self._pending + text
        while rest:
            starts = [at for at in (rest.find(MARK), rest.find(END)) if at >= 0]
            start = min(starts, default=len(rest))
            if start:
                yield rest[:start]
            line, end, after = rest[start:].partition("\n")
            if not end:
                self._pending = line
                return
            yield line
            rest = after
        self._pending = ""


class SessionProcess:
    r"""A `Session` in a process of its own, with a queue of its events.

    Example:
        >>> process = SessionProcess()
        >>> process.ask(1, {"do": "run", "code": "print(6 * 7)"})
        >>> process.events.get(timeout=60)
        Event(name='output', data={'text': '42\n', 'stream': 'stdout'})
        >>> process.events.get(timeout=60).name
        'frame'
        >>> process.kill()
    """

    def __init__(self) -> None:
        # A program that prints more than the page takes has to wait, as it does for a slow terminal.
        self.events: queue.Queue[Event] = queue.Queue(maxsize=1000)
        self._asked: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._killed = False
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "minidl.playground.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "MPLBACKEND": "agg", "PYTHONUNBUFFERED": ""},  # lines are passed on, not pieces
            start_new_session=True,  # Ctrl-C is for the server, which kills this process then
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._commands: IO[bytes] = self._process.stdin
        secret = secrets.token_hex(8)
        self._end = END + secret
        with suppress(OSError):  # it has ended already, which is reported
            self._commands.write(f"{secret}\n".encode())
            self._commands.flush()
        self._printed = {"stdout": 0, "stderr": 0}
        self._last_words = ""
        self._errors_end = threading.Semaphore(0)
        self._errors = threading.Thread(target=self._read_errors, args=(self._process.stderr,), daemon=True)
        self._errors.start()
        threading.Thread(target=self._read_frames, args=(self._process.stdout,), daemon=True).start()

    def ask(self, number: int, command: object) -> None:
        """Send a command. Its frame comes with this number. A process that has ended has already reported it."""
        with self._lock:
            self._asked.put(number)
            with suppress(OSError, ValueError):  # it has ended, or been killed
                self._commands.write(json.dumps(command).encode() + b"\n")
                self._commands.flush()

    @property
    def ended(self) -> bool:
        """Whether the process has ended."""
        return self._process.poll() is not None

    def kill(self) -> None:
        """End the process, whatever it does. No event follows."""
        self._killed = True
        self._process.kill()
        self._process.wait()
        with suppress(OSError):  # what was not written yet is lost
            self._commands.close()

    def _tell(self, name: str, **data: Any) -> None:
        while not self._killed:
            try:
                self.events.put(Event(name, data), timeout=0.5)
                break
            except queue.Full:
                continue

    def _print(self, text: str, stream: str) -> None:
        left = MAX_OUTPUT - self._printed[stream]
        self._printed[stream] += len(text)
        if not text:
            return
        if left >= len(text):
            self._tell("output", text=text, stream=stream)
        elif left >= 0:
            self._tell("output", text=text[:left] + CUT, stream=stream)

    def _read_frames(self, stream: IO[bytes]) -> None:
        lines, frame = Lines(), ""
        for text in _texts(stream):
            for part in lines.parts(text):
                # A program may print such characters itself. The frame comes last, after the last mark of its line.
                before, mark, after = part.rpartition(MARK)
                if mark:
                    frame = after
                    self._print(before, "stdout")
                elif part == self._end:
                    self._errors_end.acquire(timeout=1)  # what was written to stderr comes before the frame
                    self._tell("frame", id=self._asked.get(), frame=frame)
                    self._printed = dict.fromkeys(self._printed, 0)
                else:
                    self._print(_shown(part), "stdout")
        self._errors.join()
        message = f"Python has exited with status {self._process.wait()}."
        self._tell("died", message="\n".join(filter(None, [message, self._last_words.strip()])))

    def _read_errors(self, stream: IO[bytes]) -> None:
        lines = Lines()
        for text in _texts(stream):
            for part in lines.parts(text):
                if part.endswith(self._end):
                    self._print(part.removesuffix(self._end), "stderr")
                    self._errors_end.release()
                else:
                    self._last_words = (self._last_words + part)[-2000:]
                    self._print(_shown(part), "stderr")


def _shown(part: str) -> str:
    """A part of the output as it was printed: `Lines` has removed the end of a line that begins with `END`."""
    return f"{part}\n" if part.startswith(END) else part


def _texts(stream: IO[bytes]) -> Iterator[str]:
    """What is written to a pipe, as it comes. A letter may arrive in two pieces."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    while data := os.read(stream.fileno(), 1 << 16):
        yield decoder.decode(data)
    stream.close()
