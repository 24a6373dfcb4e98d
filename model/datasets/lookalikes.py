"""Pairs of pictures that may be one: found by perceptual hashes, weighed by their fine detail."""

from collections.abc import Iterator

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.datasets.likeness import SIDE, Thumbnails, likeness

Hashes = NDArray[np.uint64]  # [n, 4]
Pairs = NDArray[np.intp]  # [m, 2]

_HASH_SIDE = 16  # 256 bits
# Of all pairs of different radiographs three in ten thousand are as close; of copies that were
# compressed, resized, or cropped by a twentieth 98 in a hundred.
_CLOSE_BITS = 68
_STRIP = SIDE // 14  # a side's strip that a crop may have taken off
_CROPS = tuple(
    (slice(top, SIDE - bottom), slice(left, SIDE - right))
    for top, bottom, left, right in (
        *((0, 0, 0, 0), (_STRIP // 2,) * 4),
        *((_STRIP, 0, 0, 0), (0, _STRIP, 0, 0), (0, 0, _STRIP, 0), (0, 0, 0, _STRIP)),
    )
)
_TURNS = range(8)  # quarter turns, then the same in a mirror
_INVERSE = (0, 3, 2, 1, 4, 5, 6, 7)
_ROWS_AT_ONCE, _PAIRS_AT_ONCE = 64, 256


def find_lookalikes(thumbnails: Thumbnails) -> Iterator[tuple[int, int, float]]:
    """Places of two pictures and the correlation of their detail, first before second."""
    best: dict[tuple[int, int], float] = {}
    for turn, pairs in _close_pairs(thumbnails).items():
        turned = _turned(thumbnails, turn)
        for start in range(0, len(pairs), _PAIRS_AT_ONCE):
            some = pairs[start : start + _PAIRS_AT_ONCE]
            scores = likeness(thumbnails[some[:, 0]], turned[some[:, 1]])
            for (first, second), score in zip(some.tolist(), scores.tolist(), strict=True):
                best[first, second] = max(score, best.get((first, second), 0.0))
    for (first, second), score in sorted(best.items()):
        yield first, second, score


def _close_pairs(thumbnails: Thumbnails) -> dict[int, Pairs]:
    """By turn, the pairs whose hashes are close when either is cropped and the second turned."""
    found: dict[int, list[Pairs]] = {turn: [] for turn in _TURNS}
    cropped = [_hashes(thumbnails[:, rows, columns]) for rows, columns in _CROPS]
    for turn in _TURNS:
        turned = _hashes(_turned(thumbnails, turn))
        for hashes in cropped:
            pairs = _within_reach(hashes, turned)
            forward, backward = pairs[pairs[:, 0] < pairs[:, 1]], pairs[pairs[:, 0] > pairs[:, 1]]
            found[turn].append(forward)
            found[_INVERSE[turn]].append(backward[:, ::-1])
    return {turn: np.unique(np.concatenate(pairs), axis=0) for turn, pairs in found.items()}


def _hashes(pictures: Thumbnails) -> Hashes:
    bits = [
        imagehash.phash(Image.fromarray(np.ascontiguousarray(picture)), _HASH_SIDE).hash.ravel()
        for picture in pictures
    ]
    return np.packbits(np.array(bits), axis=1).view(np.uint64)


def _within_reach(first: Hashes, second: Hashes) -> Pairs:
    """Pairs of rows that differ in few bits."""
    found = []
    for start in range(0, len(first), _ROWS_AT_ONCE):
        rows = first[start : start + _ROWS_AT_ONCE]
        distance = np.zeros((len(rows), len(second)), np.uint16)
        for word in range(rows.shape[1]):
            distance += np.bitwise_count(rows[:, None, word] ^ second[None, :, word])
        found.append(np.argwhere(distance <= _CLOSE_BITS) + np.array((start, 0)))
    return np.concatenate(found)


def _turned(pictures: Thumbnails, turn: int) -> Thumbnails:
    turned = np.rot90(pictures, turn % 4, axes=(1, 2))
    return np.ascontiguousarray(turned[:, :, ::-1] if turn >= 4 else turned)
