"""The artefact folder: card.json, weights.safetensors and network.onnx, checked before use."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from model.card import Card

CARD, WEIGHTS, NETWORK = "card.json", "weights.safetensors", "network.onnx"
_PICKLE_SUFFIXES = {".bin", ".ckpt", ".pickle", ".pkl", ".pt", ".pth"}
# A bare pickle of protocol 2 or newer, and the ZIP that torch.save makes.
_PICKLE_STARTS = (b"\x80", b"PK\x03\x04")
BUNDLED_ARTEFACTS = Path(__file__).parent / "weights"


class ArtefactMissing(Exception):
    """No artefact lies where it was looked for."""


class ArtefactDamaged(Exception):
    """A file of the artefact is not the one its card describes."""


class ArtefactUnfit(Exception):
    """The artefact is whole, but does not tell what it is wanted for."""


class ArtefactUntrusted(Exception):
    """Nobody whom the hospital trusts vouches for the artefact."""


ARTEFACT_TROUBLE = (ArtefactMissing, ArtefactDamaged, ArtefactUnfit, ArtefactUntrusted)


@dataclass(frozen=True, slots=True)
class Artefact:
    """A checked folder and its card."""

    folder: Path
    card: Card

    @property
    def network(self) -> Path:
        """The exported network, which needs no torch."""
        return self.folder / NETWORK

    @property
    def weights(self) -> Path:
        """The weights for torch."""
        return self.folder / WEIGHTS


def load_artefact(folder: Path) -> Artefact:
    """Read the card and compare every file with its hash."""
    card = _read_card(folder)
    _refuse_pickles(folder)
    if set(card.files) != {WEIGHTS, NETWORK}:
        raise ArtefactDamaged(f"{folder / CARD} does not name {WEIGHTS} and {NETWORK}")
    for name, expected in card.files.items():
        _check_file(folder / name, expected)
    _check_safetensors(folder / WEIGHTS)
    return Artefact(folder, card)


def require_fracture(card: Card) -> None:
    """Raises ArtefactUnfit where it cannot serve a node: fractures are what a node reports."""
    if not card.network.fracture:
        raise ArtefactUnfit(
            f"{card.name} {card.version} does not tell whether there is a fracture: "
            "a node needs one that does; `osteon predict --model` takes any"
        )


def bundled_artefact() -> Path:
    """The folder of the newest artefact that ships with this code."""
    folders = [path for path in BUNDLED_ARTEFACTS.glob("osteon-*") if (path / CARD).is_file()]
    if not folders:
        raise ArtefactMissing(f"no artefact in {BUNDLED_ARTEFACTS}")
    return max(folders, key=_version)


def _version(folder: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in folder.name.removeprefix("osteon-").split("."))


def write_card(folder: Path, card: Card) -> None:
    """With the hashes of the files that lie there now."""
    files = {name: hash_file(folder / name) for name in (WEIGHTS, NETWORK)}
    sealed = card.model_copy(update={"files": files})
    (folder / CARD).write_text(sealed.model_dump_json(indent=2) + "\n", encoding="utf-8")


def hash_file(path: Path) -> str:
    """SHA-256 as hexadecimal digits."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _read_card(folder: Path) -> Card:
    path = folder / CARD
    if not path.is_file():
        raise ArtefactMissing(f"no {CARD} in {folder}")
    try:
        return Card.model_validate_json(path.read_text(encoding="utf-8"))
    except (ValidationError, UnicodeDecodeError) as problem:
        raise ArtefactDamaged(f"{path} is not a card this version reads: {problem}") from problem


def _refuse_pickles(folder: Path) -> None:
    """Unpickling runs whatever code the file holds: none is to lie where weights are looked for."""
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in _PICKLE_SUFFIXES or (path.is_file() and _is_pickle(path)):
            raise ArtefactDamaged(
                f"{path} is a pickle, or named like one: it could run code; weights are safetensors"
            )


def _is_pickle(path: Path) -> bool:
    with path.open("rb") as content:
        start = content.read(9)
    # The length of a safetensors header may begin with the same bytes; it ends with zeros.
    return start.startswith(_PICKLE_STARTS) and start[4:] != b"\0\0\0\0{"


def _check_safetensors(path: Path) -> None:
    """The length of a JSON header, the header, the numbers: nothing else is offered to torch."""
    with path.open("rb") as content:
        length = int.from_bytes(content.read(8), "little")
        header = content.read(min(length, path.stat().st_size))
    try:
        described = json.loads(header)
    except ValueError as problem:
        raise ArtefactDamaged(f"{path} holds no safetensors") from problem
    if len(header) != length or not isinstance(described, dict):
        raise ArtefactDamaged(f"{path} holds no safetensors")


def _check_file(path: Path, expected: str) -> None:
    if not path.is_file():
        raise ArtefactDamaged(f"{path} is missing")
    if hash_file(path) != expected:
        raise ArtefactDamaged(f"{path} was altered: its SHA-256 is not the card's")
