"""Audit messages by syslog over TLS (RFC 5424, RFC 5425) to an audit record repository.

Syslog has no acknowledgement. So what was sent counts as told only when the repository has answered
our close_notify with its own, as RFC 5425 4.4 demands: until then it has read everything before.
"""

import socket
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from dicom_node.peer import PeerRefused, PeerUnavailable, connection_trouble
from messages.tls_exchange import TlsExchange

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
            # Without a passphrase: OpenSSL would ask for it on a terminal.
            context.load_cert_chain(self.certificate, self.key, password="")
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
    frames = b"".join(message.frame() for message in messages)
    deadline = time.monotonic() + repository.timeout_seconds
    with _connected(repository) as plain:
        exchange = TlsExchange(plain, _context(repository), repository.host, deadline)
        try:
            exchange.shake_hands()
        except ssl.SSLCertVerificationError as error:
            raise PeerRefused(
                f"{repository}: its certificate is not trusted ({error.verify_message})"
            ) from error
        except OSError as error:
            raise PeerUnavailable(f"{repository}: no TLS came about; is it a TLS port?") from error
        try:
            exchange.send(frames)
            exchange.end()
        except ssl.SSLEOFError as error:
            _judge_plain_end(repository, exchange, error)
        except TimeoutError as error:
            raise PeerUnavailable(f"{repository} did not take the messages in time") from error
        except OSError as error:
            raise PeerUnavailable(f"{repository} {_BROKEN_OFF}{_alert(error)}") from error


def verify_repository(repository: AuditRepository) -> None:
    """Return if TLS comes about and ends in order; nothing is told."""
    send_messages(repository, ())


def _context(repository: AuditRepository) -> ssl.SSLContext:
    try:
        return repository.context()
    except OSError as error:  # ssl.SSLError is one
        raise PeerRefused(f"{repository}: our own TLS files cannot be used: {error}") from error


def _connected(repository: AuditRepository) -> socket.socket:
    try:
        return socket.create_connection(
            (repository.host, repository.port), repository.timeout_seconds
        )
    except OSError as error:
        raise PeerUnavailable(f"{repository}: {connection_trouble(error)}") from error


def _judge_plain_end(
    repository: AuditRepository, exchange: TlsExchange, error: ssl.SSLEOFError
) -> None:
    """The connection ended, and TLS did not."""
    if repository.answers_close_notify:
        raise PeerUnavailable(f"{repository} {_NO_CLOSE_NOTIFY}") from error
    if not exchange.is_all_acknowledged():
        raise PeerUnavailable(f"{repository} {_BROKEN_OFF}") from error


def _alert(error: OSError) -> str:
    """Such as that it wants a certificate, or does not take ours."""
    reason = error.reason if isinstance(error, ssl.SSLError) else None
    return f" ({reason.lower().replace('_', ' ')})" if reason else ""
