"""What dicom_node/transport assumes of pynetdicom's private parts: here it fails where they change.

A test that fails says which part is another one now. Read what became of it, see whether what
overrides or relies on it still holds, and only then write the new digest here.
"""

import hashlib
import inspect
import threading
from importlib.metadata import version
from typing import Any

import pytest
from pynetdicom import AE, acse, association, dimse, dul, fsm, service_class, timer, transport
from pynetdicom.dimse_messages import DIMSEMessage

from dicom_node.transfer import ReceivingDimse
from dicom_node.transport.association_handler import AssociationHandler
from dicom_node.transport.bounded_socket import BoundedSocket
from dicom_node.transport.prompt_layer import MonotonicTimer, PromptDul
from dicom_node.transport.prompt_socket import PromptSocket
from dicom_node.transport.requested_association import (
    AnswersOnly,
    Checkpoint,
    RequestedAssociation,
    RequestedSocket,
    RequestingDul,
    RequestingEntity,
)
from dicom_node.transport.server import ListenerServer
from dicom_node.transport.upper_layer import AcceptingDul

DIGESTS = {
    "acse:ACSE._negotiate_as_acceptor": 0xFFFD360957C4,
    "acse:ACSE._negotiate_as_requestor": 0x507959152C58,
    "acse:ACSE.is_aborted": 0xAD2EB3F545A9,
    "acse:ACSE.is_release_requested": 0x894B33D21A8D,
    "acse:ACSE.negotiate_release": 0xE66977C72923,
    "acse:ACSE.send_reject": 0x700998293BBC,
    "ae:ApplicationEntity._create_socket": 0xF56BCA8888E1,
    "ae:ApplicationEntity.active_associations": 0x23DA190DFCCA,
    "ae:ApplicationEntity.associate": 0xDBC8CF470903,
    "ae:ApplicationEntity.make_server": 0x6569298AC5CF,
    "association:Association.__init__": 0xEB07516B8009,
    "association:Association._abort_blocking": 0x10B43EF8C63C,
    "association:Association._run_reactor": 0xF28838C5559E,
    "association:Association._serve_request": 0x2F24C1759CDF,
    "association:Association.acse_timeout": 0x566A68AE4A69,
    "association:Association.kill": 0x8F9713666A7F,
    "association:Association.network_timeout": 0xA07CAEDF3F03,
    "association:Association.release": 0xC7D713502B77,
    "association:Association.run_reactor": 0xED8BBBE3B3D6,
    "association:Association.send_c_store": 0xFA5A8127F349,
    "association:Association.set_socket": 0x235681DC7517,
    "dimse:DIMSEServiceProvider.__init__": 0xBBECD186810E,
    "dimse:DIMSEServiceProvider.get_msg": 0x890E3E04283F,
    "dimse:DIMSEServiceProvider.receive_primitive": 0x5F99C86B14A1,
    "dimse:DIMSEServiceProvider.send_msg": 0xA839CF2FB469,
    "dimse_messages:DIMSEMessage.decode_msg": 0xF51C777E841A,
    "dul:DULServiceProvider.__init__": 0xC82DAFA9438D,
    "dul:DULServiceProvider._decode_pdu": 0xFC71DD1BF853,
    "dul:DULServiceProvider._is_transport_event": 0x8725ED03BB8F,
    "dul:DULServiceProvider._process_recv_primitive": 0x4C0EBBB3E646,
    "dul:DULServiceProvider._read_pdu_data": 0x19F2D4E38C13,
    "dul:DULServiceProvider._send": 0xA850A7919E68,
    "dul:DULServiceProvider.kill_dul": 0x5CECCF8DD01C,
    "dul:DULServiceProvider.receive_pdu": 0xFA67339834CA,
    "dul:DULServiceProvider.run_reactor": 0xE3A10EB3A093,
    "dul:DULServiceProvider.send_pdu": 0x7CBCE5DA8594,
    "dul:DULServiceProvider.stop_dul": 0x28A7E0BE126E,
    "fsm:AA_1": 0x8495A4665F7A,
    "fsm:AA_2": 0xA58069D82991,
    "fsm:AA_3": 0xDE64452E828D,
    "fsm:AA_4": 0xDE72D40C80B0,
    "fsm:AE_1": 0x4BA54B0D47FC,
    "fsm:AE_2": 0x80AA98B2CF0C,
    "fsm:AE_5": 0x35E8617FCC8D,
    "fsm:AE_6": 0x385D595ED494,
    "fsm:AR_5": 0xDC32D2343F42,
    "fsm:StateMachine.do_action": 0x9A883F44C7F3,
    "service_class:QueryRetrieveServiceClass.SCP": 0xE59BA54B9071,
    "service_class:ServiceClass.is_cancelled": 0xFB9ACF44B9BD,
    "timer:Timer": 0x77DDAE7423F5,
    "transport:AssociationServer.__init__": 0xEDACB98BDFB7,
    "transport:AssociationServer.server_bind": 0xCF69278A05A5,
    "transport:AssociationServer.server_close": 0x3FA1B358BADB,
    "transport:AssociationSocket.__init__": 0x1F0325FDEF2C,
    "transport:AssociationSocket._shutdown_socket": 0xE2B2628FAA81,
    "transport:AssociationSocket.close": 0xC726C8DB5381,
    "transport:AssociationSocket.connect": 0xAEEEAE413BD3,
    "transport:AssociationSocket.ready": 0x3EB58E3D39DC,
    "transport:AssociationSocket.recv": 0x6BC20A33B1B7,
    "transport:AssociationSocket.send": 0x1EA8158C0B51,
    "transport:RequestHandler.__init__": 0xFAA90BFC7E0F,
    "transport:RequestHandler._create_association": 0x05C8D12B7986,
    "transport:RequestHandler.handle": 0x034823FB4DF3,
}


def _digest(part: Any) -> int:
    source = inspect.getsource(part.fget if isinstance(part, property) else part)
    return int(hashlib.sha256(source.encode()).hexdigest()[:12], 16)


def _part(name: str) -> Any:
    module, _, path = name.partition(":")
    part = _MODULES[module]
    for word in path.split("."):
        part = inspect.getattr_static(part, word)
    return part


_MODULES = {
    "acse": acse,
    "ae": inspect.getmodule(AE),
    "association": association,
    "dimse": dimse,
    "dimse_messages": inspect.getmodule(DIMSEMessage),
    "dul": dul,
    "fsm": fsm,
    "service_class": service_class,
    "timer": timer,
    "transport": transport,
}


def test_it_is_the_version_that_was_read() -> None:
    assert version("pynetdicom") == "3.0.4"


@pytest.mark.parametrize("name", DIGESTS)
def test_this_part_is_what_it_was(name: str) -> None:
    assert _digest(_part(name)) == DIGESTS[name], f"pynetdicom's {name} is another one now"


OVERRIDES = [
    (PromptSocket, transport.AssociationSocket, {"ready"}),
    (BoundedSocket, transport.AssociationSocket, {"recv", "send"}),
    (RequestedSocket, transport.AssociationSocket, {"connect"}),
    (PromptDul, dul.DULServiceProvider, {"send_pdu", "kill_dul", "stop_dul"}),
    (
        AcceptingDul,
        dul.DULServiceProvider,
        {"run_reactor", "_is_transport_event", "_read_pdu_data"},
    ),
    (RequestingDul, dul.DULServiceProvider, {"run_reactor"}),
    (RequestingEntity, AE, {"_create_socket"}),
    (RequestedAssociation, association.Association, set()),
    (Checkpoint, threading.Event, {"wait"}),
    (AnswersOnly, dimse.DIMSEServiceProvider, {"get_msg"}),
    (MonotonicTimer, timer.Timer, {"start", "stop", "remaining"}),
    (ReceivingDimse, dimse.DIMSEServiceProvider, {"get_msg"}),
    (AssociationHandler, transport.RequestHandler, {"handle", "_create_association"}),
    (ListenerServer, transport.AssociationServer, {"serve_forever", "request_queue_size"}),
]


@pytest.mark.parametrize(("ours", "theirs", "overridden"), OVERRIDES)
def test_what_is_overridden_is_still_there_to_be_overridden(
    ours: type, theirs: type, overridden: set[str]
) -> None:
    """And nothing else of the same name has come to be, which we would override unawares."""
    own = {name for name in vars(ours) if not name.startswith("__")}
    shared = {name for name in own if hasattr(theirs, name)}
    assert shared == overridden | (shared & _ATTRIBUTES)


_ATTRIBUTES = {"request", "server"}  # declared only
