"""What a side of an association says of itself, and how the listener answers what is offered."""

from dataclasses import dataclass
from typing import Any

from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, build_context, build_role
from pynetdicom.pdu_primitives import (
    AsynchronousOperationsWindowNegotiation,
    SOPClassCommonExtendedNegotiation,
    SOPClassExtendedNegotiation,
    UserIdentityNegotiation,
)
from pynetdicom.sop_class import (
    SecondaryCaptureImageStorage,
    StudyRootQueryRetrieveInformationModelFind,
)

from dicom_node.listener import Listener, ListenerConfig
from dicom_node.policy import AssociationPolicy
from dicom_node.query_retrieve.retrieve_client import Reception

_STORAGE_SERVICE_CLASS = "1.2.840.10008.4.2"


@dataclass(frozen=True)
class Announced:
    """What one side says in its User Information (PS3.7 D.3.3); `items` by their names there."""

    implementation_class_uid: str
    implementation_version_name: str
    max_pdu_bytes: int
    items: frozenset[str]


def announced(primitive: Any) -> Announced:
    """What an A-ASSOCIATE primitive of the one side says."""
    values: dict[str, Any] = {type(one).__name__: one for one in primitive.user_information}
    return Announced(
        str(values["ImplementationClassUIDNotification"].implementation_class_uid),
        str(values["ImplementationVersionNameNotification"].implementation_version_name),
        int(values["MaximumLengthNotification"].maximum_length_received),
        frozenset(values),
    )


def announced_by_listener(policy: AssociationPolicy, reception: Reception) -> Announced:
    """What the listener answers to a requestor that offers all there is to negotiate."""
    # Whom the policy admits is of no matter here, and whoever calls has no place in it.
    open_policy = AssociationPolicy(policy.ae_title, max_pdu_bytes=policy.max_pdu_bytes)
    config = ListenerConfig(open_policy, reception.name, port=0)
    listener = Listener(config, reception.engine, reception.spool)
    listener.start()
    try:
        association = AE("PEER").associate(
            "127.0.0.1",
            listener.port,
            contexts=_contexts(),
            ae_title=policy.ae_title,
            ext_neg=_items(),
        )
        answer = association.acceptor.primitive
        association.release()
    finally:
        listener.stop()
    return announced(answer)


def _contexts() -> list[Any]:
    syntaxes = [ExplicitVRLittleEndian, ImplicitVRLittleEndian]
    offered = (StudyRootQueryRetrieveInformationModelFind, SecondaryCaptureImageStorage)
    return [build_context(sop_class, syntaxes) for sop_class in offered]


def _items() -> list[Any]:
    """One of each negotiation item of PS3.7 D.3.3."""
    user = UserIdentityNegotiation()
    user.user_identity_type, user.primary_field = 1, b"somebody"
    user.positive_response_requested = True
    window = AsynchronousOperationsWindowNegotiation()
    window.maximum_number_operations_invoked = window.maximum_number_operations_performed = 5
    extended = SOPClassExtendedNegotiation()
    extended.sop_class_uid = StudyRootQueryRetrieveInformationModelFind
    extended.service_class_application_information = b"\x01\x01\x01"
    common = SOPClassCommonExtendedNegotiation()
    common.sop_class_uid = SecondaryCaptureImageStorage
    common.service_class_uid = _STORAGE_SERVICE_CLASS
    role = build_role(SecondaryCaptureImageStorage, scu_role=True, scp_role=True)
    return [user, window, extended, common, role]
