"""The TLS door of the listener: handshakes, files that are renewed, and whom a connection shows."""

import math
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import structlog

from dicom_node.policy import BY_PLAIN_TCP, Shown
from dicom_node.tls import TlsFiles, TlsUnusable, server_context
from dicom_node.tls_door import HandshakeRefused

log = structlog.get_logger(__name__)

_Stamp = tuple[tuple[int, int, int] | None, ...]
# A context remembers the sessions of TLS 1.2, and Python cannot forbid it. Who resumes one shows no
# certificate again, so that a context is not kept for long.
_SESSIONS_SECONDS = 60
_FAREWELL_SECONDS = 1.0
_FAREWELL_BYTES = 1 << 16
# OpenSSL's names of what a peer did; none repeats a word of the peer's.
_REASONS = {
    "HTTP_REQUEST": "it spoke HTTP, not TLS",
    "NO_PROTOCOLS_AVAILABLE": "it offers no version of TLS from 1.2 on",
    "NO_SHARED_CIPHER": "it offers no cipher that is safe enough",
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "it showed no certificate",
    "UNKNOWN_PROTOCOL": "it did not speak TLS",
    "UNSUPPORTED_PROTOCOL": "it offers no version of TLS from 1.2 on",
    "VERSION_TOO_LOW": "it offers no version of TLS from 1.2 on",
    "WRONG_VERSION_NUMBER": "it did not speak TLS",
}


def shown_by(connection: socket.socket | None) -> Shown:
    """What the peer on this connection has shown."""
    if not isinstance(connection, ssl.SSLSocket):
        return BY_PLAIN_TCP
    try:
        return Shown(True, connection.getpeercert(binary_form=True))
    except (OSError, ValueError):  # it has closed the connection meanwhile
        return Shown(True)


class RenewedContext:
    """The newest usable context of some files, which may be replaced while the node runs."""

    def __init__(self, files: TlsFiles, make: Callable[[TlsFiles], ssl.SSLContext]) -> None:
        """Raises TlsUnusable where the files cannot be used from the start."""
        self._files = files
        self._make = make
        self._lock = threading.Lock()
        self._stamp = _stamp(files)
        self._context = make(files)
        self._made_at = time.monotonic()

    def newest(self) -> ssl.SSLContext:
        """Looks at the files each time; where new ones cannot be used, the old ones still hold."""
        with self._lock:
            stamp = _stamp(self._files)
            if stamp != self._stamp:
                self._stamp = stamp
                if self._renew():
                    log.info("tls_files_renewed")
            elif time.monotonic() - self._made_at > _SESSIONS_SECONDS:
                self._renew()
            return self._context

    def _renew(self) -> bool:
        self._made_at = time.monotonic()
        try:
            self._context = self._make(self._files)
        except TlsUnusable as trouble:
            log.error("tls_files_unusable", reason=str(trouble))
            self._made_at = math.inf  # said once: until they change, nothing is tried
            return False
        return True


class ListenerTls:
    """A TlsDoor: who comes through has a certificate in order, where one is needed."""

    def __init__(self, files: TlsFiles, *, callers_need_certificates: bool = True) -> None:
        """Raises TlsUnusable."""
        self._contexts = RenewedContext(
            files,
            lambda some: server_context(some, callers_need_certificates=callers_need_certificates),
        )

    def secure(self, connection: socket.socket) -> ssl.SSLSocket:
        """Shake hands within the connection's timeout, which is that of the whole handshake."""
        try:
            secured = self._contexts.newest().wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        except (OSError, ValueError) as error:
            connection.close()
            raise HandshakeRefused("it left before the handshake") from error
        try:
            secured.do_handshake()
        except (OSError, ValueError) as error:
            _take_leave(secured)
            raise HandshakeRefused(_reason(error)) from error
        return secured


@dataclass(frozen=True)
class TlsPort:
    """A port on which TLS is spoken, by these files, and never anything else."""

    files: TlsFiles
    port: int = 2762
    callers_need_certificates: bool = True

    def door(self) -> ListenerTls:
        """Raises TlsUnusable."""
        needed = self.callers_need_certificates
        return ListenerTls(self.files, callers_need_certificates=needed)


def _stamp(files: TlsFiles) -> _Stamp:
    return tuple(_stamp_of(path) for path in files.all)


def _stamp_of(path: Path) -> tuple[int, int, int] | None:
    try:
        seen = path.stat()
    except OSError:
        return None
    return seen.st_mtime_ns, seen.st_ino, seen.st_size


def _take_leave(secured: ssl.SSLSocket) -> None:
    """Close so that the alert arrives: bytes that nobody has read would turn it into a reset."""
    deadline, left = time.monotonic() + _FAREWELL_SECONDS, _FAREWELL_BYTES
    with suppress(OSError, ValueError):
        secured.shutdown(socket.SHUT_WR)  # from here on it is a plain socket
        secured.settimeout(_FAREWELL_SECONDS)
        while left > 0 and time.monotonic() < deadline and (received := secured.recv(4096)):
            left -= len(received)
    secured.close()


def _reason(error: Exception) -> str:
    """One sentence for the log: why there is no handshake."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate: {error.verify_message}"
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return "it left during the handshake"
    if isinstance(error, ssl.SSLError):
        word = str(error.reason or "")
        refused = "it refuses our certificate" if "_ALERT_" in word else "no handshake"
        return _REASONS.get(word, f"{refused} ({word.lower().replace('_', ' ')})")
    if isinstance(error, TimeoutError):
        return "it did not finish the handshake in time"
    return "it left during the handshake"
