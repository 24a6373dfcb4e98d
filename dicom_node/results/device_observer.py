"""Who observed what a document says: the node, as a device."""

from pydicom.dataset import Dataset

from dicom_node.results import codes
from dicom_node.results import report_concepts as concepts
from dicom_node.results.content_items import Relationship, code_item, text_item, uid_item
from dicom_node.results.equipment import MANUFACTURER, PRODUCT, Equipment

_HAS_OBS_CONTEXT = Relationship.HAS_OBS_CONTEXT


def device_observer(equipment: Equipment) -> list[Dataset]:
    """TID 1002: the observer is a device, described by TID 1004."""
    texts = {
        concepts.DEVICE_NAME: PRODUCT,
        concepts.DEVICE_MANUFACTURER: MANUFACTURER,
        concepts.DEVICE_MODEL_NAME: PRODUCT,
        concepts.DEVICE_SERIAL_NUMBER: equipment.serial_number,
    }
    return [
        code_item(_HAS_OBS_CONTEXT, concepts.OBSERVER_TYPE, codes.OBSERVER_DEVICE),
        uid_item(_HAS_OBS_CONTEXT, concepts.DEVICE_UID, equipment.device_uid),
        *(text_item(_HAS_OBS_CONTEXT, name, text) for name, text in texts.items()),
    ]
