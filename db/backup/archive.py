"""The stream of a backup: a tar archive, made and read piece by piece."""

import tarfile
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from db.backup.contents import BackupUnreadable

PIECE_BYTES = 1 << 20


class PulledStream:
    """Pieces of bytes as a file that is read once, from the front.

    What went wrong in making them is kept: who reads may tell it as a failure of its own.
    """

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self.failure: Exception | None = None
        self._pieces = iter(pieces)
        self._rest = memoryview(b"")

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes; empty at the end only."""
        while not self._rest:
            try:
                piece = next(self._pieces, None)
            except Exception as failure:
                self.failure = failure
                raise
            if piece is None:
                return b""
            self._rest = memoryview(piece)
        taken = self._rest if size < 0 else self._rest[:size]
        self._rest = self._rest[len(taken) :]
        return bytes(taken)


def member(name: str, size_bytes: int, content: Iterable[bytes]) -> Iterator[bytes]:
    """One file of the archive; its time, owner and mode say nothing."""
    info = tarfile.TarInfo(name)
    info.size, info.mode = size_bytes, 0o600
    yield info.tobuf(tarfile.PAX_FORMAT)
    yield from content
    yield bytes(-size_bytes % tarfile.BLOCKSIZE)


def archive_end() -> bytes:
    return bytes(2 * tarfile.BLOCKSIZE)


def file_pieces(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(PIECE_BYTES):
        yield piece


def members(stream: BinaryIO) -> Iterator[tuple[str, BinaryIO]]:
    """Each file's name and content, to be read before the next is asked for."""
    try:
        with tarfile.open(fileobj=stream, mode="r|", bufsize=PIECE_BYTES) as archive:
            for info in archive:
                content = archive.extractfile(info) if info.isreg() else None
                if content is None:
                    raise BackupUnreadable("it holds what no backup holds")
                yield info.name, content  # type: ignore[misc]
    except tarfile.TarError as error:
        raise BackupUnreadable("it is cut short, or no backup") from error
