"""The regions and fracture types that a reader may choose from: those of the network in service."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from model.artefact import ARTEFACT_TROUBLE, load_artefact
from model.datasets.labelled import FRACTURE_TYPES, REGIONS


@dataclass(frozen=True)
class Vocabulary:
    regions: tuple[str, ...]
    types: tuple[str, ...]


@cache
def vocabulary_of(model_dir: Path) -> Vocabulary:
    """Those of the training material where the network has none of its own, or is not there."""
    try:
        network = load_artefact(model_dir).card.network
    except ARTEFACT_TROUBLE:
        return Vocabulary(REGIONS, FRACTURE_TYPES)
    return Vocabulary(network.regions or REGIONS, network.types or FRACTURE_TYPES)
