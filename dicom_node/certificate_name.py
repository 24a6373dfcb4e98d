"""Which certificate a peer's record names, and whether one that is shown is that one."""

import hashlib
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

from cryptography import x509
from cryptography.x509.oid import NameOID

_HEXADECIMAL = frozenset("0123456789abcdef")
# What RFC 4514 has no short name for, and openssl and hospitals write.
_MORE_NAMES = {
    "E": NameOID.EMAIL_ADDRESS,
    "emailAddress": NameOID.EMAIL_ADDRESS,
    "serialNumber": NameOID.SERIAL_NUMBER,
}
_SubjectParts = Counter[frozenset[tuple[str, str]]]


class NoCertificateName(ValueError):
    """The text names no certificate; the message says what would."""


class NameForm(StrEnum):
    """The three ways to name a certificate, by how a text begins."""

    SUBJECT = "subject"  # RFC 4514: CN=pacs,O=Hospital
    DNS = "dns"  # dns:pacs.hospital.example, of the Subject Alternative Name
    SHA256 = "sha256"  # of the whole certificate, as openssl x509 -fingerprint -sha256 has it


@dataclass(frozen=True)
class CertificateName:
    """One certificate, or whatever certificate an authority gives to the same subject."""

    form: NameForm
    value: str

    @classmethod
    def parse(cls, text: str) -> "CertificateName":
        """Raises NoCertificateName."""
        prefix, _, rest = text.strip().partition(":")
        if prefix.lower() == NameForm.DNS:
            return cls(NameForm.DNS, _dns_name(rest))
        if prefix.lower() == NameForm.SHA256:
            return cls(NameForm.SHA256, _fingerprint(rest))
        subject = cls(NameForm.SUBJECT, text.strip())
        _parts(subject.value)
        return subject

    def matches(self, certificate: bytes) -> bool:
        """Whether it names this certificate (DER), whose signature others have checked."""
        if self.form is NameForm.SHA256:
            return hashlib.sha256(certificate).hexdigest() == self.value
        try:
            shown = x509.load_der_x509_certificate(certificate)
            if self.form is NameForm.DNS:
                return self.value in _dns_names(shown)
            return _normal(shown.subject) == _parts(self.value)
        except ValueError:  # what OpenSSL lets pass and is no X.509 v3 to the letter
            return False

    def __str__(self) -> str:
        return self.value if self.form is NameForm.SUBJECT else f"{self.form}:{self.value}"


def subject_of(certificate: bytes) -> str:
    """The subject of a certificate (DER), as a peer's record names it."""
    return x509.load_der_x509_certificate(certificate).subject.rfc4514_string()


def _dns_name(text: str) -> str:
    name = text.strip().lower().rstrip(".")
    if not name or "*" in name or any(character.isspace() for character in name):
        raise NoCertificateName(f"dns:{text} is no host name, as in dns:pacs.hospital.example")
    return name


def _fingerprint(text: str) -> str:
    digits = text.strip().lower().replace(":", "")
    if len(digits) != 64 or not set(digits) <= _HEXADECIMAL:
        raise NoCertificateName("sha256: needs the 64 digits of a certificate's fingerprint")
    return digits


def _parts(text: str) -> _SubjectParts:
    try:
        name = x509.Name.from_rfc4514_string(text, attr_name_overrides=_MORE_NAMES)
    except ValueError as error:
        raise NoCertificateName(
            f"{text!r} names no certificate: CN=…,O=… (RFC 4514), dns:NAME or sha256:DIGITS"
        ) from error
    parts = _normal(name)
    if not parts:
        raise NoCertificateName("an empty subject names no certificate")
    return parts


def _normal(name: x509.Name) -> _SubjectParts:
    """Without order: openssl prints a subject from either end. RFC 5280 7.1 folds the rest."""
    return Counter(
        frozenset((one.oid.dotted_string, _folded(str(one.value))) for one in part)
        for part in name.rdns
    )


def _folded(value: str) -> str:
    return " ".join(value.casefold().split())


def _dns_names(certificate: x509.Certificate) -> set[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return set()
    return {name.lower().rstrip(".") for name in names.value.get_values_for_type(x509.DNSName)}
