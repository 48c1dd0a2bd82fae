"""The progress line: what it says, in a terminal and in a file."""

import io
import re
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from minidl import SGD, Callback, Checkpoint, ProgressBar, Quadratic, Run, minimize
from minidl.callbacks import progress
from tests.callbacks.recording import At, Clock, Hooks, fails
from tests.training.factories import data, make_trainer, network


class Stream(io.StringIO):
    """A place to write that is a terminal or not."""

    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self.terminal = terminal
        self.flushed = 0

    def flush(self) -> None:
        self.flushed += 1

    def isatty(self) -> bool:
        return self.terminal


def run(bar: ProgressBar, *callbacks: Callback, steps: int = 5) -> None:
    bowl = Quadratic([[1.0]], start=[4.0])
    minimize(bowl, SGD(bowl.parameters(), 0.5), steps, [*callbacks, bar])


def in_shell(monkeypatch: pytest.MonkeyPatch, shell: object) -> None:
    """Replace IPython by one whose shell is this one. None stands for a script."""
    package: Any = ModuleType("IPython")
    package.get_ipython = lambda: shell
    monkeypatch.setitem(sys.modules, "IPython", package)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock(2.0)
    monkeypatch.setattr(progress, "perf_counter", clock)
    return clock


@pytest.fixture
def without_tqdm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)


@pytest.mark.usefixtures("without_tqdm")
def test_the_plain_line_says_step_loss_and_time_left(clock: Clock) -> None:
    stream = Stream(terminal=True)
    run(ProgressBar("fit", stream=stream, interval=0), clock)
    lines = stream.getvalue().split("\r")
    assert lines[0] == ""
    assert [line.rstrip(" ") for line in lines[1:]] == [
        "fit: step 1/5, loss 8, 0:02 passed, 0:08 left",
        "fit: step 2/5, loss 2, 0:04 passed, 0:06 left",
        "fit: step 3/5, loss 0.5, 0:06 passed, 0:04 left",
        "fit: step 4/5, loss 0.125, 0:08 passed, 0:02 left",
        "fit: step 5/5, loss 0.03125, 0:10 passed, 0:00 left",
        "fit: step 5/5, loss 0.03125, 0:10 passed, 0:00 left\n",
    ]
    widths = [len(line.rstrip("\n")) for line in lines[1:]]
    assert widths == sorted(widths)


@pytest.mark.usefixtures("without_tqdm")
def test_updates_keep_their_interval(clock: Clock) -> None:
    stream = Stream(terminal=True)
    run(ProgressBar(stream=stream, interval=3.9), clock, steps=6)
    assert [line.split(",")[0] for line in stream.getvalue().split("\r")[1:]] == [
        "step 1/6",
        "step 3/6",
        "step 5/6",
        "step 6/6",
    ]


@pytest.mark.usefixtures("clock")
def test_a_shorter_line_overwrites_a_longer_one() -> None:
    line = progress._OneLine(10, "", stream := Stream(terminal=True))
    line.show(1, "loss 0.1235")
    line.show(2, "loss 1")
    first, second = stream.getvalue().split("\r")[1:]
    assert len(second) == len(first)


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0:00"), (9.6, "0:10"), (59.7, "1:00"), (61, "1:01"), (3600, "60:00")]
)
def test_times_are_minutes_and_seconds(seconds: float, shown: str) -> None:
    assert progress._clock(seconds) == shown


@pytest.mark.usefixtures("without_tqdm")
def test_silent_only_if_told_so() -> None:
    for terminal in (True, False):
        for show in (True, False):
            stream = Stream(terminal=terminal)
            run(ProgressBar(stream=stream, show=show))
            assert bool(stream.getvalue()) is show


def test_in_a_file_there_are_whole_lines_at_intervals_and_one_at_the_end(clock: Clock) -> None:
    stream = Stream(terminal=False)
    run(ProgressBar("fit", stream=stream, log_interval=5), clock, steps=10)
    assert stream.getvalue().splitlines(keepends=True) == [
        "fit: step 3/10, loss 0.5, 0:06 passed, 0:14 left\n",
        "fit: step 6/10, loss 0.007812, 0:12 passed, 0:08 left\n",
        "fit: step 9/10, loss 0.0001221, 0:18 passed, 0:02 left\n",
        "fit: step 10/10, loss 3.052e-05, 0:20 passed, 0:00 left\n",
    ]
    assert stream.flushed == 4


def test_a_short_run_is_one_line_in_a_file() -> None:
    stream = Stream(terminal=False)
    run(ProgressBar(stream=stream))
    assert re.fullmatch(r"step 5/5, loss 0\.03125, 0:00 passed, 0:00 left\n", stream.getvalue())


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("tqdm", [True, False])
def test_the_validation_loss_is_shown_once_it_is_known(
    terminal: bool, tqdm: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if tqdm:
        pytest.importorskip("tqdm")
    else:
        monkeypatch.setitem(sys.modules, "tqdm", None)
        monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    stream = Stream(terminal=terminal)
    trainer = make_trainer(network(), ProgressBar(stream=stream, interval=0, log_interval=0))
    history = trainer.fit(*data(), epochs=3, validation=data(5))
    lines = [line for line in re.split(r"[\r\n]+", stream.getvalue()) if re.search(r"\b[123]/3\b", line)]
    assert "validation" not in lines[0]
    for line, value in zip(
        (lines[1], lines[-1]), (history.epochs["validation_loss"][index] for index in (0, 2)), strict=True
    ):
        assert f"validation loss {value:.4g}" in line
    trainer.fit(*data(), epochs=1)
    assert "validation" not in stream.getvalue().splitlines()[-1].split("\r")[-1]


@pytest.mark.usefixtures("without_tqdm")
def test_standard_error_by_default_and_in_a_notebook(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(ProgressBar())
    out, err = capsys.readouterr()
    assert (out, err.count("\n"), err.count("\r")) == ("", 1, 0)
    in_shell(monkeypatch, SimpleNamespace(kernel=object()))
    run(ProgressBar())
    out, err = capsys.readouterr()
    assert out == ""
    assert "\rstep 5/5" in err
    log = Stream(terminal=False)
    run(ProgressBar(stream=log))
    assert "\r" not in log.getvalue()


@pytest.mark.usefixtures("without_tqdm")
@pytest.mark.parametrize("shell", [None, SimpleNamespace()])
def test_ipython_in_a_terminal_or_merely_imported_is_not_a_notebook(
    shell: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    in_shell(monkeypatch, shell)
    monkeypatch.setitem(sys.modules, "ipykernel", ModuleType("ipykernel"))
    run(ProgressBar())
    assert "\r" not in capsys.readouterr().err


def test_with_tqdm_its_bar_is_shown() -> None:
    pytest.importorskip("tqdm")
    stream = Stream(terminal=True)
    run(ProgressBar("fit", stream=stream, interval=0))
    text = stream.getvalue()
    assert "fit: 100%" in text
    assert "5/5" in text
    assert "loss 0.03125" in text


def test_with_tqdm_there_are_plain_lines_in_a_file() -> None:
    stream = Stream(terminal=False)
    run(ProgressBar(stream=stream))
    assert "\r" not in stream.getvalue()
    assert "step 5/5" in stream.getvalue()


@pytest.mark.usefixtures("without_tqdm")
def test_a_second_fit_begins_a_new_line_from_zero() -> None:
    stream = Stream(terminal=True)
    trainer = make_trainer(network(), ProgressBar(stream=stream, interval=0))
    trainer.fit(*data(), epochs=4)
    trainer.fit(*data(), epochs=3)
    first, second, rest = stream.getvalue().split("\n")
    assert rest == ""
    assert first.split("\r")[-1].startswith("step 4/4")
    steps = [line.split(",")[0] for line in second.split("\r")[1:]]
    assert steps == ["step 1/3", "step 2/3", "step 3/3", "step 3/3"]
    assert stream.flushed >= 4 + 3


@pytest.mark.usefixtures("without_tqdm")
def test_the_line_ends_also_when_the_run_fails() -> None:
    stream = Stream(terminal=True)
    with pytest.raises(KeyError):
        run(ProgressBar(stream=stream), At("on_step_end", 2, fails))
    assert stream.getvalue().endswith("\n")


@pytest.mark.usefixtures("without_tqdm")
def test_no_steps_are_no_error() -> None:
    stream = Stream(terminal=True)
    run(ProgressBar(stream=stream), steps=0)
    assert "step 0/0" in stream.getvalue()


@pytest.mark.usefixtures("without_tqdm")
@pytest.mark.parametrize(("epochs", "shown"), [(3, "step 0/0,"), (2, "step 0/0,"), (5, "step 4/4,")])
def test_a_finished_run_that_is_resumed_shows_the_steps_that_are_left(epochs: int, shown: str, tmp_path: Path) -> None:
    options: dict[str, Any] = {"batch_size": 4, "rng": 0}
    make_trainer(network(), Checkpoint(tmp_path / "run.npz")).fit(*data(), epochs=3, **options)
    stream = Stream(terminal=True)
    runs: list[Run] = []
    trainer = make_trainer(network(), ProgressBar(stream=stream, interval=0), Hooks(on_fit_end=runs.append))
    trainer.fit(*data(), epochs=epochs, resume_from=tmp_path / "run.npz", **options)
    assert (runs[0].step, runs[0].steps) == (max(6, 2 * epochs),) * 2
    assert runs[0].epoch == runs[0].epochs == max(3, epochs)
    assert shown in stream.getvalue()
    assert "-" not in stream.getvalue().replace("e-", "")
