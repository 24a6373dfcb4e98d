"""The way back: from backups to a spool and a ledger, or to nothing that looks like them."""

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from db.backup.archive import file_pieces, members
from db.backup.contents import (
    END_NAME,
    HEAD_NAME,
    KEYS_NAME,
    LEDGER_FOLDER,
    NODE_FILES,
    NODE_FOLDER,
    RESTORE_MARK,
    SETTINGS_NAME,
    SPOOL_FOLDER,
    BackupEnd,
    BackupHead,
    BackupUnreadable,
    BackupUnsuitable,
)
from db.backup.encryption import decrypted
from db.backup.loading import load_ledger, refuse_unsuitable_database
from db.upgrade import is_known_revision

_WORK_FOLDER = "restore-work"
_SETTINGS_RESTORED = "osteon.toml.restored"
_HARMLESS = {RESTORE_MARK, _WORK_FOLDER, "lost+found"}


class KeptFiles(Protocol):
    """The spool that is filled: `keep` says under which key, the SHA-256 of what came."""

    def keep(self, pieces: Iterator[bytes]) -> str: ...
    def remove(self, key: str) -> None: ...


@dataclass(frozen=True)
class RestorePlan:
    """Which backups, the keys that open them, and where to; `spool` lies in `folder`."""

    backups: Sequence[Path]
    identities: list[Any]
    folder: Path
    database_url: str
    spool: KeptFiles


@dataclass(frozen=True)
class Restored:
    """What is back: of which moment, and which files the backup itself had not."""

    head: BackupHead
    files: int
    gone: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)


@dataclass
class _Wanted:
    """The keys that the ledger names, and those of them that are back."""

    keys: set[bytes] = field(default_factory=set)
    found: set[bytes] = field(default_factory=set)
    files: dict[str, Path] = field(default_factory=dict)
    end: BackupEnd | None = None

    @property
    def missing(self) -> set[bytes]:
        return self.keys - self.found


def restore(plan: RestorePlan) -> Restored:
    """Bring back the newest of the backups; the earlier ones give what files it has not.

    Raises BackupUnreadable, BackupUnsuitable, LedgerUnavailable, OSError. The folder then bears a
    mark, by which no node starts in it, until another attempt has come to its end.
    """
    chain = _in_order(plan)
    newest, path = chain[-1]
    if not is_known_revision(newest.revision):
        raise BackupUnsuitable("a later release made this backup: restore it with that one")
    _refuse_taken(plan.folder)
    refuse_unsuitable_database(plan.database_url, newest.database)
    (plan.folder / RESTORE_MARK).touch()
    work = plan.folder / _WORK_FOLDER
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(mode=0o700)
    wanted = _Wanted()
    _read_newest(plan, path, work, wanted)
    for _, earlier in reversed(chain[:-1]):
        _read_earlier(plan, earlier, wanted)
    end = _require_whole(wanted)
    load_ledger(plan.database_url, newest.revision, wanted.files, end.gone)
    shutil.rmtree(work)
    (plan.folder / RESTORE_MARK).unlink()
    return Restored(newest, len(wanted.found), end.gone, end.damaged)


def _in_order(plan: RestorePlan) -> list[tuple[BackupHead, Path]]:
    """Each with the one it builds upon before it; BackupUnsuitable where one is not named."""
    heads = {head.backup_id: (head, path) for path in plan.backups for head in [_head(plan, path)]}
    built_upon = {head.since for head, _ in heads.values()}
    newest = [key for key in heads if key not in built_upon]
    if len(newest) != 1:
        raise BackupUnsuitable("these backups do not build upon each other: name one chain of them")
    chain = [heads[newest[0]]]
    while (since := chain[0][0].since) is not None:
        if since not in heads:
            raise BackupUnsuitable(
                f"{chain[0][1]} builds upon an earlier backup, which has to be named too"
            )
        chain.insert(0, heads[since])
    if len(chain) != len(heads):
        raise BackupUnsuitable("these backups do not build upon each other: name one chain of them")
    return chain


def _head(plan: RestorePlan, path: Path) -> BackupHead:
    with decrypted(path, plan.identities) as stream:
        for name, content in members(stream):
            if name != HEAD_NAME:
                break
            return BackupHead.decode(content.read())
    raise BackupUnreadable("it has no head: it is no backup of a node")


def _refuse_taken(folder: Path) -> None:
    """A folder that holds anything else may be somebody's node."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    taken = {path.name for path in folder.iterdir()} - _HARMLESS
    if taken and not (folder / RESTORE_MARK).exists():
        raise BackupUnsuitable(f"{folder} is not empty: name a new folder")


def _read_newest(plan: RestorePlan, path: Path, work: Path, wanted: _Wanted) -> None:
    with decrypted(path, plan.identities) as stream:
        for name, content in members(stream):
            if name.startswith(LEDGER_FOLDER):
                _write_out(content, _ledger_file(work, name, wanted))
                if name == LEDGER_FOLDER + KEYS_NAME:
                    wanted.keys = _read_keys(wanted.files.pop(KEYS_NAME))
            elif name.startswith(NODE_FOLDER):
                _write_out(content, _node_file(plan.folder, name.removeprefix(NODE_FOLDER)))
            elif name == END_NAME:
                wanted.end = BackupEnd.decode(content.read())
            elif name != HEAD_NAME:
                _take_file(plan.spool, name, content, wanted)


def _node_file(folder: Path, name: str) -> Path:
    """The settings are not put in force: the new node may be another machine."""
    if name == SETTINGS_NAME:
        return folder / _SETTINGS_RESTORED
    if name not in NODE_FILES:
        raise BackupUnreadable("it holds what no backup holds")
    return folder / name


def _ledger_file(work: Path, name: str, wanted: _Wanted) -> Path:
    plain = name.removeprefix(LEDGER_FOLDER)
    if not plain.replace("_", "").replace(".", "").isalnum():
        raise BackupUnreadable("it holds what no backup holds")
    return wanted.files.setdefault(plain, work / plain)


def _read_keys(path: Path) -> set[bytes]:
    with path.open() as file:
        return {bytes.fromhex(line) for line in file}


def _read_earlier(plan: RestorePlan, path: Path, wanted: _Wanted) -> None:
    """Its files alone, and of those what the newest ledger names: all else was let go since."""
    with decrypted(path, plan.identities) as stream:
        for name, content in members(stream):
            if name.startswith(SPOOL_FOLDER):
                _take_file(plan.spool, name, content, wanted)


def _take_file(spool: KeptFiles, name: str, content: BinaryIO, wanted: _Wanted) -> None:
    """By what it hashes to, not by its name: what nothing names is not kept."""
    key = name.removeprefix(SPOOL_FOLDER)
    if not name.startswith(SPOOL_FOLDER):
        raise BackupUnreadable("it holds what no backup holds")
    digest = bytes.fromhex(key)
    if digest not in wanted.keys or digest in wanted.found:
        return
    kept_as = spool.keep(file_pieces(content))
    if bytes.fromhex(kept_as) in wanted.keys:
        wanted.found.add(bytes.fromhex(kept_as))
    else:
        spool.remove(kept_as)


def _require_whole(wanted: _Wanted) -> BackupEnd:
    """Nothing is missing but what the backup itself says it has not."""
    if wanted.end is None:
        raise BackupUnreadable("it is cut short: its end is missing")
    for name, sha256 in wanted.end.ledger_sha256.items():
        path = wanted.files.get(name.removeprefix(LEDGER_FOLDER))
        if path is not None and _digest(path) != sha256:
            raise BackupUnreadable("the ledger in it is not what was backed up")
    excused = {bytes.fromhex(key) for key in (*wanted.end.gone, *wanted.end.damaged)}
    if missing := wanted.missing - excused:
        raise BackupUnreadable(f"{len(missing)} files that its ledger names are missing or damaged")
    return wanted.end


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_out(content: BinaryIO, path: Path) -> None:
    path.touch(mode=0o600)
    with path.open("wb") as file:
        for piece in file_pieces(content):
            file.write(piece)
