"""What mutants are bred from: small sound images, one for each way that pixels are written down."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)
from pynetdicom.dsutils import encode as encode_dataset

from dicom_node.dicomize import ImageForm, dicomize
from dicom_node.examination import Examination, View
from dicom_node.picture import Picture
from tests.fuzzing.elements import Element, Form, parse
from tests.fuzzing.lossless_jpeg import encode_lossless
from tests.worker.dicom_files import multi_frame, study_of_two_views

# OpenJPEG wants 32 pixels a side.
ROWS, COLUMNS = 40, 32
# Met nowhere else: no log line may carry any of them.
CANARIES = {
    "PatientName": "KANARIVOGEL^GELBKEHLCHEN",
    "PatientID": "QZX7741KANARI",
    "AccessionNumber": "QACC55117Z",
    "StudyDescription": "Zwitscherbefund",
}
_SHADE = np.linspace(0, 4000, ROWS * COLUMNS).reshape(ROWS, COLUMNS).astype(np.uint16)
_BYTES = (_SHADE >> 4).astype(np.uint8)


@dataclass(frozen=True)
class Seed:
    """A sound image; its tree is made anew each time, so that it may be changed at will."""

    name: str
    transfer_syntax_uid: UID
    sop_class_uid: UID
    explicit: bytes  # in explicit VR, in the byte order of the transfer syntax

    @property
    def form(self) -> Form:
        """How the transfer syntax has it written; codestreams are in explicit VR, little endian."""
        syntax = self.transfer_syntax_uid
        return Form(syntax.is_implicit_VR, "<" if syntax.is_little_endian else ">")

    def elements(self) -> list[Element]:
        return parse(self.explicit, Form(order=self.form.order))


@cache
def seeds() -> tuple[Seed, ...]:
    """All of them, always in the same order."""
    kinds = {**_NATIVE, **_CODESTREAMS, **_OTHERS}
    return tuple(_seed(name, *make()) for name, make in kinds.items())


@cache
def radiographs() -> tuple[Seed, ...]:
    """What the network looks at, and what pictures are made of."""
    return (_seed("radiograph", *_radiograph()),)


def _seed(name: str, syntax: UID, dataset: Dataset) -> Seed:
    explicit = encode_dataset(dataset, False, syntax.is_little_endian)
    assert isinstance(explicit, bytes)
    return Seed(name, syntax, UID(dataset.SOPClassUID), explicit)


def _plain(syntax: UID = ExplicitVRLittleEndian) -> tuple[UID, Dataset]:
    return syntax, _image(ImageForm(transfer_syntax_uid=syntax))


def _image(form: ImageForm) -> Dataset:
    picture = Picture(_SHADE, spacing_mm=0.2)
    dataset = dicomize(picture, Examination(study_seed="fuzz"), View("hand"), form)
    for keyword, value in CANARIES.items():
        setattr(dataset, keyword, value)
    dataset.private_block(0x0009, "FUZZ", create=True).add_new(1, "LO", "private")
    return dataset


def _codestream(syntax: UID, *frames: bytes, bits: int = 8) -> tuple[UID, Dataset]:
    """An image of codestreams that are written elsewhere."""
    dataset = _image(ImageForm())
    dataset.file_meta.TransferSyntaxUID = syntax
    _describe_bits(dataset, bits)
    if len(frames) > 1:
        dataset.NumberOfFrames = len(frames)
    dataset.PixelData = encapsulate(list(frames))
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    return syntax, dataset


def _describe_bits(dataset: Dataset, bits: int) -> None:
    dataset.BitsAllocated = 8 if bits == 8 else 16
    dataset.BitsStored, dataset.HighBit = bits, bits - 1


def _jpeg() -> bytes:
    sink = io.BytesIO()
    Image.fromarray(_BYTES).save(sink, "JPEG")
    return sink.getvalue()


def _extended_jpeg() -> bytes:
    """Of eight bits, which the extended process codes as the baseline does (ISO 10918-1 F.1)."""
    return _jpeg().replace(b"\xff\xc0", b"\xff\xc1", 1)


def _near_lossless() -> tuple[UID, Dataset]:
    _, dataset = _plain()
    dataset.compress(JPEGLSNearLossless, jls_error=2, generate_instance_uid=False)
    return JPEGLSNearLossless, dataset


def _lossy_jpeg2000(syntax: UID) -> tuple[UID, Dataset]:
    _, dataset = _plain()
    dataset.compress(JPEG2000, j2k_cr=[8], generate_instance_uid=False)
    dataset.file_meta.TransferSyntaxUID = syntax
    return syntax, dataset


def _lossless_jpeg2000(syntax: UID) -> tuple[UID, Dataset]:
    _, dataset = _plain(JPEG2000Lossless)
    dataset.file_meta.TransferSyntaxUID = syntax
    return syntax, dataset


def _frames() -> tuple[UID, Dataset]:
    return ExplicitVRLittleEndian, multi_frame(_plain()[1])


def _frames_in_runs() -> tuple[UID, Dataset]:
    _, dataset = _frames()
    dataset.compress(RLELossless, generate_instance_uid=False)
    return RLELossless, dataset


def _frames_with_extended_offsets() -> tuple[UID, Dataset]:
    syntax, dataset = _codestream(JPEGBaseline8Bit, _jpeg(), _jpeg())
    encapsulated, offsets, lengths = encapsulate_extended([_jpeg(), _jpeg()])
    dataset.PixelData = encapsulated
    dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths = offsets, lengths
    return syntax, dataset


def _palette() -> tuple[UID, Dataset]:
    syntax, dataset = _plain()
    _describe_bits(dataset, 8)
    dataset.PhotometricInterpretation = "PALETTE COLOR"
    dataset.PixelData = _BYTES.tobytes()
    table = np.arange(256, dtype="<u2").tobytes()
    for colour in ("Red", "Green", "Blue"):
        setattr(dataset, f"{colour}PaletteColorLookupTableDescriptor", [256, 0, 16])
        setattr(dataset, f"{colour}PaletteColorLookupTableData", table)
    return syntax, dataset


def _colours() -> tuple[UID, Dataset]:
    syntax, dataset = _palette()
    dataset.PhotometricInterpretation = "RGB"
    dataset.SamplesPerPixel, dataset.PlanarConfiguration = 3, 0
    dataset.PixelData = np.stack([_BYTES] * 3, axis=2).tobytes()
    return syntax, dataset


def _tables() -> tuple[UID, Dataset]:
    """With a Modality LUT and a VOI LUT (PS3.3 C.11.1 and C.11.2)."""
    syntax, dataset = _plain()
    del dataset.RescaleSlope, dataset.RescaleIntercept, dataset.RescaleType
    table = np.arange(4096, dtype="<u2").tobytes()
    for keyword in ("ModalityLUTSequence", "VOILUTSequence"):
        item = Dataset()
        item.LUTDescriptor = [4096, 0, 16]
        item.add_new("LUTData", "OW", table)
        setattr(dataset, keyword, [item])
    dataset.ModalityLUTSequence[0].ModalityLUTType = "US"
    return syntax, dataset


def _overlays() -> tuple[UID, Dataset]:
    syntax, dataset = _plain()
    block = {0x10: ROWS, 0x11: COLUMNS, 0x100: 1, 0x102: 0}
    for number, value in block.items():
        dataset.add_new(0x60000000 | number, "US", value)
    dataset.add_new(0x60000040, "CS", "G")
    dataset.add_new(0x60000050, "SS", [1, 1])
    dataset.add_new(0x60003000, "OW", bytes(ROWS * COLUMNS // 8))
    return syntax, dataset


def _nested() -> tuple[UID, Dataset]:
    """A DX with sequences in sequences, an icon, and a name in another script."""
    dataset = _image(ImageForm(modality="DX"))
    icon = Dataset()
    icon.Rows = icon.Columns = 2
    icon.SamplesPerPixel, icon.PhotometricInterpretation = 1, "MONOCHROME2"
    icon.BitsAllocated, icon.BitsStored, icon.HighBit, icon.PixelRepresentation = 8, 8, 7, 0
    icon.add_new("PixelData", "OB", bytes(4))
    dataset.IconImageSequence = [icon]
    dataset.SpecificCharacterSet = ["", "ISO 2022 IR 87"]
    request = Dataset()
    request.ScheduledProcedureStepDescription = CANARIES["StudyDescription"]
    dataset.RequestAttributesSequence = [request]
    return ExplicitVRLittleEndian, dataset


def _signed() -> tuple[UID, Dataset]:
    syntax, dataset = _plain()
    dataset.PixelRepresentation = 1
    dataset.BitsStored, dataset.HighBit = 16, 15
    dataset.PixelData = (_SHADE.astype(np.int16) - 2000).tobytes()
    dataset.add_new("PixelPaddingValue", "SS", -2000)
    return syntax, dataset


def _radiograph() -> tuple[UID, Dataset]:
    """Large enough to be looked at by the network, and with a fracture: it gets pictures."""
    dataset = study_of_two_views()[0]
    for keyword, value in CANARIES.items():
        setattr(dataset, keyword, value)
    dataset.compress(JPEGLSLossless, generate_instance_uid=False)
    return JPEGLSLossless, dataset


Maker = Callable[[], tuple[UID, Dataset]]
_NATIVE: dict[str, Maker] = {
    "explicit": _plain,
    "implicit": lambda: _plain(ImplicitVRLittleEndian),
    "big endian": lambda: _plain(ExplicitVRBigEndian),
    "deflated": lambda: _plain(DeflatedExplicitVRLittleEndian),
}
_CODESTREAMS: dict[str, Maker] = {
    "RLE": lambda: _plain(RLELossless),
    "JPEG-LS": lambda: _plain(JPEGLSLossless),
    "JPEG-LS near lossless": _near_lossless,
    "JPEG 2000 lossless": lambda: _lossless_jpeg2000(JPEG2000Lossless),
    "JPEG 2000": lambda: _lossy_jpeg2000(JPEG2000),
    "JPEG baseline": lambda: _codestream(JPEGBaseline8Bit, _jpeg()),
    "JPEG extended": lambda: _codestream(JPEGExtended12Bit, _extended_jpeg()),
    "JPEG lossless": lambda: _codestream(JPEGLossless, encode_lossless(_SHADE, 12), bits=12),
    "JPEG lossless, first order": lambda: _codestream(
        JPEGLosslessSV1, encode_lossless(_SHADE, 12), bits=12
    ),
    # No library here writes HTJ2K: these begin with a codestream of part 1.
    "HTJ2K": lambda: _lossy_jpeg2000(HTJ2K),
    "HTJ2K lossless": lambda: _lossless_jpeg2000(HTJ2KLossless),
    "HTJ2K lossless RPCL": lambda: _lossless_jpeg2000(HTJ2KLosslessRPCL),
}
_OTHERS: dict[str, Maker] = {
    "frames": _frames,
    "frames in RLE": _frames_in_runs,
    "frames with extended offsets": _frames_with_extended_offsets,
    "palette": _palette,
    "colours": _colours,
    "tables": _tables,
    "overlays": _overlays,
    "nested": _nested,
    "signed": _signed,
}
