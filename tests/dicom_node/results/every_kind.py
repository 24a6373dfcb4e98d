"""One object of each kind, with what encoding anew could lose: names, items, tables, pixels."""

from collections.abc import Iterator

import numpy as np
from pydicom.dataset import Dataset

from dicom_node.results.finding import aggregate_study
from dicom_node.results.heatmap_segmentation import build_segmentation
from dicom_node.results.key_objects import build_key_objects, build_rejection
from dicom_node.results.pdf_report import build_pdf_report
from dicom_node.results.presentation_state import build_presentation_state
from dicom_node.results.result_object import Predecessor, ResultObject
from dicom_node.results.secondary_capture import build_secondary_capture
from dicom_node.results.structured_report import build_reports
from dicom_node.results.summary_page import build_summary_page
from tests.dicom_node.results.page_sources import blue_pictures
from tests.dicom_node.results.report_sources import (
    ALGORITHM,
    ISSUE,
    fracture_in,
    minimal_cr,
    received,
)


def every_kind(source: Dataset) -> Iterator[ResultObject]:
    """What a report with a fracture may have, and the note that rejects it."""
    finding = fracture_in(source)
    study = aggregate_study([finding], ALGORITHM)
    pictures = blue_pictures([source])
    about = (finding, ALGORITHM, ISSUE)
    report, fallback = build_reports([source], study, ISSUE)
    yield from (report, fallback)
    yield build_presentation_state(source, *about)
    yield build_secondary_capture(source, pictures[str(source.SOPInstanceUID)], *about)
    yield build_summary_page([source], study, pictures, ISSUE)
    yield build_pdf_report([source], study, pictures, ISSUE)
    key_objects = build_key_objects([source], study, ISSUE)
    assert key_objects is not None
    yield key_objects
    yield build_segmentation(source, np.full((4, 4), 0.5, np.float32), *about)
    rejected = Predecessor(
        report.sop_class_uid, report.sop_instance_uid, report.series_instance_uid
    )
    yield build_rejection(source, [rejected], "withdrawn", ALGORITHM, ISSUE)


def japanese_source() -> Dataset:
    """A small image, its name in escape sequences, and its greyscale in a table."""
    source = minimal_cr(rows=81, columns=61)
    source.SpecificCharacterSet = ["", "ISO 2022 IR 87"]
    source.PatientName, source.StudyDescription = "Yamada^Tarou=山田^太郎=やまだ^たろう", "手関節"
    source.RequestAttributesSequence = [_request()]
    source.VOILUTSequence = [_table()]
    return received(source)


def _request() -> Dataset:
    request = Dataset()
    request.RequestedProcedureID, request.ScheduledProcedureStepID = "RP-1", "SPS-1"
    request.RequestedProcedureDescription = "手関節、二方向"
    return request


def _table() -> Dataset:
    table = Dataset()
    table.LUTDescriptor = [4, 0, 16]
    table["LUTDescriptor"].VR = "US"
    table.add_new("LUTData", "OW", np.array([0, 100, 3000, 65535], "<u2").tobytes())
    return table
