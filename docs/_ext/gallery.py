"""The gallery of demos: programs that stay plain scripts, made into what Sphinx-Gallery takes.

It shows a recorded run of each demo. The demos write their pictures to a folder, and a scraper collects them there.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterator
from functools import cache
from inspect import signature
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import demo_runs
from sphinx_gallery import gen_rst

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
    """The options of a demo."""
    return _command(script["src_file"]).split()[1:]


def _command(source: str) -> str:
    """The name of a demo with its options.

    >>> _command("docs/_build/demos/characters.py")
    'characters --quick'
    """
    demo = Path(source).stem
    return f"{demo} --quick" if demo in QUICK else demo


@cache
def _runs() -> dict[str, demo_runs.Future[demo_runs.DemoRun]]:
    """The runs of all demos, the last of the gallery first: long ones are among them, and should not end alone."""
    names = sorted((path.name for path in sources()[0]), key=Order(""), reverse=True)
    return demo_runs.start(map(_command, names))


def replay() -> None:
    """Make Sphinx-Gallery show the recorded runs. It runs the code of demos in its own process otherwise.

    It has no setting for that, so two of its functions are replaced.
    """
    inner, outer = gen_rst._exec_and_get_memory, gen_rst.execute_script
    assert {"script_vars"} <= signature(inner).parameters.keys() & signature(outer).parameters.keys()

    def execute(*_: Any, script_vars: dict[str, Any], **__: Any) -> tuple[bool, float]:
        run = _run(script_vars)
        if run.status or run.errors:
            raise RuntimeError(f"the demo ended with status {run.status}\n{run.errors}")
        print(run.text, end="")
        return False, 0.0

    def timed(blocks: Any, script_vars: dict[str, Any], *settings: Any) -> tuple[list[str], float]:
        output, _ = outer(blocks, script_vars, *settings)
        return output, _run(script_vars).seconds if script_vars["execute_script"] else 0.0

    gen_rst._exec_and_get_memory, gen_rst.execute_script = execute, timed


def _run(script: dict[str, Any]) -> demo_runs.DemoRun:
    return _runs()[_command(script["src_file"])].result()


def scraper(block: Any, script: dict[str, Any], gallery_conf: dict[str, Any]) -> str:
    """The pictures that a demo has written, in the order in which it drew them."""
    pictures = list(_run(script).folder.glob("*"))
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
