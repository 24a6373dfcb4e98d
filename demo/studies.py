"""The study that the demonstration sends: two views of a broken phantom, or the user's image."""

from dataclasses import dataclass
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from dicom_node.dicomize import ImageForm, dicomize
from dicom_node.examination import Examination, View
from dicom_node.phantom_study import phantom_study
from dicom_node.picture import UnusablePicture, read_picture

_PHANTOM_SEED = 7


class NotAnImage(ValueError):
    """The file is neither DICOM nor a picture we can send."""


@dataclass(frozen=True)
class DemoStudy:
    """What is sent, and what it is in a few words."""

    title: str
    instances: list[Dataset]

    @property
    def study_instance_uid(self) -> str:
        return str(self.instances[0].StudyInstanceUID)


def choose_study(image: Path | None) -> DemoStudy:
    """Two views of a broken phantom forearm, or the image at the path; raises NotAnImage."""
    if image is None:
        instances = phantom_study(_PHANTOM_SEED, fractured=True)
        return DemoStudy("two views of a phantom forearm with a fracture", instances)
    return DemoStudy(image.name, [_read(image)])


def _read(image: Path) -> Dataset:
    try:
        return dcmread(image)
    except FileNotFoundError:
        raise NotAnImage(f"there is no file {image}") from None
    except InvalidDicomError:
        return _dicomized(image)


def _dicomized(image: Path) -> Dataset:
    try:
        return dicomize(read_picture(image), Examination(), View(), ImageForm())
    except UnusablePicture as problem:
        raise NotAnImage(f"{image}: {problem}") from problem
