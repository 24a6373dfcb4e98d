"""The secrets: made once, closed to others, read by the node from files."""

import os
import re
import stat
import subprocess
from pathlib import Path

import pytest
from sqlalchemy import make_url

from settings import load_settings
from tests.hospital.compose import BASE, ROOT, load_compose

MAKE_SECRETS = ROOT / "deploy/make-secrets"


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    subprocess.run([MAKE_SECRETS, "secrets"], check=True, cwd=tmp_path, capture_output=True)
    return tmp_path / "secrets"


def test_the_secrets_made_are_those_the_services_are_given(secrets: Path) -> None:
    assert {path.name for path in secrets.iterdir()} == set(load_compose(BASE)["secrets"])


def test_the_folder_is_closed_to_others(secrets: Path) -> None:
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700
    # Inside a container each file stands alone and is read by a user who is not its owner.
    assert {stat.S_IMODE(path.stat().st_mode) for path in secrets.iterdir()} == {0o444}


def test_the_node_reads_its_addresses_from_the_files(
    secrets: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("OSTEON_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("OSTEON_SECRETS_DIR", str(secrets))
    settings = load_settings()
    password = (secrets / "postgres_password").read_text().strip()
    assert make_url(settings.ledger_url).password == password
    assert make_url(settings.ledger_url).host == "postgres"
    assert make_url(settings.broker_url).host == "redis"
    assert make_url(settings.broker_url).username == "osteon"
    assert settings.gateway_token is not None
    token = settings.gateway_token.get_secret_value()
    assert token == (secrets / "osteon_gateway_token").read_text()
    assert re.fullmatch("[0-9a-f]{48}", token)


def test_redis_is_told_a_digest_only(secrets: Path) -> None:
    broker = make_url((secrets / "osteon_broker_url").read_text().strip())
    assert str(broker.password) not in (secrets / "redis_users").read_text()


def test_each_installation_has_passwords_of_its_own(secrets: Path, tmp_path: Path) -> None:
    subprocess.run([MAKE_SECRETS, "others"], check=True, cwd=tmp_path, capture_output=True)
    for path in secrets.iterdir():
        assert path.read_text() != (tmp_path / "others" / path.name).read_text()


def test_secrets_in_use_are_not_overwritten(secrets: Path) -> None:
    before = {path: path.read_text() for path in secrets.iterdir()}
    again = subprocess.run(
        [MAKE_SECRETS, "secrets"], cwd=secrets.parent, capture_output=True, check=False
    )
    assert again.returncode == 1
    assert {path: path.read_text() for path in secrets.iterdir()} == before
