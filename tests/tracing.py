"""Coverage without the cost of measuring the same lines again and again: it doubles the time of the tests.

What is not measured here must be measured elsewhere. Debuggers see everything.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def tracer() -> Any:
    """What coverage measures this thread with, or None if it does not."""
    found = sys.gettrace()
    return found if type(found).__module__.startswith("coverage") else None


def untraced(function: Callable[P, T]) -> Callable[P, T]:
    """Decorate a function so that coverage measures nothing while it runs."""

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        before = tracer()
        if before is None:
            return function(*args, **kwargs)
        sys.settrace(None)
        try:
            return function(*args, **kwargs)
        finally:
            sys.settrace(before)

    return run


def traced_at_first(calls: int, function: Callable[P, T], with_tracer: Any) -> Callable[P, T]:
    """Decorate a function that runs where nothing is measured, so that coverage measures its first calls."""

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        nonlocal calls
        calls -= 1
        if calls < 0:
            return function(*args, **kwargs)
        sys.settrace(with_tracer)
        try:
            return function(*args, **kwargs)
        finally:
            sys.settrace(None)

    return run


@contextmanager
def first_examples_traced(test: Any, examples: int) -> Iterator[None]:
    """Let coverage measure only the first examples of a test with Hypothesis, and not how Hypothesis draws them.

    It still runs all examples. Other tests are measured as a whole.
    """
    handle, measuring = getattr(test, "hypothesis", None), tracer()
    if handle is None or measuring is None:
        yield
        return
    inner = handle.inner_test
    handle.inner_test = traced_at_first(examples, inner, measuring)
    sys.settrace(None)
    try:
        yield
    finally:
        sys.settrace(measuring)
        handle.inner_test = inner
