"""Audit messages by syslog over TLS (RFC 5424, RFC 5425) to an audit record repository.

Syslog has no acknowledgement. So what was sent counts as told only when the repository has answered
our close_notify with its own, as RFC 5425 4.4 demands: until then it has read everything before.
"""

import socket
import ssl
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from dicom_node.peer import PeerRefused, PeerUnavailable, connection_trouble

_AUTHPRIV = 10
_NOTICE, _WARNING = 5, 4
_MESSAGE_ID = "DICOM+RFC3881"  # PS3.15 A.6
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"  # RFC 5424 6.4: what follows is UTF-8
_SEQUENCE_IDS = 2**31 - 1  # RFC 5424 7.3.1: then it begins again at 1
_HOST_NAME_MAX = 255
_BROKEN_OFF = "broke the connection off before it had taken everything"
_NO_CLOSE_NOTIFY = (
    "ended TLS without close_notify: what it took is unknown; if that is its way, see "
    "`audit_repository_close_notify`"
)
# struct tcp_info of Linux: the state comes first.
_TCP_INFO_BYTES, _UNACKNOWLEDGED_AT, _CLOSE_WAIT = 28, 24, 8


@dataclass(frozen=True)
class AuditRepository:
    """Where the trail is told; whom we trust there (none: the system's own), what we show.

    One that ends TLS without close_notify (rsyslog with gtls) is taken at its word only where
    `answers_close_notify` is false: then the end of the connection has to do.
    """

    host: str
    port: int
    authorities: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    answers_close_notify: bool = True
    timeout_seconds: float = 10

    def __str__(self) -> str:
        return f"audit repository {self.host}:{self.port}"

    def context(self) -> ssl.SSLContext:
        """Made anew for each connection, so that new files count at once; raises OSError."""
        context = ssl.create_default_context(cafile=self.authorities)
        if self.certificate is not None:
            context.load_cert_chain(self.certificate, self.key)
        return context


@dataclass(frozen=True)
class SyslogMessage:
    """An audit message and what its header says; who has had this sequence has had this message."""

    sequence: int
    happened_at: datetime
    host: str
    is_alert: bool
    content: bytes

    def frame(self) -> bytes:
        """With its length before it, in octets (RFC 5425 4.3)."""
        encoded = self._header().encode("ascii", "replace") + _BYTE_ORDER_MARK + self.content
        return f"{len(encoded)} ".encode() + encoded

    def _header(self) -> str:
        priority = _AUTHPRIV * 8 + (_WARNING if self.is_alert else _NOTICE)
        moment = self.happened_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        number = (self.sequence - 1) % _SEQUENCE_IDS + 1
        host = self.host[:_HOST_NAME_MAX]
        return f'<{priority}>1 {moment} {host} osteon - {_MESSAGE_ID} [meta sequenceId="{number}"] '


def send_messages(repository: AuditRepository, messages: Sequence[SyslogMessage]) -> None:
    """On a connection of its own; PeerUnavailable or PeerRefused: send them all again later."""
    with _secured(repository) as connection:
        _exchange(repository, connection, b"".join(message.frame() for message in messages))


def verify_repository(repository: AuditRepository) -> None:
    """Return if TLS comes about and ends in order; nothing is told."""
    send_messages(repository, ())


def _secured(repository: AuditRepository) -> ssl.SSLSocket:
    try:
        context = repository.context()
    except OSError as error:  # ssl.SSLError is one
        raise PeerRefused(f"{repository}: our own TLS files cannot be used: {error}") from error
    address = (repository.host, repository.port)
    try:
        plain = socket.create_connection(address, repository.timeout_seconds)
    except OSError as error:
        raise PeerUnavailable(f"{repository}: {connection_trouble(error)}") from error
    try:
        return context.wrap_socket(plain, server_hostname=repository.host)
    except ssl.SSLCertVerificationError as error:
        plain.close()
        raise PeerRefused(
            f"{repository}: its certificate is not trusted ({error.verify_message})"
        ) from error
    except OSError as error:
        plain.close()
        raise PeerUnavailable(f"{repository}: no TLS came about; is it a TLS port?") from error


def _exchange(repository: AuditRepository, connection: ssl.SSLSocket, frames: bytes) -> None:
    deadline = time.monotonic() + repository.timeout_seconds
    try:
        connection.sendall(frames)
        connection.settimeout(max(deadline - time.monotonic(), 0.1))
        connection.unwrap()
    except ssl.SSLEOFError as error:
        if repository.answers_close_notify:
            raise PeerUnavailable(f"{repository} {_NO_CLOSE_NOTIFY}") from error
        if not _is_all_acknowledged(connection, deadline):
            raise PeerUnavailable(f"{repository} {_BROKEN_OFF}") from error
    except TimeoutError as error:
        raise PeerUnavailable(f"{repository} did not take the messages in time") from error
    except OSError as error:
        raise PeerUnavailable(f"{repository} {_BROKEN_OFF}") from error


def _is_all_acknowledged(connection: ssl.SSLSocket, deadline: float) -> bool:
    """Whether its system has taken every octet and then closed.

    One that closed sooner, or with something unread, resets the connection instead.
    """
    while True:
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
        [unacknowledged] = struct.unpack_from("=I", info, _UNACKNOWLEDGED_AT)
        if info[0] != _CLOSE_WAIT or time.monotonic() > deadline:
            return False
        if unacknowledged == 0:
            return True
        time.sleep(0.01)
