"""From files to rows: the path that serves, in little memory, and no file stops the others."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model.classifier import FractureClassifier
from model.datasets.labelled import LabelledImage, of_split
from model.datasets.reading import read_data_set
from model.evaluation.measure import Unread, measure, measure_each
from model.evaluation.measured import Measured
from model.not_assessable import NotAssessable
from model.radiograph import read_picture
from tests.model.dicom_images import RAMP, grey_dataset


@pytest.fixture(scope="module")
def classifier(small_artefact: Path) -> FractureClassifier:
    return FractureClassifier.load(small_artefact, "cpu", threads=1)


@pytest.fixture
def images(phantom_folder: Path) -> list[LabelledImage]:
    return of_split(read_data_set(phantom_folder).images, "val")[:3]


def test_a_row_says_what_the_classifier_says(
    classifier: FractureClassifier, images: list[LabelledImage]
) -> None:
    rows = measure(classifier, images)
    for one, image in zip(rows, images, strict=True):
        told = classifier.predict([read_picture(image.path)])[0]
        assert (one.image, one.probability, one.logit) == (image, told.probability, told.logit)
        assert (one.rows, one.columns, one.regions) == (96, 80, told.regions)
        assert one.heatmap is not None
        assert one.peaks is not None
        assert one.peaks[0].score == pytest.approx(one.heatmap.max(), abs=1e-4)
        assert one.seconds is not None


def test_rows_come_one_by_one_and_without_heatmaps(
    classifier: FractureClassifier, images: list[LabelledImage]
) -> None:
    asked = iter(images)
    rows = measure_each(classifier, asked)
    first = next(rows)
    assert isinstance(first, Measured)
    assert first.heatmap is None
    assert first.peaks
    assert next(asked) == images[1]  # the second image was not asked for yet


def test_a_file_that_cannot_be_read_is_told_with_its_reason(
    classifier: FractureClassifier, images: list[LabelledImage], tmp_path: Path
) -> None:
    (tmp_path / "text.png").write_text("no picture")
    Image.fromarray(np.full((64, 64), 90, np.uint8)).save(tmp_path / "blank.png")
    spoilt = [
        replace(images[0], path=tmp_path / "text.png"),
        replace(images[0], path=tmp_path / "absent.png"),
        replace(images[0], path=tmp_path / "blank.png"),
        replace(images[0], size=(10, 10)),
    ]
    rows = list(measure_each(classifier, [*spoilt, images[1]]))
    assert isinstance(rows[-1], Measured)
    refused = [one for one in rows if isinstance(one, Unread)]
    assert [one.image for one in refused] == spoilt
    assert "neither a PNG nor a JPEG" in refused[0].reason
    assert "blank image" in refused[2].reason
    assert "another size" in refused[3].reason
    with pytest.raises(NotAssessable):
        measure(classifier, spoilt)


def test_a_dicom_file_is_read_by_its_content(
    classifier: FractureClassifier, images: list[LabelledImage], tmp_path: Path
) -> None:
    path = tmp_path / "without-suffix"
    grey_dataset(RAMP).save_as(path, enforce_file_format=True)
    (one,) = measure(classifier, [replace(images[0], path=path, size=None)])
    assert (one.rows, one.columns) == RAMP.shape
