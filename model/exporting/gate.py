"""May a CPU serve in a lesser precision? Asked of labelled images, and recorded in the card."""

from collections.abc import Sequence
from pathlib import Path

import structlog

from model.artefact import Artefact, load_artefact, write_card
from model.card import Card, ServingGate
from model.classifier import FractureClassifier
from model.datasets.labelled import LabelledImage
from model.exporting.kind import NotOffered, Rounding
from model.exporting.parity import BOUNDS, Parity, compare, disagreement, labelled_files, parity
from model.runtime import CpuPlan, OpenVinoRuntime, Precision

log = structlog.get_logger(__name__)


def record_serving_gate(folder: Path, twin: Artefact, images: Sequence[LabelledImage]) -> Card:
    """Lets CPUs that compute in bf16 serve this artefact so, if its answers stay what they were.

    The twin, fitted alike without the images' groups, says whether they do; the artefact itself,
    which may have seen them, whether it still refuses the same images.
    """
    artefact = load_artefact(folder)
    gate = _asked(artefact, twin, images)
    recorded = artefact.card.model_copy(update={"serving": gate})
    write_card(folder, recorded)
    return recorded


def _asked(
    artefact: Artefact, twin: Artefact, images: Sequence[LabelledImage]
) -> ServingGate | None:
    try:
        found = bf16_parity(twin, images)
        refusal = _refusal(found) or _refusal(bf16_parity(artefact, images))
    except NotOffered as reason:
        log.info("bf16_not_asked", reason=str(reason))
        return None
    log.info("bf16_asked", images=found.images, refusal=refusal)
    return gate_of(found, Rounding.BF16) if refusal is None else None


def _refusal(found: Parity) -> str | None:
    return disagreement(found, BOUNDS[Rounding.BF16])


def bf16_parity(artefact: Artefact, images: Sequence[LabelledImage]) -> Parity:
    """NotOffered where this processor does not compute in bf16."""
    reference, candidate = (_classifier(artefact, precision) for precision in ("f32", "bf16"))
    pairs = compare(reference, candidate, labelled_files(images))
    return parity(pairs, "the labelled images", [image.fractured for image in images])


def _classifier(artefact: Artefact, precision: Precision) -> FractureClassifier:
    runtime = OpenVinoRuntime(artefact, CpuPlan(precision=precision))
    if runtime.precision != precision:
        raise NotOffered(f"{precision}: this processor computes in {runtime.precision} instead")
    return FractureClassifier(artefact.card, runtime)


def gate_of(found: Parity, rounding: Rounding) -> ServingGate:
    """As the card has it."""
    return ServingGate.model_validate(
        {
            "precision": rounding.value,
            "images": found.images,
            "auroc_loss": None if found.auroc_loss is None else round(found.auroc_loss, 5),
            "state_changes": round(found.state_changes, 5),
            "max_logit_change": round(found.max_logit_change, 4),
        }
    )
