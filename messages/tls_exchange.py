"""TLS on a connection whose end has to be understood: in order, by an alert, or cut off.

ssl.SSLSocket.unwrap takes a fatal alert for an orderly end: a peer that refuses our certificate by
TLS 1.3, after the handshake, would seem to have taken everything.
"""

import socket
import ssl
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar

Outcome = TypeVar("Outcome")
_PIECE_BYTES = 16384  # of a TLS record
# struct tcp_info of Linux: the state comes first.
_TCP_INFO_BYTES, _UNACKNOWLEDGED_AT, _CLOSE_WAIT = 28, 24, 8


class TlsExchange:
    """One deadline (monotonic) stands over all of it; every step raises OSError, of which
    ssl.SSLError and TimeoutError are some.
    """

    def __init__(
        self, plain: socket.socket, context: ssl.SSLContext, host: str, deadline: float
    ) -> None:
        self._plain, self._deadline = plain, deadline
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)

    def shake_hands(self) -> None:
        self._done(self._tls.do_handshake)

    def send(self, octets: bytes) -> None:
        for start in range(0, len(octets), _PIECE_BYTES):
            piece = octets[start : start + _PIECE_BYTES]
            self._done(partial(self._tls.write, piece))

    def end(self) -> None:
        """Returns when the peer has answered our close_notify with its own.

        ssl.SSLEOFError: it closed the connection without one.
        """
        with suppress(ssl.SSLWantReadError):  # nothing has come in: it is only written
            self._tls.unwrap()
        self._flush()
        with suppress(ssl.SSLZeroReturnError):
            while self._done(partial(self._tls.read, _PIECE_BYTES)):
                pass

    def is_all_acknowledged(self) -> bool:
        """Whether the peer's system has taken every octet and then closed.

        One that closed sooner, or with something unread, resets the connection instead.
        """
        while True:
            info = self._plain.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
            [unacknowledged] = struct.unpack_from("=I", info, _UNACKNOWLEDGED_AT)
            if info[0] != _CLOSE_WAIT or time.monotonic() > self._deadline:
                return False
            if unacknowledged == 0:
                return True
            time.sleep(0.01)

    def _done(self, step: Callable[[], Outcome]) -> Outcome:
        while True:
            try:
                outcome = step()
            except ssl.SSLWantReadError:
                self._flush()
                self._feed()
            except ssl.SSLError:
                with suppress(OSError):
                    self._flush()  # an alert of ours
                raise
            else:
                self._flush()
                return outcome

    def _flush(self) -> None:
        while octets := self._outgoing.read():
            self._plain.settimeout(self._remaining_seconds())
            self._plain.sendall(octets)

    def _feed(self) -> None:
        self._plain.settimeout(self._remaining_seconds())
        octets = self._plain.recv(_PIECE_BYTES)
        if octets:
            self._incoming.write(octets)
        else:
            self._incoming.write_eof()

    def _remaining_seconds(self) -> float:
        remaining = self._deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError
        return remaining
