"""The figures of parts of the images: a good mean can hide a region or a view that fails."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from model.datasets.labelled import REGIONS
from model.evaluation.measured import Measured
from model.evaluation.metrics import Sample, auroc_interval, point_figures
from model.figures import PointFigures, Subgroup

Rows = NDArray[np.bool_]
# A figure that fewer images carry says more of chance than of the classifier.
FEWEST = 10
_SMALL_PIXELS, _LARGE_PIXELS = 512, 1024
_KINDS = ("region", "view", "hardware", "exposures", "long side")
_ORDER = (
    *REGIONS,
    *("frontal", "lateral", "oblique", "absent", "present", "one", "several"),
    *(f"under {_SMALL_PIXELS} px", f"{_SMALL_PIXELS} to {_LARGE_PIXELS - 1} px"),
    f"{_LARGE_PIXELS} px and more",
)


def subgroups(
    judged: Sequence[Measured], sample: Sample, points: tuple[float, float]
) -> tuple[Subgroup, ...]:
    """By region, view, hardware, number of exposures and size; points are sensitive, specific.

    The sample holds the judged images in the same order.
    """
    names = [list(_names(one)) for one in judged]
    found = sorted({name for row in names for name in row}, key=_place)
    return tuple(
        _subgroup(name, sample.only(np.array([name in row for row in names])), points)
        for name in found
    )


def _place(name: tuple[str, str]) -> tuple[int, int]:
    return _KINDS.index(name[0]), _ORDER.index(name[1])


def _names(one: Measured) -> Iterator[tuple[str, str]]:
    """Every part that an image belongs to, as kind and name."""
    image = one.image
    for region, shown in zip(REGIONS, image.regions, strict=False):
        if shown > 0:
            yield "region", region
    for view in image.views:
        yield "view", view
    if image.hardware is not None:
        yield "hardware", "present" if image.hardware else "absent"
    if image.multiscan is not None:
        yield "exposures", "several" if image.multiscan else "one"
    yield "long side", _size_name(max(one.rows, one.columns))


def _size_name(long_side: int) -> str:
    small, middle, large = _ORDER[-3:]
    if long_side < _SMALL_PIXELS:
        return small
    return middle if long_side < _LARGE_PIXELS else large


def _subgroup(name: tuple[str, str], sample: Sample, points: tuple[float, float]) -> Subgroup:
    fractured = int(sample.labels.sum())
    others = len(sample.labels) - fractured
    sensitive, specific = (_enough(point_figures(sample, p), fractured, others) for p in points)
    return Subgroup(
        kind=name[0],
        name=name[1],
        images=len(sample.labels),
        fractured=fractured,
        auroc=auroc_interval(sample) if min(fractured, others) >= FEWEST else None,
        sensitive=sensitive,
        specific=specific,
    )


def _enough(figures: PointFigures, fractured: int, others: int) -> PointFigures:
    return PointFigures(
        sensitivity=figures.sensitivity if fractured >= FEWEST else None,
        specificity=figures.specificity if others >= FEWEST else None,
    )
