"""Path lengths of parallel rays through the solids, in millimetres per pixel."""

from dataclasses import dataclass

import numpy as np

from phantom.fracture import Cut, Fracture, fragments
from phantom.solids import Bone, Floats, Stack


@dataclass(frozen=True)
class Camera:
    """The picture's grid and where the limb is seen from.

    `turn` rotates the limb about its long axis (0 is AP, a quarter turn is lateral), `lean` is how
    far the limb leans across the picture (sideways millimetres per millimetre down), `middle` the
    height it looks at.
    """

    rows: int
    columns: int
    spacing: float
    turn: float
    lean: float
    middle: float

    @property
    def y(self) -> Floats:
        """Height of each row's centre, as a column vector."""
        y = (np.arange(self.rows) + 0.5 - self.rows / 2) * self.spacing + self.middle
        return y[:, None].astype(np.float32)

    @property
    def u(self) -> Floats:
        """Position of each column's centre."""
        return ((np.arange(self.columns) + 0.5 - self.columns / 2) * self.spacing).astype(
            np.float32
        )

    def row(self, y: float) -> float:
        """Where a height lies in the picture; row 0 begins at 0."""
        return (y - self.middle) / self.spacing + self.rows / 2

    def column(self, u: float) -> float:
        """Where a position across lies in the picture; column 0 begins at 0."""
        return u / self.spacing + self.columns / 2

    def across(self, x: Floats | float, z: Floats | float) -> Floats:
        return np.asarray(x * np.cos(self.turn) + z * np.sin(self.turn), np.float32)

    def along_ray(self, x: Floats | float, z: Floats | float) -> Floats:
        return np.asarray(z * np.cos(self.turn) - x * np.sin(self.turn), np.float32)


@dataclass(frozen=True)
class Chords:
    """Where the rays of one patch of the picture enter and leave a solid."""

    rows: slice
    columns: slice
    y: Floats
    u: Floats
    near: Floats
    far: Floats


def chords(stack: Stack, camera: Camera) -> Chords | None:
    """The rays' way through one solid; None when it lies outside the picture."""
    y = camera.y[:, 0]
    hit = np.flatnonzero((y >= stack.y[0]) & (y <= stack.y[-1]))
    if not hit.size:
        return None
    rows = slice(int(hit[0]), int(hit[-1]) + 1)
    x, z, a, b = (
        np.interp(y[rows], stack.y, profile)[:, None].astype(np.float32)
        for profile in (stack.x, stack.z, stack.a, stack.b)
    )
    theta = stack.turn - camera.turn
    half_width = np.sqrt((a * np.cos(theta)) ** 2 + (b * np.sin(theta)) ** 2) + np.float32(1e-6)
    centre = camera.across(x, z) + camera.lean * y[rows, None]
    columns = _columns(centre - half_width, centre + half_width, camera)
    if columns is None:
        return None
    offset = camera.u[None, columns] - centre
    depth = a * b / half_width * np.sqrt(np.maximum(1 - (offset / half_width) ** 2, 0))
    skew = (a**2 - b**2) * np.float32(np.sin(theta) * np.cos(theta)) / half_width**2
    middle = camera.along_ray(x, z) + skew * offset
    u = camera.u[None, columns] - camera.lean * y[rows, None]
    return Chords(rows, columns, y[rows, None], u, middle - depth, middle + depth)


def _columns(left: Floats, right: Floats, camera: Camera) -> slice | None:
    first = max(int(np.searchsorted(camera.u, left.min())), 0)
    last = min(int(np.searchsorted(camera.u, right.max())), camera.columns)
    return slice(first, last) if first < last else None


def add_path(total: Floats, path: Chords | None, weight: float = 1.0) -> None:
    """Add each ray's length inside the solid to the picture."""
    if path is not None:
        total[path.rows, path.columns] += weight * (path.far - path.near)


def widen_path(total: Floats, path: Chords | None) -> None:
    """Join a solid to the picture where it is thicker than what is there: a union, not a sum."""
    if path is not None:
        patch = total[path.rows, path.columns]
        np.maximum(patch, path.far - path.near, out=patch)


def keep_side(path: Chords | None, cut: Cut, camera: Camera, side: int) -> Chords | None:
    """What is left above (side -1) or below (side +1) the gap."""
    if path is None:
        return None
    slope_u, slope_w = _slopes(cut, camera)
    height = path.y - cut.y - slope_u * (path.u - camera.across(cut.x, cut.z)) - _jag(path.u, cut)
    limit = camera.along_ray(cut.x, cut.z) + (height - side * cut.half_gap) / slope_w
    if side * slope_w < 0:
        near, far = np.maximum(path.near, limit), path.far
    else:
        near, far = path.near, np.minimum(path.far, limit)
    return Chords(path.rows, path.columns, path.y, path.u, np.minimum(near, far), far)


def _slopes(cut: Cut, camera: Camera) -> tuple[float, float]:
    slope_u = float(camera.across(cut.slope_x, cut.slope_z))
    slope_w = float(camera.along_ray(cut.slope_x, cut.slope_z))
    # A cut seen exactly edge-on would divide by zero.
    return slope_u, slope_w if abs(slope_w) > 1e-3 else 1e-3


def _jag(u: Floats, cut: Cut) -> Floats:
    """The ragged edge of the break, in millimetres."""
    phase = (u - cut.x) / (10 * cut.jag + 1e-3)
    rough = np.sin(2.1 * phase + cut.jag_phase) + 0.6 * np.sin(5.3 * phase - cut.jag_phase)
    return np.asarray(cut.jag * rough, np.float32)


def bone_paths(
    bone: Bone, fracture: Fracture | None, camera: Camera
) -> list[tuple[Chords | None, Chords | None]]:
    """(outline, marrow) chords of the whole bone, or of each fragment of a broken one."""
    if fracture is None or fracture.bone != bone.name:
        return [(chords(bone.outline, camera), chords(bone.marrow, camera))]
    outlines, marrows = fragments(bone.outline, fracture), fragments(bone.marrow, fracture)
    return [
        (
            keep_side(chords(outline, camera), fracture.cut, camera, side),
            keep_side(chords(marrow, camera), fracture.cut, camera, side),
        )
        for side, outline, marrow in zip((-1, 1), outlines, marrows, strict=True)
    ]


def gap_extent(bone: Bone, fracture: Fracture, camera: Camera) -> tuple[float, float, float, float]:
    """What the gap spans in the picture, as left, top, right, bottom in millimetres."""
    edges = np.concatenate(
        [_gap_edge(s, fracture.cut, camera) for s in fragments(bone.outline, fracture)]
    )
    (left, top), (right, bottom) = edges.min(axis=0), edges.max(axis=0)
    return float(left), float(top), float(right), float(bottom)


def _gap_edge(stack: Stack, cut: Cut, camera: Camera) -> Floats:
    """Points (u, y) of the bone's surface that the gap takes away."""
    y = np.linspace(stack.y[0], stack.y[-1], 4000)[:, None]
    x, z, a, b = (np.interp(y, stack.y, part) for part in (stack.x, stack.z, stack.a, stack.b))
    around = np.linspace(0, 2 * np.pi, 48)[None, :]
    along, aside = a * np.cos(around), b * np.sin(around)
    x = x + along * np.cos(stack.turn) - aside * np.sin(stack.turn)
    z = z + along * np.sin(stack.turn) + aside * np.cos(stack.turn)
    u = camera.across(x, z)
    height = y - cut.y - cut.slope_x * (x - cut.x) - cut.slope_z * (z - cut.z) - _jag(u, cut)
    inside = np.abs(height) <= cut.half_gap
    y = np.broadcast_to(y, u.shape)
    return np.stack([u[inside] + camera.lean * y[inside], y[inside]], axis=1)
