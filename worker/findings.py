"""From the ledger's record of an image to what the report says of it."""

import io
from dataclasses import dataclass
from typing import BinaryIO, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from db.analyses import AnalysisRecord
from db.states import AnalysisState
from dicom_node.results.codes import REGIONS
from dicom_node.results.finding import (
    AlgorithmIdentity,
    BoundingBox,
    FindingState,
    ImageFinding,
)
from model.artefact import WEIGHTS
from model.card import Card

# The classifier learned everything from fingertip to elbow as "hand".
_LIMBS = {"hand": "upper_limb"}
# Fast rather than small: the picture of a 5-megapixel image in a fifth of a second.
_PNG_EFFORT = 1


class RecordedImage(Protocol):
    """What a finding takes from the image's own row."""

    @property
    def sop_class_uid(self) -> str: ...
    @property
    def sop_instance_uid(self) -> str: ...
    @property
    def laterality(self) -> str: ...
    @property
    def body_part(self) -> str: ...


@dataclass(frozen=True)
class FileImage:
    """An image that came as a plain file: it has no UIDs."""

    sop_class_uid: str = ""
    sop_instance_uid: str = ""
    laterality: str = ""
    body_part: str = ""


def algorithm_in_use(card: Card) -> AlgorithmIdentity:
    """The network that the node runs, and all that its card tells of it."""
    points = {
        "specific": card.operating_points.specific.probability,
        "sensitive": card.operating_points.sensitive.probability,
    }
    return AlgorithmIdentity(card.name, card.version, points, card.files[WEIGHTS])


def algorithm_of(
    record: AnalysisRecord, in_use: AlgorithmIdentity | None = None
) -> AlgorithmIdentity | None:
    """The network that looked, known in full where it is the one in use; None where none did."""
    if not record.model_version:
        return None
    looked = AlgorithmIdentity(record.model_name, record.model_version)
    return in_use if in_use is not None and looked.is_same_as(in_use) else looked


def finding_of(
    image: RecordedImage, record: AnalysisRecord, in_use: AlgorithmIdentity | None = None
) -> ImageFinding:
    """What the report says of one image."""
    analysed = record.state is not AnalysisState.NOT_ANALYSED
    return ImageFinding(
        sop_class_uid=image.sop_class_uid,
        sop_instance_uid=image.sop_instance_uid,
        state=FindingState(record.state.value) if analysed else FindingState.NOT_ASSESSABLE,
        probability=record.probability,
        region=_site(image.body_part, record.region),
        laterality=image.laterality or None,
        boxes=tuple(BoundingBox(**box) for box in record.boxes),
        fracture_type=record.fracture_type,
        type_probability=record.type_probability,
        severity=record.severity,
        frame=record.frame,
        reason=record.reason,
        notes=tuple(record.notes),
        algorithm=algorithm_of(record, in_use),
    )


def _site(body_part: str, region: str | None) -> str | None:
    """The part the sender states, where there is a code for it; else the limb that was seen."""
    stated = body_part.strip().lower().replace(" ", "_")
    return stated if stated in REGIONS else _LIMBS.get(region or "", region)


def ledger_state(state: FindingState) -> AnalysisState:
    """The word the ledger has for a finding's state."""
    if state is FindingState.NOT_ASSESSABLE:
        return AnalysisState.NOT_ANALYSED
    return AnalysisState(state.value)


def encode_png(pixels: NDArray[np.uint8]) -> bytes:
    encoded = io.BytesIO()
    Image.fromarray(pixels).save(encoded, "PNG", compress_level=_PNG_EFFORT)
    return encoded.getvalue()


def decode_png(stream: BinaryIO) -> NDArray[np.uint8]:
    return np.asarray(Image.open(stream), np.uint8)
