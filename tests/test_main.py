"""The command line: what is in a file, export to ONNX, and what goes wrong."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from minidl import (
    LSTM,
    Branches,
    Conv2D,
    CubicValley,
    Dense,
    Embedding,
    Flatten,
    GlobalAveragePool1D,
    Module,
    ReLU,
    Sequential,
    Standardize,
    integrations,
    save,
)
from minidl.__main__ import main
from minidl.contents import contents


def network() -> Sequential:
    return Sequential(Dense(4, 8), ReLU(), Dense(8, 3), rng=0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    save(network(), tmp_path / "model.npz")
    return tmp_path / "model.npz"


def test_info_prints_what_is_in_a_file(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(path)]) == 0
    assert capsys.readouterr().out == f"{contents(path)}\n"


DAMAGES = {
    "": "is neither a file of minidl nor",
    "text": "is neither a file of minidl nor",
    "cut": "model.npz' is not a file of minidl, or its end is missing",
    "changed": "model.npz' is damaged: its checksum is wrong",
    "header": "model.npz' is damaged, or not a safetensors file: its header is longer",
    "JSON": "model.npz' does not match",
    "short": "model.npz' is damaged: its arrays are not as long",
    "list": "model.npz' does not match",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_named(damage: str, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = path.read_bytes()
    header = b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'
    content = {
        "": b"",
        "text": b"this is no such file",
        "cut": whole[:-1],
        "changed": whole[:500] + bytes([whole[500] ^ 1]) + whole[501:],
        "header": b"\xff" * 7 + b"\x7f{}",
        "JSON": (5).to_bytes(8, "little") + b"{nope",
        "short": len(header).to_bytes(8, "little") + header + bytes(7),
        "list": (9).to_bytes(8, "little") + b'{"a": []}',
    }
    path.write_bytes(content[damage])
    assert main(["info", str(path)]) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert re.fullmatch(rf"minidl: .*{DAMAGES[damage]}.*\n", output.err)


def test_files_that_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for file, reason in ((tmp_path / "none.npz", "No such file"), (tmp_path, "Is a directory")):
        assert main(["info", str(file)]) == 1
        assert re.fullmatch(rf"minidl: '{file}': {reason}.*\n", capsys.readouterr().err)


def test_a_reader_that_has_seen_enough_is_no_error(path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as closed:
        command = [sys.executable, "-m", "minidl", "info", str(path)]
        done = subprocess.run(command, stdout=closed, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


class Exported:
    """Stands for the export, and records what it is given."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[tuple[Module, str, Any]] = []
        monkeypatch.setattr(integrations, "save_onnx", lambda *given: self.calls.append(given))


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> Exported:
    return Exported(monkeypatch)


@pytest.mark.parametrize(
    ("model", "options", "shape"),
    [
        (network(), [], (4,)),
        (Dense(3, 1), [], (3,)),
        (Sequential(Flatten(), Dense(6, 1)), ["--input-shape", "2,3"], (2, 3)),
        (Sequential(Flatten(), Dense(6, 1)), [], (6,)),
        (Sequential(Standardize(2), Dense(2, 1)), [], (2,)),
        (Branches(Dense(3, 1), ReLU()), ["--input-shape=3"], (3,)),
        (network(), ["--input-shape", "time, 4"], ("time", 4)),
        (network(), ["--input-shape", "4", "--input-shape", "5, 6"], ((4,), (5, 6))),
    ],
)
def test_a_model_is_exported_for_samples_of_a_shape(
    model: Module, options: list[str], shape: Any, exported: Exported, tmp_path: Path
) -> None:
    save(model, tmp_path / "model.npz")
    assert main(["export", str(tmp_path / "model.npz"), "model.onnx", *options]) == 0
    ((given, target, sample),) = exported.calls
    assert (repr(given), target, sample) == (repr(model), "model.onnx", shape)


@pytest.mark.parametrize(
    "model",
    [
        Sequential(Flatten(), ReLU()),
        Sequential(Conv2D(1, 2, 3), Flatten(), Dense(8, 1)),
        Sequential(Embedding(5, 2), GlobalAveragePool1D(), Dense(2, 1)),
        Sequential(GlobalAveragePool1D(), Dense(2, 1)),
        Sequential(Dense(2, 3), LSTM(3, 4)),
    ],
    ids=repr,
)
def test_a_shape_that_the_layers_leave_open_must_be_passed(
    model: Module, exported: Exported, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(model, tmp_path / "model.npz")
    assert main(["export", str(tmp_path / "model.npz"), "model.onnx"]) == 1
    assert "pass it, such as --input-shape 28,28,1" in capsys.readouterr().err
    assert exported.calls == []


def test_an_objective_is_not_exported(exported: Exported, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(CubicValley(x=1.0, y=1.0), tmp_path / "valley.npz")
    for options in ([], ["--input-shape", "2"]):
        assert main(["export", str(tmp_path / "valley.npz"), "valley.onnx", *options]) == 1
        assert "valley.npz' holds CubicValley" in capsys.readouterr().err
    assert exported.calls == []
    assert contents(tmp_path / "valley.npz").startswith("a model, ")


def test_layers_of_ones_own_are_imported_first(
    exported: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "my_layers.py").write_text("from minidl import Dense\nclass Mine(Dense):\n    pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    file, target = str(tmp_path / "mine.npz"), "mine.onnx"
    script = f"import minidl, my_layers; minidl.save(my_layers.Mine(2, 1), {file!r})"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", script], check=True, env=environment)
    assert main(["export", file, target]) == 1
    assert "needs the type 'Mine' of 'my_layers', which nothing has defined" in capsys.readouterr().err
    assert main(["export", file, target, "--import", "not_there"]) == 1
    assert capsys.readouterr().err == "minidl: No module named 'not_there'\n"
    assert main(["export", file, target, "--import", "my_layers"]) == 0
    assert [(type(model).__name__, shape) for model, _, shape in exported.calls] == [("Mine", (2,))]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["inform", "a.npz"], "invalid choice: 'inform'"),
        (["info"], "the following arguments are required: FILE"),
        (["export", "a.npz"], "the following arguments are required: FILE.onnx"),
        (["export", "a.npz", "a.npz"], "argument FILE.onnx: the name must end in .onnx, got 'a.npz'"),
        (
            ["export", "a", "a.onnx", "--input-shape", "28x28"],
            "a shape is positive integers, such as 28,28,1, or names of sizes that may be any, got '28x28'",
        ),
        (["export", "a", "a.onnx", "--input-shape", "0,1"], "a shape is positive integers"),
        (["export", "a", "a.onnx", "--input-shape", ""], "a shape is positive integers"),
    ],
)
def test_wrong_words_show_the_usage(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("usage: python -m minidl")
    assert message in error


def test_help_names_both_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    assert re.search(r"info .*\n.*export ", capsys.readouterr().out)
