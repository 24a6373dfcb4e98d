"""Orthanc is the PACS: it forwards a study to the node and has the results in that study."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset

from dicom_node.dicomize import write_dicom
from dicom_node.phantom_study import Rendering, phantom_study
from tests.end_to_end.node import running_node
from tests.end_to_end.orthanc import Orthanc, running_orthanc
from tests.end_to_end.viewers import conformance_errors, report_text
from tests.waiting import wait_for

pytestmark = [pytest.mark.integration, pytest.mark.slow]
RESULT_SECONDS = 90
IDENTITY = ("PatientID", "PatientName", "PatientBirthDate", "AccessionNumber", "StudyInstanceUID")
Tags = dict[str, Any]


@pytest.fixture(scope="module")
def sent() -> list[Dataset]:
    return phantom_study(11, fractured=True, rendering=Rendering(rows=512, columns=416))


@pytest.fixture(scope="module")
def pacs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """Orthanc, and a node that sends its results there."""
    folder = tmp_path_factory.mktemp("orthanc")
    orthanc = Orthanc(folder / "pacs")
    results = {"destinations": orthanc.address}
    with running_node(folder, **results) as node, running_orthanc(orthanc, node.port):
        yield orthanc


@pytest.fixture(scope="module")
def study(pacs: Orthanc, sent: list[Dataset]) -> list[Tags]:
    """What the PACS has of the study, once it has forwarded it and has the results."""
    uploaded = [pacs.post("/instances", _file(dataset)) for dataset in sent]
    identifier = uploaded[0]["ParentStudy"]
    forwarded = pacs.post("/modalities/osteon/store", identifier.encode())
    assert forwarded["FailedInstancesCount"] == 0
    # A report, and an annotated copy of each image.
    expected = len(sent) + 1 + len(sent)
    instances = f"/studies/{identifier}/instances"
    wait_for(lambda: len(pacs.get(instances)) == expected, "results in Orthanc", RESULT_SECONDS)
    return pacs.instances_of(identifier)


def test_the_results_are_part_of_the_patients_study(study: list[Tags], sent: list[Dataset]) -> None:
    for keyword in IDENTITY:
        assert {tags[keyword] for tags in study} == {str(sent[0][keyword].value)}
    numbers = {tags["SeriesNumber"] for tags in study if tags["Modality"] != "DX"}
    assert numbers == {"9101", "9102"}


def test_one_report_names_the_images(study: list[Tags], sent: list[Dataset]) -> None:
    (report,) = [tags for tags in study if tags["Modality"] == "SR"]
    assert report["VerificationFlag"] == "UNVERIFIED"
    (evidence,) = report["CurrentRequestedProcedureEvidenceSequence"]
    named = {
        item["ReferencedSOPInstanceUID"]
        for series in evidence["ReferencedSeriesSequence"]
        for item in series["ReferencedSOPSequence"]
    }
    assert named == {dataset.SOPInstanceUID for dataset in sent}


def test_the_annotated_images_have_the_matrix_of_their_sources(
    study: list[Tags], sent: list[Dataset]
) -> None:
    captures = [tags for tags in study if tags["Modality"] == "OT"]
    sources = {tags["SourceImageSequence"][0]["ReferencedSOPInstanceUID"] for tags in captures}
    assert sources == {dataset.SOPInstanceUID for dataset in sent}
    for tags in captures:
        assert (tags["Rows"], tags["Columns"]) == (str(sent[0].Rows), str(sent[0].Columns))
        assert tags["PhotometricInterpretation"] == "RGB"


def test_other_peoples_tools_read_the_results(
    pacs: Orthanc, study: list[Tags], tmp_path: Path
) -> None:
    results = {tags["id"]: tags["Modality"] for tags in study if tags["Modality"] != "DX"}
    for identifier, modality in results.items():
        path = tmp_path / f"{identifier}.dcm"
        path.write_bytes(pacs.get_bytes(f"/instances/{identifier}/file"))
        assert conformance_errors(path) == []
        if modality == "SR":
            text = report_text(path)
            assert "Imaging Measurement Report" in text
            assert "Fracture" in text


def _file(dataset: Dataset) -> bytes:
    encoded = BytesIO()
    write_dicom(dataset, encoded)
    return encoded.getvalue()
