"""Studies, pictures and installed fonts for the tests of one-page documents."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from dicom_node.results.finding import FindingState, ImageFinding
from dicom_node.results.page_fonts import installed_fonts
from tests.dicom_node.results.report_sources import (
    fracture_in,
    not_assessable,
    nothing_in,
    numbered_cr,
    received,
)
from tests.services import absent

BLUE = (0, 0, 90)


def require_fonts(*packages: str) -> None:
    """Fonts for every script of the tests; skipped at home, a failure in CI."""
    files = {
        "fonts-noto-core": ("notosans-regular.ttf", "notonaskharabic-regular.ttf"),
        "fonts-noto-cjk": ("notosanscjk-regular.ttc",),
    }
    for package in packages:
        if not installed_fonts().keys() >= set(files[package]):
            absent(f"fonts are missing: apt-get install {package}, or run tests/install-services")


def named_cr(name: str, character_set: str | list[str] = "ISO_IR 192") -> Dataset:
    source = numbered_cr(1)
    source.SpecificCharacterSet = character_set
    source.PatientName = name
    return received(source)


def mixed_study() -> tuple[list[Dataset], list[ImageFinding]]:
    """One image of each state."""
    sources = [received(numbered_cr(number)) for number in range(1, 5)]
    findings = [
        fracture_in(
            sources[0],
            laterality="L",
            fracture_type="oblique",
            type_probability=0.71,
            severity="moderate",
        ),
        fracture_in(
            sources[1],
            state=FindingState.POSSIBLE,
            probability=0.412,
            region="upper_limb",
            notes=("the image is soft: it shows few sharp edges",),
        ),
        nothing_in(sources[2]),
        not_assessable(sources[3], "body part is not covered by the classifier"),
    ]
    return sources, findings


def large_study(count: int = 30) -> tuple[list[Dataset], list[ImageFinding]]:
    """Two fractures at the end, an image in five not analysed, nothing in the others."""
    sources = [received(numbered_cr(number)) for number in range(1, count + 1)]
    findings = [
        not_assessable(source, "the image is mostly noise")
        if number % 5 == 0
        else nothing_in(source)
        for number, source in enumerate(sources)
    ]
    findings[-2:] = [fracture_in(source) for source in sources[-2:]]
    return sources, findings


def blue_pictures(sources: Sequence[Dataset]) -> dict[str, NDArray[np.uint8]]:
    """A plain picture in the matrix of each source."""
    return {
        str(source.SOPInstanceUID): np.full((source.Rows, source.Columns, 3), BLUE, np.uint8)
        for source in sources
    }
