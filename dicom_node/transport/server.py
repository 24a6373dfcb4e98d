"""The server of the listener: who has asked for an association gets one, or is told why not."""

import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog
from pynetdicom.association import Association
from pynetdicom.transport import AssociationServer

from dicom_node.policy import AssociationPolicy
from dicom_node.refusals import RefusalLog
from dicom_node.spool import Spool
from dicom_node.tls_door import HandshakeRefused, TlsDoor
from dicom_node.transport.association_handler import AssociationHandler
from dicom_node.transport.association_places import AssociationPlaces
from dicom_node.transport.association_request import NO_PLACE_LEFT, NoRequest, is_whole, titles_of
from dicom_node.transport.caller import Caller
from dicom_node.transport.reception import Reception

log = structlog.get_logger(__name__)

_BACKLOG = 256
_READ_BYTES = 1 << 16


@dataclass(frozen=True)
class Door:
    """What one port of the listener works with; the doors of a node share `places`.

    `on_end` is told of every association that is over; with `tls` the port speaks nothing else.
    """

    policy: AssociationPolicy
    places: AssociationPlaces
    spool: Spool
    refusals: RefusalLog
    on_end: Callable[[Association], None]
    tls: TlsDoor | None = None


class ListenerServer(AssociationServer):  # type: ignore[misc]
    """Accepts connections in one thread, and gives each association one that lives as long."""

    request_queue_size = _BACKLOG

    def __init__(self, *args: Any, door: Door, **kwargs: Any) -> None:
        self.door = door
        self.live_associations: set[Association] = set()
        super().__init__(*args, request_handler=AssociationHandler, **kwargs)
        self._is_closed = threading.Event()
        self._reception = Reception(
            self.socket,
            self._receive,
            door.refusals,
            request_seconds=door.policy.request_timeout_seconds,
            first_byte_suffices=door.tls is not None,
        )

    @property
    def tls(self) -> TlsDoor | None:
        return self.door.tls

    @property
    def waiting_count(self) -> int:
        return len(self._reception.waiting)

    def serve_forever(self, poll_interval: float = 0) -> None:  # noqa: ARG002 - it does not poll
        try:
            self._reception.run()
        finally:
            self._is_closed.set()

    def stop_accepting(self) -> None:
        """Close the port, and the connections on which nothing was asked; associations stay."""
        self._reception.stop()
        self._is_closed.wait()

    def wait_until_idle(self, timeout_seconds: float) -> bool:
        """Whether the last association has ended in time."""
        deadline = time.monotonic() + timeout_seconds
        while self.live_associations and time.monotonic() < deadline:
            time.sleep(0.05)
        return not self.live_associations

    def abort_associations(self) -> None:
        for association in list(self.live_associations):
            association.abort()

    def forget(self, association: Association) -> None:
        """The association is over and its thread about to end."""
        try:
            self.door.on_end(association)
        finally:
            self.live_associations.discard(association)

    def _receive(self, caller: Caller) -> None:
        """In the thread that accepts connections: nothing here may wait for anybody."""
        if self.door.tls is None:
            self._admit(caller, caller.connection)
            return
        connection = caller.connection
        # The handshake takes the socket itself; this one is for hanging up.
        caller.connection = connection.dup()
        if not self._start(self._shake_hands, caller, connection):
            self._reception.waiting.leave(caller)
            caller.connection.close()

    def _shake_hands(self, caller: Caller, connection: socket.socket) -> None:
        """In a thread of its own, until the request is here or the time is up."""
        assert self.door.tls is not None
        try:
            connection.settimeout(max(0.001, caller.due_at - time.monotonic()))
            secured = self.door.tls.secure(connection)
        except HandshakeRefused as error:
            connection.close()
            if self._reception.waiting.leave(caller):
                self.door.refusals.warning(
                    "handshake_refused", kind=error.reason, address=caller.address
                )
            caller.connection.close()
            return
        with caller.connection:
            asked = self._has_asked(caller, secured)
        if asked:
            self._admit(caller, secured)
        else:
            self._reception.waiting.leave(caller)
            secured.close()

    def _has_asked(self, caller: Caller, connection: socket.socket) -> bool:
        """Reads the request; the reception hangs up when it takes too long."""
        try:
            while not is_whole(caller.received):
                data = connection.recv(_READ_BYTES)
                if not data:
                    return False
                leaving = self._reception.waiting.note(caller, data)
                if leaving is not None:
                    leaving.hang_up()
        except (OSError, NoRequest):
            return False
        return True

    def _admit(self, caller: Caller, connection: socket.socket) -> None:
        if not self._reception.waiting.leave(caller):
            connection.close()
            return
        if _has_left(connection):
            connection.close()
            return
        calling = titles_of(caller.received).calling
        is_own = self.door.policy.is_known_to_be_own(calling, caller.address)
        reason = self.door.places.take(caller.origin, is_own=is_own)
        if reason is not None:
            self._decline(caller, connection, reason)
        elif not self._start(self._serve, caller, connection):
            self.door.places.give_back(caller.origin)

    def _decline(self, caller: Caller, connection: socket.socket, reason: str) -> None:
        self.door.refusals.warning("connection_refused", kind=reason, address=caller.address)
        with suppress(OSError):
            connection.send(NO_PLACE_LEFT)  # ten bytes: there is room for them
        connection.close()

    def _start(
        self,
        work: Callable[[Caller, socket.socket], None],
        caller: Caller,
        connection: socket.socket,
    ) -> bool:
        try:
            threading.Thread(target=work, args=(caller, connection), daemon=True).start()
        except RuntimeError:  # the system gives no more threads
            self._decline(caller, connection, "no thread is left")
            return False
        return True

    def _serve(self, caller: Caller, connection: socket.socket) -> None:
        try:
            AssociationHandler(caller, connection, self)
        except Exception as error:  # noqa: BLE001 - one connection's end is not another's
            # Without its message, whose values would be the peer's.
            log.error("connection_failed", error=type(error).__name__)
        finally:
            self.shutdown_request(connection)
            self.door.places.give_back(caller.origin)


def _has_left(connection: socket.socket) -> bool:
    """Whether the peer has closed the connection; of one with TLS it is not seen here."""
    if isinstance(connection, ssl.SSLSocket):
        return False
    try:
        return not connection.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        return True
