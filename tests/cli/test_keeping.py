"""`osteon purge`, `hold`, `release`, `holds`, `forget` and `forgotten`, as a person types them."""

import json
import time
from pathlib import Path

import pytest

from db.session import open_ledger
from db.tables import AuditEvent, Instance
from dicom_node.spool import FileSpool
from tests.cli.shell import Shell
from tests.db.ledger import rows
from tests.dicom_node.keeping.archive import KeptStudies

pytestmark = pytest.mark.requirement("R-DATA-2", "R-DATA-3")

DAYS = {"retention_days": 30}


@pytest.fixture
def shell(tmp_path: Path, sqlite_ledger_url: str) -> Shell:
    return Shell(tmp_path, {"database_url": sqlite_ledger_url})


@pytest.fixture
def kept(shell: Shell, sqlite_ledger_url: str) -> KeptStudies:
    """Two studies of two patients, long over."""
    (shell.folder / "data").mkdir()
    spool = FileSpool(shell.folder / "data" / "spool")
    kept = KeptStudies(open_ledger(sqlite_ledger_url), spool)
    kept.finish("1.1", patient_id="P1")
    kept.finish("1.2", patient_id="P2")
    kept.give_results_files()
    kept.age(31)
    return kept


def test_what_may_go_is_told_and_then_removed(shell: Shell, kept: KeptStudies) -> None:
    assert shell.run("purge", **DAYS).code == 1
    told = shell.run("purge", "--dry-run", **DAYS)
    assert (told.code, told.stdout.splitlines()) == (
        0,
        [
            "received files: 2 files of 2 studies, 26 bytes, may go",
            "results' files: stay: nothing is set",
            "received files above the quota: stay: nothing is set",
        ],
    )
    before = kept.files()
    assert shell.run("hold", "1.1", "--reason", "a complaint").code == 0
    [document] = shell.run("purge", "--dry-run", "--json", **DAYS).documents()
    assert document["received"] == {"studies": 1, "files": 1, "size_bytes": 13}
    assert document["kept"] == {"held": 1}
    [document] = shell.run("purge", "--now", "--json", **DAYS).documents()
    assert document["received"] == {"studies": 1, "files": 1, "size_bytes": 13}
    assert len(kept.files()) == len(before) - 1
    assert [one.purged_at is None for one in rows(kept.engine, Instance)] == [True, False]


def test_a_hold_is_placed_shown_and_released(shell: Shell, kept: KeptStudies) -> None:
    assert shell.run("hold", "1.9", "--reason", "none").code == 21
    assert shell.run("hold", "1.1", "--reason", " ").code == 1
    assert shell.run("hold", "1.1", "--reason", "a  complaint").code == 0
    assert shell.run("hold", "1.1", "--reason", "again").code == 42
    [held] = shell.run("holds", "--json").documents()
    assert (held["study_instance_uid"], held["reason"]) == ("1.1", "a complaint")
    assert shell.run("forget", "P1", "--yes").code == 42
    assert shell.run("release", "1.1", "--reason", "settled").code == 0
    assert shell.run("release", "1.1", "--reason", "settled").code == 21
    assert shell.run("holds", "--json").documents() == []
    done = [(one.action, one.detail) for one in rows(kept.engine, AuditEvent)]
    assert done[-2:] == [("study-held", "a complaint"), ("hold-released", "settled")]


def test_a_patient_is_forgotten_after_a_yes_and_again_after_a_restore(
    shell: Shell, kept: KeptStudies
) -> None:
    assert shell.run("forget", "P9").code == 21
    [told] = shell.run("forget", "P1", "--dry-run", "--json").documents()
    assert (told["done"], told["studies"], told["rows"]["studies"]) == (False, ["1.1"], 1)
    assert shell.run("forget", "P1", stdin=b"n\n").code == 130
    assert len(rows(kept.engine, Instance)) == 2
    done = shell.run("forget", "P1", stdin=b"y\n")
    assert done.code == 0
    assert "studies: 1 removed" in done.stdout
    assert "stays there" in done.stdout
    assert [one.sop_instance_uid for one in rows(kept.engine, Instance)] == ["1.2.1.1"]
    assert kept.promised() == set(kept.files())
    finished = shell.run("forget", "P1", "--yes")
    assert (finished.code, "forgotten before" in finished.stderr) == (0, True)
    assert shell.run("forget", "P1", "--dry-run").code == 21
    [line] = shell.run("forgotten").documents()
    assert "P1" not in json.dumps(line)
    kept.finish("1.3", patient_id="P1")
    kept.give_results_files()
    kept.age(31)
    (shell.folder / "list.jsonl").write_text(json.dumps(line) + "\n")
    assert "0 patients" in shell.run("forgotten", "--again", "list.jsonl").stdout
    (shell.folder / "list.jsonl").write_text("nonsense")
    assert shell.run("forgotten", "--again", "list.jsonl").code == 20
    assert shell.run("forgotten", "--again", "none.jsonl").code == 20


def test_a_low_mark_above_the_quota_is_refused(shell: Shell) -> None:
    both = {"spool_quota_bytes": 1 << 21, "spool_quota_low_bytes": 1 << 22}
    refused = shell.run("purge", "--dry-run", **both)
    assert refused.code == 1
    assert "spool_quota_low_bytes has to be below" in refused.stderr


def test_no_part_of_a_node_writes_a_core_dump(shell: Shell, kept: KeptStudies) -> None:
    """Patients are in its memory. Of the beat, which like all parts is started by the command."""
    assert kept.files()
    beat = shell.open("beat")
    try:
        limits, give_up_at = "", time.monotonic() + 60
        while "Max core file size        0                    0" not in limits:
            assert time.monotonic() < give_up_at, limits
            assert beat.poll() is None
            limits = Path(f"/proc/{beat.pid}/limits").read_text()
            time.sleep(0.2)
    finally:
        beat.terminate()
        beat.wait(60)
