"""Patient and study reach the result as received, whatever the sender left out or misspelt."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import UID

from dicom_node.received_header import laterality_of
from dicom_node.results.finding import aggregate_study
from dicom_node.results.patient_study import copy_patient_and_study, legal_date, legal_time
from dicom_node.results.result_object import ResultObject
from dicom_node.results.secondary_capture import build_secondary_capture
from dicom_node.results.structured_report import build_reports
from dicom_node.results.summary_page import build_summary_page
from tests.dicom_node.results.object_checks import conformance_errors, reread
from tests.dicom_node.results.report_sources import (
    ALGORITHM,
    ISSUE,
    fracture_in,
    full_dx,
    minimal_cr,
    received,
)

# The sources here are wrong on purpose, and pydicom says so.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Invalid value:UserWarning"),
    pytest.mark.requirement("R-SEND-2"),
]


def _report(source: Dataset) -> ResultObject:
    return build_reports([source], aggregate_study([fracture_in(source)], ALGORITHM), ISSUE)[0]


def test_patient_and_study_are_those_received() -> None:
    source = received(full_dx())
    report = reread(_report(source))
    for keyword in (
        "PatientName",
        "PatientID",
        "IssuerOfPatientID",
        "PatientBirthDate",
        "PatientSex",
        "StudyInstanceUID",
        "StudyDate",
        "StudyTime",
        "StudyID",
        "StudyDescription",
        "AccessionNumber",
        "ReferringPhysicianName",
        "TimezoneOffsetFromUTC",
    ):
        assert report[keyword].value == source[keyword].value, keyword


def test_source_is_left_as_it_was() -> None:
    source = received(full_dx())
    source.StudyTime = "16:00:00"
    before = source.to_json_dict()
    _report(source)
    assert source.to_json_dict() == before


def test_missing_type_2_attributes_are_present_and_empty() -> None:
    copied = copy_patient_and_study(received(minimal_cr()))
    for keyword in ("PatientName", "PatientID", "PatientBirthDate", "StudyID", "AccessionNumber"):
        assert keyword in copied
        assert not copied[keyword].value


@pytest.mark.parametrize(
    ("written", "legal"),
    [
        ("19700102", "19700102"),
        ("1970.01.02", "19700102"),
        ("1970-01-02", "19700102"),
        ("19701302", ""),
        ("unknown", ""),
        ("9" * 30, ""),
        ("", ""),
    ],
)
def test_dates_become_legal(written: str, legal: str) -> None:
    assert legal_date(written) == legal


@pytest.mark.parametrize(
    ("written", "legal"),
    [
        ("101500", "101500"),
        ("10:15:00", "101500"),
        ("101500.123", "101500.123"),
        ("10", "10"),
        ("251500", ""),
        ("noon", ""),
    ],
)
def test_times_become_legal(written: str, legal: str) -> None:
    assert legal_time(written) == legal


def test_illegal_values_do_not_reach_the_result(tmp_path: Path) -> None:
    source = minimal_cr()
    source.PatientSex, source.PatientAge = "male", "56"
    source.PatientBirthDate, source.StudyTime = "1970.01.02", "10:15:00"
    source.TimezoneOffsetFromUTC = "CET"
    made = _report(received(source))
    report = reread(made)
    assert (report.PatientSex, report.PatientBirthDate) == ("", "19700102")
    assert report.StudyTime == "101500"
    assert "PatientAge" not in report
    assert "TimezoneOffsetFromUTC" not in report
    assert conformance_errors(made, tmp_path) == []


@pytest.mark.parametrize(
    ("keyword", "garbage"),
    [
        ("InstanceNumber", b"two "),
        ("PixelSpacing", b"wide\\tall "),
        ("Rows", b"\x01"),
        ("RequestAttributesSequence", b"\xfe\xff\x00\xe0\xff\xff"),
    ],
)
def test_unreadable_element_is_left_out_and_the_report_is_made(
    keyword: str, garbage: bytes
) -> None:
    source = received(full_dx())
    raw = source.get_item(keyword)
    source._dict[raw.tag] = raw._replace(value=garbage)
    assert reread(_report(source)).PatientID == "PID-0001"


def test_dates_are_in_the_time_zone_of_the_source() -> None:
    report = reread(_report(received(full_dx())))
    assert (report.ContentDate, report.ContentTime) == ("20260304", "160607")
    assert report.ContributingEquipmentSequence[0].ContributionDateTime == "20260304160607+0100"


def test_dates_without_a_source_zone_are_as_handed_over() -> None:
    assert reread(_report(received(minimal_cr()))).ContentTime == "150607"


def test_equipment_is_ours_and_says_which_weights() -> None:
    report = reread(_report(received(full_dx())))
    contribution = report.ContributingEquipmentSequence[0]
    assert report.Manufacturer == "Osteon project"
    assert report.SoftwareVersions[1] == "osteon-fracture 0.1.0"
    assert contribution.PurposeOfReferenceCodeSequence[0].CodeValue == "109102"
    assert UID(contribution.DeviceUID).is_valid
    assert contribution.DeviceUID == report.InstanceCreatorUID
    assert len(report.ContributingEquipmentSequence) == 1
    assert len(report.file_meta.ImplementationVersionName) <= 16


def test_objects_of_one_class_are_in_a_series_for_each_kind() -> None:
    source = received(minimal_cr())
    finding = fracture_in(source)
    picture = np.zeros((source.Rows, source.Columns, 3), np.uint8)
    capture = build_secondary_capture(source, picture, finding, ALGORITHM, ISSUE)
    summary = build_summary_page([source], aggregate_study([finding], ALGORITHM), {}, ISSUE)
    assert capture.sop_class_uid == summary.sop_class_uid
    assert capture.series_instance_uid != summary.series_instance_uid


def test_other_weights_make_another_series_and_device() -> None:
    source = received(full_dx())
    study = aggregate_study([fracture_in(source)], ALGORITHM)
    newer = replace(study, algorithm=replace(ALGORITHM, version="0.2.0"))
    first, second = (reread(build_reports([source], s, ISSUE)[0]) for s in (study, newer))
    assert first.SeriesInstanceUID != second.SeriesInstanceUID
    assert first.InstanceCreatorUID != second.InstanceCreatorUID


def test_clock_plays_no_part() -> None:
    """`created_at` is all a result knows of time; another one is another object."""
    source = received(full_dx())
    study = aggregate_study([fracture_in(source)], ALGORITHM)
    later = replace(ISSUE, created_at=datetime(2026, 3, 4, 15, 6, 8, tzinfo=UTC))
    assert build_reports([source], study, ISSUE)[0] == build_reports([source], study, ISSUE)[0]
    assert (
        build_reports([source], study, ISSUE)[0].sop_instance_uid
        != build_reports([source], study, later)[0].sop_instance_uid
    )


@pytest.mark.parametrize(
    ("image", "series", "side"),
    [("L", "R", "L"), (None, "R", "R"), ("U", "", None), (None, None, None), ("B", None, "B")],
)
def test_laterality_is_the_image_s_else_the_series(
    image: str | None, series: str | None, side: str | None
) -> None:
    source = minimal_cr()
    if image is not None:
        source.ImageLaterality = image
    if series is not None:
        source.Laterality = series
    assert laterality_of(source) == side


def test_stated_laterality_comes_first_if_it_is_one() -> None:
    source = minimal_cr()
    source.ImageLaterality = "L"
    assert laterality_of(source, "R") == "R"
    assert laterality_of(source, "left?") == "L"
