"""What leaves names nobody, and is still the image it was; PS3.15 Annex E, edition 2026c."""

from datetime import datetime, timedelta
from io import BytesIO

import pytest
from dicomanonymizer.dicom_anonymization_databases import dicomfields_2026c as annex_e
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.tag import Tag

from dicom_node.deidentification.coded_items import KEPT_SEQUENCES
from dicom_node.deidentification.deidentify import (
    HeldOut,
    deidentify,
    read_source,
    require_radiograph,
)
from dicom_node.deidentification.kept_elements import KEPT
from dicom_node.deidentification.pseudonyms import Pseudonyms
from dicom_node.header_reading import NotUnderstood
from tests.dicom_node.deidentification.patients import (
    DAY,
    TRACES,
    image,
    names_everywhere,
    plain_pixels,
    written,
)

pytestmark = pytest.mark.requirement("R-DATA-4")

PSEUDONYMS = Pseudonyms(b"k" * 32)
# Of the table, what the options let stay: moments moved, one descriptor made anew.
OF_THE_TABLE = {
    *("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate", "AcquisitionDateTime"),
    *("StudyTime", "SeriesTime", "AcquisitionTime", "ContentTime", "SeriesDescription"),
}
# And what is replaced: a dummy, nothing, or another UID.
REPLACED = {
    *("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyID"),
    *("AccessionNumber", "ReferringPhysicianName"),
    *("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"),
}


def clean(source: Dataset, pseudonyms: Pseudonyms = PSEUDONYMS) -> Dataset:
    encoded = deidentify(read_source(written(source)), plain_pixels(), pseudonyms)
    return dcmread(BytesIO(encoded))


def test_of_a_name_in_every_element_nothing_is_left() -> None:
    source = names_everywhere()
    assert len(source) > 4000
    file = written(source)
    assert all(trace in file.getvalue() for trace in TRACES[:3])
    encoded = deidentify(read_source(file), plain_pixels(), PSEUDONYMS)
    assert [trace for trace in TRACES if trace in encoded] == []
    assert encoded[:128] == bytes(128)


def test_what_the_table_names_is_removed_or_replaced() -> None:
    """Each row of Table E.1-1, by its tag; those of command, directory and meta are not here."""
    source, cleaned = names_everywhere(), clean(names_everywhere())
    rows = {Tag(*tag) for tag in annex_e.ALL_TAGS if len(tag) == 2}
    assert len(rows) > 600
    left = {element.keyword for element in cleaned if element.tag in rows}
    assert left <= OF_THE_TABLE | REPLACED
    for keyword in left:
        assert cleaned[keyword].value != source[keyword].value, keyword


def test_nothing_that_the_table_names_is_on_the_list_of_what_stays() -> None:
    rows = {Tag(*tag) for tag in annex_e.ALL_TAGS if len(tag) == 2}
    kept = {Tag(keyword) for keyword in (*KEPT, *KEPT_SEQUENCES)}
    assert kept & rows == set()


def test_what_is_in_characters_of_no_alphabet_goes_too() -> None:
    source = image(SpecificCharacterSet=["ISO 2022 IR 6", "ISO 2022 IR 87"])
    source.PatientName = b"\x1b$B4F@n KANARIVOGEL"
    source.SeriesDescription = source.ImageComments = "Kanarienhähnchen"
    source.BodyPartExamined = "LT HAND 2V KANARIVOGEL"
    encoded = deidentify(read_source(written(source)), plain_pixels(), PSEUDONYMS)
    assert [trace for trace in TRACES if trace in encoded] == []
    cleaned = dcmread(BytesIO(encoded))
    assert (cleaned.BodyPartExamined, cleaned.SeriesDescription) == ("HAND", "HAND PA")
    assert "SpecificCharacterSet" not in cleaned


def test_it_says_what_was_done() -> None:
    cleaned = clean(image())
    assert cleaned.PatientIdentityRemoved == "YES"
    methods = [item.CodeValue for item in cleaned.DeidentificationMethodCodeSequence]
    assert methods == ["113100", "113105", "113107"]
    assert cleaned.LongitudinalTemporalInformationModified == "MODIFIED"
    assert "Osteon" in cleaned.DeidentificationMethod


def test_a_patient_s_studies_stay_together_under_one_key() -> None:
    first, second = clean(image()), clean(image(SOPInstanceUID="1.2.3.4"))
    for keyword in ("PatientID", "StudyInstanceUID", "SeriesInstanceUID"):
        assert first[keyword].value == second[keyword].value
    assert first.SOPInstanceUID != second.SOPInstanceUID
    assert first.file_meta.MediaStorageSOPInstanceUID == first.SOPInstanceUID
    other = clean(image(), Pseudonyms(b"x" * 32))
    for keyword in ("PatientID", "StudyInstanceUID", "SOPInstanceUID"):
        assert first[keyword].value != other[keyword].value
    assert clean(image(IssuerOfPatientID="WARD")).PatientID != first.PatientID


def test_studies_without_a_patient_are_of_no_common_one() -> None:
    one, two = (clean(image(PatientID="", StudyInstanceUID=f"1.2.{n}")) for n in (1, 2))
    assert one.PatientID != two.PatientID


def test_intervals_stay_to_the_second() -> None:
    moments = [("20240229", "235959"), ("20240301", "000001.5"), ("20250101", "12")]
    cleaned = [clean(image(StudyDate=day, StudyTime=time)) for day, time in moments]
    before = [datetime(2024, 2, 29, 23, 59, 59), datetime(2024, 3, 1, 0, 0, 1)]
    before.append(datetime(2025, 1, 1, 12))
    after = [datetime.strptime(one.StudyDate + one.StudyTime, "%Y%m%d%H%M%S") for one in cleaned]
    assert [one - after[0] for one in after] == [one - before[0] for one in before]
    assert timedelta(days=365) <= before[0] - after[0] <= timedelta(days=11 * 366)


@pytest.mark.parametrize("day", ["", "yesterday", "20240230", "00010101", DAY + "X"])
def test_what_is_no_day_is_left_out(day: str) -> None:
    cleaned = clean(image(AcquisitionDate=day, AcquisitionTime="101010"))
    assert "AcquisitionDate" not in cleaned and "AcquisitionTime" not in cleaned


def test_codes_of_the_standard_stay_in_its_own_words() -> None:
    source = image()
    region, local, old = Dataset(), Dataset(), Dataset()
    region.CodeValue, region.CodingSchemeDesignator = codes.SCT.Hand.value, "SCT"
    region.CodeMeaning = "the hand of KANARIVOGEL"
    local.CodeValue, local.CodingSchemeDesignator, local.CodeMeaning = "H1", "99HIS", "Hand"
    old.CodeValue, old.CodingSchemeDesignator, old.CodeMeaning = "T-D8700", "SRT", "Hand"
    source.AnatomicRegionSequence = [region, local, old]
    kept = clean(source).AnatomicRegionSequence
    assert [item.CodeValue for item in kept] == [codes.SCT.Hand.value] * 2
    assert {item.CodeMeaning for item in kept} == {codes.SCT.Hand.meaning}


def test_a_curve_of_greys_stays_and_its_words_go() -> None:
    source = image()
    lut = Dataset()
    lut.add_new("LUTDescriptor", "US", [4, 0, 8])
    lut.add_new("LUTExplanation", "LO", "KANARIVOGEL")
    lut.add_new("LUTData", "US", [0, 10, 20, 255])
    source.VOILUTSequence = [lut]
    (kept,) = clean(source).VOILUTSequence
    assert list(kept.LUTData) == [0, 10, 20, 255]
    assert {element.keyword for element in kept} == {"LUTDescriptor", "LUTData"}


def test_measures_stay() -> None:
    given = {"PixelSpacing": [0.143, 0.143], "WindowCenter": 2048.5, "KVP": 60, "InstanceNumber": 3}
    cleaned = clean(image(**given, ImageLaterality="L", PatientOrientation=["R", "F"]))
    assert list(cleaned.PixelSpacing) == [0.143, 0.143]
    assert (cleaned.WindowCenter, cleaned.KVP, cleaned.InstanceNumber) == (2048.5, 60, 3)
    assert (cleaned.ImageLaterality, list(cleaned.PatientOrientation)) == ("L", ["R", "F"])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"BurnedInAnnotation": "YES"}, "burnt into it"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, "capture"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.33"}, "document"),
        ({"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]}, "screen"),
    ],
)
def test_what_may_show_text_by_its_header_is_held_out(
    changes: dict[str, object], reason: str
) -> None:
    with pytest.raises(HeldOut, match=reason):
        require_radiograph(image(**changes))


def test_an_image_without_uids_of_its_own_is_refused() -> None:
    with pytest.raises(NotUnderstood):
        deidentify(image(StudyInstanceUID="nobody's"), plain_pixels(), PSEUDONYMS)
    with pytest.raises(HeldOut):
        read_source(BytesIO(b"no DICOM at all"))
