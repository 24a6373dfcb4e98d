"""Encryption by age (age-encryption.org/v1): for public keys, authenticated piece by piece."""

import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO

import pyrage

from db.backup.archive import PulledStream
from db.backup.contents import BackupUnreadable, RecipientRefused


def new_identity() -> tuple[str, str]:
    """A secret key, and the recipient whose backups it opens."""
    identity = pyrage.x25519.Identity.generate()
    return str(identity), str(identity.to_public())


def read_recipients(words: Iterable[str]) -> list[pyrage.x25519.Recipient]:
    """Raises RecipientRefused."""
    try:
        return [pyrage.x25519.Recipient.from_str(word.strip()) for word in words]
    except pyrage.RecipientError as error:
        raise RecipientRefused(
            "a recipient begins with age1 and is written as it was given"
        ) from error


def read_identities(path: Path) -> list[pyrage.x25519.Identity]:
    """Those of a key file as `age-keygen` writes it; raises RecipientRefused, or OSError."""
    lines = [line.strip() for line in path.read_text().splitlines()]
    try:
        found = [pyrage.x25519.Identity.from_str(one) for one in lines if one and one[0] != "#"]
    except pyrage.IdentityError as error:
        raise RecipientRefused(f"{path} holds no age identity (AGE-SECRET-KEY-1…)") from error
    if not found:
        raise RecipientRefused(f"{path} holds no age identity (AGE-SECRET-KEY-1…)")
    return found


def encrypt(
    pieces: Iterable[bytes], target: IO[bytes], recipients: list[pyrage.x25519.Recipient]
) -> None:
    """Write the pieces to the target as they come, so that only these can read them."""
    stream = PulledStream(pieces)
    try:
        pyrage.encrypt_io(stream, target, recipients)
    except pyrage.EncryptError:
        if stream.failure is not None:
            raise stream.failure from None
        raise


@contextmanager
def decrypted(path: Path, identities: list[pyrage.x25519.Identity]) -> Iterator[BinaryIO]:
    """The content as a stream; nothing of it was altered when it is read.

    Raises BackupUnreadable, when the reading is over at the latest: for another key, an alteration
    or an end that is missing.
    """
    inside, outside = os.pipe()
    decryption = _Decryption(path, identities, outside)
    decryption.start()
    try:
        with os.fdopen(inside, "rb") as stream:
            yield stream
            decryption.is_read_to_the_end = not stream.read(1)
    except Exception:
        decryption.join()
        decryption.raise_failure()
        raise
    decryption.join()
    if decryption.is_read_to_the_end:
        decryption.raise_failure()


class _Decryption(threading.Thread):
    """Decrypts into a pipe: pyrage pushes, and who reads an archive pulls."""

    def __init__(self, path: Path, identities: list[pyrage.x25519.Identity], outside: int) -> None:
        super().__init__(daemon=True)
        self.is_read_to_the_end = False
        self._path, self._identities, self._outside = path, identities, outside
        self._failure: Exception | None = None

    def run(self) -> None:
        try:
            with self._path.open("rb") as source, os.fdopen(self._outside, "wb") as target:
                pyrage.decrypt_io(source, target, self._identities)
        except BrokenPipeError:
            pass  # nobody wants to read on
        except (pyrage.DecryptError, OSError) as failure:
            self._failure = failure

    def raise_failure(self) -> None:
        if self._failure is None:
            return
        if "No matching keys" in str(self._failure):
            raise BackupUnreadable("this key does not open it") from self._failure
        raise BackupUnreadable("it is cut short, altered, or no backup") from self._failure
