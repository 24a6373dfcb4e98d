"""How far a probability moves when a picture changes in ways that leave a fracture what it is."""

import io
from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.classifier import FractureClassifier
from model.datasets.images import read_image
from model.datasets.labelled import LabelledImage
from model.figures import Shaken
from model.prediction import Prediction
from model.radiograph import Radiograph

Picture = NDArray[np.uint8]  # [rows, columns]
Change = Callable[[Picture], Picture]
MOST = 0.95  # of the images: what the rest does is left out


def mirrored(pixels: Picture) -> Picture:
    return np.ascontiguousarray(pixels[:, ::-1])


def doubled(pixels: Picture) -> Picture:
    return _resized(pixels, 2.0)


def halved(pixels: Picture) -> Picture:
    return _resized(pixels, 0.5)


def _resized(pixels: Picture, scale: float) -> Picture:
    rows, columns = (max(1, round(scale * side)) for side in pixels.shape)
    return np.asarray(Image.fromarray(pixels).resize((columns, rows), Image.Resampling.BICUBIC))


def cropped(pixels: Picture) -> Picture:
    """By 5 % of its size, evenly."""
    down, across = (max(1, round(side * 0.025)) for side in pixels.shape)
    return np.ascontiguousarray(pixels[down:-down, across:-across])


def compressed(pixels: Picture) -> Picture:
    """As JPEG of quality 85."""
    written = io.BytesIO()
    Image.fromarray(pixels).save(written, "JPEG", quality=85)
    return np.asarray(Image.open(written))


def darkened(pixels: Picture) -> Picture:
    """By a gamma of 1.25."""
    return np.rint(255 * (pixels / 255) ** 1.25).astype(np.uint8)


CHANGES: dict[str, Change] = {
    "mirrored": mirrored,
    "twice the resolution": doubled,
    "half the resolution": halved,
    "5 % cut off": cropped,
    "JPEG, quality 85": compressed,
    "darker, gamma 1.25": darkened,
}


def shake(classifier: FractureClassifier, images: Iterable[LabelledImage]) -> tuple[Shaken, ...]:
    """Each change on its own, of the images that are judged as they are."""
    shown = [read_image(image.path).to_bytes() for image in images]
    plain = [(pixels, judge(classifier, pixels)) for pixels in shown]
    judged = [(pixels, said) for pixels, said in plain if said.probability is not None]
    return tuple(
        _shaken(name, [(said, judge(classifier, change(pixels))) for pixels, said in judged])
        for name, change in CHANGES.items()
    )


def judge(classifier: FractureClassifier, pixels: Picture) -> Prediction:
    """As a PNG of these pixels would be judged."""
    return classifier.predict([Radiograph.of_bytes(pixels)])[0]


def _shaken(name: str, pairs: list[tuple[Prediction, Prediction]]) -> Shaken:
    moved = [_moved(before, after) for before, after in pairs]
    other = [before.state is not after.state for before, after in pairs]
    return Shaken(
        change=name,
        images=len(pairs),
        moved=round(float(np.quantile(moved, MOST)), 4),
        states_changed=round(float(np.mean(other)), 4),
    )


def _moved(before: Prediction, after: Prediction) -> float:
    """One that is refused once it is changed has moved as far as can be."""
    if before.probability is None or after.probability is None:
        return 1.0
    return abs(before.probability - after.probability)
