"""Studies to send, and their messages read back by two libraries that know nothing of us."""

from datetime import datetime, timedelta, timezone
from functools import cache
from typing import Any

import hl7
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message

from dicom_node.results.finding import (
    AlgorithmIdentity,
    FindingState,
    ImageFinding,
    StudyFinding,
    aggregate_study,
)
from messages.oru import OruIssue, OruMessage, build_oru
from messages.study_identity import StudyIdentity

ALGORITHM = AlgorithmIdentity("osteon-fracture", "0.1.0", {"sensitive": 0.21, "specific": 0.62})
# Of weights that are in use no more: nothing is known of them but their names.
OLDER = AlgorithmIdentity("osteon-fracture", "0.0.9")
CREATED_AT = datetime(2026, 3, 4, 15, 6, 7, tzinfo=timezone(timedelta(hours=1)))
ISSUE = OruIssue(1, CREATED_AT, "OSTEON_1", "RIS", "HOSPITAL")
STUDY = StudyIdentity(
    study_instance_uid="2.25.1234",
    patient_id="PID-0001",
    issuer_of_patient_id="HOSPITAL",
    patient_name="Müller^Jürgen^Karl^Dr.^M.Sc.",
    patient_birth_date="19700102",
    patient_sex="M",
    accession_number="ACC-123",
    study_date="20260304",
    study_time="101500.25",
    timezone_offset="+0100",
    study_description="Handgelenk in zwei Ebenen",
    placer_order_number="PLACER-7",
    filler_order_number="FILLER-8",
)


def image(number: int, state: FindingState, **changes: Any) -> ImageFinding:
    return ImageFinding("1.2.840.10008.5.1.4.1.1.1", f"2.25.{number}", state, **changes)


FRACTURED = image(
    1,
    FindingState.FRACTURE,
    probability=0.9371,
    region="wrist",
    laterality="L",
    fracture_type="spiral",
    type_probability=0.7,
    severity="mild",
    notes=("an implant is seen",),
)
POSSIBLE = image(2, FindingState.POSSIBLE, probability=0.4, region="upper_limb")
WITHOUT = image(3, FindingState.NONE, probability=0.031, region="hand", frame=2)
NOT_ASSESSED = image(4, FindingState.NOT_ASSESSABLE, reason="the image is blurred: 12 %")


def finding_of(*images: ImageFinding) -> StudyFinding:
    return aggregate_study(images, ALGORITHM)


@cache
def ordinary_message() -> OruMessage:
    return build_oru(STUDY, finding_of(FRACTURED), ISSUE)


def read(message: OruMessage) -> hl7.Message:
    """By python-hl7."""
    return hl7.parse(message.encoded.decode("utf-8"))


def read_by_hl7apy(encoded: str) -> Any:
    return parse_message(encoded, validation_level=VALIDATION_LEVEL.TOLERANT)


def observed(message: hl7.Message, code: str, sub_id: str = "") -> list[hl7.Segment]:
    """The OBX segments that say something by this code of the study (0) or of one image."""
    return [
        segment
        for segment in message.segments("OBX")
        if str(segment[3][0][0]) == code and str(segment[4]) == sub_id
    ]
