"""The examples on the reference pages of bridges whose package the other tests lack."""

import doctest
from pathlib import Path

import pytest

from tests.docs.conftest import DOCS
from tests.docs.test_snippets import FLAGS
from tests.integrations.packages import real


@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy")  # Keras on PyTorch
@pytest.mark.parametrize("package", ["keras", "onnx"])
def test_examples_run(package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real(package)
    monkeypatch.chdir(tmp_path)
    page = DOCS / "reference" / f"{package}.rst"
    result = doctest.testfile(str(page), module_relative=False, optionflags=FLAGS, encoding="utf-8")
    assert result.attempted > 0
    assert result.failed == 0
