"""Which artefact a command uses, and how it is loaded."""

from pathlib import Path
from typing import TYPE_CHECKING

from cli.exits import Exit, Leave

if TYPE_CHECKING:
    from model.classifier import FractureClassifier


def load_classifier(folder: Path | None = None, bulk: bool = False) -> "FractureClassifier":
    """The artefact in that folder, else the one in force; Leave where it cannot be used."""
    from cli.node import read_settings
    from model.artefact import ArtefactDamaged, ArtefactMissing
    from model.classifier import FractureClassifier
    from model.runtime import DeviceUnavailable

    device = read_settings("predict").device
    try:
        return FractureClassifier.load(artefact_folder(folder), device, bulk=bulk)
    except (ArtefactMissing, ArtefactDamaged, DeviceUnavailable) as error:
        raise Leave(Exit.CLASSIFIER_UNUSABLE, str(error)) from error


def artefact_folder(folder: Path | None) -> Path:
    """The one that is named, else the one in force."""
    from cli.assembly import model_dir
    from cli.node import read_settings

    return folder or model_dir(read_settings("predict"))
