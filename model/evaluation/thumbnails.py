"""Small pictures of images that were judged wrongly, with what was marked and what is true."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from model.classifier import FractureClassifier
from model.datasets.labelled import LabelledImage, Rectangle
from model.evaluation.measured import Measured
from model.heatmap import Grid
from model.prediction import Box, Prediction, most_suspicious
from model.radiograph import Radiograph, read_radiographs

_LONG_SIDE_PIXELS = 360
_QUALITY = 80
_TINT = (255, 128, 0)
_STRONGEST_TINT = 0.5


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A picture as a data URL, and the marks on it in stored pixels."""

    picture: str
    rows: int
    columns: int
    file: str
    probability: float
    facts: str  # region, view and the like
    true: tuple[Rectangle, ...]
    boxes: tuple[Box, ...]
    peak: Box | None  # the hottest place, where no box is shown


def make_thumbnails(
    classifier: FractureClassifier, cases: Sequence[Measured]
) -> tuple[Thumbnail, ...]:
    """Read and judged once more: heatmaps of all images would not fit into memory."""
    return tuple(_thumbnail(classifier, case) for case in cases)


def _thumbnail(classifier: FractureClassifier, case: Measured) -> Thumbnail:
    radiographs = read_radiographs(case.image.path)
    prediction = most_suspicious(classifier.predict(radiographs))
    shown = next(one for one in radiographs if one.frame == prediction.frame)
    return Thumbnail(
        picture=_picture(shown, prediction),
        rows=case.rows,
        columns=case.columns,
        file=case.image.path.name,
        probability=case.probability or 0.0,
        facts=_facts(case.image),
        true=case.image.boxes,
        boxes=case.boxes,
        peak=case.peaks[0] if case.peaks and not case.boxes else None,
    )


def _facts(image: LabelledImage) -> str:
    facts = list(image.views)
    if image.hardware:
        facts.append("hardware")
    if image.multiscan:
        facts.append("several exposures")
    return ", ".join(facts)


def _picture(radiograph: Radiograph, prediction: Prediction) -> str:
    rows, columns = radiograph.pixels.shape
    scale = _LONG_SIDE_PIXELS / max(rows, columns)
    size = max(1, round(columns * scale)), max(1, round(rows * scale))
    grey = Image.fromarray(radiograph.to_bytes()).resize(size)
    picture = grey.convert("RGB")
    if prediction.heatmap is not None:
        _tint(picture, prediction.heatmap)
    encoded = io.BytesIO()
    picture.save(encoded, "JPEG", quality=_QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(encoded.getvalue()).decode()


def _tint(picture: Image.Image, heatmap: Grid) -> None:
    weights = (np.clip(heatmap, 0, 1) * _STRONGEST_TINT * 255).astype(np.uint8)
    mask = Image.fromarray(weights).resize(picture.size, Image.Resampling.BICUBIC)
    picture.paste(_TINT, (0, 0, *picture.size), mask)
