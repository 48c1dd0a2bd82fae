"""The directive that shows on a page what a notebook displays."""

import sys
from importlib import import_module
from typing import Any

import pytest

from tests.docs.conftest import DOCS

pytest.importorskip("sphinx")


@pytest.fixture
def displayed(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(DOCS / "_ext")
    yield import_module("display").displayed
    del sys.modules["display"]


def test_the_value_of_the_last_line_is_displayed(displayed: Any) -> None:
    code = "from minidl import Dense\nmodel = Dense(2, 3)\nmodel.summary()"
    assert displayed(code).startswith("<table")
    assert "Dense(2, 3)" in displayed(code)


@pytest.mark.parametrize(
    ("code", "error"), [("x = 1", ValueError), ("1", AttributeError), ("1 / 0", ZeroDivisionError)]
)
def test_a_value_without_a_display_is_an_error(code: str, error: type[Exception], displayed: Any) -> None:
    with pytest.raises(error):
        displayed(code)
