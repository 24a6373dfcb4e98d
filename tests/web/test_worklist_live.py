"""The worklist is kept current whatever its ledger answers."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from fastapi import FastAPI
from sqlalchemy import text

from db.session import open_ledger, transaction
from tests.db.ledger import receive, received
from tests.web.window import plan_for
from web.window import Window
from web.worklist.live import Bulletin, live_updates


def test_an_answer_that_nobody_expected_is_outlived(
    new_ledger: Callable[[str], str], tmp_path: Path
) -> None:
    url = new_ledger("postgresql")
    engine, window = open_ledger(url), Window(plan_for(url, tmp_path))

    def rename(old: str, new: str) -> None:
        with transaction(engine) as session:
            session.execute(text(f"ALTER TABLE {old} RENAME TO {new}"))

    async def look() -> tuple[int, int]:
        app = FastAPI()
        async with live_updates(app, window):
            bulletin: Bulletin = app.state.bulletin
            while_away = await bulletin.wait_for_other(0, 10)
            rename("hidden", "worklist")
            return while_away, await bulletin.wait_for_other(while_away, 10)

    receive(engine, received(1))
    rename("worklist", "hidden")
    # A browser that an earlier test has opened runs a loop in this thread.
    with ThreadPoolExecutor(1) as apart:
        assert apart.submit(asyncio.run, look()).result() == (-1, 1)
    window.close()
    engine.dispose()
