"""Other people's readers of reports read ours, and have nothing to say against them."""

import subprocess
from io import BytesIO
from pathlib import Path

import highdicom.sr as hd
import pytest
from pydicom.sr.codedict import codes as dictionary

from dicom_node.results.finding import aggregate_study
from dicom_node.results.result_object import ResultObject
from dicom_node.results.structured_report import build_reports
from tests.dicom_node.results.report_sources import (
    ALGORITHM,
    ISSUE,
    fracture_in,
    full_dx,
    multi_frame,
    not_assessable,
    received,
)
from tests.services import require_program


@pytest.fixture(scope="module")
def reports() -> list[ResultObject]:
    """Of two images: the first to be read declares no character set, the other's text needs one."""
    headers = [received(full_dx()), received(multi_frame())]
    headers[1].SOPInstanceUID += ".2"
    findings = [fracture_in(headers[0], region="leg"), not_assessable(headers[1])]
    return build_reports(headers, aggregate_study(findings, ALGORITHM), ISSUE)


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("program", ["dsrdump", "dsr2xml"])
def test_dcmtk_reads_without_a_warning(
    reports: list[ResultObject], which: int, program: str, tmp_path: Path
) -> None:
    path = tmp_path / "report.dcm"
    path.write_bytes(reports[which].encoded)
    command = [require_program(program, "dcmtk"), str(path)]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    assert done.stderr == b""
    assert b"Certainty of Finding" in done.stdout


def test_highdicom_reads_every_part(reports: list[ResultObject]) -> None:
    report = hd.srread(BytesIO(reports[0].encoded)).content
    (observer,) = report.get_observer_contexts(dictionary.DCM.Device)
    assert observer.observer_identifying_attributes.name == "Osteon"
    assert len(report.get_image_measurement_groups()) == 3
    (box,) = report.get_planar_roi_measurement_groups(graphic_type=hd.GraphicTypeValues.POLYLINE)
    assert box.finding_type.meaning == "Fracture"
    assert box.finding_category is None
    assert box.tracking_identifier.startswith("Series 4, instance 2, fracture #")
    assert box.reference_type == dictionary.DCM.ImageRegion
    assert [site.laterality.meaning for site in box.finding_sites] == ["Left"]
