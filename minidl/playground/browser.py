"""What Python needs to run in a browser, where its files are in memory and Matplotlib comes only when asked for.

The worker of the page imports this module. Nothing else does.
"""

from __future__ import annotations

import io
import linecache
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from zipfile import ZipFile
from zipimport import zipimporter

__all__ = ["MatplotlibFinder", "flush_lines", "forget_sources"]


class MatplotlibFinder:
    """Finds Matplotlib, and the packages that it needs, in a zip file that is fetched when it is opened.

    Matplotlib reads fonts and styles from a folder beside its module. They are a zip file within the zip file, which is
    unpacked into `folder`, and the module says that it is there.

    Args:
        archive: the path of the zip file.
        folder: an empty folder, or one that does not exist yet.

    Example:
        >>> MatplotlibFinder("matplotlib.zip", "data").find_spec("numpy") is None
        True
    """

    names = ("matplotlib", "mpl_toolkits", "pylab", "PIL")

    def __init__(self, archive: str, folder: str) -> None:
        self.archive, self.folder = archive, folder

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return where Matplotlib is, and None for any other name, after which Python searches as usual."""
        if name.partition(".")[0] not in self.names:
            return None
        if self.archive not in sys.path:
            sys.path.append(self.archive)
        if name != "matplotlib":
            return None
        packages = zipimporter(self.archive)
        data = packages.get_data(f"{self.archive}/matplotlib/mpl-data.zip")
        with ZipFile(io.BytesIO(data)) as fonts_and_styles:
            fonts_and_styles.extractall(Path(self.folder, "mpl-data"))
        spec = packages.find_spec(name)
        if spec is not None:
            spec.origin = f"{self.folder}/__init__.py"
        return spec


def flush_lines() -> None:
    """Show each line as soon as it is printed, whatever its characters."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)


def forget_sources() -> None:
    """Stop the interpreter from keeping the source of each turn, of which there are thousands.

    It keeps them for tracebacks. A turn is a call of `Session.turn`, which reports errors itself.
    """
    if hasattr(linecache, "_register_code"):
        vars(linecache)["_register_code"] = lambda *_: None
