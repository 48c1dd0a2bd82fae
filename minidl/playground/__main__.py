"""The playground on this machine: ``python -m minidl.playground``."""

from __future__ import annotations

import argparse
import signal
import sys
import webbrowser
from collections.abc import Sequence
from contextlib import suppress

from minidl.playground.server import Server

__all__ = ["main"]

PORT = 8765


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve the playground until Ctrl-C, and return the exit code: 0, or 1 if the port is not available.

    Args:
        arguments: the words of the command. None takes those of the process.

    Raises:
        SystemExit: words that are not a command, with code 2, or a request for help.
    """
    parser = argparse.ArgumentParser(
        prog="python -m minidl.playground",
        description="Train networks and watch descent in a page of your browser. The page runs minidl on this machine.",
    )
    parser.add_argument("--port", type=_port, default=PORT, help=f"the port; 0 takes a free one, {PORT} is the default")
    parser.add_argument("--no-browser", action="store_true", help="print the address, and open no page")
    options = parser.parse_args(arguments)
    try:
        server = Server(options.port)
    except OSError as error:
        print(
            f"minidl: port {options.port} is not available ({error.strerror}). Choose another one with --port, "
            "or a free one with --port 0.",
            file=sys.stderr,
        )
        return 1
    with server, suppress(KeyboardInterrupt):
        for number in (signal.SIGINT, signal.SIGTERM):  # so that it leaves no process behind, also in the background
            signal.signal(number, signal.default_int_handler)
        print(f"The playground is at {server.url}\nCtrl-C ends it.", flush=True)
        if not options.no_browser:
            webbrowser.open(server.url_for_browser)
        server.serve_forever()
    return 0


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port < 1 << 16:
        raise argparse.ArgumentTypeError(f"a port is a number from 0 to 65535, got {port}")
    return port


if __name__ == "__main__":
    sys.exit(main())
