"""The headers of one study as every document of it reads them: each once, by number."""

from collections.abc import Iterable, Sequence

from pydicom.dataset import Dataset

from dicom_node.received_header import copy_elements, whole_number
from dicom_node.results.finding import StudyFinding


class EvidenceMismatch(ValueError):
    """The headers given are not those of the study and images that the finding speaks of."""


def read_in_order(
    evidence: Sequence[Dataset], keywords: Iterable[str], finding: StudyFinding
) -> list[Dataset]:
    """What a document takes of each instance; raises EvidenceMismatch where one is not there."""
    wanted = tuple(keywords)
    headers = [copy_elements(header, wanted) for header in evidence]
    unique = {str(header.SOPInstanceUID): header for header in headers}
    if len({header.StudyInstanceUID for header in headers}) != 1:
        raise EvidenceMismatch("a document needs headers of one study")
    absent = sorted({image.sop_instance_uid for image in finding.images} - unique.keys())
    if absent:
        raise EvidenceMismatch(f"no header for {', '.join(absent)}")
    return sorted(unique.values(), key=_place)


def _place(header: Dataset) -> tuple[int, str, int, str]:
    return (
        whole_number(header, "SeriesNumber"),
        str(header.SeriesInstanceUID),
        whole_number(header, "InstanceNumber"),
        str(header.SOPInstanceUID),
    )
