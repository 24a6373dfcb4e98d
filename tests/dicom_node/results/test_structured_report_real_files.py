"""Whatever files the world sends, a report can be made that names them."""

import random
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import UID

from dicom_node.results.finding import aggregate_study
from dicom_node.results.result_object import ResultObject
from dicom_node.results.structured_report import build_reports
from tests.dicom_node.results.object_checks import conformance_errors, reread
from tests.dicom_node.results.report_sources import ALGORITHM, ISSUE, fracture_in, not_assessable
from tests.services import require_shared_data

_IDENTIFYING = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")


def _readable_headers(folder: Path) -> dict[str, Dataset]:
    """Those a listener could accept: they say, in legal UIDs, which instance they are."""
    headers = {}
    for path in sorted(folder.glob("*")):
        try:
            header = dcmread(path, stop_before_pixels=True)
            if all(UID(str(header.get(keyword, ""))).is_valid for keyword in _IDENTIFYING):
                headers[path.name] = header
        except Exception:  # noqa: BLE001 - the folder holds files broken on purpose
            continue
    return headers


def _report(header: Dataset) -> ResultObject:
    finding = fracture_in(header) if header.get("Modality") == "CR" else not_assessable(header)
    return build_reports([header], aggregate_study([finding], ALGORITHM), ISSUE)[0]


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_every_readable_file_gets_a_conformant_report(tmp_path: Path) -> None:
    headers = _readable_headers(require_shared_data("dicom"))
    assert len(headers) > 50
    reports = {name: _report(header) for name, header in headers.items()}
    for name, made in reports.items():
        assert str(reread(made).PatientName) == str(headers[name].get("PatientName", "")), name
    sample = random.Random(7).sample(sorted(reports), 25)
    errors = {name: conformance_errors(reports[name], tmp_path) for name in sample}
    assert {name: found for name, found in errors.items() if found} == {}
