"""A folder is known by its signs, and what cannot be used is left out with a reason."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model.datasets.data_set import DataSetEmpty, LabelsUnfit, LayoutUnknown
from model.datasets.reading import LAYOUTS, read_data_set
from tests.model.datasets.conftest import Draw, write_table


def test_fracatlas_is_read_with_boxes_inside_the_picture(fracatlas: Path) -> None:
    data_set = read_data_set(fracatlas)
    assert (data_set.layout, data_set.name, data_set.dropped) == ("fracatlas", fracatlas.name, ())
    first, _, third, _ = data_set.images
    assert (first.fractured, third.fractured) == (True, False)
    # The table's box ends at column 90 of 80.
    assert first.boxes == ((10.0, 20.0, 80.0, 40.0),)
    assert (first.size, first.regions, first.views) == ((96, 80), (1, 0, 0, 0), ("frontal",))
    assert [image.group for image in data_set.images] == [
        f"{fracatlas.name}/{number}" for number in (0, 0, 1, 1)
    ]


def test_a_folder_of_no_known_layout_is_refused_and_told_what_was_looked_for(
    tmp_path: Path, draw: Draw
) -> None:
    draw(tmp_path / "cats" / "1.png")
    with pytest.raises(LayoutUnknown) as refusal:
        read_data_set(tmp_path)
    assert all(layout.signs in str(refusal.value) for layout in LAYOUTS)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as refusal:
        read_data_set(tmp_path / "nowhere")
    assert refusal.value.filename == str(tmp_path / "nowhere")


def test_damaged_and_absent_pictures_are_dropped_with_reasons(fracatlas: Path) -> None:
    whole = Image.open(fracatlas / "images/0.png")
    whole.save(fracatlas / "broken.jpg", quality=95)
    cut = (fracatlas / "broken.jpg").read_bytes()
    (fracatlas / "images/0.png").write_bytes(cut[: len(cut) // 2])
    (fracatlas / "images/1.png").unlink()
    Image.fromarray(np.full((96, 80), 7, np.uint8)).save(fracatlas / "images/2.png")
    data_set = read_data_set(fracatlas)
    assert [image.path.name for image in data_set.images] == ["3.png"]
    reasons = {one.path.name: one.reason for one in data_set.dropped}
    assert "truncated" in reasons["0.png"]
    assert reasons["1.png"] == "there is no such file"
    assert "blank" in reasons["2.png"]


def test_rows_that_contradict_themselves_are_dropped(fracatlas: Path) -> None:
    _replace(fracatlas / "labels.csv", "1.png,train,0,1", "1.png,train,0,maybe")
    _replace(fracatlas / "boxes.csv", "0.png,10,20,90,40", "0.png,100,20,190,40")
    dropped = {one.path.name: one.reason for one in read_data_set(fracatlas).dropped}
    assert dropped["0.png"] == "a box lies outside the picture"
    assert dropped["1.png"] == "fractured is 'maybe', neither 0 nor 1"


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize("column", ["fractured", "truncated", "hand"])
def test_a_table_without_a_column_is_refused_by_the_columns_name(
    fracatlas: Path, column: str
) -> None:
    _replace(fracatlas / "labels.csv", f",{column},", ",something,")
    with pytest.raises(LabelsUnfit, match=column):
        read_data_set(fracatlas)


def test_a_damaged_table_of_boxes_is_refused_by_its_line(fracatlas: Path) -> None:
    _replace(fracatlas / "boxes.csv", "1.png,10,20,90,40", "1.png,10,20,,40")
    with pytest.raises(LabelsUnfit, match=r"boxes\.csv, line 3"):
        read_data_set(fracatlas)


def test_nothing_usable_is_an_error_that_says_why(fracatlas: Path) -> None:
    for path in (fracatlas / "images").iterdir():
        path.unlink()
    with pytest.raises(DataSetEmpty, match="4 × there is no such file"):
        read_data_set(fracatlas)


def test_a_table_saved_by_a_spreadsheet_is_read(fracatlas: Path) -> None:
    path = fracatlas / "labels.csv"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(read_data_set(fracatlas).images) == 4


def test_bone_break_is_fractured_throughout_and_typed(tmp_path: Path, draw: Draw) -> None:
    for number in range(3):
        draw(tmp_path / "images" / f"{number}.jpg", number)
    rows = [
        {"image_id": "0.jpg", "fracture_type": "Fracture-Dislocation", "dup_group": 4},
        {"image_id": "1.jpg", "fracture_type": "Hairline", "dup_group": 4},
        {"image_id": "2.jpg", "fracture_type": "", "dup_group": 5},
    ]
    write_table(tmp_path / "labels.csv", rows)
    data_set = read_data_set(tmp_path)
    assert data_set.layout == "bone-break"
    types = [image.fracture_type for image in data_set.images]
    assert types == ["fracture_dislocation", "hairline"]
    assert all(image.fractured and not image.regions for image in data_set.images)
    assert len({image.group for image in data_set.images}) == 1
    assert [one.reason for one in data_set.dropped] == ["fracture_type is not told"]
