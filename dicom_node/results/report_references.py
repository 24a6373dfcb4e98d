"""What a report refers to: its evidence, its predecessors and the requests it answers."""

from collections.abc import Iterator, Sequence

from pydicom.dataset import Dataset

from dicom_node.received_header import copy_elements
from dicom_node.results.instance_reference import instance_reference
from dicom_node.results.result_object import Predecessor

_REQUEST = (
    "AccessionNumber",
    "PlacerOrderNumberImagingServiceRequest",
    "FillerOrderNumberImagingServiceRequest",
    "RequestedProcedureID",
    "RequestedProcedureDescription",
    "RequestedProcedureCodeSequence",
)


def evidence_reference(headers: Sequence[Dataset]) -> Dataset:
    """All instances of one study, analysed or not."""
    return _references(
        headers[0].StudyInstanceUID,
        [(h.SeriesInstanceUID, h.SOPClassUID, h.SOPInstanceUID) for h in headers],
    )


def predecessor_reference(study_instance_uid: str, predecessors: Sequence[Predecessor]) -> Dataset:
    """The documents of earlier revisions, which are in the study of the new one."""
    return _references(
        study_instance_uid,
        [(p.series_instance_uid, p.sop_class_uid, p.sop_instance_uid) for p in predecessors],
    )


def _references(study_instance_uid: str, instances: Sequence[tuple[str, str, str]]) -> Dataset:
    """Hierarchical SOP Instance Reference Macro, PS3.3 C.17.2.1."""
    by_series: dict[str, list[Dataset]] = {}
    for series_instance_uid, sop_class_uid, sop_instance_uid in instances:
        reference = instance_reference(sop_class_uid, sop_instance_uid)
        by_series.setdefault(str(series_instance_uid), []).append(reference)
    study = Dataset()
    study.StudyInstanceUID = study_instance_uid
    study.ReferencedSeriesSequence = [
        _series_reference(uid, references) for uid, references in by_series.items()
    ]
    return study


def _series_reference(series_instance_uid: str, references: list[Dataset]) -> Dataset:
    series = Dataset()
    series.SeriesInstanceUID = series_instance_uid
    series.ReferencedSOPSequence = references
    return series


def fulfilled_requests(headers: Sequence[Dataset]) -> Iterator[Dataset]:
    """The requests that the images answer, each once."""
    seen = set()
    for header in headers:
        for source in header.get("RequestAttributesSequence") or [header]:
            request = _request(header, source)
            key = (str(request.AccessionNumber), str(request.RequestedProcedureID))
            if key not in seen:
                seen.add(key)
                yield request


def _request(header: Dataset, source: Dataset) -> Dataset:
    """An item of ReferencedRequestSequence; all of these are Type 2."""
    request = copy_elements(source, _REQUEST)
    for keyword in _REQUEST:
        if keyword not in request:
            setattr(request, keyword, [] if keyword.endswith("Sequence") else None)
    if not request.AccessionNumber:
        request.AccessionNumber = header.get("AccessionNumber")
    request.StudyInstanceUID = header.StudyInstanceUID
    request.ReferencedStudySequence = []
    return request
