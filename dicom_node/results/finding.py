"""What the node has to say about a study and its images: the words that the report is made of."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType


class FindingState(StrEnum):
    """The four answers; a study and an image know the same ones."""

    FRACTURE = "fracture"
    POSSIBLE = "possible"
    NONE = "none"
    NOT_ASSESSABLE = "not_assessable"


# From the answer that matters most to the one that says least.
_WORST_FIRST = tuple(FindingState)


@dataclass(frozen=True)
class AlgorithmIdentity:
    """Which network answered, with which weights, and where its operating points stood.

    `weights_digest` is the weights' SHA-256; empty where it is not known any more.
    """

    name: str
    version: str
    operating_points: Mapping[str, float] = field(
        default_factory=lambda: MappingProxyType({}), hash=False
    )
    weights_digest: str = ""

    def is_same_as(self, other: "AlgorithmIdentity") -> bool:
        """By name and version, and by the weights where both are known."""
        digests = {self.weights_digest, other.weights_digest} - {""}
        return (self.name, self.version) == (other.name, other.version) and len(digests) < 2


@dataclass(frozen=True)
class BoundingBox:
    """A place in the stored matrix: column and row of its corners, the far ones exclusive."""

    x0: float
    y0: float
    x1: float
    y1: float
    score: float

    @property
    def corners(self) -> list[tuple[float, float]]:
        """Column and row of each, clockwise from the top left one."""
        return [(self.x0, self.y0), (self.x1, self.y0), (self.x1, self.y1), (self.x0, self.y1)]

    def clamped(self, rows: int, columns: int) -> "BoundingBox | None":
        """The part inside the matrix, at least one pixel wide; None where nothing is left."""
        horizontal = _clamp_span(self.x0, self.x1, columns)
        vertical = _clamp_span(self.y0, self.y1, rows)
        if horizontal is None or vertical is None:
            return None
        return BoundingBox(horizontal[0], vertical[0], horizontal[1], vertical[1], self.score)


def clamped_boxes(boxes: Sequence[BoundingBox], matrix: tuple[int, int]) -> list[BoundingBox]:
    """What of them is inside an image of so many rows and columns."""
    return [box for box in (box.clamped(*matrix) for box in boxes) if box is not None]


def _clamp_span(near: float, far: float, size: int) -> tuple[float, float] | None:
    if not (math.isfinite(near) and math.isfinite(far) and near <= far):
        return None
    if size < 1 or far < 0 or near > size:
        return None
    near = min(max(near, 0.0), size - 1.0)
    return near, max(min(far, float(size)), near + 1.0)


@dataclass(frozen=True)
class ImageFinding:
    """One analysed image or frame (numbered from 1), or the reason why it was not analysed."""

    sop_class_uid: str
    sop_instance_uid: str
    state: FindingState
    probability: float | None = None
    region: str | None = None
    laterality: str | None = None
    boxes: tuple[BoundingBox, ...] = ()
    fracture_type: str | None = None
    type_probability: float | None = None
    severity: str | None = None
    frame: int | None = None
    reason: str | None = None
    notes: tuple[str, ...] = ()  # what makes the answer less sure
    algorithm: AlgorithmIdentity | None = None  # which looked at it; None: the study's

    @property
    def is_analysed(self) -> bool:
        return self.state is not FindingState.NOT_ASSESSABLE

    def algorithm_within(self, study: AlgorithmIdentity) -> AlgorithmIdentity:
        """Its own; the study's, and all that is known of that, where they are the same."""
        if self.algorithm is None or self.algorithm.is_same_as(study):
            return study
        return self.algorithm


@dataclass(frozen=True)
class StudyFinding:
    """The study's answer over all its images."""

    state: FindingState
    probability: float | None
    images: tuple[ImageFinding, ...]
    algorithm: AlgorithmIdentity

    @property
    def images_behind(self) -> tuple[ImageFinding, ...]:
        """The images that carry the study's state, the most probable first."""
        behind = [image for image in self.images if image.state is self.state]
        return tuple(sorted(behind, key=lambda image: -(image.probability or 0.0)))

    @property
    def deciding_algorithm(self) -> AlgorithmIdentity:
        """Whose answer the study's is."""
        return self.images_behind[0].algorithm_within(self.algorithm)

    @property
    def analysed_by(self) -> Counter[AlgorithmIdentity]:
        """How many of its images each algorithm analysed: they may be of different versions."""
        return Counter(
            image.algorithm_within(self.algorithm) for image in self.images if image.is_analysed
        )

    @property
    def analysed_count(self) -> int:
        return sum(image.is_analysed for image in self.images)


def aggregate_study(images: Sequence[ImageFinding], algorithm: AlgorithmIdentity) -> StudyFinding:
    """The study is as bad as its worst image, and as probable as its most probable one."""
    if not images:
        raise ValueError("a study without images has no finding")
    state = min((image.state for image in images), key=_WORST_FIRST.index)
    probabilities = [
        image.probability for image in images if image.is_analysed and image.probability is not None
    ]
    return StudyFinding(state, max(probabilities, default=None), tuple(images), algorithm)
