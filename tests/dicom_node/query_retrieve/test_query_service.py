"""C-FIND over real associations: what is matched, told, refused and limited."""

import logging
import re
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian
from pynetdicom import AE, build_context
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind as Find

from db.session import transaction
from tests.dicom_node.kept_results import SC, SR, add_results, keep, study_row
from tests.dicom_node.listening import AE_TITLE, Node, associated, running_node, send_command
from tests.dicom_node.test_listener import run_dcmtk

YAMADA = "Yamada^Tarou=山田^太郎=やまだ^たろう"
MULLER, YAMADA_STUDY, WEISS, UNKNOWN = "1.2.3", "1.2.4", "1.2.5", "1.2.6"
ALL = {MULLER, YAMADA_STUDY, WEISS, UNKNOWN}
CROWD = 1500


@pytest.fixture(scope="module")
def node(
    new_ledger: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Node]:
    """Four studies with results, and one without."""
    with running_node(new_ledger("sqlite"), tmp_path_factory.mktemp("spool")) as running:
        _fill(running)
        yield running


def _fill(node: Node) -> None:
    others = {"accession_number": "ACC2", "study_time": "0830", "patient_sex": ""}
    for row, kept in (
        (study_row(MULLER), [(SR, 1), (SC, 1), (SR, 2), (SC, 2)]),
        (
            study_row(
                YAMADA_STUDY,
                patient_name=YAMADA,
                patient_id="P2",
                study_date="20260203",
                **others,
            ),
            [(SR, 1)],
        ),
        (
            study_row(WEISS, patient_name="WEISS^ANNA", patient_id="p2", study_date="2026.03.01"),
            [(SC, 1)],
        ),
        (
            study_row(
                UNKNOWN, patient_name="", patient_id="P4", accession_number="", study_date=""
            ),
            [(SR, 1)],
        ),
    ):
        for sop_class_uid, revision in kept:
            keep(node, row, sop_class_uid, revision=revision)
    with transaction(node.engine) as session:
        session.add(study_row("1.2.7"))


def find(node: Node, level: str = "STUDY", **keys: Any) -> tuple[Dataset, list[Dataset], set[int]]:
    """The final status, the matches, and the statuses they came with."""
    identifier = Dataset()
    identifier.QueryRetrieveLevel = level
    for keyword, value in keys.items():
        setattr(identifier, keyword, value)
    with associated(node.port, Find) as association:
        answers = list(association.send_c_find(identifier, Find))
    final, _ = answers.pop()
    matches = [match for _, match in answers if match is not None]
    return final, matches, {int(status.Status) for status, _ in answers}


def found(node: Node, **keys: Any) -> set[str]:
    final, matches, _ = find(node, **keys)
    assert final.Status == 0x0000, final.get("ErrorComment")
    return {str(match.StudyInstanceUID) for match in matches}


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"PatientName": ""}, ALL),
        ({"PatientName": "müller*"}, {MULLER, UNKNOWN}),
        ({"PatientName": "weiß^anna"}, {WEISS, UNKNOWN}),
        ({"PatientName": "山田*"}, {YAMADA_STUDY, UNKNOWN}),
        ({"PatientID": "P2"}, {YAMADA_STUDY}),
        ({"PatientID": "P?"}, {MULLER, YAMADA_STUDY, UNKNOWN}),
        ({"AccessionNumber": "ACC2"}, {YAMADA_STUDY, UNKNOWN}),
        ({"StudyDate": "20260201-20260228"}, {YAMADA_STUDY, UNKNOWN}),
        ({"StudyDate": "20260301"}, {WEISS, UNKNOWN}),
        ({"StudyTime": "08-09"}, {YAMADA_STUDY}),
        ({"StudyInstanceUID": [MULLER, WEISS, "1.9"]}, {MULLER, WEISS}),
        ({"StudyInstanceUID": "1.2.7"}, set()),
        ({"ModalitiesInStudy": "OT"}, {MULLER, WEISS}),
        ({"ModalitiesInStudy": ["OT", "SR"]}, ALL),
        ({"StudyID": "ST?"}, ALL),
        ({"StudyID": "ST2"}, set()),
        ({"PatientID": "P2", "StudyDate": "-20260202"}, set()),
    ],
)
def test_studies_by_key(node: Node, keys: dict[str, Any], expected: set[str]) -> None:
    identifier = {"SpecificCharacterSet": "ISO_IR 192", "StudyInstanceUID": "", **keys}
    assert found(node, **identifier) == expected


def test_what_is_told_of_a_study(node: Node) -> None:
    asked = dict.fromkeys(
        [
            "PatientName",
            "PatientBirthDate",
            "StudyID",
            "ReferringPhysicianName",
            "ModalitiesInStudy",
            "SOPClassesInStudy",
            "NumberOfStudyRelatedSeries",
            "NumberOfStudyRelatedInstances",
        ],
        "",
    )
    _, [match], statuses = find(node, StudyInstanceUID=MULLER, **asked)
    assert statuses == {0xFF00}
    assert {element.keyword: element.value for element in match} == {
        "SpecificCharacterSet": "ISO_IR 192",
        "QueryRetrieveLevel": "STUDY",
        "RetrieveAETitle": AE_TITLE,
        "InstanceAvailability": "ONLINE",
        "StudyInstanceUID": MULLER,
        "PatientName": "Müller^Jörg",
        "PatientBirthDate": "19600101",
        "StudyID": "ST1",
        "ReferringPhysicianName": "Ärztin^Eva",
        "ModalitiesInStudy": ["OT", "SR"],
        "SOPClassesInStudy": sorted([SC, SR]),
        "NumberOfStudyRelatedSeries": 2,
        "NumberOfStudyRelatedInstances": 4,
    }


def test_an_answer_in_ascii_declares_no_character_set(node: Node) -> None:
    _, [match], _ = find(node, StudyInstanceUID=WEISS, PatientName="")
    assert match.PatientName == "WEISS^ANNA"
    assert "SpecificCharacterSet" not in match


def test_a_value_that_the_ledger_lacks_is_empty(node: Node) -> None:
    _, [match], _ = find(node, StudyInstanceUID=UNKNOWN, PatientName="", AccessionNumber="")
    assert (str(match.PatientName), match.AccessionNumber) == ("", "")


def test_series_with_their_numbers_and_modalities(node: Node) -> None:
    keys = dict.fromkeys(["Modality", "SeriesNumber", "NumberOfSeriesRelatedInstances"], "")
    _, matches, statuses = find(node, "SERIES", StudyInstanceUID=MULLER, **keys)
    assert statuses == {0xFF00}
    assert {
        (str(m.SeriesInstanceUID), m.Modality, m.SeriesNumber, m.NumberOfSeriesRelatedInstances)
        for m in matches
    } == {(f"{MULLER}.9101", "SR", 9101, 2), (f"{MULLER}.9102", "OT", 9102, 2)}
    _, [only], _ = find(node, "SERIES", StudyInstanceUID=MULLER, Modality="SR", SeriesNumber="")
    assert only.SeriesNumber == 9101


def test_instances_of_every_revision(node: Node) -> None:
    series = {"StudyInstanceUID": MULLER, "SeriesInstanceUID": f"{MULLER}.9101"}
    asked = {"SOPInstanceUID": "", "SOPClassUID": "", "Rows": ""}
    _, matches, _ = find(node, "IMAGE", **series, **asked, InstanceNumber="", PatientName="")
    assert [(m.InstanceNumber, m.SOPClassUID, m.Rows) for m in matches] == [
        (1, SR, 64),
        (2, SR, 64),
    ]
    assert {str(match.PatientName) for match in matches} == {"Müller^Jörg"}
    _, [second], _ = find(node, "IMAGE", **series, SOPInstanceUID="", InstanceNumber="2")
    assert second.SOPInstanceUID == matches[1].SOPInstanceUID
    wanted = [match.SOPInstanceUID for match in matches] + ["1.9"]
    _, both, _ = find(node, "IMAGE", **series, SOPInstanceUID=wanted)
    assert len(both) == 2


@pytest.mark.parametrize(
    ("level", "keys"),
    [
        ("STUDY", {"PatientComments": "x"}),
        ("STUDY", {"Modality": "SR"}),
        ("STUDY", {"RequestAttributesSequence": []}),
    ],
)
def test_a_key_that_is_not_supported_is_passed_over_with_a_warning(
    node: Node, level: str, keys: dict[str, Any]
) -> None:
    final, matches, statuses = find(node, level, StudyInstanceUID=WEISS, **keys)
    assert final.Status == 0x0000
    assert statuses == {0xFF01}
    assert not set(keys) & {element.keyword for element in matches[0]}


@pytest.mark.parametrize(
    ("level", "keys", "comment"),
    [
        ("", {}, "QueryRetrieveLevel must be STUDY, SERIES or IMAGE"),
        ("PATIENT", {}, "QueryRetrieveLevel must be STUDY, SERIES or IMAGE"),
        ("SERIES", {}, "StudyInstanceUID must be one UID at the level SERIES"),
        ("IMAGE", {"StudyInstanceUID": MULLER}, "SeriesInstanceUID must be one UID"),
        ("SERIES", {"StudyInstanceUID": [MULLER, WEISS]}, "StudyInstanceUID must be one UID"),
        ("STUDY", {"StudyInstanceUID": "*"}, "StudyInstanceUID is no UID"),
        ("STUDY", {"StudyDate": "soon"}, "StudyDate: a date is YYYYMMDD"),
        ("STUDY", {"PatientName": "x*" * 4000}, "PatientName: the value is too long"),
        ("STUDY", {"StudyInstanceUID": ["1.2"] * 6000}, "StudyInstanceUID has too many values"),
    ],
)
def test_a_wrong_identifier_is_refused_in_plain_words(
    node: Node, level: str, keys: dict[str, Any], comment: str
) -> None:
    final, matches, _ = find(node, level, **keys)
    assert final.Status == 0xA900
    assert not matches
    assert final.ErrorComment.startswith(comment)


_SEQUENCE_AND_ITEM = b"\x08\x00\x40\x11\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
_LEVEL = b"\x08\x00\x52\x00\x06\x00\x00\x00STUDY "
HOSTILE = {
    "nested without end": b"\x08\x00\x40\x11\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    * 9000,
    "thousands of keys": b"".join(
        struct.pack("<HHL", 0x10, number, 0) for number in range(0x1000, 0x6000)
    ),
    "a very long value": struct.pack("<HHL", 0x10, 0x10, 250_000) + b"x" * 250_000,
    "too long altogether": struct.pack("<HHL", 0x10, 0x4000, 500_000) + b"x" * 500_000,
    "cut off": struct.pack("<HHL", 0x10, 0x10, 1 << 20) + b"x",
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_identifier_is_refused_at_once(node: Node, case: str) -> None:
    command = Dataset()
    command.AffectedSOPClassUID = Find
    command.CommandField, command.MessageID = 0x0020, 1
    command.Priority, command.CommandDataSetType = 0, 1
    started_at = time.monotonic()
    with associated(node.port, Find, transfer_syntax=ImplicitVRLittleEndian) as association:
        [context] = association.accepted_contexts
        data = _LEVEL + HOSTILE[case]
        assert send_command(association, context.context_id, command, data) == 0xA900
    assert time.monotonic() - started_at < 2


def test_no_log_line_tells_what_was_asked_or_found(
    node: Node, caplog: pytest.LogCaptureFixture
) -> None:
    library = logging.getLogger("pynetdicom")
    library.addHandler(caplog.handler)
    caplog.set_level(logging.DEBUG, "pynetdicom")
    with structlog.testing.capture_logs([structlog.processors.add_log_level]) as lines:
        found(node, PatientName="weiss*", PatientID="p2", StudyDate="20260301")
        find(node, PatientName="weiss*" * 1000)
    library.removeHandler(caplog.handler)
    queries = [line for line in lines if line["event"] == "c_find"]
    assert [(q["query_level"], q["matches"], q["status"]) for q in queries] == [
        ("STUDY", 1, "0x0000"),
        ("STUDY", 0, "0xA900"),
    ]
    assert not re.search("weiss|\\bp2|20260301", f"{lines} {caplog.text}", re.IGNORECASE)


def test_whoever_asks_no_questions_is_offered_no_answers(
    new_ledger: Callable[[str], str], tmp_path: Path
) -> None:
    with running_node(new_ledger("sqlite"), tmp_path, answers_queries=False) as closed:
        ae = AE("MODALITY")
        association = ae.associate(
            "127.0.0.1", closed.port, contexts=[build_context(Find)], ae_title=AE_TITLE
        )
        assert not association.accepted_contexts


@pytest.fixture(scope="module")
def crowd(
    new_ledger: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Node]:
    """More studies than are told of at once."""
    with running_node(new_ledger("sqlite"), tmp_path_factory.mktemp("crowd")) as running:
        studies = [study_row(f"1.2.{n}", patient_id=f"P{n}") for n in range(CROWD)]
        with transaction(running.engine) as session:
            add_results(session, studies)
        yield running


def test_after_a_thousand_matches_the_query_is_too_wide(crowd: Node) -> None:
    final, matches, _ = find(crowd, PatientID="")
    assert final.Status == 0xA700
    assert final.ErrorComment == "more than 1000 matches: narrow the query"
    uids = [str(match.StudyInstanceUID) for match in matches]
    assert uids == [f"1.2.{number}" for number in range(CROWD - 1, CROWD - 1001, -1)]


def test_a_narrow_query_looks_through_all_pages(crowd: Node) -> None:
    assert found(crowd, PatientID="P*77") == {f"1.2.{number}77" for number in ["", *range(1, 15)]}


def test_a_cancelled_query_ends_before_its_last_match(crowd: Node) -> None:
    identifier = Dataset()
    identifier.QueryRetrieveLevel, identifier.PatientID = "STUDY", ""
    with associated(crowd.port, Find) as association:
        answers = association.send_c_find(identifier, Find, msg_id=7)
        for _ in range(5):
            next(answers)
        association.send_c_cancel(7, None, Find)
        rest = [int(status.Status) for status, _ in answers]
    assert rest[-1] == 0xFE00
    assert len(rest) < 900


def test_a_peer_that_leaves_amid_the_matches_frees_its_slot(crowd: Node) -> None:
    identifier = Dataset()
    identifier.QueryRetrieveLevel, identifier.PatientID = "STUDY", ""
    with associated(crowd.port, Find) as association:
        next(association.send_c_find(identifier, Find))
        association.abort()
    deadline = time.monotonic() + 5
    while crowd.live_associations and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not crowd.live_associations


@pytest.mark.integration
def test_findscu_asks_in_japanese(node: Node, tmp_path: Path) -> None:
    """As a Japanese workstation encodes it: ISO 2022 IR 87 (PS3.5 H.3)."""
    identifier = Dataset()
    identifier.SpecificCharacterSet = ["", "ISO 2022 IR 87"]
    identifier.PatientName = "=山田*"
    identifier.StudyInstanceUID = ""
    path = tmp_path / "query.dcm"
    identifier.save_as(path, implicit_vr=False, little_endian=True)
    options = ["-S", "-aec", AE_TITLE, "-X", "-od", str(tmp_path)]
    level = ["-k", "QueryRetrieveLevel=STUDY"]
    asked = run_dcmtk("findscu", *options, "127.0.0.1", str(node.port), *level, str(path))
    assert asked.returncode == 0, asked.stderr
    answers = [answer.read_bytes() for answer in sorted(tmp_path.glob("rsp*.dcm"))]
    assert len(answers) == 2, "the one of that name, and the one whose name is unknown"
    assert any(YAMADA.encode() in answer and b"ISO_IR 192" in answer for answer in answers)


@pytest.mark.integration
def test_findscu_asks_for_a_range_of_dates(node: Node) -> None:
    options = ["-S", "-aec", AE_TITLE, "127.0.0.1", str(node.port)]
    keys = ["QueryRetrieveLevel=STUDY", "StudyDate=20260101-20260131", "PatientName", "StudyID"]
    asked = run_dcmtk("findscu", "-v", *options, *[word for key in keys for word in ("-k", key)])
    assert asked.returncode == 0, asked.stderr
    assert asked.stderr.count("Find Response:") == 2
    assert "Received Final Find Response (Success)" in asked.stderr
