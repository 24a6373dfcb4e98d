"""The spool: objects as files which are safely on the disk before anyone is told so."""

import errno
import fcntl
import hashlib
import os
import re
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import BinaryIO, Protocol

from db.durability import sync_folder

_KEY = re.compile(r"[0-9a-f]{64}")
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
_COPY_BYTES = 1 << 20
SHELVES = 256  # folders that the objects are spread over, by the first byte of their key


class SpoolError(Exception):
    """The spool cannot do what was asked now; nothing was kept, try again later."""


class SpoolFull(SpoolError):
    """The disk has no more than its reserve left."""


class SpoolUnavailable(SpoolError):
    """The file system refuses: read-only, gone, or faulty."""


class ObjectGone(SpoolError):
    """The spool is there, and the object as it was kept is not: it has to come from elsewhere."""


class ObjectDamaged(ObjectGone):
    """What lies there is not what was kept."""


@dataclass(frozen=True)
class SpooledObject:
    """A kept object; its key is its SHA-256, so the same bytes are the same object."""

    key: str
    sha256: str
    size_bytes: int


class IncomingObject(Protocol):
    """An object being written: nobody sees it until `keep`, and `discard` leaves nothing of it."""

    def write(self, data: bytes | memoryview) -> None: ...
    def reopen(self) -> BinaryIO: ...
    def keep(self) -> SpooledObject: ...
    def discard(self) -> None: ...


class Spool(Protocol):
    """Where objects are kept; a shared or object store can take the place of the file system."""

    def begin(self) -> IncomingObject: ...
    def write(self, source: bytes | Path) -> SpooledObject: ...
    def open(self, key: str) -> BinaryIO: ...
    def open_intact(self, key: str) -> BinaryIO: ...
    def remove(self, key: str, *, settled_seconds: float = 0) -> bool: ...
    def settled_keys(self, shelf: int, *, settled_seconds: float) -> list[str]: ...
    def sweep(self, *, older_than_seconds: float) -> int: ...


@dataclass(frozen=True)
class FileSpool:
    """A spool in one folder of a local or shared file system.

    `reserve_bytes` is what stays free for the ledger and the rest of the machine.
    """

    root: Path
    reserve_bytes: int = 0

    def __post_init__(self) -> None:
        with _refusals_named():
            self.root.parent.mkdir(parents=True, exist_ok=True)
            # Each by itself: parents that are made along the way would be open to all.
            for folder in (self.root, self._incoming, self._kept):
                _make_private(folder)
            for shelf in range(SHELVES):
                (self._kept / f"{shelf:02x}").mkdir(mode=0o700, exist_ok=True)
            for folder in (self._kept, self.root):
                sync_folder(folder)

    def begin(self) -> "IncomingFile":
        """Start writing an object; SpoolFull where the disk is down to its reserve."""
        with _refusals_named():
            if shutil.disk_usage(self.root).free < self.reserve_bytes:
                raise SpoolFull("the disk is down to its reserve")
            return IncomingFile(self._incoming / uuid.uuid4().hex, self._kept)

    def write(self, source: bytes | Path) -> SpooledObject:
        """Keep the bytes or the file's content; on return they outlast a power cut."""
        incoming = self.begin()
        try:
            for piece in _pieces(source):
                incoming.write(piece)
            return incoming.keep()
        finally:
            incoming.discard()

    def open(self, key: str) -> BinaryIO:
        path = _kept_path(self._kept, key)
        with _refusals_named():
            try:
                return path.open("rb")
            except FileNotFoundError as error:
                if not path.parent.is_dir():
                    raise
                raise ObjectGone(f"{key} is gone from the spool; restore it") from error

    def open_intact(self, key: str) -> BinaryIO:
        """As `open`, for who judges or hands on what is in it; ObjectDamaged if its bytes changed.

        A disk that returns other bytes than it was given says nothing of it.
        """
        stream = self.open(key)
        try:
            with _refusals_named():
                digest = hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]
                stream.seek(0)
            if digest != key:
                raise ObjectDamaged(f"{key} is damaged in the spool; restore it")
        except BaseException:
            stream.close()
            raise
        return stream

    def remove(self, key: str, *, settled_seconds: float = 0) -> bool:
        """Remove an object that no row of the ledger names; whether it is gone.

        One written within `settled_seconds` stays: the same bytes came again, and their row, which
        is written after the file, may not be committed yet.
        """
        path = _kept_path(self._kept, key)
        with _refusals_named(), _shelf_locked(path.parent, fcntl.LOCK_EX):
            try:
                if path.stat().st_mtime > time.time() - settled_seconds:
                    return False
                path.unlink()
            except FileNotFoundError:
                pass
            return True

    def settled_keys(self, shelf: int, *, settled_seconds: float) -> list[str]:
        """The objects of one of the SHELVES folders, without those written just now."""
        newest = time.time() - settled_seconds
        with _refusals_named(), os.scandir(self._kept / f"{shelf:02x}") as entries:
            return [one.name for one in entries if _is_settled_object(one, newest)]

    def sweep(self, *, older_than_seconds: float) -> int:
        """Remove what writers that died have left behind, and say how much."""
        oldest = time.time() - older_than_seconds
        with _refusals_named():
            return sum(_remove_if_abandoned(path, oldest) for path in self._incoming.iterdir())

    @property
    def _incoming(self) -> Path:
        return self.root / "incoming"

    @property
    def _kept(self) -> Path:
        return self.root / "kept"


class IncomingFile:
    """A file under a temporary name, locked while its writer lives, so that no sweep takes it."""

    def __init__(self, path: Path, kept: Path) -> None:
        self._path = path
        self._kept = kept
        self._digest = hashlib.sha256()
        self._size_bytes = 0
        self._file = FileIO(path, "xb", opener=_open_private)
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def write(self, data: bytes | memoryview) -> None:
        with _refusals_named():
            view = memoryview(data)
            while view:
                view = view[self._file.write(view) :]
        self._digest.update(data)
        self._size_bytes += len(data)

    def reopen(self) -> BinaryIO:
        """What was written so far, to be read from its beginning."""
        with _refusals_named():
            return self._path.open("rb")

    def keep(self) -> SpooledObject:
        """Give the object its place; it outlasts a power cut from here on."""
        sha256 = self._digest.hexdigest()
        final_path = _kept_path(self._kept, sha256)
        with _refusals_named():
            os.fsync(self._file.fileno())
            with _shelf_locked(final_path.parent, fcntl.LOCK_SH) as shelf:
                self._path.rename(final_path)
                os.fsync(shelf)
            self._file.close()
        return SpooledObject(key=sha256, sha256=sha256, size_bytes=self._size_bytes)

    def discard(self) -> None:
        """Leave nothing behind; harmless after `keep`."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
            self._file.close()


@contextmanager
def _refusals_named() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        kind = SpoolFull if error.errno in _NO_SPACE else SpoolUnavailable
        raise kind(error.strerror or type(error).__name__) from error


def _kept_path(kept: Path, key: str) -> Path:
    if not _KEY.fullmatch(key):
        raise ValueError("a spool key is a SHA-256 in hexadecimal")
    return kept / key[:2] / key


@contextmanager
def _shelf_locked(folder: Path, kind: int) -> Iterator[int]:
    """The folder's descriptor; who removes from it and who writes to it wait for each other."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, kind)
        yield descriptor
    finally:
        os.close(descriptor)


def _is_settled_object(entry: "os.DirEntry[str]", newest: float) -> bool:
    try:
        return bool(_KEY.fullmatch(entry.name)) and entry.stat().st_mtime <= newest
    except FileNotFoundError:  # removed since the folder was read
        return False


def _make_private(folder: Path) -> None:
    """Nobody else may look in: also where an earlier release left it open."""
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.stat()
    if found.st_mode & 0o077:
        with suppress(OSError):  # not ours, or not to be written to from here
            folder.chmod(0o700)


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, mode=0o600)


def _pieces(source: bytes | Path) -> Iterator[bytes]:
    if isinstance(source, bytes):
        yield source
        return
    with _refusals_named(), source.open("rb") as file:
        while piece := file.read(_COPY_BYTES):
            yield piece


def _remove_if_abandoned(path: Path, oldest: float) -> bool:
    with suppress(FileNotFoundError, BlockingIOError), path.open("rb") as file:
        if path.stat().st_mtime > oldest:
            return False
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
        return True
    return False
