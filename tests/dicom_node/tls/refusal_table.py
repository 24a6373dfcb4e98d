"""Who comes, and what becomes of it: the table that the test walks and that docs/tls.md shows."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.dicom_node.tls.callers import (
    Answer,
    Door,
    ask_by_dcmtk,
    ask_by_openssl,
    ask_plainly,
    association_request,
)
from tests.dicom_node.tls.hospital_pki import FOR_SERVERS, Authority, Pair, self_signed

_OLD = "DEFAULT:@SECLEVEL=0"
_PACS = "CN=pacs,O=Hospital"


@dataclass(frozen=True)
class Site:
    """A node with both ports, and what its callers have to show."""

    tls: Door
    plain: Door
    hospital: Authority
    elsewhere: Authority
    pairs: dict[str, Pair]


@dataclass(frozen=True)
class Row:
    """`said` is what openssl or DCMTK reports besides."""

    who: str
    by: str
    ask: Callable[[Site], tuple[Answer, str]]
    answer: Answer
    said: str = ""


def hospital_pairs(folder: Path, hospital: Authority, elsewhere: Authority) -> dict[str, Pair]:
    return {
        "pacs": hospital.certify("pacs"),
        "ct1": hospital.certify("ct1"),
        "expired": hospital.certify("expired", subject=_PACS, days=(-9, -1)),
        "early": hospital.certify("early", subject=_PACS, days=(1, 9)),
        "revoked": hospital.certify("revoked", subject=_PACS),
        "for servers": hospital.certify("for-servers", subject=_PACS, usages=FOR_SERVERS),
        "elsewhere": elsewhere.certify("pacs"),
        "self-signed": self_signed(folder / "alone", "pacs"),
    }


def _openssl(
    shown: str | None, *options: str, calling: str = "PACS", source: str = "127.0.0.1"
) -> Callable[[Site], tuple[Answer, str]]:
    def ask(site: Site) -> tuple[Answer, str]:
        pair = site.pairs[shown] if shown else None
        return ask_by_openssl(site.tls, pair, *options, calling=calling, source=source)

    return ask


def _dcmtk(
    shown: str | None, *options: str, calling: str = "PACS", at_tls: bool = True
) -> Callable[[Site], tuple[Answer, str]]:
    def ask(site: Site) -> tuple[Answer, str]:
        pair = site.pairs[shown] if shown else None
        return ask_by_dcmtk(site.tls if at_tls else site.plain, pair, *options, calling=calling)

    return ask


def _tls_at_the_plain_port(site: Site) -> tuple[Answer, str]:
    return ask_by_openssl(site.plain, site.pairs["pacs"])


def _dicom_at_the_tls_port(site: Site) -> tuple[Answer, str]:
    return ask_plainly(site.tls, association_request("PACS")), ""


_SHAKEN, _REFUSED, _REJECTED = Answer.ASSOCIATED, Answer.NO_HANDSHAKE, Answer.REJECTED
ROWS = [
    Row("TLS 1.3, the peer's certificate", "openssl", _openssl("pacs", "-tls1_3"), _SHAKEN),
    Row("TLS 1.2, the peer's certificate", "openssl", _openssl("pacs", "-tls1_2"), _SHAKEN),
    Row("TLS 1.2, the peer's certificate, C-ECHO", "DCMTK", _dcmtk("pacs"), _SHAKEN),
    Row(
        "the peer's certificate, from the address of its record",
        "openssl",
        _openssl("ct1", calling="CT1", source="127.0.0.2"),
        _SHAKEN,
    ),
    Row("TLS 1.1", "openssl", _openssl("pacs", "-tls1_1", "-cipher", _OLD), _REFUSED, "protocol"),
    Row("TLS 1.0", "openssl", _openssl("pacs", "-tls1", "-cipher", _OLD), _REFUSED, "protocol"),
    Row(
        "TLS 1.2 without forward secrecy (AES128-GCM-SHA256)",
        "openssl",
        _openssl("pacs", "-tls1_2", "-cipher", "AES128-GCM-SHA256"),
        _REFUSED,
        "handshake failure",
    ),
    Row(
        "TLS 1.2 without authenticated encryption (ECDHE-RSA-AES128-SHA)",
        "openssl",
        _openssl("pacs", "-tls1_2", "-cipher", "ECDHE-RSA-AES128-SHA"),
        _REFUSED,
        "handshake failure",
    ),
    Row(
        "TLS 1.2 without encryption (ECDHE-RSA-NULL-SHA)",
        "openssl",
        _openssl("pacs", "-tls1_2", "-cipher", "ECDHE-RSA-NULL-SHA:@SECLEVEL=0"),
        _REFUSED,
        "handshake failure",
    ),
    Row("no certificate, TLS 1.3", "openssl", _openssl(None, "-tls1_3"), _REFUSED, "required"),
    Row("no certificate, TLS 1.2", "openssl", _openssl(None, "-tls1_2"), _REFUSED, "handshake"),
    Row("an expired certificate", "openssl", _openssl("expired"), _REFUSED, "expired"),
    Row("an expired certificate", "DCMTK", _dcmtk("expired"), _REFUSED),
    Row("a certificate not valid yet", "openssl", _openssl("early"), _REFUSED, "bad certificate"),
    Row("a revoked certificate", "openssl", _openssl("revoked"), _REFUSED, "revoked"),
    Row("a revoked certificate", "DCMTK", _dcmtk("revoked"), _REFUSED),
    Row(
        "a certificate for servers alone",
        "openssl",
        _openssl("for servers"),
        _REFUSED,
        "unsupported certificate",
    ),
    Row("a certificate of another authority", "openssl", _openssl("elsewhere"), _REFUSED, "ca"),
    Row("a certificate signed by itself", "openssl", _openssl("self-signed"), _REFUSED, "ca"),
    Row(
        "a certificate of the hospital, another peer's AE title",
        "openssl",
        _openssl("ct1", calling="PACS"),
        _REJECTED,
    ),
    Row("the same", "DCMTK", _dcmtk("ct1", calling="PACS"), _REJECTED),
    Row(
        "AE title and certificate of a peer, another address",
        "openssl",
        _openssl("ct1", calling="CT1"),
        _REJECTED,
    ),
    Row("a certificate of the hospital, no peer", "DCMTK", _dcmtk("ct1", calling="X"), _REJECTED),
    Row(
        "plain TCP, AE title of a peer whose record names a certificate",
        "DCMTK",
        _dcmtk(None, at_tls=False),
        _REJECTED,
    ),
    Row(
        "plain TCP, AE title of a peer with `tls = true`",
        "DCMTK",
        _dcmtk(None, calling="TLSONLY", at_tls=False),
        _REJECTED,
    ),
    Row(
        "plain TCP, AE title of a peer without either",
        "DCMTK",
        _dcmtk(None, calling="PLAIN", at_tls=False),
        Answer.ASSOCIATED,
    ),
    Row("plain TCP at the TLS port", "DCMTK", _dcmtk(None), Answer.CLOSED),
    Row("the same, byte by byte", "a socket", _dicom_at_the_tls_port, Answer.CLOSED),
    Row("TLS at the plain port", "openssl", _tls_at_the_plain_port, _REFUSED),
]


def as_markdown() -> str:
    lines = ["| Who comes | Tried by | What becomes of it |", "|---|---|---|"]
    lines += [f"| {row.who} | {row.by} | {row.answer} |" for row in ROWS]
    return "\n".join(lines)
