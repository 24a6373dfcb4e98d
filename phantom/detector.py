"""From path lengths to stored values: Beer-Lambert, scatter, blur, noise and the reader's scale."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from phantom.projection import Camera
from phantom.solids import Floats

# Linear attenuation near 60 keV per millimetre; bone is what it adds to the tissue it replaces.
SOFT_PER_MM = 0.0185
CORTEX_PER_MM = 0.05
MARROW_PER_MM = 0.012

MAX_VALUE = 4095
_AIR_VALUE = 250.0
_COARSE = 48


@dataclass(frozen=True)
class Exposure:
    """How a picture was taken: quanta, scatter share, blur and the reader's scale."""

    quanta_per_mm2: float
    scatter_share: float
    focal_blur_mm: float
    # What the reader spreads over its full scale, in natural logarithms of exposure.
    latitude: float


def draw_exposure(soft_mm: float, bone_mm: float, random: np.random.Generator) -> Exposure:
    """An exposure as chosen for a limb this thick whose stoutest bone has this half width."""
    return Exposure(
        quanta_per_mm2=float(np.exp(random.uniform(np.log(6e4), np.log(5e5)))),
        scatter_share=random.uniform(0.08, 0.25),
        focal_blur_mm=random.uniform(0.1, 0.22),
        latitude=(0.038 * bone_mm + SOFT_PER_MM * soft_mm) * random.uniform(0.9, 1.2),
    )


def resampler(size_out: int, size_in: int, sigma: float) -> Floats:
    """Gaussian weights [size_out, size_in] between two grids; sigma in shares of a side."""
    out, inner = ((np.arange(size) + 0.5) / size for size in (size_out, size_in))
    weights = np.exp(-0.5 * ((out[:, None] - inner[None, :]) / sigma) ** 2)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)


def mottle(camera: Camera, grain_mm: float, random: np.random.Generator) -> Floats:
    """A smooth random field, about unit variance, whose grain has this size in the limb."""
    rows, columns = (
        int(np.clip(side * camera.spacing / grain_mm, 2, side))
        for side in (camera.rows, camera.columns)
    )
    coarse = random.standard_normal((rows, columns), dtype=np.float32)
    up, across = (
        resampler(camera.rows, rows, 0.6 / rows),
        resampler(camera.columns, columns, 0.6 / columns),
    )
    return np.asarray(up @ coarse @ across.T * 2, np.float32)


def scattered(beam: Floats) -> Floats:
    """What the body spreads over the picture: the beam, blurred beyond recognition."""
    rows, columns = beam.shape
    down, across = resampler(_COARSE, rows, 0.06), resampler(_COARSE, columns, 0.06)
    coarse = down @ beam @ across.T
    spread = 0.6 / _COARSE
    up, back = resampler(rows, _COARSE, spread), resampler(columns, _COARSE, spread)
    return np.asarray(up @ coarse @ back.T, np.float32)


def blurred(picture: Floats, sigma: float) -> Floats:
    """A Gaussian blur of a few pixels."""
    reach = int(np.ceil(3 * sigma))
    if sigma < 0.2:
        return picture
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2).astype(np.float32)
    weights /= weights.sum()
    return _slide(_slide(picture, weights).T, weights).T


def _slide(picture: Floats, weights: Floats) -> Floats:
    reach = len(weights) // 2
    padded = np.pad(picture, ((reach, reach), (0, 0)), mode="edge")
    total = np.zeros_like(picture)
    for step, weight in enumerate(weights):
        total += weight * padded[step : step + len(picture)]
    return total


def expose(
    attenuation: Floats,
    aperture: Floats,
    exposure: Exposure,
    camera: Camera,
    random: np.random.Generator,
) -> NDArray[np.uint16]:
    """Stored values, 12 bit, bone bright; readers paint black what the collimator closes."""
    beam = np.exp(-attenuation) * aperture
    share = exposure.scatter_share
    beam = (1 - share) * blurred(beam, exposure.focal_blur_mm / camera.spacing) + share * scattered(
        beam
    )
    quanta = exposure.quanta_per_mm2 * camera.spacing**2
    beam += np.sqrt(beam / quanta) * random.standard_normal(beam.shape, dtype=np.float32)
    optical = -np.log(np.maximum(beam, 1e-4))
    values = _AIR_VALUE + (MAX_VALUE - 2 * _AIR_VALUE) * optical / exposure.latitude
    values[aperture < 0.9] = 0
    return np.clip(np.rint(values), 0, MAX_VALUE).astype(np.uint16)


def aperture(camera: Camera, field: tuple[float, float], random: np.random.Generator) -> Floats:
    """1 inside the collimator's blades, 0 outside, with their half shadow; a little askew."""
    askew = random.normal(0, 0.012)
    offsets = random.normal(0, 2.5, 2)
    y, u = camera.y, camera.u[None, :]
    down, across = y - camera.middle + askew * u - offsets[0], u - askew * y - offsets[1]
    inside = np.minimum(field[0] / 2 - np.abs(down), field[1] / 2 - np.abs(across))
    return np.asarray(np.clip(0.5 + inside / 1.5, 0, 1), np.float32)
