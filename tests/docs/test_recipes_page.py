"""Every recipe runs as printed, prints what the page says, and is short. Those that need a package are elsewhere."""

from pathlib import Path

import pytest

from tests.docs.recipes import Recipe, recipes, run

RECIPES = recipes()


@pytest.mark.parametrize("recipe", [r for r in RECIPES if not r.packages], ids=lambda recipe: recipe.title)
def test_recipe_prints_what_the_page_says(recipe: Recipe, tmp_path: Path) -> None:
    assert run(recipe, tmp_path).split() == recipe.output.split()


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.title)
def test_recipe_is_short(recipe: Recipe) -> None:
    assert 5 < recipe.lines <= 40  # of at most 80 columns


@pytest.mark.parametrize("code", ["raise SystemExit(1)", "import warnings\nwarnings.warn('old')"])
def test_a_recipe_that_fails_or_warns_is_found(code: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        run(Recipe("", code, ""), tmp_path)
