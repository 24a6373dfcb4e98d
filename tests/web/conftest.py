"""Pages that are served, over real ledgers."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from sqlalchemy import Engine

from db.session import open_ledger
from tests.web.browser import opened_page, running_browser
from tests.web.window import Window, plan_for, serving
from web.plan import WebPlan


@pytest.fixture
def open_window() -> Iterator[Callable[[WebPlan], Window]]:
    """Serve plans until the test ends."""
    with ExitStack() as windows:
        yield lambda plan: windows.enter_context(serving(plan))


@pytest.fixture
def ledger(sqlite_ledger_url: str) -> Iterator[Engine]:
    engine = open_ledger(sqlite_ledger_url)
    yield engine
    engine.dispose()


@pytest.fixture
def window(sqlite_ledger_url: str, ledger: Engine, tmp_path: Path) -> Iterator[Window]:
    """The page over `ledger`."""
    with serving(plan_for(sqlite_ledger_url, tmp_path)) as served:
        yield served


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with running_browser() as running:
        yield running


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh page; the test fails for any error of a script or against the content policy."""
    with opened_page(browser) as opened:
        yield opened
