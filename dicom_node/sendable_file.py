"""A DICOM file in memory that is to be sent as it is: identified within bounds, never decoded."""

from dataclasses import dataclass
from functools import partial
from io import BytesIO

from dicom_node.header_reading import read_file_meta, read_header, require_uid
from dicom_node.sender import SendableObject


@dataclass(frozen=True)
class SendableFile:
    """The file, and the study that its header says it is of."""

    study_instance_uid: str
    sendable: SendableObject


def identify_file(encoded: bytes) -> SendableFile:
    """Raises NotUnderstood where it is no DICOM file, or lacks what names it."""
    stream = BytesIO(encoded)
    syntax = require_uid(read_file_meta(stream), "TransferSyntaxUID")
    keywords = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID")
    header = read_header(stream, syntax, keywords)
    sop_class_uid, sop_instance_uid, study_instance_uid = (
        require_uid(header, keyword) for keyword in keywords
    )
    sendable = SendableObject(sop_class_uid, sop_instance_uid, partial(BytesIO, encoded), (syntax,))
    return SendableFile(study_instance_uid, sendable)
