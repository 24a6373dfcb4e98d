"""`osteon peers certificate | revoke`: openssl takes what they make, and a node is set up by it."""

import stat
import subprocess
from pathlib import Path

import pytest

from cli.assembly import association_policy
from cli.reaching import own_listeners, tls_files
from db.upgrade import upgrade_ledger
from dicom_node.echo import verify_peer
from dicom_node.tls_server import TlsPort
from dicom_node.trial_authority import TrialAuthority
from settings import load_settings
from tests.cli.shell import Outcome, Shell
from tests.dicom_node.listening import running_node
from tests.servers import free_port
from tests.services import require_program

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def made(shell: Shell) -> Outcome:
    """Of a node; another one is there, too, and was revoked."""
    outcome = shell.run("peers", "certificate", "node", "--host", "127.0.0.1", "--host", "pacs.x")
    assert shell.run("peers", "certificate", "struck", "--days", "9").code == 0
    assert shell.run("peers", "revoke", "struck").code == 0
    return outcome


def _openssl(shell: Shell, *arguments: str) -> str:
    ran = subprocess.run(
        [require_program("openssl", "openssl"), *arguments],
        cwd=shell.folder / "certificates",
        capture_output=True,
        text=True,
        check=False,
    )
    return ran.stdout + ran.stderr


def test_openssl_takes_them_to_the_letter(shell: Shell, made: Outcome) -> None:
    assert made.code == 0
    assert "the hospital's own PKI" in made.stderr
    asked = ["verify", "-x509_strict", "-crl_check", "-CAfile", "authority.pem"]
    asked += ["-CRLfile", "revoked.pem"]
    for purpose in ("sslserver", "sslclient"):
        said = _openssl(shell, *asked, "-purpose", purpose, "-verify_ip", "127.0.0.1", "node.pem")
        assert said == "node.pem: OK\n"
    assert "certificate revoked" in _openssl(shell, *asked, "struck.pem")


def test_keys_are_for_their_owner_alone(shell: Shell, made: Outcome) -> None:
    folder = shell.folder / "certificates"
    for key in ("authority.key", "node.key"):
        assert stat.S_IMODE((folder / key).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_nothing_is_overwritten(shell: Shell, made: Outcome) -> None:
    folder = shell.folder / "certificates"
    before = {path: path.read_bytes() for path in folder.iterdir()}
    outcome = shell.run("peers", "certificate", "node")
    assert (outcome.code, outcome.stdout) == (40, "")
    assert "nothing is overwritten" in outcome.stderr
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize("name", ["../x", "authority", "revoked", "a b", ""])
def test_a_name_that_is_no_file_of_its_own_is_refused(shell: Shell, name: str) -> None:
    assert shell.run("peers", "certificate", name).code == 1


def test_what_is_not_there_cannot_be_revoked(shell: Shell, made: Outcome) -> None:
    assert shell.run("peers", "revoke", "nobody").code == 20
    assert shell.run("peers", "revoke", "node", "--folder", "elsewhere").code == 20


def test_a_node_is_set_up_by_what_is_printed(
    shell: Shell, made: Outcome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that speaks TLS alone, with its own certificate for a peer's; the doctor is content."""
    config, url = tmp_path / "osteon.toml", f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    peer = '[[peers]]\naddress = "CT1"\ncertificate = "CN=node"\n'
    config.write_text(f"{made.stdout}tls_only = true\n{peer}")
    monkeypatch.setenv("OSTEON_CONFIG", str(config))
    settings = load_settings()
    upgrade_ledger(url)
    policy, port = association_policy(settings), TlsPort(tls_files(settings), 0)
    with running_node(url, tmp_path / "spool", policy, tls=port, port=None) as node:
        [here] = own_listeners(load_settings(tls_port=node.listener.tls_port))
        verify_peer(here, calling_ae_title="CT1")
        where = {"config": config, "tls_port": here.port}
        asked = shell.run("echo", **where)
        checks = {one["name"]: one for one in shell.run("doctor", "--json", **where).documents()}
    assert (asked.code, asked.stdout) == (0, f"{here} answers C-ECHO\n")
    assert checks["listener"]["said"] == f"{here} answers C-ECHO by TLS"
    assert checks["TLS"]["passed"], checks["TLS"]["said"]


def test_the_doctor_says_what_is_to_be_renewed(shell: Shell, made: Outcome, tmp_path: Path) -> None:
    assert shell.run("peers", "certificate", "brief", "--days", "20").code == 0
    files = TrialAuthority(shell.folder / "certificates")
    settings = {
        "tls_certificate": files.folder / "brief.pem",
        "tls_key": files.folder / "brief.key",
        "tls_authorities": files.certificate,
    }
    assert "brief.pem: CN=brief ends 20" in _tls_check(shell, settings)
    settings["tls_key"] = files.folder / "node.key"
    assert "brief.pem: its key does not fit" in _tls_check(shell, settings)


def _tls_check(shell: Shell, settings: dict[str, Path]) -> str:
    documents = shell.run("doctor", "--json", port=free_port(), **settings).documents()
    [check] = [one for one in documents if one["name"] == "TLS"]
    assert not check["passed"]
    return str(check["said"])
