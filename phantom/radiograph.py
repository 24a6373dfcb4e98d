"""A phantom radiograph: the picture of one limb in one view, and where it is broken."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from phantom.anatomy import REGIONS, Limb, build_limb
from phantom.detector import (
    CORTEX_PER_MM,
    MARROW_PER_MM,
    SOFT_PER_MM,
    aperture,
    draw_exposure,
    expose,
    mottle,
)
from phantom.fracture import Fracture, draw_fracture
from phantom.projection import Camera, add_path, bone_paths, chords, gap_extent, widen_path
from phantom.solids import Floats

VIEWS = ("ap", "lateral")
MIN_SIDE, MAX_SIDE = 32, 4096
_BOX_MARGIN_MM = 3.0
# Each purpose draws from its own stream, so that breaking the bone changes nothing else.
_ANATOMY, _BREAK, _POSE, _EXPOSURE, _NOISE = range(5)


class UnknownPhantom(ValueError):
    """No phantom is described for this region, view or size."""


@dataclass(frozen=True)
class PhantomSpec:
    """What to make; the same spec gives the same pixels."""

    seed: int
    region: str = "hand"
    view: str = "ap"
    fractured: bool = False
    rows: int = 1024
    columns: int = 832

    def __post_init__(self) -> None:
        if self.region not in REGIONS:
            raise UnknownPhantom(f"region {self.region!r} is not one of {', '.join(REGIONS)}")
        if self.view not in VIEWS:
            raise UnknownPhantom(f"view {self.view!r} is not one of {', '.join(VIEWS)}")
        if not all(MIN_SIDE <= side <= MAX_SIDE for side in (self.rows, self.columns)):
            raise UnknownPhantom(f"a side must have {MIN_SIDE} to {MAX_SIDE} pixels")
        if self.seed < 0:
            raise UnknownPhantom("a seed is not negative")


@dataclass(frozen=True)
class PixelBox:
    """A rectangle in stored pixels; the far edges are exclusive."""

    x0: int
    y0: int
    x1: int
    y1: int


@dataclass(frozen=True)
class Phantom:
    """12-bit pixels [rows, columns], bone bright, and the boxes of the breaks in them."""

    spec: PhantomSpec
    pixels: NDArray[np.uint16]
    boxes: tuple[PixelBox, ...]
    spacing_mm: float


def make_phantom(spec: PhantomSpec) -> Phantom:
    """Build the limb, break it if asked, and take its radiograph."""
    limb = build_limb(spec.region, _random(spec, _ANATOMY))
    fracture = _draw_break(limb, spec) if spec.fractured else None
    camera = _place_camera(spec, limb)
    pixels = _take(spec, limb, fracture, camera)
    boxes = (_box(limb, fracture, camera),) if fracture else ()
    return Phantom(spec, pixels, boxes, camera.spacing)


def _random(spec: PhantomSpec, purpose: int) -> np.random.Generator:
    """Anatomy and break are the same in every view; the rest is each picture's own."""
    of_view = 0 if purpose in (_ANATOMY, _BREAK) else 1 + VIEWS.index(spec.view)
    region = tuple(REGIONS).index(spec.region)
    return np.random.default_rng([spec.seed, region, purpose, of_view])


def _draw_break(limb: Limb, spec: PhantomSpec) -> Fracture:
    random = _random(spec, _BREAK)
    names = list(limb.breakable)
    chances = [chance for _, _, chance in limb.breakable.values()]
    name = names[random.choice(len(names), p=chances)]
    low, high, _ = limb.breakable[name]
    return draw_fracture(limb.bone(name), (low, high), random)


def _place_camera(spec: PhantomSpec, limb: Limb) -> Camera:
    random = _random(spec, _POSE)
    margin = random.uniform(1.0, 1.05)
    spacing = margin * max(limb.field[0] / spec.rows, limb.field[1] / spec.columns)
    turn = VIEWS.index(spec.view) * np.pi / 2 + random.normal(0, 0.08)
    return Camera(spec.rows, spec.columns, spacing, turn, random.normal(0, 0.06), limb.middle)


def _take(
    spec: PhantomSpec, limb: Limb, fracture: Fracture | None, camera: Camera
) -> NDArray[np.uint16]:
    random = _random(spec, _EXPOSURE)
    soft = _soft_path(limb, camera)
    exposure = draw_exposure(float(soft.max()), limb.stoutest_mm, random)
    attenuation = _bone_attenuation(limb, fracture, camera, random)
    attenuation += SOFT_PER_MM * soft * (1 + 0.03 * mottle(camera, 14, random))
    blades = aperture(camera, limb.field, _random(spec, _POSE))
    return expose(attenuation, blades, exposure, camera, _random(spec, _NOISE))


def _soft_path(limb: Limb, camera: Camera) -> Floats:
    path = np.zeros((camera.rows, camera.columns), np.float32)
    for stack in limb.soft:
        widen_path(path, chords(stack, camera))
    return path


def _bone_attenuation(
    limb: Limb, fracture: Fracture | None, camera: Camera, random: np.random.Generator
) -> Floats:
    cortex, marrow = np.zeros((2, camera.rows, camera.columns), np.float32)
    for bone in limb.bones:
        for outline, inside in bone_paths(bone, fracture, camera):
            add_path(cortex, outline)
            add_path(cortex, inside, weight=-1)
            add_path(marrow, inside)
    trabeculae = 1 + 0.3 * mottle(camera, 1.1, random)
    return CORTEX_PER_MM * cortex + MARROW_PER_MM * marrow * trabeculae


def _box(limb: Limb, fracture: Fracture, camera: Camera) -> PixelBox:
    """Around the gap with a reader's margin, inside the picture."""
    extent = gap_extent(limb.bone(fracture.bone), fracture, camera)
    left, top, right, bottom = np.array(extent) + _BOX_MARGIN_MM * np.array([-1, -1, 1, 1])
    x0, x1 = (camera.column(u) for u in (left, right))
    y0, y1 = (camera.row(y) for y in (top, bottom))
    return PixelBox(
        max(int(np.floor(x0)), 0),
        max(int(np.floor(y0)), 0),
        min(int(np.ceil(x1)), camera.columns),
        min(int(np.ceil(y1)), camera.rows),
    )
