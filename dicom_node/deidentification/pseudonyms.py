"""Other names for patients, studies and days: the same ones each time, for whoever has the key."""

import hmac
import os
import secrets
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

_KEY_BYTES = 32
_NEWEST_SHIFT_DAYS, _SHIFT_DAYS = 365, 3650
_DAY_SECONDS = 86_400


class KeyRefused(ValueError):
    """The file holds no key, or others may read it."""


@dataclass(frozen=True)
class Pseudonyms:
    """By HMAC-SHA-256 under a key: without it no name leads back, nor can a guess be tried."""

    key: bytes

    def uid(self, uid: str) -> str:
        """Another UID under 2.25 (PS3.5 B.2), by the first 122 bits."""
        return f"2.25.{int.from_bytes(self._digest('uid', uid)[:16], 'big') >> 6}"

    def patient(self, patient_id: str, issuer: str) -> str:
        return self._digest("patient", patient_id, issuer).hex()[:16].upper()

    def shift(self, patient_id: str, issuer: str) -> timedelta:
        """How far all moments of a patient are moved back: one to eleven years, to the second."""
        digest = self._digest("shift", patient_id, issuer)
        days = _NEWEST_SHIFT_DAYS + int.from_bytes(digest[:8], "big") % _SHIFT_DAYS
        return timedelta(days=-days, seconds=-(int.from_bytes(digest[8:16], "big") % _DAY_SECONDS))

    def _digest(self, *parts: str) -> bytes:
        # The length before each part keeps ("ab", "c") and ("a", "bc") apart.
        said = "".join(f"{len(part)}:{part}" for part in parts)
        return hmac.digest(self.key, said.encode("utf-8", "surrogatepass"), "sha256")


def read_or_make_key(path: Path) -> bytes:
    """The key of the file, which is made for its owner alone if there is none.

    Raises KeyRefused, OSError.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _read_key(path)
    key = secrets.token_bytes(_KEY_BYTES)
    with os.fdopen(descriptor, "w") as file:
        file.write(key.hex() + "\n")
        file.flush()
        os.fsync(file.fileno())
    return key


def _read_key(path: Path) -> bytes:
    if path.stat().st_mode & 0o077:
        raise KeyRefused(f"others may read {path}: chmod 600 it, if they have not")
    try:
        key = bytes.fromhex(path.read_text().strip())
    except ValueError as error:
        raise KeyRefused(f"{path} holds no key for pseudonyms") from error
    if len(key) != _KEY_BYTES:
        raise KeyRefused(f"{path} holds no key for pseudonyms")
    return key
