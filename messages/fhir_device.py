"""The algorithm as a FHIR Device: this network, on this version of the node, at this hospital."""

from dicom_node.results import codes
from dicom_node.results.equipment import MANUFACTURER, PRODUCT, Equipment, product_version
from messages.fhir_source import device_id
from messages.fhir_values import Element, concept, dicom_identifier, narrative, percentage


def device(equipment: Equipment) -> Element:
    """Other weights, product or node make another Device: this one never changes."""
    algorithm = equipment.algorithm
    return {
        "resourceType": "Device",
        "id": device_id(equipment),
        "meta": {"versionId": "1"},
        "language": "en",
        "text": narrative(f"{PRODUCT}: {algorithm.name} {algorithm.version}, {MANUFACTURER}"),
        "identifier": [dicom_identifier(equipment.device_uid)],
        "status": "active",
        "manufacturer": MANUFACTURER,
        "serialNumber": equipment.serial_number,
        "deviceName": [
            {"name": PRODUCT, "type": "manufacturer-name"},
            {"name": algorithm.name, "type": "model-name"},
        ],
        "modelNumber": PRODUCT,
        "type": concept(codes.ARTIFICIAL_INTELLIGENCE, "Software that looks for fractures"),
        "version": [
            {"type": {"text": "model"}, "value": algorithm.version},
            {"type": {"text": "product"}, "value": product_version()},
        ],
        "property": [
            {
                "type": {"text": f"operating point {name}"},
                "valueQuantity": [percentage(point)],
            }
            for name, point in sorted(algorithm.operating_points.items())
        ],
    }
