"""What rules see of an image is what its header states, however badly it states it."""

from pathlib import Path

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian

from dicom_node.header_reading import NotUnderstood
from dicom_node.routing.image import Origin, read_routed_image, routed_image
from dicom_node.routing.rules import RoutedImage
from tests.dicom_node.sent_objects import CR, radiograph

ORIGIN = Origin("ER1", "OSTEON", "10.0.3.7")


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
def test_a_file_is_read_as_rules_see_it(tmp_path: Path, syntax: str) -> None:
    sent = radiograph(
        SpecificCharacterSet="ISO_IR 192",
        StudyDescription="Röntgen Hand",
        StationName="ROOM1",
        InstitutionName="St. Anna",
        InstitutionalDepartmentName="Emergency",
        SeriesDescription="ap",
    )
    path = tmp_path / "sent.dcm"
    sent.file_meta = FileMetaDataset()
    sent.file_meta.TransferSyntaxUID = UID(syntax)
    sent.save_as(path, enforce_file_format=True)
    assert read_routed_image(path, ORIGIN) == RoutedImage(
        calling_ae_title="ER1",
        called_ae_title="OSTEON",
        address="10.0.3.7",
        sop_class=CR,
        modality="CR",
        body_part="WRIST",
        study_description="Röntgen Hand",
        series_description="ap",
        station="ROOM1",
        institution="St. Anna",
        department="Emergency",
        patient_age_years=66,  # born 1960-01-01, examined 2026-01-02
        patient_id="P1",
    )


@pytest.mark.parametrize("content", [b"", b"no DICOM", bytes(128) + b"DICM", b"x" * 4096])
def test_a_file_that_is_no_dicom_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(NotUnderstood):
        read_routed_image(path, ORIGIN)


@pytest.mark.parametrize(
    ("stated", "born", "examined", "years"),
    [
        ("045Y", "20200101", "20260101", 45),
        ("023M", "", "", 1),
        ("051W", "", "", 0),
        ("364D", "", "", 0),
        ("", "20100630", "20260629", 15),
        ("", "20100630", "20260630", 16),
        ("old", "20100630", "20260630", 16),
        ("", "", "20260630", None),
        ("", "20270101", "20260630", None),
        ("", "2010", "20260630", None),
    ],
)
def test_an_age_is_in_completed_years(
    stated: str, born: str, examined: str, years: int | None
) -> None:
    header = Dataset()
    # As LO, whose values may be what an age or a date must not be.
    header.add_new("PatientAge", "LO", stated)
    header.add_new("PatientBirthDate", "LO", born)
    header.add_new("StudyDate", "LO", examined)
    assert routed_image(header, ORIGIN).patient_age_years == years


def test_several_values_are_all_seen() -> None:
    header = Dataset()
    header.BodyPartExamined = ["HAND", "WRIST"]
    assert routed_image(header, ORIGIN).body_part == "HAND\\WRIST"
    assert routed_image(Dataset(), Origin()) == RoutedImage()
