"""Which finding is which across the revisions of a study's report.

A late image renumbers those after it, a restarted worker reads the same files again: neither may
give a finding another identity. The study and an image (or frame) are themselves, whatever network
looked at them, so their answers can be followed from revision to revision. A box is its place: the
image and its corners as the report writes them. It keeps its identity while it stays where it is,
whatever rank, score or state it has, and a box that another network draws elsewhere is another one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pydicom.dataset import Dataset

from dicom_node.received_header import whole_number
from dicom_node.results.finding import BoundingBox
from dicom_node.results.source_image import frame_in
from dicom_node.uids import derive_uid

_NUMBERS = {"series": "SeriesNumber", "instance": "InstanceNumber"}
_UNIQUE_DIGITS = 8
COORDINATE_DECIMALS = 2


@dataclass(frozen=True)
class Tracking:
    """TID 4108: the UID, and a label unique among the findings of this node."""

    uid: str
    label: str


def study_tracking(study_instance_uid: str) -> Tracking:
    return _tracking("Study", study_instance_uid)


def image_tracking(header: Dataset, frame: int | None) -> Tracking:
    return _tracking(_place(header, frame), header.SOPInstanceUID, frame_in(header, frame))


def box_trackings(
    header: Dataset, frame: int | None, boxes: Sequence[BoundingBox]
) -> list[Tracking]:
    """One for each box of an image; of boxes in one place each is another."""
    name = f"{_place(header, frame)}, fracture"
    identity = header.SOPInstanceUID, frame_in(header, frame)
    places = [_corners(box) for box in boxes]
    return [
        _tracking(name, *identity, place, places[:rank].count(place))
        for rank, place in enumerate(places)
    ]


def place_words(header: Dataset, frame: int | None) -> list[str]:
    """ "series 1", "instance 3", "frame 2": the numbers a viewer shows, where it has them."""
    numbers = {name: whole_number(header, keyword) for name, keyword in _NUMBERS.items()}
    words = [f"{name} {number}" for name, number in numbers.items() if number]
    shown_frame = frame_in(header, frame)
    return words if shown_frame is None else [*words, f"frame {shown_frame}"]


def _place(header: Dataset, frame: int | None) -> str:
    return ", ".join(place_words(header, frame)).capitalize() or "Image"


def _corners(box: BoundingBox) -> str:
    corners = (box.x0, box.y0, box.x1, box.y1)
    return " ".join(f"{corner:.{COORDINATE_DECIMALS}f}" for corner in corners)


def _tracking(name: str, *identity: object) -> Tracking:
    uid = derive_uid("tracking", *identity)
    return Tracking(uid, f"{name} #{uid[-_UNIQUE_DIGITS:]}")
