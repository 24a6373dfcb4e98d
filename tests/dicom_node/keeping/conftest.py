"""A ledger with a spool of real files, whose studies are as old as a test wants them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from db.session import open_ledger
from dicom_node.spool import FileSpool
from tests.dicom_node.keeping.archive import KeptStudies


@pytest.fixture
def kept(sqlite_ledger_url: str, tmp_path: Path) -> Iterator[KeptStudies]:
    engine = open_ledger(sqlite_ledger_url)
    yield KeptStudies(engine, FileSpool(tmp_path / "spool"))
    engine.dispose()
