"""What goes wrong with a progress line does not end the run, and does not hide other errors."""

import io
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from minidl import SGD, Callback, MinidlWarning, ProgressBar, Quadratic, Run, minimize
from minidl.interruption import INTERRUPTED
from tests.callbacks.recording import At, Losses, fails
from tests.callbacks.test_progress import Stream, run


class Fails(Stream):
    """A terminal that fails after some calls of write."""

    def __init__(self, error: BaseException, writes: int) -> None:
        super().__init__(terminal=True)
        self.error, self.writes = error, writes

    def write(self, text: str) -> int:
        self.writes -= 1
        if self.writes < 0:
            raise self.error
        return super().write(text)


class Ascii(io.TextIOWrapper):
    def __init__(self) -> None:
        super().__init__(io.BytesIO(), "ascii", write_through=True)

    def isatty(self) -> bool:
        return True


class Closes(Callback):
    def __init__(self, stream: io.StringIO) -> None:
        self.stream = stream

    def on_step_end(self, run: Run) -> None:
        if run.step == 2:
            self.stream.close()


def closed() -> Stream:
    stream = Stream(terminal=True)
    stream.close()
    return stream


class OnlyWrites:
    def write(self, text: str) -> None:
        """Forget it."""


@pytest.fixture(params=["tqdm", "plain"])
def either_line(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "tqdm":
        pytest.importorskip("tqdm")
    else:
        monkeypatch.setitem(sys.modules, "tqdm", None)
        monkeypatch.setitem(sys.modules, "tqdm.auto", None)


@pytest.mark.usefixtures("either_line")
@pytest.mark.parametrize(
    ("make", "options", "error"),
    [
        (closed, {}, "ValueError: I/O operation on closed file"),
        (OnlyWrites, {}, "AttributeError: 'OnlyWrites' object has no attribute 'isatty'"),
        (object, {}, "AttributeError: 'object' object has no attribute 'isatty'"),
        (lambda: Fails(BrokenPipeError(32, "Broken pipe"), 0), {}, "BrokenPipeError"),
        (lambda: Fails(BrokenPipeError(32, "Broken pipe"), 5), {}, "BrokenPipeError"),
        (lambda: Fails(OSError(28, "No space left on device"), 5), {}, "OSError.*No space left"),
        (Ascii, {"description": "Überanpassung"}, "UnicodeEncodeError"),
    ],
)
def test_a_line_that_cannot_be_written_is_a_warning_and_the_run_continues(
    make: Callable[[], Any], options: dict[str, Any], error: str
) -> None:
    bar, losses = ProgressBar(stream=make(), interval=0, **options), Losses()
    for steps in (5, 10):  # once per fit
        with pytest.warns(MinidlWarning, match=f"ProgressBar cannot write its line: {error}") as warned:
            run(bar, losses)
        assert len(warned) == 1
        assert len(losses.loss) == steps
        bar.stream = make()


@pytest.mark.usefixtures("either_line")
def test_a_stream_that_is_closed_during_a_run_ends_the_line_and_not_the_run() -> None:
    stream, losses = Stream(terminal=True), Losses()
    with pytest.warns(MinidlWarning, match="closed file") as warned:
        run(ProgressBar(stream=stream, interval=0), Closes(stream), losses)
    assert (len(warned), len(losses.loss)) == (1, 5)


@pytest.mark.usefixtures("either_line")
def test_a_broken_stream_does_not_matter_if_the_line_is_not_shown() -> None:
    run(ProgressBar(stream=closed(), show=False))


@pytest.mark.usefixtures("either_line")
def test_ctrl_c_is_not_taken_for_an_error_of_the_line() -> None:
    class Interrupts(Stream):
        pressed = False

        def write(self, text: str) -> int:
            if not self.pressed:
                self.pressed = True
                raise KeyboardInterrupt
            return super().write(text)

    bowl = Quadratic([[1.0]], start=[4.0])
    bar = ProgressBar(stream=Interrupts(terminal=True), interval=0)
    assert minimize(bowl, SGD(bowl.parameters(), 0.5), 5, [bar]).reason == INTERRUPTED


@pytest.mark.parametrize("stderr", ["None", "Mute()", "open('x'); sys.stderr.close()"])
def test_standard_error_may_be_missing(stderr: str, tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    code = (
        f"import sys; from minidl import *; Mute = type('Mute', (), {{'flush': lambda _: None}}); "
        f"sys.stderr = {stderr}; bowl = Quadratic([[1.0]], start=[4.0])\n"
        f"print(len(minimize(bowl, SGD(bowl.parameters(), 0.5), 5, [ProgressBar()]).loss))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "5\n")


@pytest.mark.usefixtures("either_line")
def test_the_error_of_a_callback_is_not_hidden() -> None:
    for bar in (ProgressBar(), ProgressBar(stream=Stream(terminal=True)), ProgressBar(stream=Fails(OSError(), 3))):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", MinidlWarning)
            for event in ("on_fit_begin", "on_step_end"):
                with pytest.raises(KeyError):
                    run(bar, At(event, 1, fails))


def test_a_bar_that_could_not_begin_ends_without_an_error() -> None:
    ProgressBar().on_fit_end(None)  # type: ignore[arg-type]
