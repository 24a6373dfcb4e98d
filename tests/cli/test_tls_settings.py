"""Settings of TLS: what they come to, what they refuse, and which servers are left in the open."""

import os
from pathlib import Path

import pytest

from cli.assembly import answerable_peers, association_policy, require_tls
from cli.exits import Leave
from cli.reaching import as_named, own_listeners
from dicom_node.certificate_name import CertificateName
from dicom_node.policy import Peer
from remote_systems import PeerAddress
from settings import SettingsRefused, load_settings
from settings.servers import is_inside
from tests.cli.shell import Shell

pytestmark = pytest.mark.requirement("R-DOOR-3", "R-NODE-2")

OURS = """
tls_certificate = "node.pem"
tls_key = "node.key"
tls_authorities = "ca.pem"
"""
PACS = CertificateName.parse("CN=pacs,O=Hospital")


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("OSTEON_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "osteon.toml"


def test_a_peer_is_a_line_or_a_table(config: Path) -> None:
    config.write_text(
        OURS
        + """
peers = ["CR1@10.0.0.0/24", {address = "CT1", tls = true},
         {address = "PACS@10.0.0.5:104", certificate = "CN=pacs,O=Hospital"}]
destinations = [{address = "ARCHIVE@10.0.0.7:2762", tls = true}, "OLD@10.0.0.8:104"]
"""
    )
    settings = load_settings()
    assert association_policy(settings).allowed_peers == (
        Peer("OSTEON", "127.0.0.0/8"),
        Peer("CR1", "10.0.0.0/24"),
        Peer("CT1", needs_tls=True),
        Peer("PACS", "10.0.0.5", PACS, needs_tls=True),
    )
    called = {peer.ae_title: peer for peer in answerable_peers(settings)}
    assert {title for title, peer in called.items() if peer.tls} == {"PACS", "ARCHIVE"}
    assert called["PACS"].tls is not None
    assert called["PACS"].tls.certificate == PACS
    named = as_named(settings, PeerAddress.parse("PACS@10.0.0.5:104"), by_tls=False)
    assert named == called["PACS"]
    assert as_named(settings, PeerAddress.parse("X@x:1"), by_tls=False).tls is None
    assert as_named(settings, PeerAddress.parse("X@x:1"), by_tls=True).tls is not None


def test_which_ports_there_are(config: Path) -> None:
    assert [here.tls is None for here in own_listeners(load_settings())] == [True]
    config.write_text(OURS)
    plain, encrypted = own_listeners(load_settings())
    assert (plain.port, plain.tls, encrypted.port) == (11112, None, 2762)
    assert encrypted.tls is not None
    assert encrypted.tls.is_ourselves
    [only] = own_listeners(load_settings(tls_only=True, tls_port=104))
    assert (only.port, only.tls) == (104, encrypted.tls)


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ('tls_certificate = "node.pem"', "tls_certificate, tls_key and tls_authorities are set"),
        ("tls_only = true", "tls_only and tls_revocations need tls_certificate"),
        ('tls_revocations = "list.pem"', "need tls_certificate"),
        ('peers = [{address = "A", tls = true}]', "A is to speak TLS: set tls_certificate"),
        ('destinations = [{address = "A@b:1", tls = true}]', "A@b:1 is to speak TLS"),
        (OURS + "tls_named_certificates_only = true", "no peer names its certificate"),
        (OURS + 'peers = [{address = "A", certificate = "pacs"}]', "setting peers[1].certificate"),
        (
            'peers = [{address = "A", certifcate = "x"}]',
            "peers[1].certifcate; did you mean certificate?",
        ),
        ("peers = [{tls = true}]", "setting peers[1].address"),
        ('peers = [{address = "A@no-address"}]', "no-address"),
    ],
)
def test_what_cannot_be_is_refused(config: Path, toml: str, said: str) -> None:
    config.write_text(toml)
    with pytest.raises(SettingsRefused) as refusal:
        load_settings()
    assert said in str(refusal.value)


def test_a_listener_without_usable_files_does_not_start(config: Path) -> None:
    config.write_text(OURS)
    with pytest.raises(Leave, match=r"node\.pem: one of the TLS files is not there"):
        require_tls(load_settings())
    outcome = Shell(config.parent).run("listen", config=config)
    assert outcome.code == 1
    assert "node.pem: one of the TLS files is not there" in outcome.stderr


@pytest.mark.parametrize(
    ("url", "is_exposed"),
    [
        ("", False),
        ("sqlite:///ledger.sqlite", False),
        ("postgresql://u@127.0.0.1/db", False),
        ("postgresql://u@localhost/db", False),
        ("postgresql://u@/db?host=/run/postgresql", False),
        ("postgresql://u@[::1]:5432/db", False),
        ("postgresql://u@db.hospital/db", True),
        ("postgresql://u@10.0.0.9/db?sslmode=require", True),
        ("postgresql+psycopg://u@db.hospital/db?sslmode=prefer", True),
        ("postgresql://u@db.hospital/db?sslmode=verify-full", False),
        ("postgresql://u@db.hospital/db?sslmode=verify-ca", False),
        ("redis://:hunter2@127.0.0.1:6379/0", False),
        ("redis://:hunter2@redis:6379/0", True),
        ("redis://:hunter2@10.0.0.9:6379/0", True),
        ("rediss://:hunter2@redis.hospital:6379/0", False),
        ("rediss://:hunter2@redis.hospital/0;redis://:hunter2@redis.hospital/0", True),
        ("rediss://:hunter2@a.hospital/0;rediss://:hunter2@b.hospital/0", False),
        ("postgresql://u@/db?host=localhost&host=db.hospital", True),
        ("postgresql://u@localhost/db?hostaddr=10.0.0.9", True),
    ],
)
def test_a_server_of_another_host_may_have_to_speak_tls(url: str, is_exposed: bool) -> None:
    name = "broker_url" if url.startswith("redis") else "database_url"
    settings = load_settings(**{name: url})
    assert (settings.database_is_exposed or settings.broker_is_exposed) is is_exposed
    if not is_exposed:
        load_settings(**{name: url}, servers_need_tls=True)
        return
    with pytest.raises(SettingsRefused, match=f"servers_need_tls: .*{name}") as refusal:
        load_settings(**{name: url}, servers_need_tls=True)
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize(
    ("url", "inside"),
    [
        ("redis://:x@redis:6379/0", True),
        ("postgresql://u:x@127.0.0.1/db", True),
        ("redis://:x@redis.hospital:6379/0", False),
        ("redis://:x@10.0.0.9:6379/0", False),
        ("redis://:x@[fd00::9]:6379/0", False),
    ],
)
def test_a_name_of_a_network_of_containers_is_inside(url: str, inside: bool) -> None:
    assert is_inside(url) is inside
