"""Each script of the page *In good company* prints what the page says, with the real packages."""

from pathlib import Path

import pytest

from tests.docs.recipes import COMPANY, Recipe, recipes, run
from tests.integrations.packages import real

PACKAGES = {
    "scikit-learn": ("sklearn",),
    "PyTorch": ("torch",),
    "Keras": ("keras",),
    "safetensors": ("safetensors",),
    "ONNX": ("onnx",),
    "TensorBoard": ("tensorboardX",),
    "Optuna": ("optuna",),
    "SciPy": ("scipy",),
    "Data frames": ("pandas",),
}
"""What the script of a section needs."""

SECTIONS = recipes(COMPANY)


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.title)
def test_section_prints_what_the_page_says(section: Recipe, tmp_path: Path) -> None:
    for package in PACKAGES.get(section.title, ()):
        real(package)
    assert run(section, tmp_path).split() == section.output.split()


def test_each_section_is_short_and_in_the_table() -> None:
    assert max(section.lines for section in SECTIONS) <= 20
    assert set(PACKAGES) <= {section.title for section in SECTIONS}
