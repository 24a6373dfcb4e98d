"""DICOM files that a CSV labels: found by UID, grouped by patient, no ID kept."""

import logging
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmwrite

from model.datasets.data_set import LabelsUnfit
from model.datasets.images import load_images
from model.datasets.reading import read_data_set
from tests.model.datasets.conftest import Draw, write_table
from tests.model.dicom_images import RAMP, grey_dataset

PATIENTS = ("MUSTER^A", "MUSTER^A", "BEISPIEL^B", "")


def _write(path: Path, patient: str) -> str:
    ds = grey_dataset(RAMP, PatientID=patient, StudyInstanceUID=f"1.2.{len(path.name)}")
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID
    path.parent.mkdir(parents=True, exist_ok=True)
    dcmwrite(path, ds)
    return str(ds.SOPInstanceUID)


@pytest.fixture
def uids(tmp_path: Path) -> list[str]:
    """Four images of two patients and of one nobody named, in folders as an archive has them."""
    return [
        _write(tmp_path / f"2024/{number}/IM0000{'x' * number}", patient)
        for number, patient in enumerate(PATIENTS)
    ]


def test_files_are_found_by_uid_and_grouped_by_patient(tmp_path: Path, uids: list[str]) -> None:
    write_table(
        tmp_path / "labels.csv",
        [
            {"sop_instance_uid": uid, "fractured": number % 2, "region": "wrist;humerus"}
            for number, uid in enumerate(uids)
        ],
    )
    data_set = read_data_set(tmp_path)
    assert data_set.layout == "dicom-table"
    assert [image.fractured for image in data_set.images] == [False, True, False, True]
    assert {image.regions for image in data_set.images} == {(1, 0, 0, 1)}
    first, second, third, fourth = (image.group for image in data_set.images)
    assert first == second
    assert len({first, third, fourth}) == 3


def test_no_patients_id_is_kept_or_logged(
    tmp_path: Path, uids: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    rows = [{"sop_instance_uid": uid, "fractured": 0, "patient": "MUSTER^A"} for uid in uids]
    write_table(tmp_path / "labels.csv", rows)
    data_set = read_data_set(tmp_path)
    assert len({image.group for image in data_set.images}) == 1
    assert "MUSTER" not in repr(data_set)
    assert "MUSTER" not in caplog.text


def test_several_rows_are_several_boxes_of_one_image(tmp_path: Path, uids: list[str]) -> None:
    row = {"sop_instance_uid": uids[0], "fractured": 1, "fracture_type": "Spiral fracture"}
    boxes = [{"x0": 1, "y0": 2, "x1": 9, "y1": 8}, {"x0": 20, "y0": 2, "x1": 29, "y1": 8}]
    write_table(tmp_path / "truth.csv", [row | box for box in boxes])
    (image,) = read_data_set(tmp_path).images
    assert image.boxes == ((1, 2, 9, 8), (20, 2, 29, 8))
    assert image.fracture_type == "spiral"
    loaded = load_images([image], 64, ("oblique", "spiral"))
    assert loaded.masks.any()
    assert (loaded.images.max(), loaded.types.tolist()) == (255, [1])
    assert np.isnan(loaded.regions).all()
    assert np.isnan(loaded.hardware).all()


def test_rows_of_no_use_are_dropped_with_reasons(tmp_path: Path, uids: list[str]) -> None:
    write_table(
        tmp_path / "labels.csv",
        [
            {"sop_instance_uid": "1.2.3.4", "fractured": 1},
            {"sop_instance_uid": uids[0], "fractured": 1},
            {"sop_instance_uid": uids[0], "fractured": 0},
            {"sop_instance_uid": uids[1], "fractured": ""},
            {"sop_instance_uid": uids[2], "fractured": 0, "fracture_type": "spiral"},
            {"sop_instance_uid": uids[3], "fractured": 0, "region": "skull"},
            {"sop_instance_uid": "", "fractured": 0},
            {"file": "2024/9/absent", "fractured": 0},
            {"file": "2024/0/IM0000", "fractured": 0, "hardware": "yes"},
        ],
    )
    data_set = read_data_set(tmp_path)
    assert [image.hardware for image in data_set.images] == [True]
    assert [one.reason for one in data_set.dropped] == [
        "no file has this SOP Instance UID",
        "its rows disagree on fractured",
        "fractured is not told",
        "labelled not fractured, but with a box or a fracture type",
        "the region 'skull' is not covered",
        "the row names no image",
        "there is no such file",
    ]


def test_pictures_may_be_named_by_file(tmp_path: Path, draw: Draw) -> None:
    draw(tmp_path / "a/é.png", 1)
    write_table(
        tmp_path / "labels.csv", [{"file": "a/é.png", "fractured": "yes", "split": "valid"}]
    )
    (image,) = read_data_set(tmp_path).images
    assert (image.fractured, image.split, image.size) == (True, "val", (96, 80))


def test_a_table_without_labels_is_refused(tmp_path: Path, uids: list[str]) -> None:
    write_table(tmp_path / "labels.csv", [{"sop_instance_uid": uid} for uid in uids])
    with pytest.raises(LabelsUnfit, match="fractured"):
        read_data_set(tmp_path)
