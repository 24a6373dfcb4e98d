"""Who is let in by TLS and who is not, tried by programs that are not ours."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from dicom_node.certificate_name import CertificateName
from dicom_node.policy import AssociationPolicy, Peer
from dicom_node.tls_server import TlsPort
from tests.dicom_node.listening import running_node
from tests.dicom_node.tls.callers import Answer, Door, ask_by_dcmtk, s_client
from tests.dicom_node.tls.hospital_pki import Authority
from tests.dicom_node.tls.refusal_table import ROWS, Row, Site, as_markdown, hospital_pairs

pytestmark = [pytest.mark.integration, pytest.mark.requirement("R-DOOR-2", "R-DOOR-3")]
DOCUMENT = Path(__file__).resolve().parents[3] / "docs/tls.md"


def _named(title: str, subject: str, address: str | None = None) -> Peer:
    return Peer(title, address, CertificateName.parse(subject))


@pytest.fixture(scope="module")
def site(
    new_ledger: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    hospital = Authority(folder / "hospital")
    elsewhere = Authority(folder / "elsewhere", "CN=Another CA,O=Elsewhere")
    pairs = hospital_pairs(folder, hospital, elsewhere)
    policy = AssociationPolicy(
        "OSTEON",
        allowed_peers=(
            _named("PACS", "CN=pacs,O=Hospital"),
            _named("CT1", "CN=ct1,O=Hospital", "127.0.0.2"),
            Peer("TLSONLY", needs_tls=True),
            Peer("PLAIN"),
        ),
    )
    files = hospital.files(hospital.certify("node"), hospital.revocations("revoked"))
    ledger = new_ledger("sqlite")
    with running_node(ledger, folder / "spool", policy, tls=TlsPort(files, 0)) as node:
        tls = Door(node.listener.tls_port, hospital.pem)
        yield Site(tls, Door(node.port, hospital.pem), hospital, elsewhere, pairs)


@pytest.mark.parametrize("row", ROWS, ids=[f"{row.who} ({row.by})" for row in ROWS])
def test_who_comes_gets_this_answer(site: Site, row: Row) -> None:
    answer, said = row.ask(site)
    assert answer is row.answer, said
    assert row.said in said.lower()


def test_after_them_all_the_peer_is_still_let_in(site: Site) -> None:
    assert ask_by_dcmtk(site.tls, site.pairs["pacs"])[0] is Answer.ASSOCIATED


def test_the_document_shows_the_table() -> None:
    assert as_markdown() in DOCUMENT.read_text()


def test_the_log_says_why_and_nothing_of_the_peer(site: Site) -> None:
    with capture_logs() as lines:
        ask_by_dcmtk(site.tls, site.pairs["expired"])
        ask_by_dcmtk(site.tls, site.pairs["ct1"], calling="PACS")
    reasons = {line["event"]: line["reason"] for line in lines if "reason" in line}
    assert reasons["association_rejected"] == "wrong-certificate"
    assert "its certificate: certificate has expired" in reasons.values()
    assert "Hospital" not in repr(lines)


def test_no_ticket_is_given(site: Site) -> None:
    """It would let its bearer in without the certificate."""
    assert "New, TLS" in (said := s_client(site.tls, ["-tls1_3", *_shown(site)], b""))
    assert "session ticket" not in said.lower()


def test_nobody_negotiates_anew(site: Site) -> None:
    said = s_client(site.tls, ["-tls1_2", *_shown(site)], b"R\n")
    assert "RENEGOTIATING" in said
    assert "no renegotiation" in said
    assert "Compression: NONE" in said


def _shown(site: Site) -> list[str]:
    pair = site.pairs["pacs"]
    return ["-cert", str(pair.certificate), "-key", str(pair.key)]
