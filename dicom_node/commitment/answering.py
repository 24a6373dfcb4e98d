"""Answering a peer that asked whether we keep what it sent: only for what is really there."""

from collections.abc import Mapping, Sequence

from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom.association import Association
from pynetdicom.sop_class import StorageCommitmentPushModel

from db.peer_requests import HeldInstance
from dicom_node.commitment.messages import (
    CLASS_INSTANCE_CONFLICT,
    NO_SUCH_INSTANCE,
    PROCESSING_FAILURE,
    PUSH_MODEL_INSTANCE,
    Reference,
    answer_message,
)
from dicom_node.peer import Destination, PeerRefused, PeerUnavailable, associate
from dicom_node.spool import ObjectDamaged, ObjectGone, Spool, SpoolError

_PROPOSALS = (
    (StorageCommitmentPushModel, ExplicitVRLittleEndian),
    (StorageCommitmentPushModel, ImplicitVRLittleEndian),
)
_SUCCESS = 0x0000
# PS3.7 10.1.1.1.8: what another attempt will not change, as where the peer knows no such question.
_REFUSALS = (0x0112, 0x0113, 0x0114, 0x0115, 0x0117, 0x0118, 0x0119, 0x0211, 0x0212)


def failures_among(
    references: Sequence[Reference], held: Mapping[str, HeldInstance], spool: Spool
) -> dict[Reference, int]:
    """The Failure Reason of each object that is not on the disk as it was received."""
    reasons = ((one, _failure(one, held.get(one.sop_instance_uid), spool)) for one in references)
    return {one: reason for one, reason in reasons if reason is not None}


def require_reachable(peer: Destination, calling_ae_title: str) -> None:
    """PeerTrouble where it is not there, or takes no N-EVENT-REPORT of ours.

    Asked before the files are read, on an association that does not wait for that.
    """
    _associated(peer, calling_ae_title).release()


def send_answer(
    peer: Destination,
    calling_ae_title: str,
    transaction_uid: str,
    outcome: tuple[Sequence[Reference], Mapping[Reference, int]],
) -> None:
    """N-EVENT-REPORT of what is kept and what is not; PeerTrouble where it does not arrive."""
    event_type, message = answer_message(transaction_uid, *outcome)
    association = _associated(peer, calling_ae_title)
    try:
        status, _ = association.send_n_event_report(
            message, event_type, StorageCommitmentPushModel, PUSH_MODEL_INSTANCE
        )
    except RuntimeError:  # pynetdicom: the peer has broken off since it accepted
        status = Dataset()
    finally:
        association.release()
    code = status.get("Status")
    if code != _SUCCESS:
        said = "nothing" if code is None else f"0x{code:04X}"
        kind = PeerRefused if code in _REFUSALS else PeerUnavailable
        raise kind(f"{peer} was told what we keep, and answers {said}", code)


def _associated(peer: Destination, calling_ae_title: str) -> Association:
    # We ask for the association, and are the service's SCP on it: PS3.4 J.3.3.
    return associate(
        peer, calling_ae_title, _PROPOSALS, served_sop_classes=[StorageCommitmentPushModel]
    )


def _failure(reference: Reference, held: HeldInstance | None, spool: Spool) -> int | None:
    if held is None:
        return NO_SUCH_INSTANCE
    if held.sop_class_uid != reference.sop_class_uid:
        return CLASS_INSTANCE_CONFLICT
    try:
        spool.open_intact(held.spool_key).close()
        return None
    except ObjectDamaged:
        return PROCESSING_FAILURE
    except ObjectGone:
        return NO_SUCH_INSTANCE
    except (SpoolError, OSError):  # what the disk does not show now may be there
        return PROCESSING_FAILURE
