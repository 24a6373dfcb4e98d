"""An association that we ask for: it sleeps until either side has something to do."""

import socket
import ssl
import threading
from contextlib import suppress
from typing import Any

from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.transport import T_CONNECT, AddressInformation

from dicom_node.transport.prompt_layer import PromptDul
from dicom_node.transport.prompt_socket import PromptSocket

_WAIT_SECONDS = 1  # only for the timers: whatever else there is wakes it


class RequestingEntity(AE):  # type: ignore[misc]
    """Its associations cost nothing while they stand idle, and answer at once."""

    def _create_socket(
        self,
        assoc: Association,
        address: AddressInformation,
        tls_args: tuple[ssl.SSLContext, str] | None,
    ) -> "RequestedSocket":
        """Where pynetdicom first shows the association: what it is made of is exchanged here."""
        assoc.__class__ = RequestedAssociation  # pynetdicom lets nobody choose the class
        assoc._reactor_checkpoint = Checkpoint()
        assoc.dimse = AnswersOnly(assoc)
        assoc.dul = RequestingDul(assoc)
        connection = RequestedSocket(assoc, address=address)
        connection.tls_args = tls_args
        return connection


class RequestedAssociation(Association):  # type: ignore[misc]
    """Whether its thread stands still is seen, not noted.

    pynetdicom notes that it goes on whenever an N-EVENT-REPORT has been served, by another thread.
    """

    @property
    def _is_paused(self) -> bool:
        return bool(self._kill or self._reactor_checkpoint.is_waited_at)

    @_is_paused.setter
    def _is_paused(self, noted: bool) -> None:
        """pynetdicom's note."""


class RequestedSocket(PromptSocket):
    """A connection to a peer; what it begins to send or to take must go on."""

    has_connected = False
    _connection: socket.socket | None = None

    def connect(self, primitive: T_CONNECT) -> None:
        super().connect(primitive)
        if self._is_connected:
            self.has_connected, self._connection = True, self.socket
            # Without it whoever falls silent in the midst of a PDU is waited for without end. By
            # TLS 1.3 the first read begins at the session tickets: it waits for the A-ASSOCIATE-AC.
            self.socket.settimeout(self.assoc.acse_timeout)
            # With Nagle's algorithm every small C-STORE waits for a delayed acknowledgement, 40 ms.
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def hang_up(self) -> None:
        """And the connection, which pynetdicom leaves open where the peer has reset it."""
        super().hang_up()
        if self._connection is not None:
            with suppress(OSError):
                self._connection.close()


class RequestingDul(PromptDul):
    """On a RequestedSocket; the association waits at its Checkpoint."""

    def __init__(self, association: Association) -> None:
        super().__init__(association, association._reactor_checkpoint.tell)

    def run_reactor(self) -> None:
        """As pynetdicom's, but whatever it ends by, whoever waits for the peer learns of it."""
        try:
            super().run_reactor()
        finally:
            self.assoc.dimse.msg_queue.put((None, None))
            self.to_user_queue.put(None)
            self.socket.hang_up()


class Checkpoint(threading.Event):
    """Where the association's own thread waits until it is told that there is something to do.

    pynetdicom's, an event that is clear while a message is answered, lets it pass a thousand times
    a second.
    """

    def __init__(self) -> None:
        super().__init__()
        self.is_waited_at = False
        self._told = threading.Event()
        self.set()

    def tell(self) -> None:
        self._told.set()

    def wait(self, timeout: float | None = None) -> bool:
        self.is_waited_at = True
        try:
            self._told.wait(_WAIT_SECONDS)
            self._told.clear()
            return super().wait(timeout)
        finally:
            self.is_waited_at = False


class AnswersOnly(DIMSEServiceProvider):  # type: ignore[misc]
    """Leaves every message to who asked.

    pynetdicom's own thread looks for requests of the peer, which has none to make here. On a busy
    machine it is still at that when the answer comes, and takes it: who asked waits in vain.
    """

    def get_msg(self, block: bool = False) -> Any:
        return super().get_msg(block=True) if block else (None, None)
