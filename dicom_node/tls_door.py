"""What the listener asks of TLS: to make a connection a secure one, or to say why not."""

import socket
import ssl
from typing import Protocol


class HandshakeRefused(Exception):
    """The peer did not come through the handshake: its `reason` is for the log.

    It is no OSError: what is refused must not pass for a connection that broke.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TlsDoor(Protocol):
    """Asked in the connection's own thread, never in the one that accepts connections."""

    def secure(self, connection: socket.socket) -> ssl.SSLSocket:
        """Shake hands as the server, within the connection's timeout; it is then closed by us.

        Raises HandshakeRefused, for whatever reason, with the connection closed.
        """
