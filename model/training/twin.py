"""A fold's network in place of the artefact: it can be asked about images that it never saw."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from model.artefact import Artefact, load_artefact, write_card
from model.classifier import FractureClassifier
from model.datasets.labelled import LabelledImage
from model.evaluation.shaking import shake
from model.runtime import CpuPlan, OpenVinoRuntime

_SHAKEN_OF_EACH_LABEL = 100


def twin_of(folder: Path, fitted_without: Path) -> Artefact:
    """The fold's network with the calibration and operating points of the artefact in folder."""
    card, twin = load_artefact(folder).card, load_artefact(fitted_without)
    points = {"calibration": card.calibration, "operating_points": card.operating_points}
    return replace(twin, card=twin.card.model_copy(update=points))


def record_shaken(folder: Path, twin: Artefact, unseen: Sequence[LabelledImage]) -> None:
    """How harmless changes move the answers, into the artefact's card."""
    classifier = FractureClassifier(twin.card, OpenVinoRuntime(twin, CpuPlan()))
    chosen = [image for fractured in (True, False) for image in _some(unseen, fractured)]
    shaken = shake(classifier, chosen)
    write_card(folder, load_artefact(folder).card.model_copy(update={"shaken": shaken}))


def _some(images: Sequence[LabelledImage], fractured: bool) -> list[LabelledImage]:
    """Evenly drawn from all there are of this label."""
    of_label = [image for image in images if image.fractured is fractured]
    return of_label[:: max(1, len(of_label) // _SHAKEN_OF_EACH_LABEL)][:_SHAKEN_OF_EACH_LABEL]
