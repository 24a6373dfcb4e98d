"""Who vouches for a classifier: the release it ships with, or a key that the hospital trusts.

A card has the hashes of weights and network, so that whoever vouches for the card vouches for all.
"""

import base64
import binascii
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    load_pem_private_key,
    load_pem_public_key,
)

from model.artefact import CARD, ArtefactUntrusted, load_artefact

_Key = TypeVar("_Key")
SIGNATURE = "card.json.sig"
# SHA-256 of the cards that ship with the code: who trusts the code trusts these.
SHIPPED_CARDS = frozenset({"a75cd0b8a06aca7419c94e7fe4b52949c397b651350852e9135a95a72a49bd1f"})


class KeyUnusable(Exception):
    """A key's file cannot be read, or holds no Ed25519 key in PEM."""


@dataclass(frozen=True)
class Signers:
    """Whose signature a classifier needs; without any key the hashes of its card suffice."""

    keys: tuple[Ed25519PublicKey, ...] = ()

    @classmethod
    def read(cls, files: Sequence[Path]) -> "Signers":
        """From PEM files of public keys; raises KeyUnusable."""
        return cls(tuple(_read_public(file) for file in files))


def require_signed(folder: Path, signers: Signers) -> None:
    """Raises ArtefactUntrusted where none of the signers vouches for the folder's card."""
    if not signers.keys or is_shipped(folder):
        return
    card, signature = _signed(folder)
    if not any(_is_by(key, signature, card) for key in signers.keys):
        raise ArtefactUntrusted(f"{folder / SIGNATURE} is by none of the keys in `model_keys`")


def is_shipped(folder: Path) -> bool:
    """Whether its card is one that came with this code, byte for byte."""
    card = folder / CARD
    return card.is_file() and hashlib.sha256(card.read_bytes()).hexdigest() in SHIPPED_CARDS


def sign_artefact(folder: Path, key_file: Path) -> Path:
    """Vouch for a folder whose files are those of its card; raises as `load_artefact` does."""
    key = _read_private(key_file)
    load_artefact(folder)
    signature = folder / SIGNATURE
    signature.write_bytes(base64.b64encode(key.sign((folder / CARD).read_bytes())) + b"\n")
    return signature


def _signed(folder: Path) -> tuple[bytes, bytes]:
    """The card's bytes and what is said to be their signature."""
    try:
        encoded = (folder / SIGNATURE).read_bytes().strip()
        return (folder / CARD).read_bytes(), base64.b64decode(encoded, validate=True)
    except FileNotFoundError as error:
        raise ArtefactUntrusted(
            f"no {SIGNATURE} in {folder}, and `model_keys` asks for one: see `osteon sign`"
        ) from error
    except binascii.Error as error:
        raise ArtefactUntrusted(f"{folder / SIGNATURE} is no signature") from error


def _is_by(key: Ed25519PublicKey, signature: bytes, card: bytes) -> bool:
    try:
        key.verify(signature, card)
    except InvalidSignature:
        return False
    return True


def _read_public(file: Path) -> Ed25519PublicKey:
    key = _read(file, load_pem_public_key)
    if not isinstance(key, Ed25519PublicKey):
        raise KeyUnusable(f"{file} is no Ed25519 public key")
    return key


def _read_private(file: Path) -> Ed25519PrivateKey:
    key = _read(file, lambda pem: load_pem_private_key(pem, password=None))
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyUnusable(f"{file} is no Ed25519 private key")
    return key


def _read(file: Path, load: Callable[[bytes], _Key]) -> _Key:
    try:
        return load(file.read_bytes())
    except OSError as error:
        raise KeyUnusable(f"{file} cannot be read: {error.strerror}") from error
    except (ValueError, TypeError) as error:  # no PEM; one with a pass phrase
        raise KeyUnusable(f"{file} holds no key in PEM, or one with a pass phrase") from error
