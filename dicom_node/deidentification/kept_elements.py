"""What may stay in an image that leaves: all that is not named here goes.

PS3.15 E.1.1 leaves it to the de-identifier whether it removes what is known to be a risk or keeps
what is known to be safe. This is the second: nothing that a vendor or a later edition of the
standard adds can leak. Each value is kept only if it is what its attribute is for.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from pydicom.multival import MultiValue

Value = str | list[str] | int | list[int] | bytes
Check = Callable[[Any], Value | None]  # the value as it may stay; None: it goes

_LARGEST = 1_000_000  # no measured quantity of a radiograph is larger; a patient's number may be
_LARGEST_NUMBER = 9999
_VALUES = 16
_ORIENTATION = re.compile(r"[ALPRHF]{1,3}")


def one_of(*words: str) -> Check:
    """A coded string of a list; empty is one, where it is named."""

    def check(value: Any) -> str | None:
        text = str(value or "").strip().upper()
        return text if text in words else None

    return check


def each_of(*words: str) -> Check:
    """Those of the values that are in the list, up to the first that is not."""

    def check(value: Any) -> list[str] | None:
        kept = []
        for one in _values(value):
            text = str(one).strip().upper()
            if text not in words:
                break
            kept.append(text)
        return kept or None

    return check


def decimals(value: Any) -> list[str] | None:
    """Decimal strings written anew: digits that nobody measured are not carried along."""
    numbers = [_number(one) for one in _values(value)]
    if not numbers or len(numbers) > _VALUES:
        return None
    kept = [f"{one:.10g}" for one in numbers if one is not None]
    return kept if len(kept) == len(numbers) else None


def integers(value: Any) -> list[str] | None:
    numbers = [_number(one) for one in _values(value)]
    whole = [str(int(one)) for one in numbers if one is not None and one == int(one)]
    return whole if whole and len(whole) == len(numbers) <= _VALUES else None


def small_number(value: Any) -> str | None:
    """A place in an order, which starts anew for each study: no accession number fits."""
    number = _number(value)
    return str(int(number)) if number is not None and 0 <= number <= _LARGEST_NUMBER else None


def orientation(value: Any) -> list[str] | None:
    words = [str(one).strip().upper() for one in _values(value)]
    is_orientation = len(words) == 2 and all(map(_ORIENTATION.fullmatch, words))
    return words if is_orientation else None


def containing(*words: str) -> Check:
    """The word of the list that a device's own spelling contains: LT HAND 2V is HAND."""

    def check(value: Any) -> str | None:
        text = re.sub(r"[^A-Z]", "", str(value or "").upper())
        return next((word for word in sorted(words, key=len, reverse=True) if word in text), None)

    return check


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if abs(number) <= _LARGEST else None


def _values(value: Any) -> list[Any]:
    if value is None or value == "":
        return []
    return list(value) if isinstance(value, MultiValue | list | tuple) else [value]


# PS3.16 Annex L, of what radiographs show.
BODY_PARTS = (
    *("ABDOMEN", "ANKLE", "ARM", "BREAST", "CALCANEUS", "CHEST", "CLAVICLE", "COCCYX", "CSPINE"),
    *("CTSPINE", "ELBOW", "EXTREMITY", "FEMUR", "FINGER", "FOOT", "FOREARM", "HAND", "HEAD"),
    *("HEEL", "HIP", "HUMERUS", "JAW", "KNEE", "LEG", "LOWERLEG", "LSPINE", "LSSPINE", "LUNG"),
    *("LOWERLIMB", "UPPERLIMB", "CERVICALSPINE", "THORACICSPINE", "LUMBARSPINE", "RADIUS", "ULNA"),
    *("MANDIBLE", "MAXILLA", "NECK", "NOSE", "ORBIT", "PATELLA", "PELVIS", "RIB", "SACRUM"),
    *("SCAPULA", "SHOULDER", "SKULL", "SPINE", "SSPINE", "STERNUM", "THIGH", "THORAX", "THUMB"),
    *("TIBIA", "FIBULA", "TOE", "TOOTH", "TSPINE", "TLSPINE", "UPPERARM", "WRIST", "ZYGOMA"),
)
_VIEWS = ("AP", "PA", "LL", "RL", "RLD", "LLD", "RLO", "LLO", "LAT", "LATERAL", "OBL", "OBLIQUE")

KEPT: Mapping[str, Check] = {
    "ImageType": each_of("ORIGINAL", "DERIVED", "PRIMARY"),
    "Modality": one_of("CR", "DX", "RG", "RF", "XA"),
    "BodyPartExamined": containing(*BODY_PARTS),
    "ViewPosition": one_of("", *_VIEWS),
    "Laterality": one_of("", "L", "R"),
    "ImageLaterality": one_of("L", "R", "U", "B"),
    "PatientOrientation": orientation,
    "PresentationIntentType": one_of("FOR PRESENTATION", "FOR PROCESSING"),
    "SeriesNumber": small_number,
    "AcquisitionNumber": small_number,
    "InstanceNumber": small_number,
    "BurnedInAnnotation": one_of("NO"),
    "PixelIntensityRelationship": one_of("LIN", "LOG", "DISP"),
    "PixelIntensityRelationshipSign": integers,
    "PresentationLUTShape": one_of("IDENTITY", "INVERSE"),
    "VOILUTFunction": one_of("LINEAR", "LINEAR_EXACT", "SIGMOID"),
    "RescaleType": one_of("US", "OD", "HU"),
    "LossyImageCompression": one_of("00", "01"),
    "LossyImageCompressionRatio": decimals,
    "LossyImageCompressionMethod": each_of("ISO_10918_1", "ISO_14495_1", "ISO_15444_1"),
    "PixelSpacingCalibrationType": one_of("GEOMETRY", "FIDUCIAL"),
    "DetectorType": one_of("DIRECT", "SCINTILLATOR", "STORAGE", "FILM"),
    "PixelAspectRatio": integers,
    "Exposure": integers,
    "ExposureTime": integers,
    "XRayTubeCurrent": integers,
    **dict.fromkeys(
        (
            *("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing"),
            *("WindowCenter", "WindowWidth", "KVP", "ExposureTimeInuS", "XRayTubeCurrentInuA"),
            *("DistanceSourceToDetector", "DistanceSourceToPatient", "RelativeXRayExposure"),
            *("EstimatedRadiographicMagnificationFactor", "ExposureIndex", "TargetExposureIndex"),
            *("DeviationIndex", "Sensitivity", "FrameTime"),
        ),
        decimals,
    ),
}
