"""A reference to an object by its SOP class and instance, as every sequence of them holds it."""

from pydicom.dataset import Dataset


def instance_reference(
    sop_class_uid: str, sop_instance_uid: str, frame: int | None = None
) -> Dataset:
    """SOP and Image SOP Instance Reference Macros, PS3.3 10.8 and 10.3."""
    reference = Dataset()
    reference.ReferencedSOPClassUID = sop_class_uid
    reference.ReferencedSOPInstanceUID = sop_instance_uid
    if frame is not None:
        reference.ReferencedFrameNumber = frame
    return reference
