"""How fast a backup and a restore are, and how large.

    python -m benchmarks.backup [--megabytes 1000] [--images 200] [--folder FOLDER]

A SQLite ledger and a spool of files that do not compress are made, backed up and brought back.
"""

import os
import resource
import time
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from sqlalchemy import insert

from cli.output import print_table
from db.backup.encryption import new_identity, read_identities
from db.backup.restoring import RestorePlan, restore
from db.backup.writing import BackupPlan, write_backup
from db.session import open_ledger, transaction
from db.tables import Association, Instance, Series, Study
from db.upgrade import upgrade_ledger
from dicom_node.spool import FileSpool

_ROW = {"sop_class_uid": "1.2.840.10008.5.1.4.1.1.1", "transfer_syntax_uid": "1.2.840.10008.1.2.1"}
_ROW |= dict.fromkeys(("body_part", "laterality", "view_position"), "")
_STUDY_TEXTS = (
    *("patient_id", "issuer_of_patient_id", "patient_name", "patient_birth_date", "patient_sex"),
    *("accession_number", "study_date", "study_time", "study_description"),
)


class Refilled:
    """The spool that is filled; its folders are made when the first file comes."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @cached_property
    def _spool(self) -> FileSpool:
        return FileSpool(self._root)

    def keep(self, pieces: Iterator[bytes]) -> str:
        incoming = self._spool.begin()
        for piece in pieces:
            incoming.write(piece)
        return incoming.keep().key

    def remove(self, key: str) -> None:
        self._spool.remove(key)


def main(
    megabytes: Annotated[int, typer.Option(help="Of files in all.")] = 1000,
    images: Annotated[int, typer.Option(help="Of so many files.")] = 200,
    folder: Annotated[Path | None, typer.Option(help="With three times the room.")] = None,
) -> None:
    with TemporaryDirectory(dir=folder) as name:
        place = Path(name)
        (place / "old").mkdir()
        spool, url = FileSpool(place / "old" / "spool"), f"sqlite:///{place}/old/ledger.sqlite"
        _fill(url, spool, megabytes * 1_000_000 // images, images)
        secret, recipient = new_identity()
        (place / "key").write_text(secret)
        plan = BackupPlan(open_ledger(url), spool.open, (recipient,), "", place / "old")
        began = time.monotonic()
        write_backup(plan, place / "backup.age")
        backed_up = time.monotonic()
        new = place / "new"
        keys = read_identities(place / "key")
        kept = Refilled(new / "spool")
        restore(RestorePlan([place / "backup.age"], keys, new, f"sqlite:///{new}/l.sqlite", kept))
        _tell(place / "backup.age", backed_up - began, time.monotonic() - backed_up)


def _tell(backup: Path, backup_seconds: float, restore_seconds: float) -> None:
    size = backup.stat().st_size / 1e6
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    row = {
        "MB": f"{size:.0f}",
        "backup MB/s": f"{size / backup_seconds:.0f}",
        "restore MB/s": f"{size / restore_seconds:.0f}",
        "peak MiB": f"{peak_mib:.0f}",
    }
    print_table(tuple(row), [row])


def _fill(url: str, spool: FileSpool, size_bytes: int, count: int) -> None:
    upgrade_ledger(url)
    with transaction(open_ledger(url)) as session:
        said = dict.fromkeys(("listener", "calling_ae_title", "called_ae_title", "address"), "")
        session.add(Association(id="a", **said))
        study = Study(study_instance_uid="1", **dict.fromkeys(_STUDY_TEXTS, ""))
        session.add(study)
        session.flush()
        said = dict.fromkeys(("modality", "series_description"), "")
        series = Series(study_id=study.id, series_instance_uid="1", **said)
        session.add(series)
        session.flush()
        for number in range(count):
            kept = spool.write(os.urandom(size_bytes))
            row = {"series_id": series.id, "association_id": "a", "sop_instance_uid": f"1.{number}"}
            row |= {"spool_key": kept.key, "sha256": kept.key, "size_bytes": size_bytes}
            session.execute(insert(Instance).values(**row, **_ROW, is_image=True))


if __name__ == "__main__":
    typer.run(main)
