"""Retention beside the beat: it does its steps by itself, and what it meets does not end it."""

from pathlib import Path

from structlog.testing import capture_logs

from db.session import LedgerUnavailable, open_ledger
from dicom_node.keeping.purging import Purger, RetentionPlan
from dicom_node.spool import FileSpool
from tests.dicom_node.keeping.archive import KeptStudies
from tests.waiting import wait_for
from worker.keeping import RetentionKeeper

PLAN = RetentionPlan(received_days=30)


def test_files_go_by_themselves_whatever_went_wrong_before(
    sqlite_ledger_url: str, tmp_path: Path
) -> None:
    kept = KeptStudies(open_ledger(sqlite_ledger_url), FileSpool(tmp_path / "spool"))
    kept.finish("1.1")
    kept.age(31)
    troubles: list[Exception] = [RuntimeError("unforeseen"), LedgerUnavailable("away")]

    def make_purger() -> Purger:
        if troubles:
            raise troubles.pop()
        return Purger(kept.engine, kept.spool, PLAN)

    with capture_logs() as logs, RetentionKeeper(make_purger, seconds=0.05):
        wait_for(lambda: kept.files() == [], "the purged file to be gone", 60)
    told = [one["event"] for one in logs if one["event"].startswith("retention")]
    assert told == ["retention_put_off", "retention_failed"]
    kept.engine.dispose()
