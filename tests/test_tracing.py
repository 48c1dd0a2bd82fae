"""Coverage measures the first examples of a test, and all examples run."""

import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tracing import first_examples_traced, untraced


class Tracer:
    """Notes the names of the functions that are called."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def __call__(self, frame: FrameType, event: str, argument: object) -> None:
        self.calls.append(frame.f_code.co_name)


@pytest.fixture
def tracer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Tracer]:
    """A tracer that looks like that of coverage."""
    monkeypatch.setattr(Tracer, "__module__", "coverage.fake")
    before, found = sys.gettrace(), Tracer()
    sys.settrace(found)
    yield found
    sys.settrace(before)


def measured() -> str:
    return "result"


def fails() -> None:
    raise ValueError("on purpose")


def test_nothing_is_measured_while_an_untraced_function_runs(tracer: Tracer) -> None:
    assert untraced(measured)() == "result"
    assert "measured" not in tracer.calls
    with pytest.raises(ValueError, match="on purpose"):
        untraced(fails)()
    measured()
    assert "measured" in tracer.calls


def test_a_debugger_sees_untraced_functions(tracer: Tracer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Tracer, "__module__", "bdb")
    untraced(measured)()
    assert "measured" in tracer.calls


@pytest.mark.parametrize("examples", [0, 3])
def test_all_examples_run_and_the_first_are_measured(tracer: Tracer, examples: int) -> None:
    drawn: list[int] = []

    def example(number: int) -> None:
        drawn.append(number)

    def property_of(number: int) -> None:
        example(number)

    test: Any = settings(max_examples=20, derandomize=True, database=None)(given(st.integers())(property_of))
    with first_examples_traced(test, examples):
        test()
    assert len(drawn) == 20
    assert tracer.calls.count("example") == examples
    test()
    assert tracer.calls.count("example") == examples + 20


def test_an_example_that_fails_does(tracer: Tracer) -> None:
    def property_of(number: int) -> None:
        assert number < 1000

    test: Any = settings(max_examples=200, derandomize=True, database=None)(given(st.integers())(property_of))
    with pytest.raises(AssertionError), first_examples_traced(test, 1):
        test()
    measured()
    assert "measured" in tracer.calls


def test_tests_without_examples_are_measured(tracer: Tracer) -> None:
    with first_examples_traced(measured, 0):
        measured()
    assert "measured" in tracer.calls
