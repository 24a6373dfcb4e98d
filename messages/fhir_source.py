"""What FHIR resources are made from: a report as archived, its finding, and how the site is set."""

from dataclasses import dataclass
from datetime import tzinfo

from db.report_archive import ArchivedImage, ArchivedReport
from dicom_node.results.equipment import Equipment
from dicom_node.results.finding import AlgorithmIdentity, ImageFinding, StudyFinding
from messages.fhir_ids import DEVICE, IMAGE, STUDY, resource_id


@dataclass(frozen=True)
class FhirSite:
    """The node and the hospital's namespaces, as URIs; None where the hospital has none."""

    serial_number: str
    time_zone: tzinfo
    patient_id_system: str | None = None
    accession_number_system: str | None = None


@dataclass(frozen=True)
class PresentedForm:
    """The whole report as a document: application/pdf or text/plain."""

    content_type: str
    content: bytes
    title: str


@dataclass(frozen=True)
class FhirSource:
    """The same values give the same resources, byte for byte."""

    report: ArchivedReport
    finding: StudyFinding
    site: FhirSite
    forms: tuple[PresentedForm, ...] = ()

    @property
    def withdrawn(self) -> str | None:
        """Why the study's answer does not count any more: it quotes a model that was withdrawn."""
        return "; ".join(one.reason for one in self.report.withdrawals) or None

    @property
    def deciding_equipment(self) -> Equipment:
        """Whose answer the study's is.

        The same network may be looking anew at the images behind it, and then they are not here.
        """
        finding = self.finding
        known = finding.deciding_algorithm if finding.images_behind else finding.algorithm
        return self._equipment(known)

    def equipment_of(self, image: ImageFinding) -> Equipment:
        """Which looked at the image."""
        return self._equipment(image.algorithm_within(self.finding.algorithm))

    @property
    def equipments(self) -> list[Equipment]:
        """Every one that an answer of the report names, the study's first."""
        images = [self.equipment_of(one.finding) for one in self.labelled_images]
        return list(dict.fromkeys([self.deciding_equipment, *images]))

    def _equipment(self, algorithm: AlgorithmIdentity) -> Equipment:
        return Equipment(algorithm, self.site.serial_number)

    @property
    def study_id(self) -> str:
        """The id of the study's own resources, each of another type."""
        uid = self.report.study.study_instance_uid
        return resource_id(self.site.serial_number, STUDY, uid)

    def image_id(self, sop_instance_uid: str) -> str:
        return resource_id(self.site.serial_number, IMAGE, sop_instance_uid)

    @property
    def labelled_images(self) -> list["LabelledImage"]:
        """The images in the report's order, under the names the SR gives them."""
        findings = {finding.sop_instance_uid: finding for finding in self.finding.images}
        return [
            LabelledImage(_label(number, image), image, findings[image.sop_instance_uid])
            for number, image in enumerate(self.report.images, start=1)
            if image.sop_instance_uid in findings
        ]


@dataclass(frozen=True)
class LabelledImage:
    label: str
    image: ArchivedImage
    finding: ImageFinding

    @property
    def withdrawn(self) -> str | None:
        return None if self.image.withdrawal is None else self.image.withdrawal.reason


def device_id(equipment: Equipment) -> str:
    return resource_id(equipment.serial_number, DEVICE, equipment.device_uid)


def _label(number: int, image: ArchivedImage) -> str:
    numbers = {
        "series": image.series_number,
        "instance": image.instance_number,
        "frame": image.analysis.frame,
    }
    places = [f"{name} {place}" for name, place in numbers.items() if place]
    return f"Image {number} ({', '.join(places)})" if places else f"Image {number}"
