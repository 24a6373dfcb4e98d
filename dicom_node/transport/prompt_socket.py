"""The connection of an association: it sleeps until there is something to do, never for good."""

import select
import socket
import ssl
from contextlib import suppress
from typing import Any

from pynetdicom.association import Association
from pynetdicom.transport import AssociationSocket

# What ends an association rings the bell: the wait only has to see timers run out.
_WAIT_MILLISECONDS = 1000


class PromptSocket(AssociationSocket):  # type: ignore[misc]
    """Sleeps until the peer sends or our side has something to do.

    pynetdicom's asks a thousand times a second, and by `select`, which fails where the process has
    more than 1023 descriptors open.
    """

    def __init__(self, association: Association, **connection: Any) -> None:
        self._bell, self._bell_rope = socket.socketpair()
        self._bell.setblocking(False)
        self._bell_rope.setblocking(False)
        super().__init__(association, **connection)

    def wake(self) -> None:
        """End the wait in `ready`, from any thread."""
        with suppress(OSError):  # already rung often, or hung up
            self._bell_rope.send(b"!")

    def hang_up(self) -> None:
        """The association is over: free what is not the client's socket."""
        self._bell.close()
        self._bell_rope.close()

    @property
    def ready(self) -> bool:
        """Whether the peer has sent something; waits for it a little where nothing else is due."""
        peer = self.socket if self._is_connected else None
        if peer is not None and self._has_read_ahead():
            return True
        try:
            signalled = self._signalled(peer)
            return self.socket is not None and self.socket.fileno() in signalled
        except (OSError, ValueError):
            self.event_queue.put("Evt17")
            return False

    def rest(self) -> None:
        """Wait as `ready` does, but whatever the peer sends."""
        with suppress(OSError, ValueError):
            self._signalled(None)

    def _has_read_ahead(self) -> bool:
        """Whether there is something to read that the connection itself no longer shows."""
        return isinstance(self.socket, ssl.SSLSocket) and self.socket.pending() > 0

    def _signalled(self, peer: socket.socket | None) -> set[int]:
        poller = select.poll()
        for awaited in filter(None, (self._bell, peer)):
            poller.register(awaited, select.POLLIN)
        signalled = {descriptor for descriptor, _ in poller.poll(self._patience())}
        self._silence_bell()
        return signalled

    def _patience(self) -> int:
        return _WAIT_MILLISECONDS if self.event_queue.empty() else 0

    def _silence_bell(self) -> None:
        with suppress(BlockingIOError):
            while self._bell.recv(64):
                pass
