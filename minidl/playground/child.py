"""The process behind one page of the local server: it takes commands, one per line, and writes frames and output."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterable, Iterator
from queue import SimpleQueue
from threading import Thread

from minidl.playground.browser import flush_lines
from minidl.playground.session import Session

__all__ = ["END", "answer_all"]

END = "\x1d"
"""What the line begins with that ends the output of a command, on both streams."""


def answer_all(commands: Iterable[str], secret: str) -> None:
    r"""Obey all commands.

    Args:
        commands: one per line.
        secret: what follows `END`, so that nothing else that a program prints is taken for it.

    >>> from contextlib import redirect_stdout
    >>> from io import StringIO
    >>> with redirect_stdout(StringIO()) as written:
    ...     answer_all(['{"do": "run", "code": "print(1)"}'], "k7")
    >>> written.getvalue()
    '1\n\x1e{"kind":"output","figures":[],"error":null}\n\x1dk7\n'
    """
    session = Session()
    for command in commands:
        session.turn(command)
        for stream in (sys.stderr, sys.stdout):
            stream.write(f"{END}{secret}\n")
            stream.flush()


def main() -> None:
    """Obey the commands on standard input, which a user's program finds empty. The first line is the secret."""
    with open(os.dup(0), encoding="utf-8") as commands, open(os.devnull) as empty:
        os.dup2(empty.fileno(), 0)
        flush_lines()
        gc.freeze()  # so that a session that collects garbage need not look at all that was imported
        lines = _arriving(commands)
        answer_all(lines, next(lines).strip())


def _arriving(commands: Iterable[str]) -> Iterator[str]:
    """Each command when it comes. After the last one the server is gone, and so is this process, whatever it runs."""
    arrived: SimpleQueue[str] = SimpleQueue()

    def receive() -> None:
        for command in commands:
            arrived.put(command)
        os._exit(0)

    Thread(target=receive, daemon=True).start()
    while True:
        yield arrived.get()


if __name__ == "__main__":
    main()
