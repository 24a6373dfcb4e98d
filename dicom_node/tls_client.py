"""Calling a peer by TLS: whose certificate it has to show, and plain words for why it failed."""

import hmac
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass

from dicom_node.certificate_name import CertificateName, subject_of
from dicom_node.tls import TlsFiles, TlsUnusable, client_context, own_certificate

# TLS 1.3 says what it thinks of our certificate after the handshake (RFC 8446 4.4.2.4).
_VERDICT_SECONDS = 1.0
_VERIFICATION = {  # X509_V_ERR_… of OpenSSL
    3: "no revocation list of its issuer is among ours (`tls_revocations`)",
    9: "its certificate is not valid yet: look at the clocks",
    10: "its certificate has expired: renew it there",
    12: "our revocation list is too old: fetch a new one (`tls_revocations`)",
    18: "its certificate is signed by itself alone: add it to `tls_authorities`, or have it signed",
    19: "its certificate is of an authority that `tls_authorities` does not have",
    20: "its certificate is of an authority that `tls_authorities` does not have",
    23: "its certificate has been revoked",
    62: "its certificate is of another host: correct the host, or name it by `certificate`",
    64: "its certificate is of another address: correct the host, or name it by `certificate`",
}
_ALERTS = {  # by what OpenSSL calls them, without SSLV3_ALERT_, TLSV1_ALERT_, TLSV13_ALERT_
    "BAD_CERTIFICATE": "it does not take our certificate: look into its log",
    "CERTIFICATE_EXPIRED": "it says that our certificate has expired: renew `tls_certificate`",
    "CERTIFICATE_REQUIRED": "it demands a certificate of us",
    "CERTIFICATE_REVOKED": "it says that our certificate has been revoked",
    "CERTIFICATE_UNKNOWN": "it does not take our certificate: look into its log",
    "HANDSHAKE_FAILURE": "it has no version or cipher in common with us, or wants a certificate",
    "INSUFFICIENT_SECURITY": "it wants other ciphers than ours",
    "PROTOCOL_VERSION": "it speaks no TLS from 1.2 on",
    "UNKNOWN_CA": "it does not know the authority of our certificate: add that there",
    "UNSUPPORTED_CERTIFICATE": "our certificate is not of a kind that it takes",
}
_SPEAKS_NO_TLS = "it speaks no TLS on this port: correct the port, or unset `tls`"
_PROTOCOL = {
    "HTTP_REQUEST": _SPEAKS_NO_TLS,
    "UNKNOWN_PROTOCOL": _SPEAKS_NO_TLS,
    "UNSUPPORTED_PROTOCOL": "it speaks no TLS from 1.2 on",
    "WRONG_VERSION_NUMBER": _SPEAKS_NO_TLS,
}
_BROKEN_OFF = "it broke the handshake off: does it speak TLS here, and take our certificate?"


class WrongCertificate(ssl.SSLError):
    """The peer's certificate is in order and not the one that its record names."""


@dataclass(frozen=True)
class PeerTls:
    """What we show a peer, and what it has to show: a certificate of the host that is called, or
    the one that `certificate` names, whatever host that is of.

    `is_ourselves`: the peer is our own listener, which has to show the very certificate we have.
    """

    files: TlsFiles
    certificate: CertificateName | None = None
    is_ourselves: bool = False

    def context(self) -> ssl.SSLContext:
        """Made anew for each connection, so that new files count at once. Raises TlsUnusable."""
        context = client_context(self.files)
        if self.is_ourselves:
            ours = own_certificate(self.files)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            context.sslsocket_class = _requiring(lambda shown: hmac.compare_digest(shown, ours))
        elif self.certificate is not None:
            context.check_hostname = False
            context.sslsocket_class = _requiring(self.certificate.matches)
        return context

    def trouble(self, address: tuple[str, int], timeout_seconds: float) -> str | None:
        """What keeps us from shaking hands, by trying once more; None where nothing does.

        Raises OSError where there is not even a connection.
        """
        try:
            context = self.context()
        except TlsUnusable as unusable:
            return f"our own TLS files: {unusable}"
        with socket.create_connection(address, timeout_seconds) as plain:
            try:
                with context.wrap_socket(plain, server_hostname=address[0]) as secured:
                    return _verdict(secured)
            except (OSError, ValueError) as error:
                return _handshake_trouble(error)


def _requiring(is_the_one: Callable[[bytes], bool]) -> type[ssl.SSLSocket]:
    """Sockets that end the handshake where the certificate is another's."""

    class NamedSocket(ssl.SSLSocket):
        def do_handshake(self, block: bool = False) -> None:
            super().do_handshake(block)
            shown = self.getpeercert(binary_form=True)
            if shown is None or not is_the_one(shown):
                said = subject_of(shown) if shown else "none"
                raise WrongCertificate(f"it shows the certificate of another: {said}")

    return NamedSocket


def _verdict(secured: ssl.SSLSocket) -> str | None:
    secured.settimeout(_VERDICT_SECONDS)
    try:
        return None if secured.recv(1) else "it closed the connection right after the handshake"
    except TimeoutError:  # as it should be: it waits for us to speak
        return None


def _handshake_trouble(error: Exception) -> str:
    if isinstance(error, WrongCertificate):
        return str(error.args[0])
    if isinstance(error, ssl.SSLCertVerificationError):
        return _VERIFICATION.get(error.verify_code, f"its certificate: {error.verify_message}")
    if isinstance(error, ssl.SSLError) and error.reason:
        alert = error.reason.partition("_ALERT_")[2]
        words = f"no TLS with it ({error.reason.lower().replace('_', ' ')})"
        return _ALERTS.get(alert) or _PROTOCOL.get(error.reason, words)
    if isinstance(error, TimeoutError):
        return "it does not finish the handshake: does it speak TLS on this port?"
    return _BROKEN_OFF
