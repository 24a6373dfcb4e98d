"""What every picture that we make of pixels says of itself, and its pixels."""

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from dicom_node.results.equipment import MANUFACTURER, PRODUCT, Equipment


def describe_capture(capture: Dataset, equipment: Equipment) -> None:
    """SC Equipment and SC Image, PS3.3 C.8.6."""
    capture.ConversionType = "WSD"
    capture.SecondaryCaptureDeviceManufacturer = MANUFACTURER
    capture.SecondaryCaptureDeviceManufacturerModelName = PRODUCT
    capture.SecondaryCaptureDeviceSoftwareVersions = equipment.software_versions
    capture.DateOfSecondaryCapture = capture.ContentDate
    capture.TimeOfSecondaryCapture = capture.ContentTime


def add_rgb_pixels(capture: Dataset, picture: NDArray[np.uint8]) -> None:
    """Image Pixel, PS3.3 C.7.6.3, from [rows, columns, 3]."""
    capture.Rows, capture.Columns = picture.shape[:2]
    capture.SamplesPerPixel = 3
    capture.PhotometricInterpretation = "RGB"
    capture.PlanarConfiguration = 0
    capture.BitsAllocated = capture.BitsStored = 8
    capture.HighBit = 7
    capture.PixelRepresentation = 0
    pixels = np.ascontiguousarray(picture).tobytes()
    # A value has an even length (PS3.5 7.1.1).
    capture.add_new("PixelData", "OB", pixels + b"\0" * (len(pixels) % 2))
