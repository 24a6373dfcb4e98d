"""A hospital's authority and whom it certified, and those that nobody should let in.

Not made by the node's own `osteon peers certificate`, which is held to openssl elsewhere.
"""

import ipaddress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID

from dicom_node.tls import TlsFiles

_DAY = timedelta(days=1)
FOR_SERVERS = [ExtendedKeyUsageOID.SERVER_AUTH]
_BOTH_SIDES = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]


@cache
def _key(_name: str) -> rsa.RSAPrivateKey:
    # RSA: DCMTK 3.6.7 offers no cipher for another kind.
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass(frozen=True)
class Pair:
    """A certificate and its key."""

    certificate: Path
    key: Path

    @property
    def der(self) -> bytes:
        loaded = x509.load_pem_x509_certificate(self.certificate.read_bytes())
        return loaded.public_bytes(Encoding.DER)


@dataclass
class Authority:
    """Signs whatever a test wants; all leaves share one key, since keys are slow to make."""

    folder: Path
    name: str = "CN=Hospital CA,O=Hospital"
    issuer: "Authority | None" = None
    serials: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        by = self.issuer or self
        builder = _builder(self.name, by.name, "authority" + self.name, (-1, 3650))
        basic = x509.BasicConstraints(ca=True, path_length=None)
        builder = builder.add_extension(basic, critical=True)
        self._write("ca", builder, by, _key("authority" + self.name))

    @property
    def pem(self) -> Path:
        return self.folder / "ca.pem"

    def certify(
        self,
        name: str,
        *,
        subject: str | None = None,
        hosts: tuple[str, ...] = ("127.0.0.1", "localhost"),
        days: tuple[float, float] = (-1, 30),
        usages: list[x509.ObjectIdentifier] = _BOTH_SIDES,
    ) -> Pair:
        """Files NAME.pem and NAME.key, valid from and until so many days from now."""
        subject = subject or f"CN={name},O=Hospital"
        builder = _builder(subject, self.name, "leaf", days)
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        if hosts:
            builder = builder.add_extension(_alternatives(hosts), critical=False)
        return self._write(name, builder, self, _key("leaf"))

    def revocations(self, *names: str, days: tuple[float, float] = (-1, 30)) -> Path:
        """The file of this authority's revocation list, with these certificates on it."""
        now = datetime.now(UTC)
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(x509.Name.from_rfc4514_string(self.name))
            .last_update(now + days[0] * _DAY)
            .next_update(now + days[1] * _DAY)
        )
        for name in names:
            revoked = x509.RevokedCertificateBuilder(self.serials[name], now - _DAY / 2)
            builder = builder.add_revoked_certificate(revoked.build())
        path = self.folder / "list.pem"
        signed = builder.sign(_key("authority" + self.name), hashes.SHA256())
        path.write_bytes(signed.public_bytes(Encoding.PEM))
        return path

    def files(self, pair: Pair, revocations: Path | None = None) -> TlsFiles:
        return TlsFiles(pair.certificate, pair.key, self.pem, revocations)

    def _write(
        self,
        name: str,
        builder: x509.CertificateBuilder,
        issuer: "Authority",
        key: rsa.RSAPrivateKey,
    ) -> Pair:
        certificate = builder.sign(_key("authority" + issuer.name), hashes.SHA256())
        self.serials[name] = certificate.serial_number
        pair = Pair(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        pair.certificate.write_bytes(certificate.public_bytes(Encoding.PEM))
        pair.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return pair


def self_signed(folder: Path, name: str = "stranger") -> Pair:
    """A certificate that vouches for itself."""
    alone = Authority(folder, f"CN={name},O=Hospital")
    return Pair(alone.pem, folder / "ca.key")


def _builder(
    subject: str, issuer: str, key_name: str, days: tuple[float, float]
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name.from_rfc4514_string(subject))
        .issuer_name(x509.Name.from_rfc4514_string(issuer))
        .public_key(_key(key_name).public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + days[0] * _DAY)
        .not_valid_after(now + days[1] * _DAY)
    )


def _alternatives(hosts: tuple[str, ...]) -> x509.SubjectAlternativeName:
    names: list[x509.GeneralName] = []
    for host in hosts:
        try:
            names.append(x509.IPAddress(ipaddress.ip_address(host)))
        except ValueError:
            names.append(x509.DNSName(host))
    return x509.SubjectAlternativeName(names)
