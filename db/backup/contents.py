"""What a backup says of itself: its head, which comes first, and its end, which makes it whole."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field

FORMAT = 1
HEAD_NAME, KEYS_NAME, END_NAME = "osteon-backup.json", "keys", "end.json"
LEDGER_FOLDER, SPOOL_FOLDER, NODE_FOLDER = "ledger/", "spool/", "node/"
SETTINGS_NAME = "osteon.toml"
# Of the data folder: the seal of the audit trail. Where the trail ended is read before the ledger.
NODE_FILES = ("audit.key", "audit.head")
# In a data folder that a restore has begun to fill, until it has come to its end.
RESTORE_MARK = "restore-not-ended"


class BackupUnreadable(Exception):
    """The backup is cut short, altered, no backup at all, or not for this key: take another."""


class BackupUnsuitable(Exception):
    """The backup is whole and cannot be restored so: a person decides what to do."""


class RecipientRefused(ValueError):
    """What was given is no age recipient or identity."""


@dataclass(frozen=True)
class BackupHead:
    """Which moment of which node; `since` is the backup whose files are not here again."""

    backup_id: str
    made_at: str  # ISO 8601 in UTC: when the ledger was copied
    release: str
    revision: str  # of the ledger's schema
    database: str  # sqlite or postgresql
    since: str | None = None
    format: int = FORMAT

    def encode(self) -> bytes:
        return json.dumps(asdict(self), indent=1).encode()

    @classmethod
    def decode(cls, encoded: bytes) -> "BackupHead":
        """Raises BackupUnsuitable where a later release wrote it in a way of its own."""
        try:
            said = json.loads(encoded)
            if said["format"] != FORMAT:
                raise BackupUnsuitable("a later release made this backup: restore it with that one")
            return cls(**said)
        except (ValueError, KeyError, TypeError) as error:
            raise BackupUnreadable("its head makes no sense: it is no backup of a node") from error


@dataclass(frozen=True)
class BackupEnd:
    """What is in it; keys of files that were `gone` from the spool, or `damaged` in it."""

    files: int
    file_bytes: int
    files_before: int  # in the earlier backup
    ledger_sha256: dict[str, str]
    gone: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)

    def encode(self) -> bytes:
        return json.dumps(asdict(self), indent=1).encode()

    @classmethod
    def decode(cls, encoded: bytes) -> "BackupEnd":
        return cls(**json.loads(encoded))


def encode_keys(keys: Iterable[str]) -> Iterator[bytes]:
    """A line each."""
    return (f"{key}\n".encode() for key in keys)
