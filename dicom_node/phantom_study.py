"""Phantom radiographs as a study a PACS could send: for the demo, tests and benchmarks."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydicom.dataset import Dataset

from dicom_node.dicomize import ImageForm, dicomize
from dicom_node.examination import Examination, View
from dicom_node.picture import Picture
from phantom.radiograph import VIEWS, PhantomSpec, make_phantom

_DX = ImageForm(modality="DX")
_VIEW_POSITIONS = {"ap": "AP", "lateral": "LL"}
# Left limbs in the anatomical position: a hand points up in the picture, a leg down.
_ORIENTATIONS = {
    ("hand", "ap"): ("R", "H"),
    ("hand", "lateral"): ("P", "H"),
    ("leg", "ap"): ("L", "F"),
    ("leg", "lateral"): ("A", "F"),
}


@dataclass(frozen=True)
class Rendering:
    """Size and form of each image of a phantom study."""

    rows: int = 1024
    columns: int = 832
    form: ImageForm = _DX


def phantom_study(
    seed: int,
    *,
    fractured: bool,
    region: str = "hand",
    views: Sequence[str] = VIEWS,
    rendering: Rendering = Rendering(),
) -> list[Dataset]:
    """One instance per view of the same limb, whole or broken, all in one study."""
    examination = phantom_examination(seed, fractured=fractured, region=region)
    return [
        _phantom_instance(
            PhantomSpec(seed, region, view, fractured, rendering.rows, rendering.columns),
            examination,
            View(region, _VIEW_POSITIONS[view], "L", _ORIENTATIONS[region, view], number),
            rendering.form,
        )
        for number, view in enumerate(views, start=1)
    ]


def phantom_examination(seed: int, *, fractured: bool, region: str) -> Examination:
    """The harmless identity of a phantom; a whole and a broken one are two people's studies."""
    state = "fractured" if fractured else "whole"
    return Examination(
        study_seed=f"phantom {region} {seed} {state}",
        patient_name=f"PHANTOM^{region.upper()}",
        patient_id=f"PHANTOM-{region}-{seed}-{state[0]}".upper(),
        accession_number=f"PH{seed}",
        study_description=f"{region} phantom",
    )


def _phantom_instance(
    spec: PhantomSpec, examination: Examination, view: View, form: ImageForm
) -> Dataset:
    phantom = make_phantom(spec)
    return dicomize(Picture(phantom.pixels, phantom.spacing_mm), examination, view, form)
