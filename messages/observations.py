"""What an ORU says: one observation for each thing known of the study and of its images."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydicom.sr.codedict import codes as standard_codes
from pydicom.sr.coding import Code

from dicom_node.results import codes
from dicom_node.results.finding import (
    AlgorithmIdentity,
    FindingState,
    ImageFinding,
    StudyFinding,
)
from dicom_node.results.report_wording import conclude
from messages.er7 import coded, components, escape

# IHE's Imaging Technical Framework names the study so, as text, with the status of order detail.
DICOM_STUDY = Code("113014", "DCM", "DICOM Study")
# Table 0085
PRELIMINARY, ORDER_DETAIL, NOT_OBTAINABLE = "P", "O", "X"
_ABNORMAL = "A"  # table 0078
# "Possible" is no abnormality, and "none" is never said to be normal.
_FRACTURE_VALUES = {
    FindingState.FRACTURE: codes.PRESENT,
    FindingState.POSSIBLE: codes.UNDETERMINED,
    FindingState.NONE: codes.ABSENT,
}
_STUDY = "0"


@dataclass(frozen=True)
class Observation:
    """One OBX and its notes; values are ER7 already.

    `sub_id` is 0 for the study and an image's number for what is said of that image;
    `answered_by` is whose answer the value is.
    """

    name: Code
    value_type: str
    values: Sequence[str]
    sub_id: str = ""
    units: str = ""
    is_abnormal: bool = False
    status: str = PRELIMINARY
    notes: tuple[str, ...] = ()
    answered_by: AlgorithmIdentity | None = None

    @property
    def abnormal_flag(self) -> str:
        return _ABNORMAL if self.is_abnormal else ""


def observations(study_instance_uid: str, study: StudyFinding) -> Iterator[Observation]:
    """The study first, then its images in the order of the finding."""
    yield Observation(DICOM_STUDY, "ST", [escape(study_instance_uid)], status=ORDER_DETAIL)
    algorithm = study.deciding_algorithm
    yield _fracture(study.state, _STUDY, algorithm)
    yield from _percentage(codes.CERTAINTY_OF_FINDING, study.probability, _STUDY)
    behind = [image_label(study, image) for image in study.images_behind]
    yield _text(codes.CONCLUSION, conclude(study, behind), _STUDY)
    yield from _named(algorithm, _STUDY)
    for number, image in enumerate(study.images, start=1):
        yield from _image(image, image.algorithm_within(study.algorithm), str(number))


def image_label(study: StudyFinding, image: ImageFinding) -> str:
    return f"Image {study.images.index(image) + 1}"


def _image(image: ImageFinding, algorithm: AlgorithmIdentity, sub_id: str) -> Iterator[Observation]:
    yield _source(image, sub_id)
    yield _fracture(image.state, sub_id, algorithm, image.notes)
    yield from _percentage(codes.CERTAINTY_OF_FINDING, image.probability, sub_id)
    yield from _place(image, sub_id)
    if image.state in (FindingState.FRACTURE, FindingState.POSSIBLE):
        yield from _kind(image, sub_id)
    if image.is_analysed:
        yield from _named(algorithm, sub_id)
    else:
        yield _text(codes.COMMENT, f"Not analysed: {image.reason or 'no reason given'}", sub_id)


def _source(image: ImageFinding, sub_id: str) -> Observation:
    """The image itself: a pointer to a DICOM object (RP, tables 0191 and 0291)."""
    pointer = components(image.sop_instance_uid, "", "IM", "DICOM")
    notes = () if image.frame is None else (f"Frame {image.frame}",)
    return Observation(
        codes.SOURCE_IMAGE, "RP", [pointer], sub_id, status=ORDER_DETAIL, notes=notes
    )


def _fracture(
    state: FindingState, sub_id: str, algorithm: AlgorithmIdentity, notes: tuple[str, ...] = ()
) -> Observation:
    value = _FRACTURE_VALUES.get(state)
    return Observation(
        codes.FRACTURE,
        "CWE",
        [] if value is None else [coded(value)],
        sub_id,
        is_abnormal=state is FindingState.FRACTURE,
        status=NOT_OBTAINABLE if value is None else PRELIMINARY,
        notes=notes,
        answered_by=algorithm,
    )


def _named(algorithm: AlgorithmIdentity, sub_id: str) -> Iterator[Observation]:
    yield _text(standard_codes.DCM.AlgorithmName, algorithm.name, sub_id)
    yield _text(standard_codes.DCM.AlgorithmVersion, algorithm.version, sub_id)


def _place(image: ImageFinding, sub_id: str) -> Iterator[Observation]:
    """Where it was looked; nothing of a region that has no code."""
    region = codes.find_code(codes.REGIONS, image.region)
    side = codes.SIDES.get((image.laterality or "").strip().upper())
    yield from _code(standard_codes.SCT.FindingSite, region, sub_id)
    yield from _code(standard_codes.SCT.Laterality, side, sub_id)


def _kind(image: ImageFinding, sub_id: str) -> Iterator[Observation]:
    morphology = codes.find_code(codes.FRACTURE_TYPES, image.fracture_type)
    yield from _code(codes.ASSOCIATED_MORPHOLOGY, morphology, sub_id)
    if morphology is not None:
        yield from _percentage(codes.CERTAINTY_OF_FEATURE, image.type_probability, sub_id)
    severity = codes.find_code(codes.SEVERITIES, image.severity)
    yield from _code(codes.SEVERITY, severity, sub_id)


def _code(name: Code, value: Code | None, sub_id: str) -> Iterator[Observation]:
    if value is not None:
        yield Observation(name, "CWE", [coded(value)], sub_id)


def _percentage(name: Code, probability: float | None, sub_id: str) -> Iterator[Observation]:
    if probability is not None:
        value = f"{100.0 * probability:.1f}"
        yield Observation(name, "NM", [value], sub_id, units=coded(codes.PERCENT))


def _text(name: Code, text: str, sub_id: str) -> Observation:
    return Observation(name, "TX", [escape(text)], sub_id)
