"""Who made a result: the node as a piece of equipment, with the weights it ran."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.metadata import version

from pydicom.dataset import Dataset

from dicom_node.results import codes
from dicom_node.results.coded_items import coded_item
from dicom_node.results.finding import AlgorithmIdentity
from dicom_node.uids import derive_uid

MANUFACTURER = "Osteon project"
PRODUCT = "Osteon"


@cache
def product_version() -> str:
    return version("osteon")


@dataclass(frozen=True)
class Equipment:
    """The node (its serial number tells one node from another) and its algorithm."""

    algorithm: AlgorithmIdentity
    serial_number: str

    @property
    def device_uid(self) -> str:
        """Another UID for other weights, another product version or another node."""
        algorithm = self.algorithm
        return derive_uid(
            "device",
            self.serial_number,
            product_version(),
            algorithm.name,
            algorithm.version,
            algorithm.weights_digest,
        )

    @property
    def software_versions(self) -> list[str]:
        return [product_version(), f"{self.algorithm.name} {self.algorithm.version}"]

    def describe(self, dataset: Dataset) -> None:
        """Enhanced General Equipment, PS3.3 C.7.5.2."""
        dataset.Manufacturer = MANUFACTURER
        dataset.ManufacturerModelName = PRODUCT
        dataset.SoftwareVersions = self.software_versions
        dataset.DeviceSerialNumber = self.serial_number

    def contribution(self, contributed_at: datetime) -> Dataset:
        """An item of ContributingEquipmentSequence, PS3.3 C.12.1.1.5."""
        item = Dataset()
        self.describe(item)
        item.PurposeOfReferenceCodeSequence = [coded_item(codes.PROCESSING_EQUIPMENT)]
        item.DeviceUID = self.device_uid
        item.ContributionDateTime = contributed_at.strftime("%Y%m%d%H%M%S%z")
        item.ContributionDescription = "Search for fractures, not verified"
        return item
