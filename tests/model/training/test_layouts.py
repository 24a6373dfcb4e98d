"""Data sets in other layouts than ours train as well: read, parted, fitted, measured."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from pydicom import dcmwrite

from model.artefact import load_artefact
from model.datasets.labelled import FRACTURE_TYPES
from model.training.material import NothingToLearn
from model.training.recipes import RECIPES, Recipe
from model.training.run import TrainingRun
from model.training.train import train
from phantom.radiograph import PhantomSpec, make_phantom
from tests.model.datasets.conftest import phantom_pixels, write_table
from tests.model.dicom_images import grey_dataset

COUNT = 32
_RECIPE = replace(RECIPES["cnn-224"], side=64, batch=8, epochs=1)


def _spec(number: int) -> PhantomSpec:
    """Every second is broken."""
    return PhantomSpec(number, "hand", "ap", number % 2 == 1, rows=96, columns=80)


def _draw(path: Path, number: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(phantom_pixels(_spec(number))).save(path)


def _as_mura(root: Path) -> Path:
    for number in range(COUNT):
        part, word = ("valid", "train")[number < 24], ("negative", "positive")[number % 2]
        patient = f"MURA-v1.1/{part}/XR_HAND/patient{number // 2:05}"
        _draw(root / patient / f"study{number}_{word}" / "image1.png", number)
    return root


def _as_dicom_with_a_table(root: Path) -> Path:
    rows = []
    for number in range(COUNT):
        pixels = make_phantom(_spec(number)).pixels
        image = grey_dataset(pixels, PatientID=f"MUSTER^{number // 2}")
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID
        dcmwrite(root / f"IM{number:04}", image)
        split = "train" if number < 24 else "val"
        uid = str(image.SOPInstanceUID)
        rows.append({"sop_instance_uid": uid, "fractured": number % 2, "split": split})
    write_table(root / "labels.csv", rows)
    return root


def _as_two_folders(root: Path) -> Path:
    for number in range(COUNT):
        _draw(root / ("not fractured", "fractured")[number % 2] / f"{number}.png", number)
    return root


Lay = Callable[[Path], Path]


@pytest.mark.parametrize(
    "lay",
    [
        pytest.param(_as_dicom_with_a_table, marks=pytest.mark.soak),
        pytest.param(_as_mura, marks=pytest.mark.soak),
        pytest.param(_as_two_folders, marks=pytest.mark.soak),
    ],
)
def test_a_layout_trains_and_is_measured_on_groups_of_its_own(lay: Lay, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    run = TrainingRun(lay(data), None, _RECIPE, tmp_path / "out", "0.0.2")
    card = load_artefact(train(run)).card
    assert card.validation is not None
    assert 0 < card.validation.images < COUNT
    assert 0 < card.validation.fractured < card.validation.images


def test_type_data_of_too_few_groups_are_refused_before_any_fit(
    tmp_path: Path, phantom_folder: Path, start_weights: Path, small_recipe: Recipe
) -> None:
    types = small_recipe.network.model_copy(update={"types": FRACTURE_TYPES})
    few = tmp_path / "few"
    for number in range(8):
        _draw(few / "images" / f"{number}.png", number)
    named = {"fracture_type": FRACTURE_TYPES[0]}
    rows = [{**named, "image_id": f"{n}.png", "dup_group": n // 2} for n in range(8)]
    write_table(few / "labels.csv", rows)
    run = TrainingRun(
        phantom_folder,
        start_weights,
        replace(small_recipe, network=types),
        tmp_path / "out",
        version="0.0.2",
        type_data=few,
    )
    with pytest.raises(NothingToLearn, match="groups of images have one of the recipe"):
        train(run)
    assert not (tmp_path / "out").exists()
