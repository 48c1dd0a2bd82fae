"""The gallery of demos. It turns plain scripts into what Sphinx-Gallery expects.

It shows a recorded run of each demo. The demos write their pictures to a folder, and a scraper collects them there.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import tomllib
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile, ZipInfo

import demo_runs
import replay
from PIL import Image, ImageOps
from progress import say
from sphinx.util import logging

logger = logging.getLogger(__name__)

DOCS = Path(__file__).parents[1]
ROOT = DOCS.parent
COPIES = DOCS / "_build" / "demos"
PAGES = DOCS / "gallery"
WORDS = Path(__file__).with_name("pictures.toml")
DOCTREES = DOCS / "_build" / "html" / ".doctrees"
KEPT = [COPIES, PAGES, DOCTREES, DOCS / "_build" / "html" / "plot_directive"]
"""What a build reuses from the build before it."""

ORDER = ["feedforward", "gradient_descent", "xor"]  # the assignment
ORDER += ["digits", "optimizer_race", "vanishing_gradients", "curve_fitting", "images", "branches", "characters"]
ORDER += ["parallel"]
THUMBNAILS = {
    "feedforward": ("network.png", (0.0, 0.0, 1.0, 1.0)),
    "gradient_descent": ("contours.png", (0.0, 0.0, 0.49, 0.9)),
    "xor": ("boundary.png", (0.0, 0.0, 0.48, 0.88)),
    "digits": ("digits_mistakes.png", (0.0, 0.1, 0.5, 0.56)),
    "optimizer_race": ("optimizer_race.png", (0.0, 0.36, 0.34, 0.63)),
    "vanishing_gradients": ("vanishing_gradients.png", (0.0, 0.0, 0.37, 0.455)),
    "curve_fitting": ("curve_fitting.png", (0.675, 0.0, 1.0, 0.445)),
    "images": ("images_mistakes.png", (0.0, 0.09, 0.5, 0.54)),
    "branches": ("branches_autoencoder.png", (0.0, 0.0, 0.46, 1.0)),
    "characters": ("characters_losses.png", (0.0, 0.0, 1.0, 1.0)),
    "parallel": ("parallel.png", (0.0, 0.0, 0.49, 1.0)),
}
"""The picture in docs/images that stands for a demo, and the part of it that is legible when it is small.

The part is a box (left, top, right, bottom), in shares of the width and the height.
"""
THUMBNAIL = (400, 280)  # the size in pixels

UNSHOWN = {
    "digits_jitter.png": "Eight handwritten digits and three copies of each, shifted, tilted and stretched",
    "optimizer_race_progress.png": "Lowest value on two landscapes and loss on the digits, a line per optimizer",
}
"""Pictures that no page shows, in words."""

TITLE = re.compile(r"(?:Q\d: )?[^.:,\n]+")

HEADER = """\
Demos
=====

Each page shows the code of a program, what it printed, what it drew, and how long it took. The programs ran when this
site was built. :doc:`/assignment` and :doc:`/demos` explain the results.

To run a demo yourself, download :download:`all files </_build/demos/demos.zip>`. The demos share {helpers}.
"""


def prepare() -> None:
    """Copy the demos to where the gallery reads them, each with an underlined title.

    Demos and plots whose code has not changed are not run again. Sphinx-Gallery and Sphinx ensure that, but they do not
    notice changes of minidl, of installed packages or of these extensions. Such a change removes what was built:
    everything if what demos run has changed, and only the pages that Sphinx has read if it was another extension.
    Docstrings and comments of minidl do not count.
    """
    demos, helpers = demo_runs.demos(), demo_runs.helpers()
    here = Path(__file__)
    texts = [path.read_text(encoding="utf-8") for path in [here, WORDS, here.with_name("plot.py")]]
    if _changed("results", [demo_runs.shared(), *texts]):
        _empty(KEPT)
    if _changed("pages", [path.read_text(encoding="utf-8") for path in sorted(here.parent.glob("*.py"))]):
        _empty([DOCTREES])
    COPIES.mkdir(parents=True, exist_ok=True)
    for path in demos:
        _, docstring, code = path.read_text(encoding="utf-8").split('"""', 2)
        if path.stem in THUMBNAILS:
            code += f"\n# sphinx_gallery_thumbnail_path = {_thumbnail(path.stem)!r}\n"
        _write(COPIES / path.name, f'"""\n{_titled(docstring)}"""{code}')
    for path in helpers:
        _write(COPIES / path.name, path.read_text(encoding="utf-8"))
    buffer = BytesIO()
    with ZipFile(buffer, "w") as archive:
        for path in [*demos, *helpers]:
            archive.writestr(ZipInfo(f"demos/{path.name}"), path.read_bytes())
    _write(COPIES / "demos.zip", buffer.getvalue())
    links = [f":download:`{path.name} </_build/demos/{path.name}>`" for path in helpers]
    _write(COPIES / "GALLERY_HEADER.rst", HEADER.format(helpers=_listed(links)))


def _changed(name: str, texts: Iterable[str]) -> bool:
    """Whether texts differ from those of the build before. Their digest is kept in a file of this name."""
    digest = hashlib.sha256("\0".join(texts).encode()).hexdigest()
    stamp = DOCS / "_build" / "stamps" / name
    changed = not (stamp.exists() and stamp.read_text() == digest)
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(digest)
    return changed


def _empty(folders: Iterable[Path]) -> None:
    """Remove what is in some folders. Sphinx expects the folders themselves."""
    for path in (path for folder in folders for path in folder.glob("*")):
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _write(path: Path, content: str | bytes) -> None:
    """Write a file unless it already has this content. Sphinx reads a page again if a file that it uses is newer."""
    content = content.encode() if isinstance(content, str) else content
    if not (path.exists() and path.read_bytes() == content):
        path.write_bytes(content)


def _thumbnail(demo: str) -> str:
    """Cut the thumbnail of a demo out of one of its pictures, and return its path as Sphinx-Gallery reads it."""
    name, box = THUMBNAILS[demo]
    path = COPIES / "thumbnails" / f"{demo}.png"
    path.parent.mkdir(exist_ok=True)
    with Image.open(DOCS / "images" / name) as picture:
        left, top, right, bottom = (share * size for share, size in zip(box, 2 * picture.size, strict=True))
        part = picture.convert("RGB").crop((round(left), round(top), round(right), round(bottom)))
    ImageOps.pad(part, THUMBNAIL, Image.Resampling.LANCZOS, "white").save(path)
    return path.relative_to(DOCS).as_posix()


def _listed(items: list[str]) -> str:
    return f"{', '.join(items[:-1])} and {items[-1]}"


def _titled(docstring: str) -> str:
    r"""The docstring of a demo, with its first words as a title, and the line with its command as code.

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
    docstring = docstring.removeprefix(f"{title}.\n\n")  # it would say the same twice
    body = re.sub(r"^(python demos/.*)$", r"``\1``", docstring, count=1, flags=re.MULTILINE)
    return f"{title}\n{'=' * len(title)}\n\n{body}"


def arguments(gallery_conf: dict[str, Any], script: dict[str, Any]) -> list[str]:
    """The options of a demo."""
    name, *options = replay.command(script["src_file"]).split()
    say(f"the run of demos/{name}.py")
    return options


def scraper(block: Any, script: dict[str, Any], gallery_conf: dict[str, Any]) -> str:
    """The pictures that a demo has written, in the order in which it drew them, each with its text and its caption."""
    words = tomllib.loads(WORDS.read_text(encoding="utf-8"))
    pictures = list(replay.run_of(script["src_file"]).folder.glob("*"))
    shown = []
    for picture in sorted(pictures, key=lambda path: path.stat().st_mtime_ns):
        target = Path(next(script["image_path_iterator"])).with_suffix(picture.suffix)
        shutil.copyfile(picture, target)
        place = target.relative_to(gallery_conf["src_dir"]).as_posix()
        if picture.name not in words:
            logger.warning("%s needs a caption for %s", WORDS.name, picture.name)
            continue
        see, caption = (" ".join(words[picture.name][key].split()) for key in ("see", "caption"))
        shown.append(
            f"{see}\n\n.. figure:: /{place}\n   :alt: {_described(picture)}\n   :class: sphx-glr-single-img\n\n"
            f"   {caption}\n"
        )
    return "\n".join(shown)


def _described(picture: Path) -> str:
    """The alternative text of a picture, from the page that shows it."""
    return dict(_descriptions()).get(picture.name, picture.stem.replace("_", " "))


def _descriptions() -> Iterator[tuple[str, str]]:
    yield from UNSHOWN.items()
    for page in sorted(DOCS.rglob("*.md")):
        for words, name in re.findall(r"!\[([^\]]+)\]\((?:\.\./)*images/([^)]+)\)", page.read_text(encoding="utf-8")):
            yield name, " ".join(words.split())


class Order:
    """Sorts the demos in the order of `ORDER`. Others follow."""

    def __init__(self, src_dir: str) -> None:
        self.src_dir = src_dir

    def __call__(self, filename: str) -> tuple[int, str]:
        stem = Path(filename).stem
        return ORDER.index(stem) if stem in ORDER else len(ORDER), stem

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"
