"""Making a backup: the ledger first, then the files that it names."""

import hashlib
import os
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import IO, BinaryIO

from sqlalchemy import Engine

from db.backup.archive import archive_end, file_pieces, member
from db.backup.contents import (
    END_NAME,
    HEAD_NAME,
    KEYS_NAME,
    LEDGER_FOLDER,
    NODE_FILES,
    NODE_FOLDER,
    SETTINGS_NAME,
    SPOOL_FOLDER,
    BackupEnd,
    BackupHead,
    BackupUnsuitable,
)
from db.backup.encryption import encrypt, read_recipients
from db.backup.ledger_copy import LedgerCopy, copied_ledger
from db.durability import sync_folder

FILES_SUFFIX = ".files"
_UNFINISHED_SUFFIX = ".part"
_LIST_HEAD = "osteon-backup "


class FileGone(Exception):
    """The spool has no such file."""


@dataclass(frozen=True)
class BackupPlan:
    """What is backed up, and for whom; `open_file` raises FileGone for a key that is not there.

    `data_folder` has room for a copy of the ledger; `since` is the list of files that an earlier
    backup left beside itself.
    """

    engine: Engine
    open_file: Callable[[str], BinaryIO]
    recipients: tuple[str, ...]
    release: str
    data_folder: Path
    settings_file: Path | None = None
    since: Path | None = None


@dataclass
class _Tally:
    files: int = 0
    file_bytes: int = 0
    files_before: int = 0
    ledger_sha256: dict[str, str] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)

    def end(self) -> BackupEnd:
        return BackupEnd(**vars(self))


def write_backup(plan: BackupPlan, target: Path) -> BackupEnd:
    """Write the backup to `target`, which appears when it is whole and on the disk.

    Raises RecipientRefused, BackupUnsuitable where `since` is no list of a backup, OSError.
    """
    recipients = read_recipients(plan.recipients)
    earlier_id = _list_owner(plan.since) if plan.since else None
    unfinished = target.with_name(target.name + _UNFINISHED_SUFFIX)
    listed = target.with_name(target.name + FILES_SUFFIX)
    tally = _Tally()
    small = _node_files(plan)
    with copied_ledger(plan.engine, plan.data_folder) as copy:
        head = _head(plan, copy, earlier_id)
        with _opened_privately(unfinished) as file:
            pieces = chain(_small_members(head, small), _archive(plan, copy, tally))
            encrypt(pieces, file, recipients)
            file.flush()
            os.fsync(file.fileno())
        copy.keys.seek(0)
        _write_list(listed, head, copy.keys, lacking={*tally.gone, *tally.damaged})
    unfinished.rename(target)
    sync_folder(target.parent)
    return tally.end()


def _head(plan: BackupPlan, copy: LedgerCopy, earlier_id: str | None) -> BackupHead:
    return BackupHead(
        backup_id=uuid.uuid4().hex,
        made_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        release=plan.release,
        revision=copy.revision,
        database=plan.engine.dialect.name,
        since=earlier_id,
    )


def _node_files(plan: BackupPlan) -> dict[str, bytes]:
    paths = [plan.data_folder / name for name in NODE_FILES]
    found = {path.name: path.read_bytes() for path in paths if path.is_file()}
    if plan.settings_file is not None:
        found[SETTINGS_NAME] = plan.settings_file.read_bytes()
    return found


def _small_members(head: BackupHead, node_files: dict[str, bytes]) -> Iterator[bytes]:
    yield from _small_member(HEAD_NAME, head.encode())
    for name, content in node_files.items():
        yield from _small_member(NODE_FOLDER + name, content)


def _archive(plan: BackupPlan, copy: LedgerCopy, tally: _Tally) -> Iterator[bytes]:
    for name, file in copy.files.items():
        yield from _ledger_member(LEDGER_FOLDER + name, file, tally)
    yield from _ledger_member(LEDGER_FOLDER + KEYS_NAME, copy.keys, tally)
    copy.keys.seek(0)
    keys = (line.decode().strip() for line in copy.keys)
    for key, is_earlier in _compared(keys, _listed_keys(plan.since)):
        if is_earlier:
            tally.files_before += 1
        else:
            yield from _file_member(plan, key, tally)
    yield from _small_member(END_NAME, tally.end().encode())
    yield archive_end()


def _small_member(name: str, content: bytes) -> Iterator[bytes]:
    return member(name, len(content), [content])


def _ledger_member(name: str, file: IO[bytes], tally: _Tally) -> Iterator[bytes]:
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    digest = hashlib.sha256()
    yield from member(name, size, _digested(file, digest))
    tally.ledger_sha256[name] = digest.hexdigest()


def _file_member(plan: BackupPlan, key: str, tally: _Tally) -> Iterator[bytes]:
    """A file is named after its content: what has rotted on the disk is noticed here."""
    try:
        file = plan.open_file(key)
    except FileGone:
        tally.gone.append(key)
        return
    digest = hashlib.sha256()
    with file:
        size = os.fstat(file.fileno()).st_size
        yield from member(SPOOL_FOLDER + key, size, _digested(file, digest))
    if digest.hexdigest() != key:
        tally.damaged.append(key)
    tally.files += 1
    tally.file_bytes += size


def _digested(file: IO[bytes], digest: "hashlib._Hash") -> Iterator[bytes]:
    for piece in file_pieces(file):  # type: ignore[arg-type]
        digest.update(piece)
        yield piece


def _compared(keys: Iterable[str], earlier: Iterable[str]) -> Iterator[tuple[str, bool]]:
    """Each key and whether the earlier backup has it; both are in order, so that none is kept."""
    before = iter(earlier)
    other = next(before, None)
    for key in keys:
        while other is not None and other < key:
            other = next(before, None)
        yield key, key == other


def _write_list(path: Path, head: BackupHead, keys: IO[bytes], *, lacking: set[str]) -> None:
    """Beside the backup, in plain: nobody here could read it out of the backup again.

    What is `lacking` is not in it, so that the next backup tries to have it.
    """
    with _opened_privately(path) as file:
        file.write(f"{_LIST_HEAD}{head.backup_id}\n".encode())
        file.writelines(line for line in keys if line.decode().strip() not in lacking)
        file.flush()
        os.fsync(file.fileno())


def _list_owner(path: Path) -> str:
    with path.open() as file:
        first = file.readline().rstrip("\n")
    if not first.startswith(_LIST_HEAD):
        raise BackupUnsuitable(
            f"{path} is not the list of files that a backup leaves beside itself"
        )
    return first.removeprefix(_LIST_HEAD)


def _listed_keys(path: Path | None) -> Iterator[str]:
    if path is None:
        return
    with path.open() as file:
        next(file)
        for line in file:
            yield line.strip()


def _opened_privately(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
