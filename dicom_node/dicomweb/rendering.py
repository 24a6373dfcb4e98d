"""Renders a result for eyes without a DICOM viewer (PS3.18 10.4.1.1.3): a picture, or its PDF."""

from collections.abc import Sequence
from io import BytesIO

from PIL import Image, ImageOps
from pydicom.dataset import Dataset
from pynetdicom.sop_class import EncapsulatedPDFStorage

from dicom_node.dicomweb.kept_object import KeptObject
from dicom_node.dicomweb.media_types import JPEG, PDF, PNG, Form
from dicom_node.received_header import matrix_of

_PILLOW_FORMATS = {JPEG: "JPEG", PNG: "PNG"}
_JPEG_QUALITY = 90
# Samples and photometric interpretation of what is shown as it is, with Pillow's word for it.
_MODES = {(3, "RGB"): "RGB", (1, "MONOCHROME2"): "L", (1, "MONOCHROME1"): "L"}


def rendered_forms(kept: KeptObject) -> Sequence[Form]:
    """The forms it can be rendered in; none where it is neither a picture nor a page."""
    if kept.header.get("SOPClassUID") == EncapsulatedPDFStorage:
        return [Form(PDF)]
    if kept.pixels is not None and _mode(kept.header) is not None:
        return [Form(JPEG), Form(PNG)]
    return []


def render_picture(header: Dataset, frame: bytes, form: Form) -> bytes:
    """The frame as a picture file, as it is to be shown."""
    rows, columns = matrix_of(header)
    picture = Image.frombytes(_mode(header) or "L", (columns, rows), frame)
    if header.PhotometricInterpretation == "MONOCHROME1":
        picture = ImageOps.invert(picture)
    encoded = BytesIO()
    picture.save(encoded, _PILLOW_FORMATS[form.media_type], quality=_JPEG_QUALITY)
    return encoded.getvalue()


def _mode(header: Dataset) -> str | None:
    if header.get("BitsAllocated") != 8 or header.get("PlanarConfiguration", 0) != 0:
        return None
    return _MODES.get((header.get("SamplesPerPixel"), header.get("PhotometricInterpretation")))
