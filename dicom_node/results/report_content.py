"""The content tree of a report: TID 1500 over all images of a study."""

from collections.abc import Iterator, Sequence

import highdicom.sr as hd
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from dicom_node.received_header import is_image, is_multi_frame, whole_number
from dicom_node.results import codes
from dicom_node.results.coded_items import read_code
from dicom_node.results.equipment import MANUFACTURER, PRODUCT, Equipment
from dicom_node.results.finding import StudyFinding
from dicom_node.results.image_library import image_library
from dicom_node.results.report_groups import ReportedImage, box_groups, image_group, study_group


def report_content(
    headers: Sequence[Dataset], study: StudyFinding, equipment: Equipment
) -> Dataset:
    """The root container; headers come in reading order, the study's answer comes first."""
    images = list(_reported_images(headers, study))
    report = hd.MeasurementReport(
        observation_context=_observation_context(equipment),
        procedure_reported=_procedures(headers),
        imaging_measurements=list(_groups(study, images)),
        title=codes.REPORT_TITLE,
        language_of_content_item_and_descendants=hd.LanguageOfContentItemAndDescendants(
            codes.ENGLISH
        ),
    )
    root: Dataset = report[0]
    pictures = [header for header in headers if is_image(header)]
    if pictures:
        # TID 1500 has the library before the measurements, which are the last item.
        root.ContentSequence.insert(len(root.ContentSequence) - 1, image_library(pictures))
    return root


def _groups(study: StudyFinding, images: Sequence[ReportedImage]) -> Iterator[hd.ContentSequence]:
    yield study_group(study, images)
    for image in images:
        yield image_group(study.algorithm, image)
        yield from box_groups(study.algorithm, image)


def _reported_images(headers: Sequence[Dataset], study: StudyFinding) -> Iterator[ReportedImage]:
    findings = sorted(study.images, key=lambda finding: finding.frame or 0)
    for number, header in enumerate(headers, start=1):
        for finding in findings:
            if finding.sop_instance_uid == header.SOPInstanceUID:
                yield ReportedImage(_label(number, header, finding.frame), header, finding)


def _label(number: int, header: Dataset, frame: int | None) -> str:
    """ "Image 2 (series 1, instance 3)": the numbers a viewer shows, where the image has them."""
    named = {"series": "SeriesNumber", "instance": "InstanceNumber"}
    numbers = {name: whole_number(header, keyword) for name, keyword in named.items()}
    places = [f"{name} {place}" for name, place in numbers.items() if place]
    if frame is not None and is_multi_frame(header):
        places.append(f"frame {frame}")
    return f"Image {number} ({', '.join(places)})" if places else f"Image {number}"


def _observation_context(equipment: Equipment) -> hd.ObservationContext:
    device = hd.DeviceObserverIdentifyingAttributes(
        uid=equipment.device_uid,
        name=PRODUCT,
        manufacturer_name=MANUFACTURER,
        model_name=PRODUCT,
        serial_number=equipment.serial_number,
    )
    return hd.ObservationContext(
        observer_device_context=hd.ObserverContext(codes.OBSERVER_DEVICE, device)
    )


def _procedures(headers: Sequence[Dataset]) -> list[Code]:
    """The imaging procedures as performed, else as requested, else radiography at large."""
    for path in ("ProcedureCodeSequence", "RequestedProcedureCodeSequence"):
        found = [code for header in headers for code in _coded(header, path)]
        if found:
            return list(dict.fromkeys(found))
    return [codes.RADIOGRAPHY]


def _coded(header: Dataset, keyword: str) -> Iterator[Code]:
    for holder in (header, *header.get("RequestAttributesSequence", [])):
        for item in holder.get(keyword, []):
            code = read_code(item)
            if code is not None:
                yield code
