"""Phantoms for training: the node's self-test must find the broken ones and pass the whole ones."""

from collections.abc import Iterator

import numpy as np

from model.datasets.images import MASK_STRIDE, ImageSet, prepare
from model.datasets.labelled import REGIONS
from model.greyscale import robust_window
from model.radiograph import Radiograph
from phantom.anatomy import REGIONS as PHANTOM_REGIONS
from phantom.radiograph import VIEWS, Phantom, PhantomSpec, make_phantom

# Demo, tests and self-test draw their seeds below this: no phantom they show was trained on.
FIRST_TRAINING_SEED = 1_000_000
_SIDES = ((512, 420), (760, 620), (1024, 832))  # rows, columns


def render_phantoms(count: int, side: int) -> ImageSet:
    """Every second fractured, regions, views and sizes mixed."""
    drawn = ImageSet(
        images=np.zeros((count, side, side), np.uint8),
        masks=np.zeros((count, side // MASK_STRIDE, side // MASK_STRIDE), np.uint8),
        fractured=np.zeros(count, np.float32),
        regions=np.zeros((count, len(REGIONS)), np.float32),
        hardware=np.zeros(count, np.float32),
        types=np.full(count, -1, np.int64),
    )
    for row, spec in enumerate(_specs(count)):
        drawn.images[row], drawn.masks[row] = _prepare_phantom(make_phantom(spec), side)
        drawn.fractured[row] = spec.fractured
        drawn.regions[row] = [region == spec.region for region in REGIONS]
    return drawn


def _specs(count: int) -> Iterator[PhantomSpec]:
    regions = sorted(PHANTOM_REGIONS)
    for number in range(count):
        # Whole and broken share seed, region, view and size, so that only the break tells them.
        pair = number // 2
        rows, columns = _SIDES[pair // (len(VIEWS) * len(regions)) % len(_SIDES)]
        yield PhantomSpec(
            seed=FIRST_TRAINING_SEED + pair,
            region=regions[pair // len(VIEWS) % len(regions)],
            view=VIEWS[pair % len(VIEWS)],
            fractured=number % 2 == 1,
            rows=rows,
            columns=columns,
        )


def _prepare_phantom(
    phantom: Phantom, side: int
) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.uint8]], ...]:
    grey = robust_window(phantom.pixels.astype(np.float32))
    boxes = [(box.x0, box.y0, box.x1, box.y1) for box in phantom.boxes]
    return prepare(Radiograph(grey), boxes, side)
