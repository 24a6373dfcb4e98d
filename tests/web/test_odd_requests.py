"""Requests about what nothing can be, on either database, and faults that nobody foresaw."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import Engine, text

from db.session import open_ledger
from tests.web.window import Window, plan_for, serving
from web.headers import safe_headers

pytestmark = pytest.mark.requirement("R-DOOR-5")

HUGE, NUL = str(1 << 70), quote("\0")
LARGE = str(1 << 40)


@pytest.fixture
def served(module_ledger_url: str, tmp_path: Path) -> Iterator[Window]:
    with serving(plan_for(module_ledger_url, tmp_path)) as window:
        yield window


@pytest.mark.parametrize(
    "path",
    [
        "/study/1.2.3/objects/{}",
        "/study/1.2.3/objects/{}/document",
        "/operations/audit?before={}",
        "/operations/dead-letters?after={}",
        "/study/{}",
        "/study/{}/results.jsonl",
        "/api/v1/studies/{}",
        "/worklist?q={}",
        "/results?study={}",
        "/operations/audit?actor={}",
        "/operations/audit?study={}",
        "/verdicts?reader={}",
    ],
)
def test_a_number_or_text_that_no_column_holds_is_no_fault(served: Window, path: str) -> None:
    for value in (LARGE, HUGE, NUL, f"a{NUL}b"):
        answer = served.get(path.format(value))
        assert answer.status < 500, (path, value, answer.text)


def test_a_fault_that_nobody_foresaw_is_answered_as_safely_as_all(
    new_ledger: Callable[[str], str], tmp_path: Path
) -> None:
    url = new_ledger("postgresql")
    engine: Engine = open_ledger(url)
    with serving(plan_for(url, tmp_path)) as window:
        assert window.get("/verdicts").status == 200
        with engine.begin() as connection:
            connection.execute(text("DROP TABLE verdict CASCADE"))
        answer = window.get("/verdicts")
    engine.dispose()
    assert answer.status == 500
    for name, value in safe_headers(is_encrypted=False).items():
        assert answer.headers[name] == value
    assert json.loads(answer.text)["detail"].startswith("Something went wrong")
