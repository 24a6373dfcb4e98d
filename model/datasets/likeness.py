"""How alike two radiographs are: the correlation of their fine detail, once laid on each other."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import fft
from scipy.ndimage import gaussian_filter

from model.radiograph import Radiograph

Thumbnails = NDArray[np.uint8]  # [n, 128, 128]
Details = NDArray[np.float32]  # [n, side, side]

SIDE = 128
_COARSE = 64
_MARGIN_SHARE = 8  # an eighth of the side: as far may the content be shifted
# A crop by a tenth of a side is a change of scale by as much, for thumbnails are all squares.
_SCALES, _FINER, _FINEST = (0.9, 1.0, 1 / 0.9), (0.95, 1.0, 1.05), (0.975, 1.0, 1.025)
# Below these a pair is not looked at more closely. Copies reach them even when cropped by a tenth
# or compressed at quality 20.
_LOOKS = (((1.0,), 0.3), (_SCALES, 0.7), (_FINER, 0.8))
_GREY_FLOOR = 3.0  # grey levels: noise of an empty background is not taken for detail
_FAINT = 1e-2


def thumbnail(radiograph: Radiograph) -> NDArray[np.uint8]:
    """A small square, [128, 128]: its aspect is given up, so that a crop is a change of scale."""
    picture = Image.fromarray(np.ascontiguousarray(radiograph.pixels, dtype=np.float32))
    small = np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BILINEAR))
    return np.asarray(np.rint(small * 255), np.uint8)


def likeness(first: Thumbnails, second: Thumbnails) -> NDArray[np.float32]:
    """For each pair in -1..1, [n]; 0 for pairs that already differ at a coarse look."""
    found = np.zeros(len(first), np.float32)
    coarse = _details(_halved(first)), _details(_halved(second))
    pairs, scales = np.arange(len(first)), np.ones((len(first), 2))
    for steps, worth_more in _LOOKS:
        score, scales = _best_scale(coarse[0][pairs], coarse[1][pairs], scales, steps)
        pairs, scales = pairs[score > worth_more], scales[score > worth_more]
    if pairs.size:
        fine = _details(first[pairs]), _details(second[pairs])
        found[pairs], _ = _best_scale(*fine, scales, _FINEST)
    return found


def _halved(thumbnails: Thumbnails) -> Details:
    quarters = thumbnails.reshape(-1, _COARSE, 2, _COARSE, 2)
    return np.asarray(quarters.mean(axis=(2, 4)), np.float32)


def _details(thumbnails: NDArray[np.generic]) -> Details:
    """Edges of one strength everywhere: exposure, window and gamma do not count."""
    smooth = gaussian_filter(thumbnails.astype(np.float32), (0, 0.7, 0.7))
    edges = smooth - gaussian_filter(smooth, (0, 1.5, 1.5))
    strength = np.sqrt(gaussian_filter(edges**2, (0, 10, 10)))
    return np.asarray(edges / (strength + _GREY_FLOOR), np.float32)


def _best_scale(
    first: Details, second: Details, scales: NDArray[np.float64], steps: tuple[float, ...]
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """The highest correlation over all shifts and steps of scale, and the scales there."""
    score, best = np.full(len(first), -1, np.float32), scales.copy()
    correlate = _Shifts(second)
    for step in ((down, across) for down in steps for across in steps):
        tried = scales * step
        reached = correlate(_scaled_middle(first, tried))
        better = reached > score
        score[better], best[better] = reached[better], tried[better]
    return score, best


def _scaled_middle(images: Details, scales: NDArray[np.float64]) -> Details:
    """The middle of each image, [n, 3/4 side, 3/4 side], its rows and columns scaled."""
    rows, columns = (_sampling(images.shape[1], scales[:, axis]) for axis in (0, 1))
    return np.asarray(rows @ images @ columns.transpose(0, 2, 1), np.float32)


def _sampling(side: int, scale: NDArray[np.float64]) -> Details:
    """Linear interpolation as matrices, [n, 3/4 side, side]."""
    width = side - 2 * (side // _MARGIN_SHARE)
    steps = np.arange(width) - (width - 1) / 2
    places = (side - 1) / 2 + steps / scale[:, None]
    distance = np.abs(places[:, :, None] - np.arange(side))
    return np.asarray(np.maximum(1 - distance, 0), np.float32)


class _Shifts:
    """Correlates templates with every place in the pictures, in the frequency domain."""

    def __init__(self, pictures: Details) -> None:
        side = pictures.shape[1]
        margin = side // _MARGIN_SHARE
        self._shape, self._places = (side, side), slice(0, 2 * margin + 1)
        self._spectrum = fft.rfft2(pictures)
        window = self._padded(np.ones((1, side - 2 * margin, side - 2 * margin), np.float32))
        sums = self._correlated(self._spectrum, window)
        squares = self._correlated(fft.rfft2(pictures**2), window)
        spread = squares - sums**2 / (side - 2 * margin) ** 2
        self._deviation = np.sqrt(np.maximum(spread, _FAINT))

    def __call__(self, templates: Details) -> NDArray[np.float32]:
        """The highest normalised correlation of each template in its picture, [n]."""
        centred = templates - templates.mean(axis=(1, 2), keepdims=True)
        deviation = np.sqrt((centred**2).sum(axis=(1, 2)) + _FAINT)
        products = self._correlated(self._spectrum, self._padded(centred))
        return np.asarray((products / self._deviation).max(axis=(1, 2)) / deviation, np.float32)

    def _padded(self, templates: Details) -> Details:
        padded = np.zeros((len(templates), *self._shape), np.float32)
        padded[:, : templates.shape[1], : templates.shape[2]] = templates
        return padded

    def _correlated(self, spectrum: NDArray[np.complex64], templates: Details) -> Details:
        product = spectrum * np.conj(fft.rfft2(templates))
        everywhere = fft.irfft2(product, s=self._shape)
        return np.asarray(everywhere[:, self._places, self._places], np.float32)
