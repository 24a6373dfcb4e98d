"""How a record names a certificate, and which certificates it means."""

import hashlib
from pathlib import Path

import pytest

from dicom_node.certificate_name import CertificateName, NoCertificateName
from tests.dicom_node.tls.hospital_pki import Authority


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    hospital = Authority(tmp_path_factory.mktemp("hospital"))
    subject = "CN=pacs 1,OU=Radiology,O=Hôpital"
    return hospital.certify("pacs", subject=subject, hosts=("pacs.hospital", "10.0.0.5")).der


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("CN=pacs 1,OU=Radiology,O=Hôpital", True),
        ("O=Hôpital,OU=Radiology,CN=pacs 1", True),  # as openssl prints it
        ("CN=PACS  1,OU=radiology,O=HÔPITAL", True),
        ("CN=pacs 1", False),  # every part counts: another one's may have this name, too
        ("CN=pacs 1,OU=Radiology,O=Hôpital,C=FR", False),
        ("CN=pacs 1,OU=Radiology,OU=Radiology,O=Hôpital", False),
        ("OU=pacs 1,CN=Radiology,O=Hôpital", False),
        ("dns:pacs.hospital", True),
        ("DNS:PACS.Hospital.", True),
        ("dns:hospital", False),
        ("dns:10.0.0.5", False),
        ("sha256:" + "00" * 32, False),
    ],
)
def test_a_name_means_a_certificate_or_not(shown: bytes, text: str, matches: bool) -> None:
    assert CertificateName.parse(text).matches(shown) is matches


def test_a_fingerprint_means_one_certificate(shown: bytes, tmp_path: Path) -> None:
    digits = hashlib.sha256(shown).hexdigest().upper()
    pairs = ":".join(digits[start : start + 2] for start in range(0, 64, 2))  # as openssl has it
    name = CertificateName.parse(f"sha256:{pairs}")
    assert name.matches(shown)
    assert CertificateName.parse(str(name)) == name
    assert not name.matches(Authority(tmp_path).certify("pacs").der)


def test_what_is_no_certificate_is_nobodys() -> None:
    assert not CertificateName.parse("CN=pacs").matches(b"no certificate")
    assert not CertificateName.parse("dns:pacs").matches(b"")


@pytest.mark.parametrize(
    "text",
    ["", "pacs", "/CN=pacs/O=Hospital", "CN = pacs, O = Hospital", "sha256:12", "dns:", "dns:*.x"],
)
def test_what_names_none_is_refused(text: str) -> None:
    with pytest.raises(NoCertificateName):
        CertificateName.parse(text)
