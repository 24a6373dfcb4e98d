"""An authority of the node's own, for trials: it certifies nodes, and takes that back.

A hospital has a PKI, whose key lies elsewhere and better kept than a file beside this program.
"""

import os
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_CERTIFICATE, _KEY, _REVOKED = "authority.pem", "authority.key", "revoked.pem"
_AUTHORITY_DAYS = 3650
_EARLIER = timedelta(hours=1)  # the peer's clock may be behind
# RFC 9325 4.5. RSA, because many devices of the field offer no cipher for other keys.
_KEY_BITS = 2048


class AlreadyThere(Exception):
    """A file of that name exists, and none is overwritten."""


class NotOurs(Exception):
    """The folder has no authority, or no such certificate of it."""


class TrialAuthority:
    """A folder: the authority's certificate, key and revocation list, and what it certified."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def certificate(self) -> Path:
        return self.folder / _CERTIFICATE

    @property
    def revocations(self) -> Path:
        return self.folder / _REVOKED

    def ensure(self) -> bool:
        """Make the authority where there is none; whether it was made now."""
        if self.certificate.exists():
            return False
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = _new_key()
        name = _name("Osteon trial authority")
        builder = _builder(name, (name, key), key.public_key(), _AUTHORITY_DAYS)
        usage = _usage(signs_certificates=True)
        builder = builder.add_extension(x509.BasicConstraints(True, 0), critical=True)
        builder = builder.add_extension(usage, critical=True)
        _write_new(self.folder / _KEY, _key_bytes(key), mode=0o600)
        made = builder.sign(key, hashes.SHA256())
        _write_new(self.certificate, made.public_bytes(Encoding.PEM))
        self._write_revocations([])
        return True

    def certify(self, name: str, hosts: Iterable[str], days: int) -> tuple[Path, Path]:
        """Certificate and key for a node of this common name, for both sides of a connection.

        Raises AlreadyThere, NotOurs.
        """
        certificate, key_file = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        if certificate.exists() or key_file.exists():
            raise AlreadyThere(f"{certificate} or its key is there already")
        authority, signing_key = self._authority()
        key = _new_key()
        by = (authority.subject, signing_key)
        builder = _builder(_name(name), by, key.public_key(), days)
        builder = builder.add_extension(x509.BasicConstraints(False, None), critical=True)
        builder = builder.add_extension(_usage(signs_certificates=False), critical=True)
        both = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        builder = builder.add_extension(x509.ExtendedKeyUsage(both), critical=False)
        if names := [_alternative(host) for host in hosts]:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        made = builder.sign(signing_key, hashes.SHA256())
        _write_new(key_file, _key_bytes(key), mode=0o600)
        _write_new(certificate, made.public_bytes(Encoding.PEM))
        return certificate, key_file

    def revoke(self, name: str) -> None:
        """Put a certificate on the list. Raises NotOurs."""
        path = self.folder / f"{name}.pem"
        if not path.exists():
            raise NotOurs(f"there is no {path}")
        serial = x509.load_pem_x509_certificate(path.read_bytes()).serial_number
        listed = list(x509.load_pem_x509_crl(self.revocations.read_bytes()))
        if all(one.serial_number != serial for one in listed):
            new = x509.RevokedCertificateBuilder(serial, datetime.now(UTC))
            listed.append(new.build())
        self._write_revocations(listed)

    def _write_revocations(self, revoked: list[x509.RevokedCertificate]) -> None:
        """In one step, since a listener may read it at any moment."""
        authority, key = self._authority()
        now = datetime.now(UTC)
        builder = x509.CertificateRevocationListBuilder(
            authority.subject,
            now - _EARLIER,
            authority.not_valid_after_utc,
            revoked_certificates=revoked,
        )
        builder = builder.add_extension(x509.CRLNumber(int(now.timestamp())), critical=False)
        builder = builder.add_extension(_key_of(key), critical=False)
        signed = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
        unfinished = self.folder / f"{_REVOKED}.new"
        unfinished.write_bytes(signed)
        unfinished.replace(self.revocations)

    def _authority(self) -> tuple[x509.Certificate, rsa.RSAPrivateKey]:
        try:
            certificate = x509.load_pem_x509_certificate(self.certificate.read_bytes())
            key = load_pem_private_key((self.folder / _KEY).read_bytes(), None)
        except (OSError, ValueError) as error:
            raise NotOurs(f"{self.folder} holds no authority of this command") from error
        if not isinstance(key, rsa.RSAPrivateKey):
            raise NotOurs(f"{self.folder} holds no authority of this command")
        return certificate, key


def _builder(
    subject: x509.Name, by: tuple[x509.Name, rsa.RSAPrivateKey], key: rsa.RSAPublicKey, days: int
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    own_key, issuer = x509.SubjectKeyIdentifier.from_public_key(key), by[0]
    builder = x509.CertificateBuilder(
        issuer,
        subject,
        key,
        x509.random_serial_number(),
        now - _EARLIER,
        now + timedelta(days=days),
    )
    return builder.add_extension(own_key, False).add_extension(_key_of(by[1]), False)


def _key_of(issuer: rsa.RSAPrivateKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key())


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)


def _key_bytes(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write_new(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Nobody else may read a key, not even for a moment."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError as error:
        raise AlreadyThere(f"{path} is there already") from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
