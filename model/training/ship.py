"""From a trained network to an artefact: exported, calibrated, measured and described."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import structlog

from model.artefact import write_card
from model.calibration import fit_operating_points, fit_platt
from model.card import Calibration, Card, Input, OperatingPoint, OperatingPoints
from model.classifier import FractureClassifier
from model.datasets.labelled import REGIONS, LabelledImage
from model.evaluation.localisation import box_agreement
from model.evaluation.measure import Measured, located, measure, summarise, truths
from model.evaluation.metrics import auroc
from model.export import export_network
from model.network import FractureNetwork
from model.training.provenance import INTENDED_USE, LIMITS, NAME, sources
from model.training.recipes import Recipe

log = structlog.get_logger(__name__)

# The hardest seventh of fractures score like ordinary images: a point that caught them too would
# call half of all images without a fracture possible.
SENSITIVITY, SPECIFICITY = 0.85, 0.90
_BOX_POINTS = (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6)


@dataclass(frozen=True, slots=True)
class Shipment:
    """What is made into an artefact, and with which images."""

    recipe: Recipe
    version: str
    out: Path
    calibration: Sequence[LabelledImage]
    validation: Sequence[LabelledImage]


def ship(network: FractureNetwork, shipment: Shipment) -> Path:
    """Write the artefact; its figures are measured on the files as they lie in the folder."""
    folder = shipment.out / f"{NAME}-{shipment.version}"
    export_network(network, shipment.recipe.side, folder)
    card = _uncalibrated_card(shipment)
    write_card(folder, card)
    card = _calibrated(card, measure(FractureClassifier.load(folder, "cpu"), shipment.calibration))
    write_card(folder, card)
    classifier = FractureClassifier.load(folder, "cpu")
    figures = summarise(
        measure(classifier, shipment.validation),
        classifier,
        command=f"osteon evaluate --model {folder.name} --data FOLDER --split val",
    )
    write_card(folder, card.model_copy(update={"validation": figures}))
    log.info("artefact_written", folder=str(folder), auroc=figures.auroc and figures.auroc.value)
    return folder


def _uncalibrated_card(shipment: Shipment) -> Card:
    recipe = shipment.recipe
    unset = OperatingPoint(probability=0.5, chosen_for="not calibrated yet")
    return Card(
        name=NAME,
        version=shipment.version,
        intended_use=INTENDED_USE,
        trunk=recipe.trunk,
        regions=REGIONS,
        input=Input(side=recipe.side, mirrored_too=recipe.mirrored_too),
        calibration=Calibration(slope=1.0, intercept=0.0, fitted_on="nothing yet"),
        operating_points=OperatingPoints(sensitive=unset, specific=unset, box=unset),
        recipe=asdict(recipe),
        sources=sources(recipe),
        validation=None,
        limits=LIMITS,
        files={},
    )


def _calibrated(card: Card, measured: Sequence[Measured]) -> Card:
    known = truths(measured)
    scaling = fit_platt(known.logits, known.labels)
    probabilities = scaling.probability(known.logits)
    points = fit_operating_points(probabilities, known.labels, SENSITIVITY, SPECIFICITY)
    fitted_on = (
        f"{len(known.labels)} images ({int(known.labels.sum())} fractured) of train groups that "
        f"took no part in fitting the weights; AUROC there {auroc(known.logits, known.labels):.3f}"
    )
    operating_points = OperatingPoints(
        sensitive=OperatingPoint(
            probability=points.sensitive, chosen_for=f"sensitivity {SENSITIVITY:.2f} on them"
        ),
        specific=OperatingPoint(
            probability=points.specific, chosen_for=f"specificity {SPECIFICITY:.2f} on them"
        ),
        box=_box_point(measured),
    )
    calibration = Calibration(slope=scaling.slope, intercept=scaling.intercept, fitted_on=fitted_on)
    return card.model_copy(
        update={"calibration": calibration, "operating_points": operating_points}
    )


def _box_point(measured: Sequence[Measured]) -> OperatingPoint:
    heatmaps = located(measured)
    best = max(_BOX_POINTS, key=lambda point: box_agreement(heatmaps, point))
    agreement = box_agreement(heatmaps, best)
    return OperatingPoint(
        probability=best, chosen_for=f"the best agreement with readers' boxes, F1 {agreement:.2f}"
    )
