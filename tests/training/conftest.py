"""What all tests of training share."""

import signal
from collections.abc import Iterator

import pytest


@pytest.fixture
def python_handler() -> Iterator[None]:
    """Python's own handler of Ctrl-C, whatever a test does."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, signal.default_int_handler)
