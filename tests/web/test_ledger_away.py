"""The page outlives its ledger, says that it is away, and shows it again when it is back."""

from collections.abc import Callable
from pathlib import Path

from db.upgrade import upgrade_ledger
from tests.servers import running_postgres
from tests.waiting import wait_for
from tests.web.window import Window, plan_for
from web.plan import WebPlan


def test_a_ledger_that_is_not_there_yet(
    tmp_path: Path, open_window: Callable[[WebPlan], Window]
) -> None:
    folder = tmp_path / "data"
    ledger_url = f"sqlite:///{folder / 'ledger.sqlite'}"
    window = open_window(plan_for(ledger_url, tmp_path))
    assert_away(window)
    folder.mkdir()
    assert_away(window)  # an empty ledger has no schema
    upgrade_ledger(ledger_url)
    assert_back(window)


def test_a_database_server_that_dies_and_comes_back(
    tmp_path: Path,
    open_window: Callable[[WebPlan], Window],
) -> None:
    with running_postgres() as server:
        ledger_url = server.create_database()
        upgrade_ledger(ledger_url)
        window = open_window(plan_for(ledger_url, tmp_path))
        assert_back(window)
        server.kill()
        assert_away(window)
        server.start()
        wait_for(lambda: window.get("/healthz").status == 200, "the ledger", limit_seconds=20)
        assert_back(window)


def assert_away(window: Window) -> None:
    page, health = window.get(), window.get("/healthz")
    assert (page.status, health.status) == (503, 503)
    assert "The ledger does not answer" in page.text
    assert "Research use – not for clinical diagnosis" in page.text
    assert health.text == '{"ledger":"unavailable"}'


def assert_back(window: Window) -> None:
    page, health = window.get(), window.get("/healthz")
    assert (page.status, health.status) == (200, 200)
    assert "No study yet" in page.text
    assert health.text == '{"ledger":"answers"}'
