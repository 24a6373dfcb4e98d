"""The connection of an association that we ask for, whatever the number of its descriptor."""

import select
import ssl

from pynetdicom.transport import AssociationSocket


class PolledSocket(AssociationSocket):  # type: ignore[misc]
    """pynetdicom's asks `select`, which fails where the process has more than 1023 open."""

    @property
    def ready(self) -> bool:
        if self.socket is None or not self._is_connected:
            return False
        if isinstance(self.socket, ssl.SSLSocket) and self.socket.pending():
            return True
        poller = select.poll()
        try:
            poller.register(self.socket, select.POLLIN)
            return bool(poller.poll(0))
        except (OSError, ValueError):
            self.event_queue.put("Evt17")  # transport connection closed
            return False
