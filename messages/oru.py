"""The ORU^R01 of a study: its finding as an HL7 v2.5.1 message for the hospital's systems.

2.5.1 is the version of IHE's Results Distribution, and the one most receivers speak.
"""

import base64
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from dicom_node.results import codes
from dicom_node.results.equipment import PRODUCT, Equipment
from dicom_node.results.finding import AlgorithmIdentity, StudyFinding
from dicom_node.results.report_wording import NOT_VERIFIED, RESEARCH_USE
from messages.er7 import coded, components, escape, study_timestamp, timestamp
from messages.observations import Observation, observations
from messages.patient_segment import patient_fields
from messages.plain_report import plain_report
from messages.segments import Fields, header, joined_message, notes, segment
from messages.study_identity import StudyIdentity

APPLICATION = PRODUCT.upper()
# Table 0123: "Results stored; not yet verified". P would be "a verified early result", and C, the
# correction of a final one, which a result of ours never was: each revision is R.
NOT_YET_VERIFIED = "R"
_OBSERVATIONS_TO_FOLLOW = "RE"  # table 0119
_RADIOLOGY = "RAD"  # table 0074
_UTF_8 = "UNICODE UTF-8"  # table 0211
_CONTROL_ID_LENGTH = 20  # MSH-10


@dataclass(frozen=True)
class OruIssue:
    """When and from where a report goes to whom; `created_at` is the report's own, with a zone.

    With `pdf` the report goes as that document, without it as plain text.
    """

    revision: int
    created_at: datetime
    ae_title: str
    receiving_application: str = ""
    receiving_facility: str = ""
    pdf: bytes | None = None

    def __post_init__(self) -> None:
        if self.created_at.tzinfo is None:
            raise ValueError("the time of a report needs its zone")


@dataclass(frozen=True)
class OruMessage:
    """`encoded` is what goes between the marks of MLLP; the control ID is of its content."""

    control_id: str
    encoded: bytes


def build_oru(study: StudyIdentity, finding: StudyFinding, issue: OruIssue) -> OruMessage:
    """The same study, finding and issue give the same bytes."""
    patient = patient_fields(study)
    content = [] if patient is None else [segment("PID", patient)]
    content += _order(study, finding, issue)
    control_id = _control_id([header(_header(issue)), *content])
    message = joined_message([header({**_header(issue), 10: control_id}), *content])
    return OruMessage(control_id, message.encode("utf-8", "replace"))


def _control_id(segments: Sequence[str]) -> str:
    """A digest of all else, so that no two contents share one."""
    digest = hashlib.sha256("\r".join(segments).encode("utf-8", "replace"))
    return digest.hexdigest()[:_CONTROL_ID_LENGTH].upper()


def _header(issue: OruIssue) -> Fields:
    return {
        3: APPLICATION,
        4: escape(issue.ae_title),
        5: escape(issue.receiving_application),
        6: escape(issue.receiving_facility),
        7: timestamp(issue.created_at),
        9: components("ORU", "R01", "ORU_R01"),
        11: "P",
        18: _UTF_8,
    }


def _order(study: StudyIdentity, finding: StudyFinding, issue: OruIssue) -> Iterator[str]:
    """The one order the study answers, and all that is observed in it."""
    numbers = {2: escape(study.placer_order_number), 3: _filler_order_number(study)}
    yield segment("ORC", {1: _OBSERVATIONS_TO_FOLLOW, **numbers})
    yield segment("OBR", {1: "1", **numbers, **_request(study, issue)})
    yield from notes([NOT_VERIFIED, RESEARCH_USE, f"Revision {issue.revision} of this report"])
    said = [*observations(study.study_instance_uid, finding), _report(finding, issue)]
    for number, observation in enumerate(said, start=1):
        algorithm = observation.answered_by
        answered = {} if algorithm is None else _answered(study, algorithm, issue)
        yield segment("OBX", {**_observation(number, observation), **answered})
        yield from notes([escape(note) for note in observation.notes])


def _filler_order_number(study: StudyIdentity) -> str:
    """The same for every revision: whoever keeps results by it replaces the one before.

    Where the order has no number, the study is its name.
    """
    known = escape(study.filler_order_number) or escape(study.accession_number)
    return known or components(study.study_instance_uid, APPLICATION)


def _request(study: StudyIdentity, issue: OruIssue) -> Fields:
    """OBR-18 has the accession number by IHE's Scheduled Workflow."""
    return {
        4: coded(study.procedure or codes.RADIOGRAPHY, study.study_description),
        7: _studied_at(study),
        18: escape(study.accession_number),
        22: timestamp(issue.created_at),
        24: _RADIOLOGY,
        25: NOT_YET_VERIFIED,
    }


def _studied_at(study: StudyIdentity) -> str:
    return study_timestamp(study.study_date, study.study_time, study.timezone_offset)


def _observation(number: int, observation: Observation) -> Fields:
    return {
        1: str(number),
        2: observation.value_type,
        3: coded(observation.name),
        4: observation.sub_id,
        5: observation.values,
        6: observation.units,
        8: observation.abnormal_flag,
        11: observation.status,
    }


def _answered(study: StudyIdentity, algorithm: AlgorithmIdentity, issue: OruIssue) -> Fields:
    """When the images were taken, by what method and device they were read, and when."""
    device_uid = Equipment(algorithm, issue.ae_title).device_uid
    named = f"{algorithm.name} {algorithm.version}"
    return {
        14: _studied_at(study),
        17: coded(codes.ARTIFICIAL_INTELLIGENCE),
        18: components(named, issue.ae_title, device_uid, "ISO"),
        19: timestamp(issue.created_at),
    }


def _report(finding: StudyFinding, issue: OruIssue) -> Observation:
    """The whole report: a document (2.A.24), or lines, one a repetition (2.A.78)."""
    if issue.pdf is None:
        lines = [escape(line) for line in plain_report(finding)]
        return Observation(codes.REPORT_TITLE, "TX", lines)
    data = base64.b64encode(issue.pdf).decode("ascii")
    document = components(APPLICATION, "application", "pdf", "Base64", data)
    return Observation(codes.REPORT_TITLE, "ED", [document])
