"""What the playground needs of the packages that it is made from, cut from the files that they ship."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo


def names(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


MATPLOTLIB = names(
    "matplotlib mpl_toolkits pylab PIL contourpy cycler fontTools kiwisolver pyparsing packaging dateutil six"
)
"""Matplotlib and the packages that it imports: a part of its own, loaded when code imports it."""

OTHER_PACKAGES = names(
    "attr attrs bs4 charset_normalizer cloudpickle defusedxml et_xmlfile formulaic html5lib interface_meta "
    "isympy jinja2 joblib lxml markupsafe more_itertools mpmath narwhals networkx openpyxl pandas patsy pypdf regex "
    "reportlab reportlab_mods reportlab_settings scipy seaborn sklearn soupsieve statsmodels sympy tabulate "
    "threadpoolctl tlz tomli_w toolz tqdm typing_extensions tzdata webencodings wrapt xlrd xlsxwriter xmltodict "
    "yaml"
)
"""Packages that neither minidl nor Matplotlib imports."""

NO_USE = names(
    "_aix_support _android_support _apple_support _ios_support _osx_support _pyrepl antigravity curses ftplib idlelib "
    "imaplib mailbox multiprocessing poplib pty pydoc_data smtplib sqlite3 ssl this tty turtle "
    "webbrowser wsgiref xmlrpc zipapp"
)
"""Parts of the standard library that need a terminal, a network, a window or processes."""

NOT_IN_LIBRARY = ("profiling/sampling/",)  # it watches other processes

FONT_TOOLS = ("fontTools/__init__", "fontTools/agl", "fontTools/misc/__init__", "fontTools/misc/loggingTools",
              "fontTools/misc/textTools")  # fmt: skip
"""What Matplotlib imports of fontTools."""

DATA = "matplotlib/mpl-data.zip"
NOT_IN_DATA = ("sample_data/", "images/", "fonts/afm/", "fonts/pdfcorefonts/")
"""Folders of Matplotlib's data that hold examples, the icons of windows, and the fonts of PostScript and PDF."""

SEPARATE = ("minidl/datasets/fashion.npz",)
"""Files of minidl that the page fetches when code opens them."""

EPOCH = (1980, 1, 1, 0, 0, 0)


def cut_library(library: IO[bytes]) -> tuple[bytes, bytes]:
    """Return two zip files: the standard library with NumPy, and Matplotlib with its needs.

    Python reads both as they are, so that the page keeps them in memory compressed.
    """
    base, matplotlib = {}, {}
    with ZipFile(library) as source:
        for name in sorted(source.namelist()):
            top = name.split("/")[0].removesuffix(".pyc").removesuffix(".py")
            if name.endswith("/") or top in OTHER_PACKAGES | NO_USE or top.endswith(".dist-info"):
                continue
            if name.startswith(NOT_IN_LIBRARY) or (top == "fontTools" and not name.startswith(FONT_TOOLS)):
                continue
            part = matplotlib if top in MATPLOTLIB else base
            part[name] = _cut_data(source.read(name)) if name == DATA else source.read(name)
    for needed, part in (("numpy/__init__.pyc", base), (DATA, matplotlib)):
        if needed not in part:
            raise ValueError(f"the standard library has no {needed}: its layout has changed, see {Path(__file__).name}")
    return _zip(base, ZIP_DEFLATED), _zip(matplotlib, ZIP_DEFLATED)


def _cut_data(data: bytes) -> bytes:
    """The zip file of Matplotlib's data without the folders of `NOT_IN_DATA`."""
    with ZipFile(io.BytesIO(data)) as source:
        kept = {name: source.read(name) for name in source.namelist() if not name.startswith(NOT_IN_DATA)}
    return _zip(kept, ZIP_STORED)


def _zip(files: dict[str, bytes], compression: int) -> bytes:
    buffer = io.BytesIO()
    with ZipFile(buffer, "w") as target:
        for name, data in files.items():
            target.writestr(ZipInfo(name, EPOCH), data, compression)
    return buffer.getvalue()


def pack_package(package: Path) -> bytes:
    """Return a tar file of the package, without the page of the playground and without the files of `SEPARATE`."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path in package_files(package):
            name = path.relative_to(package.parent).as_posix()
            data = path.read_bytes()
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            if name not in SEPARATE:
                archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def package_files(package: Path) -> Iterator[Path]:
    """Each file that Python needs of the package, in a fixed order."""
    page = package / "playground" / "page"
    for path in sorted(package.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts and page not in path.parents:
            yield path


def compress(data: bytes) -> bytes:
    """Return the data as gzip, the same bytes for the same data."""
    return gzip.compress(data, 9, mtime=0)
