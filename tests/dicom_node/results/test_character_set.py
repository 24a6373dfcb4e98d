"""Names come back in the character set they came in, byte by byte where that is possible."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from dicom_node.results.finding import aggregate_study
from dicom_node.results.key_objects import build_key_objects
from dicom_node.results.pdf_report import build_pdf_report
from dicom_node.results.result_object import ResultObject
from dicom_node.results.secondary_capture import build_secondary_capture
from dicom_node.results.structured_report import build_reports
from dicom_node.results.summary_page import build_summary_page
from tests.dicom_node.results.object_checks import conformance_errors, reread, shown_text
from tests.dicom_node.results.report_sources import (
    ALGORITHM,
    ISSUE,
    fracture_in,
    minimal_cr,
    numbered_cr,
    received,
)

NAMES = {
    "default": (None, "Doe^John", "Left wrist"),
    "latin-1": ("ISO_IR 100", "Müller^Jürgen", "Handgelenk, früh"),
    "latin-2": ("ISO_IR 101", "Dvořák^Žofie", "Zápěstí"),
    "greek": ("ISO_IR 126", "Διονυσιος^Ελένη", "Καρπός"),
    "cyrillic": ("ISO_IR 144", "Люкceмбypг^Анна", "Запястье"),
    "arabic": ("ISO_IR 127", "قباني^لنزار", "معصم"),
    "ir-87": (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう", "手関節"),
    "ir-13-87": (
        ["ISO 2022 IR 13", "ISO 2022 IR 87"],
        "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう",
        "手関節",
    ),
    "ir-149": (["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞=홍^길동", "손목"),
    "gb18030": ("GB18030", "Wang^XiaoDong=王^小东", "腕关节"),
    "utf-8": ("ISO_IR 192", "Wang^XiaoDong=王^小東", "腕關節"),
}


def _source(name: str) -> Dataset:
    character_set, patient_name, description = NAMES[name]
    source = minimal_cr(rows=40, columns=30)
    if character_set is not None:
        source.SpecificCharacterSet = character_set
    source.PatientName, source.StudyDescription = patient_name, description
    return received(source)


def _objects(source: Dataset) -> list[ResultObject]:
    finding = fracture_in(source)
    reports = build_reports([source], aggregate_study([finding], ALGORITHM), ISSUE)
    annotated = np.zeros((40, 30, 3), np.uint8)
    return [*reports, build_secondary_capture(source, annotated, finding, ALGORITHM, ISSUE)]


def _raw(encoded: bytes, keyword: str) -> bytes:
    element = dcmread(BytesIO(encoded)).get_item(keyword)
    assert isinstance(element.value, bytes)
    return element.value


@pytest.mark.parametrize("name", NAMES)
def test_name_and_character_set_survive(name: str, tmp_path: Path) -> None:
    character_set, patient_name, description = NAMES[name]
    for made in _objects(_source(name)):
        result = reread(made)
        assert result.get("SpecificCharacterSet") == character_set
        assert str(result.PatientName) == patient_name
        assert result.StudyDescription == description
        assert conformance_errors(made, tmp_path) == []


@pytest.mark.parametrize("name", NAMES)
def test_name_has_the_very_bytes_of_the_source(name: str) -> None:
    source = _source(name)
    sent = source.get_item("PatientName").value
    for made in _objects(source):
        assert _raw(made.encoded, "PatientName") == sent


def test_bytes_without_a_declared_character_set_are_kept() -> None:
    """Illegal, and common: the site reads them by a habit of its own, so they stay as they are."""
    source = _source("default")
    raw = source.get_item("PatientName")
    source._dict[raw.tag] = raw._replace(value="Müller".encode("latin-1"))
    report = _objects(source)[0]
    assert "SpecificCharacterSet" not in reread(report)
    assert _raw(report.encoded, "PatientName") == b"M\xfcller"


def test_undeclarable_character_set_becomes_utf_8() -> None:
    source = minimal_cr(rows=40, columns=30)
    source.PatientName = "Doe^John"
    source = received(source)
    source.SpecificCharacterSet = "KLINGON 8"
    assert reread(_objects(source)[0]).SpecificCharacterSet == "ISO_IR 192"


def test_text_of_another_image_that_the_character_set_lacks_makes_it_utf_8() -> None:
    first, second = numbered_cr(1), numbered_cr(2)
    first.SpecificCharacterSet, first.PatientName = "ISO_IR 100", "Müller^Jürgen"
    second.SpecificCharacterSet = "ISO_IR 192"
    request = Dataset()
    request.RequestedProcedureID, request.RequestedProcedureDescription = "RP-2", "手関節"
    second.RequestAttributesSequence = [request]
    sources = [received(first), received(second)]
    study = aggregate_study([fracture_in(source) for source in sources], ALGORITHM)
    report = reread(build_reports(sources, study, ISSUE)[0])
    assert report.SpecificCharacterSet == "ISO_IR 192"
    assert str(report.PatientName) == "Müller^Jürgen"
    assert report.ReferencedRequestSequence[1].RequestedProcedureDescription == "手関節"


def test_first_image_that_declares_a_character_set_decides_for_every_document() -> None:
    first, second = numbered_cr(1), numbered_cr(2)
    first.PatientName = "Mueller^Juergen"
    second.SpecificCharacterSet = "ISO_IR 100"
    request = Dataset()
    request.RequestedProcedureID, request.RequestedProcedureDescription = "RP-2", "Hand, früh"
    second.RequestAttributesSequence = [request]
    sources = [received(first), received(second)]
    surest_first = [fracture_in(first, probability=0.9), fracture_in(second, probability=0.8)]
    study = aggregate_study(surest_first, ALGORITHM)
    selection = build_key_objects(sources, study, ISSUE)
    assert selection is not None
    documents = [
        *build_reports(sources, study, ISSUE),
        selection,
        build_pdf_report(sources, study, {}, ISSUE),
        build_summary_page(sources, study, {}, ISSUE),
    ]
    declared = {made.kind: reread(made).get("SpecificCharacterSet") for made in documents}
    assert declared == {made.kind: "ISO_IR 100" for made in documents}
    requests = reread(selection).ReferencedRequestSequence
    assert requests[1].RequestedProcedureDescription == "Hand, früh"


@pytest.mark.parametrize("name", ["utf-8", "default"])
def test_viewer_shows_the_name(name: str, tmp_path: Path) -> None:
    assert NAMES[name][1] in shown_text(_objects(_source(name))[0], tmp_path)
