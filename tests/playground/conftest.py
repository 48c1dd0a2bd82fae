"""The page of the playground, opened in a browser."""

from collections.abc import Iterator

import pytest

from minidl.playground.server import Server
from tests.docs.browser import browser, running
from tests.playground.page import Page


@pytest.fixture(scope="session")
def opened_page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with Server(0) as server, browser(tmp_path_factory.mktemp("browser")) as tab, running(server):
        tab.open(server.url)
        yield Page(tab, server.url.partition("?")[0])
        tab.open("about:blank")  # the page is closed first, so that its session ends


@pytest.fixture
def page(opened_page: Page) -> Iterator[Page]:
    """The page. No test may leave a complaint in the console, or have the page ask another host for anything."""
    yield opened_page
    assert opened_page.tab.complaints() == []
    assert opened_page.foreign() == []
