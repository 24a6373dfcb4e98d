"""A ledger with files in a spool, and how a test backs them up and brings them back."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import Engine

from db.backup.encryption import new_identity, read_identities
from db.backup.restoring import Restored, RestorePlan, restore
from db.backup.writing import BackupPlan, FileGone, write_backup
from db.session import open_ledger
from db.tables import Base
from dicom_node.spool import FileSpool, ObjectGone
from tests.db.ledger import receive, received


@dataclass
class Keeper:
    """A node's ledger and spool, and a key; what is restored goes into `new` of the folder."""

    folder: Path
    url: str
    identity: Path = field(init=False)
    recipient: str = field(init=False)

    def __post_init__(self) -> None:
        secret, self.recipient = new_identity()
        self.identity = self.folder / "key"
        self.identity.write_text(f"# a comment, as age-keygen writes\n{secret}\n")
        self.engine = open_ledger(self.url)
        self.spool = FileSpool(self.folder / "old" / "spool")
        self.targets = 0

    def receive(self, number: int, *, size: int = 3000) -> str:
        """An instance with a file of its own; its key."""
        content = f"{number}".encode() * size
        kept = self.spool.write(content)
        receive(
            self.engine,
            received(number, spool_key=kept.key, sha256=kept.key, size_bytes=kept.size_bytes),
        )
        return kept.key

    def open(self, key: str) -> BinaryIO:
        try:
            return self.spool.open(key)
        except ObjectGone as error:
            raise FileGone from error

    def backup(self, name: str = "backup.age", **changes: Any) -> Path:
        target = self.folder / name
        given = {
            "engine": self.engine,
            "open_file": self.open,
            "recipients": (self.recipient,),
            "release": "0.5.0",
            "data_folder": self.folder / "old",
        }
        self.end = write_backup(BackupPlan(**(given | changes)), target)
        return target

    def restore(self, backups: Sequence[Path], url: str = "", **changes: Any) -> Restored:
        folder = changes.pop("folder", self.folder / "new")
        given = {
            "backups": backups,
            "identities": read_identities(self.identity),
            "folder": folder,
            "database_url": url or f"sqlite:///{folder}/ledger.sqlite",
            "spool": Refilled(folder / "spool"),
        }
        return restore(RestorePlan(**(given | changes)))


@dataclass(frozen=True)
class Refilled:
    root: Path

    def keep(self, pieces: Iterator[bytes]) -> str:
        return FileSpool(self.root).write(b"".join(pieces)).key

    def remove(self, key: str) -> None:
        FileSpool(self.root).remove(key)


def content_of(engine: Engine) -> dict[str, list[Any]]:
    """Every row of every table, without those of processes and sessions."""

    with engine.connect() as connection:
        return {
            table.name: [
                tuple(row)
                for row in connection.execute(table.select().order_by(*table.primary_key))
            ]
            for table in Base.metadata.sorted_tables
            if table.name not in ("presence", "user_session")
        }
