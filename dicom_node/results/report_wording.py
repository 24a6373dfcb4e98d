"""The few sentences of a report; everything else in it is coded."""

from collections.abc import Mapping, Sequence

from pydicom.dataset import Dataset
from pydicom.uid import UID

from dicom_node.received_header import is_image
from dicom_node.results.finding import FindingState, ImageFinding, StudyFinding

NOT_VERIFIED = "AI RESULT - NOT VERIFIED"
RESEARCH_USE = "Research use - not for clinical diagnosis"
LIMITS = (
    "The percentage at a box is that of its place alone. Only radiographs of arms and legs are "
    "searched, and only for fractures. A fracture can be missed or seen where there is none: the "
    "radiographs decide, not this page."
)

STATE_WORDS = {
    FindingState.FRACTURE: "Fracture",
    FindingState.POSSIBLE: "Possible fracture",
    FindingState.NONE: "No fracture found",
    FindingState.NOT_ASSESSABLE: "Not assessable",
}


def state_and_probability(state: FindingState, probability: float | None) -> str:
    """Both in words; whatever the state, the probability is that of a fracture."""
    words = STATE_WORDS[state]
    if probability is None:
        return words
    return f"{words}, probability of fracture {percentage(probability)}"


def percentage(probability: float) -> str:
    return f"{100.0 * probability:.1f} %"


def box_legend(points: Mapping[str, float]) -> dict[FindingState, str]:
    """What a solid and a dashed box mean, by the model's operating points where they are known."""
    return {
        FindingState.FRACTURE: f"Solid box: fracture{_reached(points, 'specific')}",
        FindingState.POSSIBLE: f"Dashed box: possible fracture{_reached(points, 'sensitive')}",
    }


def _reached(points: Mapping[str, float], name: str) -> str:
    value = points.get(name)
    if value is None:
        return ""
    return f", the image is at or above {percentage(value)} ({name} operating point)"


def conclude(study: StudyFinding, labels_behind: Sequence[str]) -> str:
    """The study in one paragraph, for whoever sees only text."""
    sentences = [
        f"{state_and_probability(study.state, study.probability)}: {'; '.join(labels_behind)}",
        f"{study.analysed_count} of {len(study.images)} images analysed",
        *different_models(study),
        NOT_VERIFIED,
        RESEARCH_USE,
    ]
    return ". ".join(sentences) + "."


def different_models(study: StudyFinding) -> list[str]:
    """A sentence where not all images were analysed by one model."""
    if len(study.analysed_by) < 2:
        return []
    counts = [f"{count} by {one.name} {one.version}" for one, count in study.analysed_by.items()]
    return [f"Images analysed by different models: {', '.join(counts)}"]


def comment_of(header: Dataset, finding: ImageFinding) -> str | None:
    """What makes the answer less sure, or why there is none.

    A non-image is named, for an SR cannot point at it.
    """
    if finding.is_analysed:
        return f"Note: {'; '.join(finding.notes)}" if finding.notes else None
    reason = f"Not analysed: {finding.reason or 'no reason given'}"
    if is_image(header):
        return reason
    return f"{reason} ({UID(finding.sop_class_uid).name}, {finding.sop_instance_uid})"
