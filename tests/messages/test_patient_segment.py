"""A patient is named in HL7 as in DICOM, in every script, and by nothing when not known."""

from dataclasses import replace

import pytest

from messages.oru import build_oru
from messages.patient_segment import patient_fields, person_names
from messages.study_identity import StudyIdentity
from tests.messages.messages_made import (
    ISSUE,
    STUDY,
    WITHOUT,
    finding_of,
    observed,
    read,
    read_by_hl7apy,
)

NAMES = {
    "Japanese": (
        "Yamada^Tarou=山田^太郎=やまだ^たろう",
        ["Yamada^Tarou^^^^^L^A", "山田^太郎^^^^^L^I", "やまだ^たろう^^^^^L^P"],
    ),
    "Korean": (
        "Hong^Gildong=洪^吉洞=홍^길동",
        ["Hong^Gildong^^^^^L^A", "洪^吉洞^^^^^L^I", "홍^길동^^^^^L^P"],
    ),
    "Chinese, no phonetic group": (
        "Wang^XiaoDong=王^小东",
        ["Wang^XiaoDong^^^^^L^A", "王^小东^^^^^L^I"],
    ),
    "ideographic alone": ("=山田^太郎", ["山田^太郎^^^^^L^I"]),
    "Greek": ("Διονυσιος", ["Διονυσιος^^^^^^L^A"]),
    "Arabic": ("قباني^لنزار", ["قباني^لنزار^^^^^L^A"]),
    "German, prefix and suffix change places": (
        "von Müller^Jürgen^Karl^Dr.^M.Sc.",
        ["von Müller^Jürgen^Karl^M.Sc.^Dr.^^L^A"],
    ),
}


@pytest.mark.parametrize(("person_name", "written"), NAMES.values(), ids=NAMES.keys())
def test_names_of_every_script(person_name: str, written: list[str]) -> None:
    assert person_names(person_name) == written


def test_three_representations_arrive_with_both_readers() -> None:
    person_name, written = NAMES["Japanese"]
    study = replace(STUDY, patient_name=person_name)
    message = build_oru(study, finding_of(WITHOUT), ISSUE)
    assert [str(name) for name in read(message).segment("PID")[5]] == written
    patient = read_by_hl7apy(message.encoded.decode()).oru_r01_patient_result.oru_r01_patient
    assert [name.to_er7() for name in patient.pid.pid_5] == written
    assert patient.pid.pid_5[1].xpn_1.fn_1.to_er7() == "山田"


def test_identifier_birth_date_and_sex() -> None:
    fields = patient_fields(STUDY)
    assert fields is not None
    assert [fields[n] for n in (3, 7, 8)] == ["PID-0001^^^HOSPITAL^PI", "19700102", "M"]


@pytest.mark.parametrize(
    ("change", "number", "value"),
    [
        ({"patient_birth_date": "1970.01.02"}, 7, "19700102"),
        ({"patient_birth_date": "unknown"}, 7, ""),
        ({"patient_sex": "o "}, 8, "O"),
        ({"patient_sex": "male"}, 8, ""),
        ({"patient_name": "^^"}, 5, ["^^^^^^U"]),
        ({"issuer_of_patient_id": ""}, 3, "PID-0001^^^^PI"),
    ],
)
def test_what_is_odd_or_absent(change: dict[str, str], number: int, value: str | list[str]) -> None:
    fields = patient_fields(replace(STUDY, **change))
    assert fields is not None
    assert fields[number] == value


def test_without_an_id_there_is_no_patient_but_still_the_result() -> None:
    nameless = StudyIdentity("2.25.1234", patient_name="Yamada^Tarou", accession_number="ACC-1")
    message = read(build_oru(nameless, finding_of(WITHOUT), ISSUE))
    assert [str(one[0]) for one in message][:3] == ["MSH", "ORC", "OBR"]
    assert str(message.segment("OBR")[3]) == "ACC-1"
    assert len(observed(message, "72704001", "1")) == 1
