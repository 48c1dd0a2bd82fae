"""The gallery of demos: programs that stay plain scripts, made into what Sphinx-Gallery takes.

It runs each demo as a reader does; the demos write their pictures into a folder, from where a scraper collects them.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

DOCS = Path(__file__).parents[1]
ROOT = DOCS.parent
COPIES = DOCS / "_build" / "demos"
PAGES = DOCS / "gallery"
KEPT = [COPIES, PAGES, *(DOCS / "_build" / "html" / name for name in (".doctrees", "plot_directive"))]
"""What a build takes over from the one before."""

ORDER = ["feedforward", "gradient_descent", "xor"]  # the assignment
ORDER += ["digits", "optimizer_race", "vanishing_gradients", "curve_fitting", "images", "branches", "characters"]
ORDER += ["parallel"]
QUICK = ["characters"]  # run with --quick, as they take minutes otherwise
THUMBNAILS = {"gradient_descent": 2, "xor": 4}  # which of its pictures stands for a demo, by default the first

UNSHOWN = {
    "digits_jitter.png": "Eight handwritten digits and three copies of each, shifted, tilted and stretched",
    "optimizer_race_progress.png": "Lowest value on two landscapes and loss on the digits, a line per optimizer",
}
"""Pictures that no page shows, in words."""

TITLE = re.compile(r"(?:Q\d: )?[^.:,\n]+")

HEADER = """\
Demos
=====

Programs to read from top to bottom, as they ran when this site was built: what each printed, what it drew, how long it
took, and the code. What there is to learn from them is told in :doc:`/assignment` and :doc:`/demos`. They share
{helpers}; :download:`all files in one </_build/demos/demos.zip>`.
"""


def sources() -> tuple[list[Path], list[Path]]:
    """The demos, and what they import from beside them."""
    paths = sorted((ROOT / "demos").glob("*.py"))
    demos = [path for path in paths if "__main__" in path.read_text(encoding="utf-8")]
    return demos, [path for path in paths if path not in demos]


def prepare() -> None:
    """Copy the demos to where the gallery reads them, each with an underlined title.

    What has not changed since the last build is not made again. Sphinx sees to that for pages, and Sphinx-Gallery for
    demos; but neither knows that what minidl and these extensions do has changed, after which all is made anew.
    """
    demos, helpers = sources()
    stamp = COPIES / "stamp"
    digest = hashlib.sha256()
    for path in [*sorted((ROOT / "minidl").rglob("*.py")), *helpers, *sorted(Path(__file__).parent.glob("*.py"))]:
        digest.update(path.read_bytes())
    if not (stamp.exists() and stamp.read_text() == digest.hexdigest()):
        for path in (path for folder in KEPT for path in folder.glob("*")):  # Sphinx expects the folders themselves
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    COPIES.mkdir(parents=True, exist_ok=True)
    for path in demos:
        _, docstring, code = path.read_text(encoding="utf-8").split('"""', 2)
        if path.stem in THUMBNAILS:
            code += f"\n# sphinx_gallery_thumbnail_number = {THUMBNAILS[path.stem]}\n"
        (COPIES / path.name).write_text(f'"""\n{_titled(docstring)}"""{code}', encoding="utf-8")
    for path in helpers:
        shutil.copyfile(path, COPIES / path.name)
    with ZipFile(COPIES / "demos.zip", "w") as archive:
        for path in [*demos, *helpers]:
            archive.write(path, f"demos/{path.name}")
    links = [f":download:`{path.name} </_build/demos/{path.name}>`" for path in helpers]
    (COPIES / "GALLERY_HEADER.rst").write_text(HEADER.format(helpers=_listed(links)), encoding="utf-8")
    stamp.write_text(digest.hexdigest())


def _listed(items: list[str]) -> str:
    return f"{', '.join(items[:-1])} and {items[-1]}"


def _titled(docstring: str) -> str:
    r"""What a demo says of itself, with its first words as a title, and the line with its command as code.

    >>> print(_titled("Races: nine optimizers.\n\npython demos/race.py [--show]\n"))
    Races
    =====
    <BLANKLINE>
    Races: nine optimizers.
    <BLANKLINE>
    ``python demos/race.py [--show]``
    <BLANKLINE>
    """
    title = TITLE.findall(docstring)[0]
    body = re.sub(r"^(python demos/.*)$", r"``\1``", docstring, count=1, flags=re.MULTILINE)
    return f"{title}\n{'=' * len(title)}\n\n{body}"


def arguments(gallery_conf: dict[str, Any], script: dict[str, Any]) -> list[str]:
    """The command line of a demo: each has a folder for its pictures."""
    demo = Path(script["src_file"]).stem
    return ["--out", f"output/{demo}", *(["--quick"] if demo in QUICK else [])]


def scraper(block: Any, script: dict[str, Any], gallery_conf: dict[str, Any]) -> str:
    """The pictures that a demo has written, in the order in which it drew them."""
    pictures = list((COPIES / "output" / Path(script["src_file"]).stem).glob("*"))
    shown = []
    for picture in sorted(pictures, key=lambda path: path.stat().st_mtime_ns):
        target = Path(next(script["image_path_iterator"])).with_suffix(picture.suffix)
        shutil.copyfile(picture, target)
        place = target.relative_to(gallery_conf["src_dir"]).as_posix()
        shown.append(f".. image:: /{place}\n   :alt: {_described(picture)}\n   :class: sphx-glr-single-img\n")
    return "\n".join(shown)


def _described(picture: Path) -> str:
    """What there is to see, in the words of the page that shows it, too."""
    return dict(_descriptions()).get(picture.name, picture.stem.replace("_", " "))


def _descriptions() -> Iterator[tuple[str, str]]:
    yield from UNSHOWN.items()
    for page in sorted(DOCS.rglob("*.md")):
        for words, name in re.findall(r"!\[([^\]]+)\]\((?:\.\./)*images/([^)]+)\)", page.read_text(encoding="utf-8")):
            yield name, " ".join(words.split())


class Order:
    """Sorts the demos as `ORDER` does, others after them."""

    def __init__(self, src_dir: str) -> None:
        self.src_dir = src_dir

    def __call__(self, filename: str) -> tuple[int, str]:
        stem = Path(filename).stem
        return ORDER.index(stem) if stem in ORDER else len(ORDER), stem

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"
