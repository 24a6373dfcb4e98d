"""FracAtlas as published: folders decide, annotations mark, runs of numbers are groups."""

from pathlib import Path

import pytest

from model.datasets.data_set import DataSet, LabelsUnfit
from model.datasets.fracatlas_original import LEAST_GROUP
from model.datasets.labelled import LabelledImage
from model.datasets.reading import read_data_set


def _image(data_set: DataSet, number: int) -> LabelledImage:
    name = f"IMG{number:07}.jpg"
    return next(image for image in data_set.images if image.path.name == name)


def test_boxes_come_from_coco_and_where_it_has_none_from_voc(original: Path) -> None:
    data_set = read_data_set(original)
    assert (data_set.layout, len(data_set.images)) == ("fracatlas-original", 60)
    assert sum(image.fractured for image in data_set.images) == 6
    assert _image(data_set, 5).boxes == ((10.5, 20, 40.5, 32),)
    assert _image(data_set, 55).boxes == ((8, 9, 20, 30),)
    assert _image(data_set, 4).boxes == ()
    assert _image(data_set, 39).regions == (1, 0, 0, 0)


def test_a_group_ends_only_where_the_region_changes(original: Path) -> None:
    data_set = read_data_set(original)
    by_number = sorted(data_set.images, key=lambda image: image.path.name)
    groups = [image.group for image in by_number]
    # The hands are 40, more than a group's least: cut where the legs begin, not at the 25th.
    assert LEAST_GROUP == 25
    assert len(set(groups[:40])) == 1
    assert len(set(groups[40:])) == 1
    assert groups[39] != groups[40]


def test_the_folder_decides_against_the_table_and_a_note_says_so(original: Path) -> None:
    table = original / "FracAtlas/dataset.csv"
    row = next(line for line in table.read_text().splitlines() if "0000015" in line)
    cells = row.split(",")
    cells[8] = "0"
    table.write_text(table.read_text().replace(row, ",".join(cells)))
    data_set = read_data_set(original)
    assert _image(data_set, 15).fractured
    assert [note for note in data_set.notes if "IMG0000015" in note]


def test_a_marked_fracture_among_the_whole_is_dropped(original: Path) -> None:
    images = original / "FracAtlas/images"
    (images / "Fractured/IMG0000025.jpg").rename(images / "Non_fractured/IMG0000025.jpg")
    (dropped,) = read_data_set(original).dropped
    assert dropped.path.name == "IMG0000025.jpg"
    assert "annotations mark a fracture" in dropped.reason


def test_truncated_pictures_and_boxes_of_another_size_are_dropped(original: Path) -> None:
    images = original / "FracAtlas/images"
    path = images / "Non_fractured/IMG0000000.jpg"
    path.write_bytes(path.read_bytes()[:-300])
    coco = original / "FracAtlas/Annotations/COCO JSON/COCO_fracture_masks.json"
    coco.write_text(
        coco.read_text().replace('"width": 80, "height": 96', '"width": 96, "height": 80', 1)
    )
    reasons = {one.path.name: one.reason for one in read_data_set(original).dropped}
    assert "truncated" in reasons["IMG0000000.jpg"]
    assert reasons["IMG0000005.jpg"] == "its boxes were drawn on a picture of another size"


@pytest.mark.parametrize(
    "spoilt", ["COCO JSON/COCO_fracture_masks.json", "PASCAL VOC/IMG0000055.xml"]
)
def test_damaged_annotations_are_refused_by_name(original: Path, spoilt: str) -> None:
    path = original / "FracAtlas/Annotations" / spoilt
    path.write_text(path.read_text()[:-20])
    with pytest.raises(LabelsUnfit, match=path.name):
        read_data_set(original)


def test_without_its_table_it_is_refused(original: Path) -> None:
    (original / "FracAtlas/dataset.csv").unlink()
    with pytest.raises(LabelsUnfit, match=r"no dataset\.csv"):
        read_data_set(original)
