"""A presentation state as DCMTK shows it: pixels with it and without, and what it drew."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    ExplicitVRLittleEndian,
)

from dicom_node.results.finding import ImageFinding
from dicom_node.results.presentation_state import (
    build_presentation_state,
)
from dicom_node.results.result_object import ResultObject
from tests.dicom_node.results.report_sources import (
    ALGORITHM,
    ISSUE,
    fracture_in,
)
from tests.services import require_program


def state_of(source: Dataset, finding: ImageFinding | None = None) -> ResultObject:
    return build_presentation_state(source, finding or fracture_in(source), ALGORITHM, ISSUE)


@dataclass(frozen=True)
class Shown:
    pixels: NDArray[np.uint8]
    lines: list[list[tuple[float, float]]]
    words: str

    def drawn(self) -> NDArray[np.bool_]:
        """The pixels that the lines go through; 0\\0 is the corner of the first pixel."""
        canvas = Image.new("1", self.pixels.shape[::-1])
        draw = ImageDraw.Draw(canvas)
        for line in self.lines:
            draw.line([(x - 0.5, y - 0.5) for x, y in line], fill=1)
        return np.asarray(canvas)


def written(source: Dataset, folder: Path) -> Dataset:
    """The image as a file, a ramp of 12 bits from left to right; returns the header received."""
    source.Rows, source.Columns, source.SamplesPerPixel = 100, 120, 1
    source.PhotometricInterpretation = source.get("PhotometricInterpretation", "MONOCHROME2")
    source.BitsAllocated, source.BitsStored, source.HighBit = 16, 12, 11
    source.PixelRepresentation = 0
    ramp = np.linspace(0, 4095, 120).astype("<u2")
    source.add_new("PixelData", "OW", np.tile(ramp, (100, 1)).tobytes())
    source.PatientName, source.PatientID = "Doe^John", "1"  # DCMTK insists on them
    source.file_meta = FileMetaDataset()
    source.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    source.save_as(folder / "image.dcm", enforce_file_format=True)
    return dcmread(folder / "image.dcm", stop_before_pixels=True)


def shown(folder: Path, made: ResultObject | None = None) -> Shown:
    """As DCMTK shows the image with the state; without one, by what the image says itself."""
    command = [require_program("dcmp2pgm", "dcmtk"), "--verbose"]
    if made is not None:
        (folder / "state.dcm").write_bytes(made.encoded)
        command += ["--pstate", str(folder / "state.dcm")]
    command += [str(folder / "image.dcm"), str(folder / "shown.pgm")]
    # Overlays that it shows become files where it runs.
    done = subprocess.run(
        command, capture_output=True, check=True, timeout=60, text=True, cwd=folder
    )
    said = done.stdout + done.stderr
    numbers = [
        [float(number) for number in re.findall(r"[-\d.]+", line)]
        for line in re.findall(r"coordinates: (.*),", said)
    ]
    lines = [list(zip(line[::2], line[1::2], strict=True)) for line in numbers]
    return Shown(np.asarray(Image.open(folder / "shown.pgm")), lines, said)
