"""Sets an association up on a connection, and clears up when it is over, however it ended."""

import socket
from typing import TYPE_CHECKING, Any

from pynetdicom import evt
from pynetdicom.association import Association
from pynetdicom.presentation import PresentationContext
from pynetdicom.transport import RequestHandler

from dicom_node.query_retrieve.retrieve_exchange import RetrievableAssociation
from dicom_node.transfer import ReceivingDimse
from dicom_node.transport.bounded_socket import BoundedSocket
from dicom_node.transport.caller import Caller
from dicom_node.transport.upper_layer import AcceptingDul

if TYPE_CHECKING:
    from dicom_node.transport.server import ListenerServer


class SharedContexts(list[PresentationContext]):
    """Contexts that every association reads and none changes: the copy made for each is dear."""

    def __deepcopy__(self, memo: dict[int, Any]) -> "SharedContexts":
        return self


class AssociationHandler(RequestHandler):  # type: ignore[misc]
    """All of an association's life, in a thread of its own."""

    server: "ListenerServer"

    def __init__(self, caller: Caller, connection: socket.socket, server: "ListenerServer") -> None:
        self._received = bytes(caller.received)
        super().__init__(connection, caller.client_address, server)

    def handle(self) -> None:
        association = self._create_association()
        self.server.live_associations.add(association)
        try:
            evt.trigger(association, evt.EVT_CONN_OPEN, {"address": self.client_address})
            association.start()
            association.join()
            if association.dul.is_alive():
                association.dul.join()
        finally:
            self._clear_up(association)

    def _create_association(self) -> Association:
        association = super()._create_association()
        association.__class__ = RetrievableAssociation  # pynetdicom lets nobody choose the class
        server, policy = self.server, self.server.door.policy
        association.dimse = ReceivingDimse(association, server.door.spool, policy.object_max_bytes)
        association.dul = AcceptingDul(association)
        association.set_socket(BoundedSocket(association, self.request, policy, self._received))
        # These set the timers of the upper layer, which is a new one.
        association.acse_timeout = policy.request_timeout_seconds
        association.network_timeout = policy.network_timeout_seconds
        return association

    def _clear_up(self, association: Association) -> None:
        self.server.shutdown_request(self.request)
        association.dimse.end_all_transfers()
        association.dul.socket.hang_up()
        self.server.forget(association)
