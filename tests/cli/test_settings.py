"""Where settings come from, in which order, and what is said of those that are none."""

import os
from pathlib import Path

import pytest

from remote_systems import FhirSettings, Hl7Settings, PacsSettings, PeerAddress
from settings import SettingsRefused, load_settings
from tests.cli.shell import Shell


@pytest.fixture(autouse=True)
def clean_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("OSTEON_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_the_nearer_source_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "osteon.toml").write_text('ae_title = "TOML"\nport = 1001\nmax_pdu = 20000\n')
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "osteon_ae_title").write_text("SECRET\n")
    (secrets / "osteon_port").write_text("1002")
    assert load_settings().ae_title == "TOML"
    monkeypatch.setenv("OSTEON_SECRETS_DIR", str(secrets))
    assert (load_settings().ae_title, load_settings().max_pdu) == ("SECRET", 20000)
    monkeypatch.setenv("OSTEON_PORT", "1003")
    assert (load_settings().ae_title, load_settings().port) == ("SECRET", 1003)
    assert load_settings(port=1004, ae_title=None).port == 1004
    assert load_settings(ae_title="GIVEN").ae_title == "GIVEN"


def test_the_configuration_may_lie_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other.toml").write_text('destinations = ["PACS@10.0.0.9:104"]\n')
    monkeypatch.setenv("OSTEON_CONFIG", str(tmp_path / "other.toml"))
    [destination] = load_settings().destinations
    assert isinstance(destination, PacsSettings)
    assert destination.name == str(destination.peer) == "PACS@10.0.0.9:104"


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("prot = 11113", "unknown setting prot; did you mean port?"),
        ('destination = "A@b:1"', "did you mean destinations?"),
        ("port = 99999", "setting port"),
        ('device = "tpu"', "setting device"),
        ('destinations = ["PACS"]', "PACS needs a host and a port"),
        ('peers = ["two words@host"]', "is not AET"),
        ("port = ", "is not valid TOML"),
        (
            '[[destinations]]\nnmae = "ris"\naddress = "mllp://ris:2575"',
            "unknown setting destinations[1].nmae; did you mean name?",
        ),
        (
            'destinations = ["A@b:1", "mllp://ris"]',
            "setting destinations[2].address: mllp://ris needs a host and a port",
        ),
        ("destinations = [3]", "setting destinations[1].address: Input should be a valid string"),
        ("peers = [3]", "setting peers: expected a list of AET@HOST:PORT"),
        # pragma: allowlist nextline secret
        ('destinations = ["https://me:hunter2@h/r4"]', "a user or a password has no place"),
        ('[rules]\nname = "x"', "setting rules: each is a table of its own, headed [[rules]]"),
        ('rules = ["x"]', "setting rules[1]: it is no table, headed [[rules]]"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, toml: str, said: str) -> None:
    (tmp_path / "osteon.toml").write_text(toml)
    with pytest.raises(SettingsRefused) as refusal:
        load_settings()
    assert said in str(refusal.value)
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("gone.toml", "OSTEON_CONFIG names no file: gone.toml"),
        (".", "OSTEON_CONFIG names no file: ."),  # what Docker makes of a file that is not there
        ("/proc/self/mem", "/proc/self/mem cannot be read: Input/output error"),
        ("latin1.toml", "latin1.toml, or a secret, is not written in UTF-8"),
    ],
)
def test_a_file_that_is_named_is_read_or_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, said: str
) -> None:
    (tmp_path / "latin1.toml").write_bytes('ae_title = "KÖLN"'.encode("latin-1"))
    monkeypatch.setenv("OSTEON_CONFIG", name)
    with pytest.raises(SettingsRefused) as refusal:
        load_settings()
    assert str(refusal.value) == said


def test_an_empty_variable_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "osteon.toml").write_text('peers = ["PACS@10.0.0.9"]\n')
    for name in ("OSTEON_PEERS", "OSTEON_GATEWAY_ENABLED", "OSTEON_CONFIG", "OSTEON_SECRETS_DIR"):
        monkeypatch.setenv(name, "")
    assert [str(peer) for peer in load_settings().peers] == ["PACS@10.0.0.9"]


def test_a_secret_is_not_repeated_in_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OSTEON_PORT", "hunter2")
    with pytest.raises(SettingsRefused) as refusal:
        load_settings()
    assert "hunter2" not in str(refusal.value)


def test_a_command_with_an_unknown_variable_ends_with_its_nearest_name(tmp_path: Path) -> None:
    outcome = Shell(tmp_path).run("results", quite_seconds=3)
    assert (outcome.code, outcome.stdout) == (1, "")
    assert "did you mean OSTEON_QUIET_SECONDS?" in outcome.stderr


@pytest.mark.parametrize(
    "arguments", [["resluts"], ["work", "--queue", "coffee"], ["requeue"], ["results", "--colour"]]
)
def test_a_wrong_command_line_is_a_usage_error(tmp_path: Path, arguments: list[str]) -> None:
    outcome = Shell(tmp_path).run(*arguments)
    assert (outcome.code, outcome.stdout) == (1, "")
    assert outcome.stderr


def test_a_destination_is_what_its_address_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "osteon.toml").write_text(
        """
[[destinations]]
name = "pacs"
address = "PACS@10.0.0.9:104"
also = ["pdf", "kos"]
negatives = "pictures"

[[destinations]]
address = "mllp://ris:2575"
attach = "pdf"

[[destinations]]
address = "https://fhir.example/base"
token = "sesame"
"""
    )
    pacs, ris, fhir = load_settings().destinations
    assert isinstance(pacs, PacsSettings)
    assert (pacs.name, pacs.also, pacs.negatives) == ("pacs", {"pdf", "kos"}, "pictures")
    assert isinstance(ris, Hl7Settings)
    assert (ris.name, ris.attach) == ("mllp://ris:2575", "pdf")
    assert isinstance(fhir, FhirSettings)
    assert "sesame" not in repr(load_settings())


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('address = "PACS@a:1"\nalso = ["psg"]', "also"),
        ('address = "PACS@a:1"\nattach = "pdf"', "attach"),
        ('address = "mllp://ris"', "needs a host and a port"),
        ('address = "https:///r4"', "names no host"),
        ('address = "PACS@a:1"\n[[destinations]]\naddress = "PACS@a:1"', "two destinations"),
        ('name = "pacs"', "address"),
        (
            'address = "https://a/r4"\ntoken = "hunter2"\ntoken_file = "/run/secrets/t"',
            "token and token_file are both set",
        ),
    ],
)
def test_a_destination_that_cannot_be_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "osteon.toml").write_text(f"[[destinations]]\n{lines}\n")
    with pytest.raises(SettingsRefused, match=said) as refusal:
        load_settings()
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("PACS@[fd00::5]:104", "fd00::5", 104),
        ("PACS@[::ffff:10.0.0.5]", "::ffff:10.0.0.5", None),
        ("PACS@[fd00::/8]", "fd00::/8", None),
        ("PACS@pacs.hospital.example:104", "pacs.hospital.example", 104),
    ],
)
def test_an_ipv6_address_stands_in_brackets(text: str, host: str, port: int | None) -> None:
    peer = PeerAddress.parse(text)
    assert (peer.ae_title, peer.host, peer.port) == ("PACS", host, port)
    assert str(peer) == text


@pytest.mark.parametrize(
    "text", ["PACS@fd00::5:104", "PACS@[fd00::5", "PACS@[pacs]:104", "PACS@[]:104"]
)
def test_what_might_be_an_address_is_not_guessed(text: str) -> None:
    with pytest.raises(ValueError, match="is not AET"):
        PeerAddress.parse(text)
