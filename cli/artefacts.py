"""Which artefact a command uses, and how it is loaded."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cli.exits import Exit, Leave

if TYPE_CHECKING:
    from model.artefact import Artefact
    from model.classifier import FractureClassifier
    from model.signing import Signers
    from settings import Settings


def load_classifier(folder: Path | None = None, bulk: bool = False) -> "FractureClassifier":
    """The artefact in that folder, else the one in force; Leave where it cannot be used."""
    from cli.node import read_settings
    from model.classifier import FractureClassifier

    device = read_settings("predict").device
    with _unusable_named():
        return FractureClassifier.load(artefact_folder(folder), device, bulk=bulk)


def find_artefact(folder: Path | None = None) -> "Artefact":
    """The artefact alone, checked but not opened: for what needs its card or its files."""
    from model.artefact import load_artefact

    with _unusable_named():
        return load_artefact(artefact_folder(folder))


@contextmanager
def _unusable_named() -> Iterator[None]:
    from model.artefact import ARTEFACT_TROUBLE
    from model.runtime import DeviceUnavailable

    try:
        yield
    except (*ARTEFACT_TROUBLE, DeviceUnavailable) as error:
        raise Leave(Exit.CLASSIFIER_UNUSABLE, str(error)) from error


def artefact_folder(folder: Path | None) -> Path:
    """The one that is named, else the one in force."""
    from cli.assembly import model_dir
    from cli.node import read_settings

    return folder or model_dir(read_settings("predict"))


def model_signers(settings: "Settings") -> "Signers":
    """Who has to vouch for a classifier; Leave where a key cannot be read."""
    from model.signing import KeyUnusable, Signers

    try:
        return Signers.read([Path(file) for file in settings.model_keys])
    except KeyUnusable as error:
        raise Leave(Exit.USAGE, f"setting model_keys: {error}") from error
