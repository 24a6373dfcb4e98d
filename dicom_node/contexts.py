"""What the node accepts: storage SOP classes, which of them are analysed, and transfer syntaxes."""

from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)
from pynetdicom import AllStoragePresentationContexts, build_context
from pynetdicom.presentation import PresentationContext
from pynetdicom.sop_class import (
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    MultiFrameTrueColorSecondaryCaptureImageStorage,
    SecondaryCaptureImageStorage,
    StorageCommitmentPushModel,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
    Verification,
    XRayAngiographicImageStorage,
    XRayRadiofluoroscopicImageStorage,
)

# In order of preference, which is the acceptor's (PS3.8 9.3.3): as captured first, then what is
# cheap to decode without loss, then what is dear; lossy and big endian only where nothing else is.
TRANSFER_SYNTAXES = (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    JPEGLSLossless,
    JPEGLosslessSV1,
    JPEGLossless,
    JPEG2000Lossless,
    DeflatedExplicitVRLittleEndian,
    HTJ2K,
    JPEG2000,
    JPEGLSNearLossless,
    JPEGExtended12Bit,
    JPEGBaseline8Bit,
    ExplicitVRBigEndian,
)

_UNCOMPRESSED = [ExplicitVRLittleEndian, ImplicitVRLittleEndian]

ANALYSED_SOP_CLASSES = frozenset(
    {
        ComputedRadiographyImageStorage,
        DigitalXRayImageStorageForPresentation,
        XRayRadiofluoroscopicImageStorage,
        XRayAngiographicImageStorage,
        SecondaryCaptureImageStorage,
        MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
        MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
        MultiFrameTrueColorSecondaryCaptureImageStorage,
    }
)
STORAGE_SOP_CLASSES = frozenset(
    UID(context.abstract_syntax or "") for context in AllStoragePresentationContexts
)

# "US Volume" and "RT Dose" are images whose class name does not say so.
_IMAGE_WORDS = ("Image", "US Volume", "RT Dose")


def is_image(sop_class_uid: str) -> bool:
    """Whether objects of the class are pictures of a patient, rather than documents about them."""
    name = UID(sop_class_uid).name
    return any(word in name for word in _IMAGE_WORDS)


def not_analysed_reason(sop_class_uid: str) -> str | None:
    """Why objects of this class are kept but not analysed; None where they are."""
    if sop_class_uid in ANALYSED_SOP_CLASSES:
        return None
    if sop_class_uid == DigitalXRayImageStorageForProcessing:
        return "an image for processing: only the one for presentation is analysed"
    name = UID(sop_class_uid).name.replace(" Storage", "")
    if is_image(sop_class_uid):
        return f"{name}: not a kind of image that is searched for fractures"
    return f"{name}: not an image of the patient"


def supported_contexts() -> list[PresentationContext]:
    """Verification and every storage class, each with all transfer syntaxes."""
    storage = [build_context(uid, list(TRANSFER_SYNTAXES)) for uid in sorted(STORAGE_SOP_CLASSES)]
    for context in storage:
        # Who proposes it may be the SCP: C-GET stores at the peer that asks (PS3.4 C.4.3.1).
        context.scu_role = context.scp_role = True
    return [build_context(Verification, _UNCOMPRESSED), *storage]


def commitment_context() -> PresentationContext:
    """Storage Commitment both ways: peers that ask us, and those that answer us (PS3.4 J.3)."""
    context = build_context(StorageCommitmentPushModel, _UNCOMPRESSED)
    context.scu_role = context.scp_role = True
    return context


def query_retrieve_contexts() -> list[PresentationContext]:
    """What answers questions about our results."""
    return [
        build_context(sop_class, _UNCOMPRESSED)
        for sop_class in (
            StudyRootQueryRetrieveInformationModelFind,
            StudyRootQueryRetrieveInformationModelMove,
            StudyRootQueryRetrieveInformationModelGet,
        )
    ]
