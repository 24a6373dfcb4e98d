"""The images of a study under the names that its report and pages give them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydicom.dataset import Dataset

from dicom_node.received_header import matrix_of
from dicom_node.results.content_items import ImageReference
from dicom_node.results.finding import BoundingBox, ImageFinding, StudyFinding, clamped_boxes
from dicom_node.results.source_image import frame_in
from dicom_node.results.tracking import place_words


@dataclass(frozen=True)
class ReportedImage:
    """An image of the study under the name the report gives it."""

    label: str
    header: Dataset
    finding: ImageFinding

    @property
    def reference(self) -> ImageReference:
        """With the frame that was analysed, where the object has several."""
        finding = self.finding
        frame = frame_in(self.header, finding.frame)
        return ImageReference(finding.sop_class_uid, finding.sop_instance_uid, frame)

    @property
    def boxes(self) -> list[BoundingBox]:
        return clamped_boxes(self.finding.boxes, matrix_of(self.header))


def reported_images(headers: Sequence[Dataset], study: StudyFinding) -> Iterator[ReportedImage]:
    """Each with its finding, by number and frame; headers come in reading order."""
    findings = sorted(study.images, key=lambda finding: finding.frame or 0)
    for number, header in enumerate(headers, start=1):
        for finding in findings:
            if finding.sop_instance_uid == header.SOPInstanceUID:
                yield ReportedImage(_label(number, header, finding.frame), header, finding)


def _label(number: int, header: Dataset, frame: int | None) -> str:
    """ "Image 2 (series 1, instance 3)": its place among the images of this revision."""
    places = place_words(header, frame)
    return f"Image {number} ({', '.join(places)})" if places else f"Image {number}"
