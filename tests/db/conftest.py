"""A ledger, opened, on either database."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from db.session import open_ledger


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Engine]:
    engine = open_ledger(ledger_url)
    yield engine
    engine.dispose()
