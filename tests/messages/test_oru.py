"""An ORU^R01 is valid 2.5.1, says what the finding says, and is read alike by two libraries."""

import base64
import re
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import hl7
import pytest
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message
from pydicom.sr.coding import Code

from dicom_node.results.equipment import Equipment
from dicom_node.results.finding import ImageFinding
from messages.oru import OruIssue, build_oru
from messages.study_identity import StudyIdentity
from tests.messages.messages_made import (
    ALGORITHM,
    CREATED_AT,
    FRACTURED,
    ISSUE,
    NOT_ASSESSED,
    OLDER,
    POSSIBLE,
    STUDY,
    WITHOUT,
    finding_of,
    observed,
    ordinary_message,
    read,
    read_by_hl7apy,
)

FRACTURE, CERTAINTY, COMMENT, REPORT = "72704001", "111012", "121106", "126000"
NOBODY = StudyIdentity("2.25.1234")
STUDIES = {
    "everything known": (STUDY, (FRACTURED, POSSIBLE, WITHOUT, NOT_ASSESSED)),
    "nothing known": (NOBODY, (WITHOUT,)),
    "nothing analysed": (STUDY, (NOT_ASSESSED,)),
    "by two networks": (STUDY, (WITHOUT, replace(FRACTURED, algorithm=OLDER))),
}
# hl7apy's tables of 2.5.1 lack what is in use with it: CWE (0125), SCT and UCUM (0396).
KNOWN_REMARKS = re.compile("Value (CWE not in table HL70125|(SCT|UCUM) not in table HL70396)")


@pytest.fixture(scope="module")
def everything() -> hl7.Message:
    study, images = STUDIES["everything known"]
    return read(build_oru(study, finding_of(*images), ISSUE))


@pytest.mark.parametrize(("study", "images"), STUDIES.values(), ids=STUDIES.keys())
@pytest.mark.parametrize("pdf", [None, b"%PDF-1.7"], ids=["text", "pdf"])
def test_hl7apy_finds_no_fault_and_nothing_strange(
    study: StudyIdentity, images: tuple[ImageFinding, ...], pdf: bytes | None, tmp_path: Path
) -> None:
    message = build_oru(study, finding_of(*images), replace(ISSUE, pdf=pdf))
    report = tmp_path / "report.txt"
    read_by_hl7apy(message.encoded.decode()).validate(report_file=str(report))
    remarks = report.read_text().splitlines()
    assert [one for one in remarks if not KNOWN_REMARKS.search(one)] == []


def test_hl7apy_reads_it_in_its_strictest_way() -> None:
    message = ordinary_message().encoded.decode()
    assert parse_message(message, validation_level=VALIDATION_LEVEL.STRICT).validate()


def test_the_header_says_whence_whither_and_when() -> None:
    fields = [str(field) for field in read(ordinary_message())["MSH"][0]]
    assert fields[3:8] == ["OSTEON", "OSTEON_1", "RIS", "HOSPITAL", "20260304150607+0100"]
    assert fields[9:13] == ["ORU^R01^ORU_R01", ordinary_message().control_id, "P", "2.5.1"]
    assert fields[18] == "UNICODE UTF-8"


def test_the_order_is_named_and_never_said_to_be_verified(everything: hl7.Message) -> None:
    order = everything.segment("OBR")
    assert [str(order[number]) for number in (2, 3, 18)] == ["PLACER-7", "FILLER-8", "ACC-123"]
    assert str(order[4]) == "43468-8^XR unspecified body region^LN^^Handgelenk in zwei Ebenen"
    assert str(order[7]) == "20260304101500+0100"
    assert str(order[25]) == "R"
    assert {str(one[11]) for one in everything.segments("OBX")} == {"P", "O", "X"}
    assert str(everything.segment("NTE")[3]) == "AI RESULT - NOT VERIFIED"


def test_the_procedure_is_the_one_performed() -> None:
    wrist = replace(STUDY, procedure=Code("WRIST-L", "99HOSP", "Handgelenk links"))
    order = read(build_oru(wrist, finding_of(WITHOUT), ISSUE)).segment("OBR")
    assert str(order[4]) == "WRIST-L^Handgelenk links^99HOSP^^Handgelenk in zwei Ebenen"


@pytest.mark.parametrize(
    ("known", "filler"),
    [
        ({"filler_order_number": "F", "accession_number": "A"}, "F"),
        ({"accession_number": "A"}, "A"),
        ({}, "2.25.1234^OSTEON"),
    ],
)
def test_every_revision_answers_the_same_order(known: dict[str, str], filler: str) -> None:
    study = replace(NOBODY, **known)
    first, second = (
        build_oru(study, finding_of(one), replace(ISSUE, revision=n))
        for n, one in enumerate((WITHOUT, FRACTURED), start=1)
    )
    assert {str(read(one).segment("OBR")[3]) for one in (first, second)} == {filler}
    assert {str(read(one).segment("OBR")[25]) for one in (first, second)} == {"R"}
    assert first.control_id != second.control_id


def test_the_study_comes_first(everything: hl7.Message) -> None:
    study_uid = everything.segment("OBX")
    assert [str(study_uid[n]) for n in (2, 3, 5, 11)] == [
        "ST",
        "113014^DICOM Study^DCM",
        "2.25.1234",
        "O",
    ]
    (fracture,) = observed(everything, FRACTURE, "0")
    assert str(fracture[5]) == "52101004^Present^SCT"
    (conclusion,) = observed(everything, "121077", "0")
    assert "Image 1. 3 of 4 images analysed. AI RESULT" in str(conclusion[5])
    assert str(observed(everything, "111001", "0")[0][5]) == "osteon-fracture"
    assert str(observed(everything, "111003", "0")[0][5]) == "0.1.0"


@pytest.mark.parametrize(
    ("sub_id", "value", "flag", "status", "certainty"),
    [
        ("1", "52101004^Present^SCT", "A", "P", "93.7"),
        ("2", "373068000^Undetermined^SCT", "", "P", "40.0"),
        ("3", "272519000^Absent^SCT", "", "P", "3.1"),
        ("4", "", "", "X", None),
    ],
)
def test_each_image_has_its_answer(
    everything: hl7.Message,
    sub_id: str,
    value: str,
    flag: str,
    status: str,
    certainty: str | None,
) -> None:
    (fracture,) = observed(everything, FRACTURE, sub_id)
    assert [str(fracture[n]) for n in (2, 5, 8, 11)] == ["CWE", value, flag, status]
    said = [(str(one[5]), str(one[6])) for one in observed(everything, CERTAINTY, sub_id)]
    assert said == ([] if certainty is None else [(certainty, "%^Percent^UCUM")])
    (source,) = observed(everything, "121322", sub_id)
    assert str(source[5]) == f"2.25.{sub_id}^^IM^DICOM"


def test_where_and_what_the_fracture_is(everything: hl7.Message) -> None:
    said = {str(one[3][0][0]): str(one[5][0][0]) for one in everything.segments("OBX")[6:14]}
    assert said["363698007"] == "74670003"  # the wrist
    assert said["272741003"] == "7771000"  # left
    assert said["116676008"] == "73737008"  # spiral
    assert said["246112005"] == "255604002"  # mild


def test_the_device_changes_with_its_weights() -> None:
    finding = finding_of(FRACTURED)
    newer = replace(finding, algorithm=replace(finding.algorithm, version="0.2.0"))
    first, second = (
        str(observed(read(build_oru(STUDY, one, ISSUE)), FRACTURE, "0")[0][18]).split("^")
        for one in (finding, newer)
    )
    assert first[:2] == ["osteon-fracture 0.1.0", "OSTEON_1"]
    assert first[2] != second[2]
    assert first[3] == "ISO"


def test_each_answer_names_the_network_that_gave_it() -> None:
    """The study's is that of the image behind it; nothing that nobody looked at has another."""
    study, images = STUDIES["by two networks"]
    message = read(build_oru(study, finding_of(*images, NOT_ASSESSED), ISSUE))
    equipment = [str(observed(message, FRACTURE, sub_id)[0][18]) for sub_id in "0123"]
    newer, older = (
        f"{one.name} {one.version}^OSTEON_1^{Equipment(one, 'OSTEON_1').device_uid}^ISO"
        for one in (ALGORITHM, OLDER)
    )
    assert equipment == [older, newer, older, newer]
    versions = [[str(one[5]) for one in observed(message, "111003", sub_id)] for sub_id in "0123"]
    assert versions == [["0.0.9"], ["0.1.0"], ["0.0.9"], []]


def test_why_an_image_was_not_analysed(everything: hl7.Message) -> None:
    (comment,) = observed(everything, COMMENT, "4")
    assert str(comment[5]) == "Not analysed: the image is blurred: 12 %"
    assert observed(everything, COMMENT, "1") == []


def test_notes_stand_behind_what_they_make_less_sure(everything: hl7.Message) -> None:
    names = [str(one[0]) for one in everything]
    (place,) = [n for n, one in enumerate(everything) if "an implant is seen" in str(one[3:4])]
    assert names[place] == "NTE"
    assert str(everything[place - 1][3][0][0]) == FRACTURE
    assert str(everything[place - 1][4]) == "1"


def test_the_report_as_lines(everything: hl7.Message) -> None:
    (report,) = observed(everything, REPORT)
    lines = [str(line) for line in report[5]]
    assert lines[:2] == ["AI RESULT - NOT VERIFIED", "Research use - not for clinical diagnosis"]
    assert "Image 4: not analysed, the image is blurred: 12 %" in lines
    assert "Operating point specific: 62.0 %" in lines
    assert str(report[2]) == "TX"


def test_the_report_as_a_document() -> None:
    pdf = bytes(range(256)) * 400
    message = build_oru(STUDY, finding_of(FRACTURED), replace(ISSUE, pdf=pdf))
    (report,) = observed(read(message), REPORT)
    parts = [str(part) for part in report[5][0]]
    assert [str(report[2]), *parts[:4]] == ["ED", "OSTEON", "application", "pdf", "Base64"]
    assert base64.b64decode(parts[4], validate=True) == pdf
    by_hl7apy = read_by_hl7apy(message.encoded.decode())
    groups = by_hl7apy.oru_r01_patient_result.oru_r01_order_observation.oru_r01_observation
    assert base64.b64decode(groups[-1].obx.obx_5.obx_5_5.to_er7()) == pdf


def test_delimiters_in_every_text_stay_text() -> None:
    nasty = "a|b^c&d~e\\f\rMSA|AA"
    plain = nasty.replace("\r", " ")
    study = replace(STUDY, patient_id=nasty, study_description=nasty, accession_number=nasty)
    image = replace(FRACTURED, notes=(nasty,))
    message = read(build_oru(study, finding_of(image), ISSUE))
    texts = (
        message.segment("PID")[3][0][0],
        message.segment("OBR")[4][0][4],
        message.segment("OBR")[18],
        message.segments("NTE")[3][3],
    )
    assert [message.unescape(str(text)) for text in texts] == [plain] * 4
    assert {str(one[0]) for one in message} == {"MSH", "PID", "ORC", "OBR", "NTE", "OBX"}


def test_the_same_report_gives_the_same_bytes() -> None:
    again = build_oru(replace(STUDY), finding_of(FRACTURED), replace(ISSUE))
    assert again == ordinary_message()
    assert re.fullmatch("[0-9A-F]{20}", again.control_id)


@pytest.mark.parametrize(
    "change",
    [
        {"receiving_facility": "OTHER"},
        {"created_at": CREATED_AT.replace(second=8)},
        {"pdf": b"%PDF"},
    ],
)
def test_another_content_has_another_control_id(change: dict[str, Any]) -> None:
    other = build_oru(STUDY, finding_of(FRACTURED), replace(ISSUE, **change))
    assert other.control_id != ordinary_message().control_id


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        OruIssue(1, datetime(2026, 3, 4), "OSTEON")
