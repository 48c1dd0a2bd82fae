"""The command ``python -m minidl.playground``."""

import re
import signal
import subprocess
import sys
import webbrowser

import pytest

from minidl.playground.__main__ import main
from minidl.playground.server import Server


def interrupted(_: Server) -> None:
    raise KeyboardInterrupt


def test_a_taken_port_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with Server(0) as server:
        port = server.server_port
        assert main(["--port", str(port), "--no-browser"]) == 1
    assert re.match(rf"minidl: port {port} is not available \(.*in use\)", capsys.readouterr().err)
    with pytest.raises(SystemExit):
        main(["--port", "70000"])


@pytest.mark.parametrize("browser", [True, False])
def test_the_page_is_opened_unless_told_otherwise(
    browser: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(Server, "serve_forever", interrupted)
    assert main(["--port", "0", *([] if browser else ["--no-browser"])]) == 0
    (token,) = re.findall(r"http://127\.0\.0\.1:\d+/\?token=(\S+)", capsys.readouterr().out)
    assert len(opened) == browser
    assert token not in str(opened), "other users can read the command line of a browser"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_stopped(number: signal.Signals) -> None:
    command = [sys.executable, "-m", "minidl.playground", "--port", "0", "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = re.search(r"http://127\.0\.0\.1:\d+/\?token=\S+", process.stdout.readline())
        assert found is not None
        process.send_signal(number)
        try:
            _, errors = process.communicate(timeout=30)
        finally:
            process.kill()  # otherwise a server that goes on would be waited for
    assert (process.returncode, errors) == (0, "")
