"""What the node accepts, and what it analyses of it."""

import pytest
from pydicom.uid import UID
from pynetdicom import _config
from pynetdicom.sop_class import (
    Comprehensive3DSRStorage,
    DigitalMammographyXRayImageStorageForPresentation,
    EncapsulatedPDFStorage,
    EnhancedUSVolumeStorage,
    RTDoseStorage,
    SegmentationStorage,
    Verification,
)

from dicom_node.contexts import (
    ANALYSED_SOP_CLASSES,
    STORAGE_SOP_CLASSES,
    TRANSFER_SYNTAXES,
    is_image,
    not_analysed_reason,
    supported_contexts,
)


def test_everything_storable_is_accepted_and_most_of_it_with_a_reason_not_to_analyse() -> None:
    assert ANALYSED_SOP_CLASSES < STORAGE_SOP_CLASSES
    for sop_class_uid in STORAGE_SOP_CLASSES:
        analysed = sop_class_uid in ANALYSED_SOP_CLASSES
        assert (not_analysed_reason(sop_class_uid) is None) == analysed


@pytest.mark.parametrize(
    ("sop_class_uid", "expected"),
    [
        *((uid, True) for uid in sorted(ANALYSED_SOP_CLASSES)),
        (DigitalMammographyXRayImageStorageForPresentation, True),
        (EnhancedUSVolumeStorage, True),
        (RTDoseStorage, True),
        (Comprehensive3DSRStorage, False),
        (EncapsulatedPDFStorage, False),
        (SegmentationStorage, False),
    ],
)
def test_images_and_documents(sop_class_uid: str, expected: bool) -> None:
    assert is_image(sop_class_uid) is expected


def test_contexts_are_storage_and_verification_and_nothing_unknown() -> None:
    contexts = supported_contexts()
    assert {c.abstract_syntax for c in contexts} == STORAGE_SOP_CLASSES | {Verification}
    assert not _config.UNRESTRICTED_STORAGE_SERVICE


def test_no_transfer_syntax_is_video_or_leaves_the_pixels_elsewhere() -> None:
    names = [UID(syntax).name for syntax in TRANSFER_SYNTAXES]
    assert len(names) == len(set(names)) == 16
    assert not [name for name in names if "MPEG" in name or "HEVC" in name or "JPIP" in name]
