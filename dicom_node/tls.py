"""TLS as PS3.15 B.12 has it (BCP 195: RFC 8996, RFC 9325): what it is made from, for both sides."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

# RFC 9325 4.2: forward secrecy and authenticated encryption. TLS 1.3 has nothing else.
_TLS12_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
# A ticket would outlive the revocation of the certificate that its session began with.
_OPTIONS = ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_TICKET


class TlsUnusable(Exception):
    """The node's own TLS files cannot be used: the message names the file and says why."""


@dataclass(frozen=True)
class TlsFiles:
    """PEM files: our certificate with its chain, its key, whom we trust, and what was revoked."""

    certificate: Path
    key: Path
    authorities: Path
    revocations: Path | None = None

    @property
    def all(self) -> tuple[Path, ...]:
        some = (self.certificate, self.key, self.authorities, self.revocations)
        return tuple(path for path in some if path is not None)


@dataclass(frozen=True)
class Validity:
    """Until when a certificate holds or a revocation list, and from when on to renew it."""

    path: Path
    subject: str
    ends_at: datetime
    notice_days: float

    @property
    def remaining_days(self) -> float:
        return (self.ends_at - datetime.now(UTC)).total_seconds() / 86400


def server_context(files: TlsFiles, *, callers_need_certificates: bool = True) -> ssl.SSLContext:
    """What a listener shakes hands by. Raises TlsUnusable.

    A certificate that is shown has to be in order, whether or not one is needed.
    """
    context = _context(ssl.PROTOCOL_TLS_SERVER, files)
    context.num_tickets = 0
    context.verify_mode = ssl.CERT_REQUIRED if callers_need_certificates else ssl.CERT_OPTIONAL
    return context


def client_context(files: TlsFiles) -> ssl.SSLContext:
    """What we call by: the peer's certificate must be in order and of the host that is called.

    Raises TlsUnusable.
    """
    return _context(ssl.PROTOCOL_TLS_CLIENT, files)


def _context(protocol: int, files: TlsFiles) -> ssl.SSLContext:
    for path in files.all:  # OpenSSL would not say which
        with _trouble_named(path, "it cannot be read"):
            path.open("rb").close()
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_TLS12_CIPHERS)
    context.options |= _OPTIONS
    with _trouble_named(files.certificate, "its key does not fit, or it is no PEM certificate"):
        context.load_cert_chain(files.certificate, files.key, password=_no_passphrase)
    with _trouble_named(files.authorities, "it is no PEM file of certificates"):
        context.load_verify_locations(files.authorities)
    if files.revocations is not None:
        with _trouble_named(files.revocations, "it is no PEM file of revocation lists"):
            context.load_verify_locations(files.revocations)
        context.verify_flags |= _revocation_check(files)
    return context


def _revocation_check(files: TlsFiles) -> ssl.VerifyFlags:
    """The whole chain, where the lists begin at a root; else the peer's own certificate alone."""
    roots = {one.subject for one in _certificates(files.authorities) if one.issuer == one.subject}
    if roots & {one.issuer for one in _revocation_lists(files.revocations)}:
        return ssl.VerifyFlags.VERIFY_CRL_CHECK_CHAIN
    return ssl.VerifyFlags.VERIFY_CRL_CHECK_LEAF


def own_certificate(files: TlsFiles) -> bytes:
    """The node's own certificate (DER). Raises TlsUnusable."""
    return _certificates(files.certificate)[0].public_bytes(Encoding.DER)


def validities(files: TlsFiles) -> list[Validity]:
    """Our certificate and its chain, those whom we trust, and the revocation lists.

    Raises TlsUnusable.
    """
    held = []
    for path in (files.certificate, files.authorities):
        for one in _certificates(path):
            subject, ends_at = one.subject.rfc4514_string(), one.not_valid_after_utc
            held.append(Validity(path, subject, ends_at, _CERTIFICATE_NOTICE_DAYS))
    for listed in _revocation_lists(files.revocations):
        if files.revocations is not None and listed.next_update_utc is not None:
            what, ends_at = f"list of {listed.issuer.rfc4514_string()}", listed.next_update_utc
            held.append(Validity(files.revocations, what, ends_at, _LIST_NOTICE_DAYS))
    return held


def _certificates(path: Path) -> list[x509.Certificate]:
    with _trouble_named(path, "it is no PEM file of certificates"):
        return x509.load_pem_x509_certificates(path.read_bytes())


_CERTIFICATE_NOTICE_DAYS = 30
_LIST_NOTICE_DAYS = 0.25  # some authorities make one each day
_LIST_END = b"-----END X509 CRL-----"


def _revocation_lists(path: Path | None) -> Iterator[x509.CertificateRevocationList]:
    if path is None:
        return
    with _trouble_named(path, "it is no PEM file of revocation lists"):
        for part in path.read_bytes().split(_LIST_END)[:-1]:
            yield x509.load_pem_x509_crl(part + _LIST_END)


@contextmanager
def _trouble_named(path: Path, otherwise: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise TlsUnusable(f"{path}: one of the TLS files is not there") from error
    except (ssl.SSLError, ValueError) as error:
        raise TlsUnusable(f"{path}: {otherwise}") from error
    except OSError as error:
        raise TlsUnusable(f"{path}: {error.strerror}") from error


def _no_passphrase() -> bytes:
    """A key with a passphrase is refused: OpenSSL would ask for it on a terminal."""
    raise ValueError("the key has a passphrase")
