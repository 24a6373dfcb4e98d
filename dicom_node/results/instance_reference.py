"""A reference to an object by its SOP class and instance, as every sequence of them holds it."""

from pydicom.dataset import Dataset
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
    SecondaryCaptureImageStorage,
)

# Objects of these with several frames are met, yet a reference may name none (PS3.3 10.3).
_OF_ONE_FRAME = {
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
    SecondaryCaptureImageStorage,
}


def instance_reference(
    sop_class_uid: str, sop_instance_uid: str, frame: int | None = None
) -> Dataset:
    """SOP and Image SOP Instance Reference Macros, PS3.3 10.8 and 10.3."""
    reference = Dataset()
    reference.ReferencedSOPClassUID = sop_class_uid
    reference.ReferencedSOPInstanceUID = sop_instance_uid
    if frame is not None and sop_class_uid not in _OF_ONE_FRAME:
        reference.ReferencedFrameNumber = frame
    return reference
