"""Every Python snippet of README and the pages runs, from top to bottom of its page."""

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SNIPPET = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def snippets(page: Path) -> list[str]:
    return SNIPPET.findall(page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", [page for page in PAGES if snippets(page)], ids=lambda page: page.name)
def test_snippets_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    # Each snippet starts on its own line of the page, so that an error names the right one.
    text = page.read_text(encoding="utf-8")
    module = ModuleType(page.stem)
    monkeypatch.setitem(sys.modules, page.stem, module)  # pickle looks for classes there
    for match in SNIPPET.finditer(text):
        line = text[: match.start(1)].count("\n")
        exec(compile("\n" * line + match.group(1), str(page), "exec"), vars(module))


def test_there_are_snippets() -> None:
    assert sum(len(snippets(page)) for page in PAGES) >= 5
