"""The real data sets, counted; these tests skip where the data are not at hand."""

from collections import Counter

import pytest

from model.datasets.duplicates import find_duplicates
from model.datasets.labelled import FRACTURE_TYPES
from model.datasets.reading import recognise
from tests.services import require_shared_data


def test_fracatlas_is_whole_but_for_its_truncated_images() -> None:
    folder = require_shared_data("fracatlas")
    layout = recognise(folder)
    labels = layout.read(folder)
    assert layout.name == "fracatlas"
    assert len(labels.images) + len(labels.dropped) == 2556 + 499
    assert {one.reason.split(":")[0] for one in labels.dropped} == {"truncated JPEG data"}
    fractured = Counter(image.split for image in labels.images if image.fractured)
    assert fractured == {"train": 449, "val": 84}
    assert all(bool(image.boxes) == image.fractured for image in labels.images)
    parts = {(image.group, image.split) for image in labels.images}
    assert len(parts) == len({group for group, _ in parts})


def test_bone_break_has_ten_types() -> None:
    folder = require_shared_data("bonebreak")
    labels = recognise(folder).read(folder)
    assert (len(labels.images), labels.dropped) == (914, ())
    assert {image.fracture_type for image in labels.images} == set(FRACTURE_TYPES)
    assert len({image.group for image in labels.images}) == 753


@pytest.mark.soak
def test_copies_in_bone_break_are_found_and_views_are_not() -> None:
    """dup_group also joins different views cut from one web page, and misses some copies."""
    folder = require_shared_data("bonebreak")
    images = recognise(folder).read(folder).images
    group_of = {image.path: image.group for image in images}
    pairs = find_duplicates(images)
    known = [pair for pair in pairs if group_of[pair.first] == group_of[pair.second]]
    assert 88 <= len(known) <= 98
    # Looked at one by one, these are copies too.
    assert 34 <= len(pairs) - len(known) <= 44
