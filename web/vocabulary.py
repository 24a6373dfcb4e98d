"""The regions and fracture types that a reader may choose from: those of the network in service."""

from dataclasses import dataclass

from model.artefact import ARTEFACT_TROUBLE
from model.datasets.labelled import FRACTURE_TYPES, REGIONS
from web.window import Window


@dataclass(frozen=True)
class Vocabulary:
    regions: tuple[str, ...]
    types: tuple[str, ...]


def vocabulary_of(window: Window) -> Vocabulary:
    """Those of the training material where the network has none of its own, or is not there."""
    try:
        network = window.card.network
    except ARTEFACT_TROUBLE:
        return Vocabulary(REGIONS, FRACTURE_TYPES)
    return Vocabulary(network.regions or REGIONS, network.types or FRACTURE_TYPES)
