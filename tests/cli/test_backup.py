"""`osteon backup` and `osteon restore`, as a person types them."""

from pathlib import Path

import pytest

from db.session import open_ledger
from db.tables import Study
from dicom_node.spool import FileSpool
from tests.cli.shell import Shell
from tests.db.ledger import rows
from tests.dicom_node.keeping.archive import KeptStudies

pytestmark = pytest.mark.requirement("R-DATA-3")


def test_whom_a_backup_brings_back_is_forgotten_by_the_restore(
    tmp_path: Path, sqlite_ledger_url: str
) -> None:
    shell = Shell(tmp_path, {"database_url": sqlite_ledger_url})
    (tmp_path / "data").mkdir()
    kept = KeptStudies(open_ledger(sqlite_ledger_url), FileSpool(tmp_path / "data" / "spool"))
    kept.finish("1.1", patient_id="P1")
    kept.finish("1.2", patient_id="P2")
    kept.give_results_files()
    kept.age(1)
    recipient = shell.run("backup-key", "--out", "key").stdout.strip()
    made = shell.run("backup", "--out", "backup.age", "--recipient", recipient)
    assert made.code == 0, made.stderr
    assert shell.run("forget", "P1", "--yes").code == 0
    (tmp_path / "list").write_text(shell.run("forgotten").stdout)

    def restore(into: str, *options: str) -> list[str]:
        asked = ["restore", "backup.age", "--identity", "key", "--into", into, *options]
        done = shell.run(*asked, database_url="")
        assert done.code == 0, done.stderr
        assert ("is back" in done.stderr) is not bool(options)
        engine = open_ledger(f"sqlite:///{tmp_path / into / 'ledger.sqlite'}")
        back = KeptStudies(engine, FileSpool(tmp_path / into / "spool"))
        assert back.promised() == set(back.files())
        return sorted(one.patient_id for one in rows(engine, Study))

    assert restore("as-it-was") == ["P1", "P2"]
    assert restore("without", "--forgotten", "list") == ["P2"]
    (tmp_path / "list").write_text("nonsense")
    refused = ["restore", "backup.age", "--identity", "key", "--into", "third"]
    assert shell.run(*refused, "--forgotten", "list", database_url="").code == 20
    assert not (tmp_path / "third").exists()
