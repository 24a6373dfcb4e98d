"""The pointing game (Zhang et al. 2018): is the highest place of a map where readers saw it?"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from model.datasets.labelled import LabelledImage
from model.evaluation.localisation import find_peaks, hits
from model.heatmap import Grid
from model.radiograph import Radiograph, read_radiographs

# Anything that draws a map over the whole image, brightest where it looks; None: it draws none.
MapOf = Callable[[Radiograph], Grid | None]


@dataclass(frozen=True, slots=True)
class Pointing:
    """How many of the images with readers' boxes have the map's highest place in one."""

    hit: int
    images: int

    @property
    def share(self) -> float:
        """Not a number without images."""
        return self.hit / self.images if self.images else float("nan")


def pointing_game(images: Iterable[LabelledImage], map_of: MapOf) -> Pointing:
    """One map for each image with boxes; of several frames the first. The others are left out."""
    points = [_points_right(image, map_of) for image in images if image.boxes]
    return Pointing(hit=sum(points), images=len(points))


def _points_right(image: LabelledImage, map_of: MapOf) -> bool:
    """An even map points nowhere."""
    radiograph = read_radiographs(image.path)[0]
    heat = map_of(radiograph)
    if heat is None or np.ptp(heat) == 0:
        return False
    peak = find_peaks(heat, *radiograph.pixels.shape)[0]
    return any(hits(peak, box) for box in image.boxes)
