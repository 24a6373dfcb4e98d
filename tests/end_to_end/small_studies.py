"""Studies of small images: one that the network looks at, and others that it does not know."""

from collections.abc import Iterator

import numpy as np
from pydicom.dataset import Dataset

from dicom_node.dicomize import ImageForm, dicomize
from dicom_node.examination import Examination, View
from dicom_node.picture import Picture

_ROWS, _COLUMNS = 48, 40
_NOT_COVERED = "CHEST"


def small_study(name: str, images: int = 3) -> list[Dataset]:
    """A study whose first image goes through the network; the others get a reason instead."""
    examination = Examination(study_seed=name, patient_id=f"LOAD-{name}")
    study = [
        dicomize(_picture(number), examination, View("hand", instance_number=number), ImageForm())
        for number in range(1, images + 1)
    ]
    for dataset in study[1:]:
        dataset.BodyPartExamined = _NOT_COVERED
    return study


def small_studies(name: str, count: int, images: int = 3) -> Iterator[list[Dataset]]:
    for number in range(count):
        yield small_study(f"{name}-{number}", images)


def study_uid(study: list[Dataset]) -> str:
    return str(study[0].StudyInstanceUID)


def _picture(number: int) -> Picture:
    shade = np.linspace(0, 4000, _ROWS * _COLUMNS).reshape(_ROWS, _COLUMNS) + number
    return Picture(shade.astype(np.uint16), spacing_mm=0.2)
