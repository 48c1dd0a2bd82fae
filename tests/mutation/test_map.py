"""The map from what is broken to the tests that should notice it."""

import pytest

from tests.mutation.workshop import ROOT, SPARED, TESTS, belongs, find_tests

FILES = [str(file.relative_to(ROOT)) for file in sorted(ROOT.glob("minidl/**/*.py")) if file.name != "__init__.py"]


@pytest.mark.parametrize("path", FILES)
def test_every_file_that_is_not_spared_has_tests(path: str) -> None:
    assert find_tests(path) or any(belongs(path, start) for start in SPARED)


@pytest.mark.parametrize("start", TESTS)
def test_the_map_names_files_and_tests_that_exist(start: str) -> None:
    assert any(belongs(path, start) for path in FILES)
    assert all(list(ROOT.glob(f"tests/{pattern}")) for pattern in TESTS[start].split())
