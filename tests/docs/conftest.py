"""The pages, and the site that ``make docs`` makes of them."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SITE = DOCS / "_build" / "html"
GENERATED = ("_build", "gallery")
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md"]
PAGES += sorted(path for path in DOCS.rglob("*.md") if path.relative_to(DOCS).parts[0] not in GENERATED)


@pytest.fixture(scope="session")
def site() -> Path:
    """The folder of the site; without one, or with one of older pages, tests of it are skipped.

    SITE=required in the environment makes that an error, where the site is known to have been built.
    """
    built = DOCS / "_build" / ".built"
    reason = None
    if not built.exists():
        reason = "the site is not built: make docs"
    elif changed := [path for path in sources() if path.stat().st_mtime > built.stat().st_mtime]:
        reason = f"the site is older than {changed[0].relative_to(ROOT)}: make docs"
    if reason and os.environ.get("SITE") == "required":
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)
    return SITE


def sources() -> list[Path]:
    """What the site is made from."""
    paths = [*PAGES, *DOCS.glob("*.py"), *DOCS.glob("_*/*.*"), *DOCS.glob("_templates/*/*.html")]
    return [*paths, *DOCS.glob("reference/*.rst"), *(ROOT / "minidl").rglob("*.py"), *(ROOT / "demos").glob("*.py")]
