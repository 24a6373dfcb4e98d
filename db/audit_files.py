"""What of the audit trail lies outside the database: the key that seals it, and where it ends.

Whoever can only write to the database can neither seal a row of theirs nor cut off the end unseen.
"""

import json
import os
import secrets
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from db.durability import sync_folder

_KEY_BYTES = 32


class AuditKeyMissing(Exception):
    """There are sealed rows and no key: a new one would break the chain, a person restores it."""


@dataclass(frozen=True)
class Head:
    """The last sealed row: its number in the chain, and its seal; 0 before the first."""

    sequence: int = 0
    seal: str = ""


class AuditFiles:
    """`audit.key` and `audit.head` in a folder of the node; raises OSError where that is not so."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = folder / "audit.key"
        self._head = folder / "audit.head"

    def key(self) -> bytes:
        """The key that seals; AuditKeyMissing where there is none."""
        try:
            return bytes.fromhex(self._key.read_text())
        except (FileNotFoundError, ValueError) as error:
            raise AuditKeyMissing(f"{self._key} is missing or no key: restore it") from error

    def make_key(self) -> bytes:
        """A new key, unless another process was faster: then that one's."""
        draft = self._draft(self._key, secrets.token_hex(_KEY_BYTES))
        try:
            os.link(draft, self._key)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
        sync_folder(self._folder)
        return self.key()

    def head(self) -> Head | None:
        """Where the chain ended when that was last written; None: it never was."""
        try:
            return Head(**json.loads(self._head.read_text()))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError):  # half of it, or somebody's hand
            return Head(-1, "unreadable")

    def keep_head(self, head: Head) -> None:
        draft = self._draft(self._head, json.dumps(asdict(head)))
        draft.replace(self._head)
        sync_folder(self._folder)

    def set_head_aside(self) -> None:
        """It is not what the ledger says: kept for whoever finds out why."""
        self._head.rename(self._folder / f"audit.head.{time.time_ns()}")

    def heads_set_aside(self) -> list[Path]:
        return sorted(self._folder.glob("audit.head.[0-9]*"))

    def _draft(self, place: Path, text: str) -> Path:
        draft = place.with_name(f".{place.name}.{secrets.token_hex(8)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        return draft
