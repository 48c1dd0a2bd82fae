"""Settings of all tests; HYPOTHESIS_PROFILE=nightly runs the thorough ones."""

import gc
import os
import re
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings

# Before NumPy is imported: the workers share the cores, and threads of their own would only wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# A shell that starts the tests in the background has them ignore Ctrl-C, and so would every process that they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

from tests.reference import TOLERANCE, WORST, worst
from tests.tracing import first_examples_traced

settings.register_profile("ci", derandomize=True, max_examples=30, deadline=None)
# For make test, which should take less than three minutes, and make lowest. make coverage draws more.
settings.register_profile("few", derandomize=True, max_examples=6, deadline=None)
settings.register_profile("dev", max_examples=30, deadline=None)
settings.register_profile("nightly", max_examples=1000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests that take long, so that all workers end at about the same time."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None and item.get_closest_marker("long") is None)


def pytest_collection_finish() -> None:
    """Exempt the collected tests from garbage collection, which took a quarter of the time otherwise."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give each worker all cases of one test at a time, or all tests of one demo, or all in the browser.

    With --dist=loadgroup, marks would say so, but pytest-xdist 3.8 ignores them under pytest 9.2. Handing out one case
    at a time takes longer, because pytest-xdist then goes through all finished ones again.
    """
    from xdist.scheduler import LoadScopeScheduling

    config.option.loadscopereorder = False  # the order is that of pytest_collection_modifyitems

    class Scheduling(LoadScopeScheduling):  # type: ignore[misc]  # it has no type hints
        def _split_scope(self, nodeid: str) -> str:
            shared = re.match(
                r"tests/demos/.*\[(\w+)|tests/docs/(test_site_in_browser)|tests/playground/test_(page|worker)", nodeid
            )
            return nodeid.partition("[")[0] if shared is None else shared[shared.lastindex or 0]

    return Scheduling(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Do not measure the coverage of examples that run the same lines as those before them."""
    with first_examples_traced(getattr(item, "obj", None), 10):
        yield


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand over what a worker has found."""
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["worst"] = dict(WORST)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Collect what the workers have found."""
    for name, error in getattr(node, "workeroutput", {}).get("worst", {}).items():
        worst(name, error)


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
