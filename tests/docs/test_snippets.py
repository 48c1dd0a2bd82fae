"""Every Python snippet of README and the pages runs, from top to bottom of its page; so do the reference's examples."""

import doctest
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

from tests.docs import recipes
from tests.docs.conftest import PAGES, ROOT
from tests.docs.exercises import FOLDER

REFERENCE = sorted((ROOT / "docs" / "reference").glob("*.rst"))
SNIPPET = re.compile(r"^```(python|\{(?:plot|display)\})\n(.*?)^```$", re.DOTALL | re.MULTILINE)
OPTION = re.compile(r"^:([a-z-]+):.*\n", re.MULTILINE)
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def snippets(page: Path) -> list[str]:
    return [code for _, code in SNIPPET.findall(page.read_text(encoding="utf-8"))]


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.fixture(autouse=True)
def _without_display(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a page writes goes into a folder of its own, and what it draws nowhere."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    backend = mpl.get_backend()
    plt.switch_backend("agg")
    yield
    plt.close("all")
    plt.switch_backend(backend)


APART = (recipes.PAGE, recipes.COMPANY, *FOLDER.iterdir())
"""Their scripts do not continue each other, so they have tests of their own."""


@pytest.mark.parametrize("page", [page for page in PAGES if snippets(page) and page not in APART], ids=name_of)
def test_snippets_run(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Each snippet starts on its own line of the page, so that an error names the right one.
    text = page.read_text(encoding="utf-8")
    module = ModuleType(page.stem)
    monkeypatch.setitem(sys.modules, page.stem, module)  # pickle looks for classes there
    for match in SNIPPET.finditer(text):
        line = text[: match.start(2)].count("\n")
        # A plot runs by itself when the site is built. It must not use what the code above it has defined.
        names: dict[str, object] = {"__name__": "plot"} if match[1] == "{plot}" else vars(module)
        run(OPTION.sub("\n", match[2]), names, page, line)


def run(code: str, names: dict[str, object], page: Path, line: int) -> None:
    """Run a snippet, and if it is a session with ``>>>`` compare what it shows."""
    if not code.lstrip().startswith(">>>"):
        exec(compile("\n" * line + code, str(page), "exec"), names)
        return
    session = doctest.DocTestParser().get_doctest(code, {}, page.name, str(page), line)
    session.globs = names
    report: list[str] = []
    doctest.DocTestRunner(verbose=False, optionflags=FLAGS).run(session, out=report.append, clear_globs=False)
    assert not report, "".join(report)


@pytest.mark.parametrize("page", REFERENCE, ids=name_of)
def test_examples_of_the_reference_run(page: Path) -> None:
    if page.stem in ("keras", "onnx", "safetensors"):
        pytest.importorskip(page.stem)
    result = doctest.testfile(str(page), module_relative=False, optionflags=FLAGS, encoding="utf-8")
    assert result.failed == 0


def test_there_are_snippets() -> None:
    assert sum(len(snippets(page)) for page in PAGES) >= 5
    assert len(REFERENCE) >= 5


def test_a_wrong_result_in_a_session_is_found(tmp_path: Path) -> None:
    run(">>> 1 + 1\n2\n", {}, tmp_path, 0)
    with pytest.raises(AssertionError, match="Expected"):
        run(">>> 1 + 1\n3\n", {}, tmp_path, 0)
