"""Data sets whose folders' names are the labels: MURA, fracture types, fractured or not."""

from pathlib import Path

import pytest
from PIL import Image

from model.datasets.data_set import LayoutUnknown
from model.datasets.reading import read_data_set
from tests.model.datasets.conftest import Draw


def test_mura_is_grouped_by_patient_across_body_parts(tmp_path: Path, draw: Draw) -> None:
    root = tmp_path / "MURA-v1.1"
    draw(root / "train/XR_WRIST/patient00011/study1_positive/image1.png", 0)
    draw(root / "train/XR_HUMERUS/patient00011/study1_negative/image1.png", 1)
    draw(root / "valid/XR_SHOULDER/patient11185/study2_negative/image2.png", 2)
    draw(root / "valid/XR_HAND/patient11186/study1_unknown/image1.png", 3)
    (root / "valid/XR_SHOULDER/patient11185/study2_negative/._image2.png").write_bytes(b"Mac")
    data_set = read_data_set(tmp_path)
    assert data_set.layout == "mura"
    arm, wrist, shoulder = data_set.images
    assert (arm.fractured, wrist.fractured, shoulder.fractured) == (False, True, False)
    assert [image.split for image in data_set.images] == ["train", "train", "val"]
    assert (wrist.regions, arm.regions) == ((1, 0, 0, 0), (0, 0, 0, 1))
    assert arm.group == wrist.group != shoulder.group
    assert ["positive nor negative" in one.reason for one in data_set.dropped] == [True]
    assert "abnormal" in data_set.notes[0]


def test_bone_break_as_published_has_its_splits_inside_its_types(
    tmp_path: Path, draw: Draw
) -> None:
    draw(tmp_path / "Fracture Dislocation/Train/a_jpg.rf.0aa1.jpg", 0)
    draw(tmp_path / "Fracture Dislocation/Test/a_jpg.rf.0bb2.jpg", 1)
    draw(tmp_path / "Hairline Fracture/Train/a_jpg.rf.0cc3.jpg", 2)
    data_set = read_data_set(tmp_path)
    assert data_set.layout == "class-folders"
    labels = [(image.fracture_type, image.split) for image in data_set.images]
    assert labels == [
        ("fracture_dislocation", "test"),
        ("fracture_dislocation", "train"),
        ("hairline", "train"),
    ]
    # Copies of one picture share a group across splits, not across types.
    groups = [image.group for image in data_set.images]
    assert groups[0] == groups[1] != groups[2]


def test_nested_class_folders_and_whole_bones(tmp_path: Path, draw: Draw) -> None:
    draw(tmp_path / "val/wrist/fractured/Spiral fracture/é 骨.png", 0)
    draw(tmp_path / "val/wrist/healthy/2.png", 1)
    draw(tmp_path / "train/knee/fractured/transverse/3.png", 2)
    draw(tmp_path / "train/4.png", 3)
    data_set = read_data_set(tmp_path)
    transverse, spiral, whole = data_set.images
    assert spiral.path.name == "é 骨.png"
    assert (spiral.fracture_type, spiral.fractured, spiral.regions) == (
        "spiral",
        True,
        (1, 0, 0, 0),
    )
    assert (whole.fracture_type, whole.fractured, whole.split) == (None, False, "val")
    assert (transverse.fracture_type, transverse.regions) == ("transverse", (0, 1, 0, 0))
    assert [one.path.name for one in data_set.dropped] == ["4.png"]


@pytest.mark.parametrize(
    ("broken", "whole"),
    [
        ("fractured", "not fractured"),
        ("Fractured", "Non_fractured"),
        ("FRACTURE", "Normal"),
        ("broken", "unbroken"),
        ("positive", "negative"),
    ],
)
def test_two_folders_under_their_usual_names(
    tmp_path: Path, draw: Draw, broken: str, whole: str
) -> None:
    draw(tmp_path / "testing" / broken / "1.png", 0)
    draw(tmp_path / "training" / whole / "1.png", 1)
    data_set = read_data_set(tmp_path)
    assert data_set.layout == "two-folders"
    found = [(image.fractured, image.split, image.fracture_type) for image in data_set.images]
    assert found == [(True, "test", None), (False, "train", None)]
    assert len({image.group for image in data_set.images}) == 2


def test_an_unknown_folder_among_two_is_no_type(tmp_path: Path, draw: Draw) -> None:
    draw(tmp_path / "fractured/hospital A/1.png", 0)
    draw(tmp_path / "not fractured/hospital A/1.png", 1)
    data_set = read_data_set(tmp_path)
    assert [image.fracture_type for image in data_set.images] == [None, None]


def test_one_label_alone_is_no_data_set(tmp_path: Path, draw: Draw) -> None:
    draw(tmp_path / "fractured/1.png")
    with pytest.raises(LayoutUnknown):
        read_data_set(tmp_path)


def test_links_are_followed_once_and_loops_end(tmp_path: Path, draw: Draw) -> None:
    elsewhere = draw(tmp_path / "elsewhere/1.png", 0).parent
    data = tmp_path / "data"
    draw(data / "not fractured/2.png", 1)
    (data / "fractured").symlink_to(elsewhere)
    (data / "not fractured/again").symlink_to(data)
    (data / "self").symlink_to("self")
    data_set = read_data_set(data)
    assert [image.path.name for image in data_set.images] == ["1.png", "2.png"]


def test_a_broken_jpeg_among_folders_is_dropped(tmp_path: Path, draw: Draw) -> None:
    draw(tmp_path / "normal/1.png", 0)
    path = draw(tmp_path / "fractured/2.jpg", 1)
    draw(tmp_path / "fractured/3.jpg", 2)
    path.write_bytes(path.read_bytes()[:-400])
    Image.new("L", (5, 5)).save(tmp_path / "fractured/4.png")
    data_set = read_data_set(tmp_path)
    assert [image.path.name for image in data_set.images] == ["3.jpg", "1.png"]
    assert [one.path.name for one in data_set.dropped] == ["2.jpg", "4.png"]
