"""May a CPU serve in a lesser precision? Asked of labelled images, and recorded in the card."""

from collections.abc import Sequence
from pathlib import Path

from model.artefact import Artefact, load_artefact, write_card
from model.card import ServingGate
from model.classifier import FractureClassifier
from model.datasets.labelled import LabelledImage
from model.exporting.kind import NotOffered, Rounding
from model.exporting.parity import BOUNDS, Parity, compare, disagreement, labelled_files, parity
from model.runtime import CpuPlan, OpenVinoRuntime, Precision


def record_serving_gate(folder: Path, images: Sequence[LabelledImage]) -> Parity:
    """Lets CPUs that compute in bf16 serve this artefact so, if its answers stay what they were.

    The images must be of groups the network never saw. Returns what was found, passed or not.
    """
    artefact = load_artefact(folder)
    found = bf16_parity(artefact, images)
    passed = disagreement(found, BOUNDS[Rounding.BF16]) is None
    gate = gate_of(found, Rounding.BF16) if passed else None
    write_card(folder, artefact.card.model_copy(update={"serving": gate}))
    return found


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
            "auroc_loss": round(found.auroc_loss or 0.0, 5),
            "state_changes": round(found.state_changes, 5),
            "max_logit_change": round(found.max_logit_change, 4),
        }
    )
