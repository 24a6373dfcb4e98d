"""C-ECHO: whether a peer answers us, and if not, what to do about it."""

from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom.sop_class import Verification

from dicom_node.peer import Destination, PeerRefused, PeerUnavailable, associate

VERIFICATION_PROPOSALS = (
    (Verification, ImplicitVRLittleEndian),
    (Verification, ExplicitVRLittleEndian),
)


def verify_peer(destination: Destination, *, calling_ae_title: str) -> None:
    """Return if the peer answered C-ECHO; else PeerUnavailable or PeerRefused says what to do."""
    association = associate(destination, calling_ae_title, VERIFICATION_PROPOSALS)
    try:
        status = association.send_c_echo().get("Status")
    finally:
        association.release()
    if status is None:
        raise PeerUnavailable(f"{destination} associates but does not answer C-ECHO; see its log")
    if status != 0:
        raise PeerRefused(f"{destination} answers C-ECHO with status 0x{status:04X}; see its log")
