"""The headers a report is built from, read again from the spool within bounds."""

import io
from collections.abc import Sequence
from contextlib import suppress
from typing import BinaryIO

from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.uid import UID

from dicom_node.header_reading import NotUnderstood, read_header
from dicom_node.received import INTAKE_KEYWORDS
from dicom_node.results.heatmap_segmentation import SEGMENTATION_KEYWORDS
from dicom_node.results.key_objects import KEY_OBJECT_KEYWORDS
from dicom_node.results.overlay_activation import OVERLAY_ELEMENTS
from dicom_node.results.presentation_state import PRESENTATION_KEYWORDS
from dicom_node.results.secondary_capture import CAPTURE_KEYWORDS
from dicom_node.results.structured_report import REPORT_KEYWORDS
from dicom_node.results.summary_page import SUMMARY_KEYWORDS
from dicom_node.spool import Spool

EVIDENCE_KEYWORDS = tuple(
    dict.fromkeys(
        (
            *REPORT_KEYWORDS,
            *CAPTURE_KEYWORDS,
            *PRESENTATION_KEYWORDS,
            *KEY_OBJECT_KEYWORDS,
            *SEGMENTATION_KEYWORDS,
            *SUMMARY_KEYWORDS,
        )
    )
)
# Tables, and what comes before overlays, may be larger than a header is let be; a study is not left
# unreported for them.
_TABLES = {"ModalityLUTSequence", "VOILUTSequence"}
_INDISPENSABLE = tuple(keyword for keyword in EVIDENCE_KEYWORDS if keyword not in _TABLES)
# Preamble and prefix, then the file meta information's group length (PS3.10 7.1): (0002,0000) UL.
_GROUP_LENGTH_OFFSET = 132 + 8
_GROUP_LENGTH_BYTES = 4


def read_evidence(spool: Spool, spool_key: str) -> Dataset:
    """The elements of a received file that the objects built from it take over.

    ObjectDamaged where it is no longer what was received.
    """
    spool.open_intact(spool_key).close()
    for keywords in ((*EVIDENCE_KEYWORDS, *OVERLAY_ELEMENTS), _INDISPENSABLE):
        with suppress(NotUnderstood):
            return read_elements(spool, spool_key, keywords)
    # One damaged file keeps no study unreported: this much of it could be read when it came.
    return read_elements(spool, spool_key, INTAKE_KEYWORDS)


def read_elements(spool: Spool, spool_key: str, keywords: Sequence[str]) -> Dataset:
    """These elements of a received file; NotUnderstood where it has become unreadable."""
    with spool.open(spool_key) as stream:
        return read_header(stream, _transfer_syntax_uid(stream), keywords)


def _transfer_syntax_uid(stream: BinaryIO) -> UID:
    """Leaves the stream at the data set; the file meta information is always of our writing."""
    stream.seek(_GROUP_LENGTH_OFFSET)
    length = int.from_bytes(stream.read(_GROUP_LENGTH_BYTES), "little")
    file_meta = read_dataset(
        io.BytesIO(stream.read(length)), is_implicit_VR=False, is_little_endian=True
    )
    return UID(file_meta.TransferSyntaxUID)
