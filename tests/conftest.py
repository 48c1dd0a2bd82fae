"""Settings of all tests; HYPOTHESIS_PROFILE=nightly runs the thorough ones."""

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.reference import TOLERANCE, WORST

settings.register_profile("ci", derandomize=True, max_examples=30, deadline=None)
settings.register_profile("dev", max_examples=30, deadline=None)
settings.register_profile("nightly", max_examples=1000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how well the gradients of each thing in the tables agree with finite differences."""
    if WORST:
        terminalreporter.section(f"worst relative gradient errors, {TOLERANCE:g} is allowed")
        for name, error in sorted(WORST.items(), key=lambda item: -item[1]):
            terminalreporter.line(f"{error:8.1e}  {name}")


@pytest.fixture
def python_handler() -> Iterator[None]:
    """Python's own handler of Ctrl-C, whatever a test does."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, signal.default_int_handler)
