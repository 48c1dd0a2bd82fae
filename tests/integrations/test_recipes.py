"""The recipes that need an optional package print what the page says."""

from pathlib import Path

import pytest

from tests.docs.recipes import Recipe, recipes, run
from tests.integrations.packages import real


@pytest.mark.parametrize("recipe", [r for r in recipes() if r.packages], ids=lambda recipe: recipe.title)
def test_recipe_prints_what_the_page_says(recipe: Recipe, tmp_path: Path) -> None:
    for package in recipe.packages:
        real(package)
    assert run(recipe, tmp_path).split() == recipe.output.split()
