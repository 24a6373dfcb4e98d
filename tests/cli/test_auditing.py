"""`osteon audit` and its commands, and what the node notes of how it was started."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from cli.audit_changes import StartChanges
from cli.audit_look import look_at_trail
from cli.exits import Leave
from db.audit import Action, AuditRecord, record_event
from db.audit_files import AuditFiles
from db.session import open_ledger, transaction
from db.upgrade import upgrade_ledger
from settings import Settings, SettingsRefused, load_settings
from tests.certificates import make_certificate
from tests.cli.shell import Shell
from tests.messages.syslog_receiver import syslog_receiver
from worker.audit_sealing import Sealer

pytestmark = pytest.mark.requirement("R-AUDIT-2")


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    upgrade_ledger(f"sqlite:///{folder}/ledger.sqlite")
    return folder


@pytest.fixture
def ledger(data_dir: Path) -> Engine:
    """With three sealed events."""
    engine = open_ledger(f"sqlite:///{data_dir}/ledger.sqlite")
    view = AuditRecord("anna", "reader", Action.STUDY_VIEWED, "::1", study_instance_uid="1.2.3")
    with transaction(engine) as session:
        for _ in range(3):
            record_event(session, view)
    seal(engine, data_dir)
    return engine


@pytest.fixture
def here(data_dir: Path) -> Shell:
    return Shell(data_dir.parent)


def seal(engine: Engine, data_dir: Path) -> None:
    Sealer(lambda: engine, AuditFiles(data_dir), "OSTEON").turn()


def test_whole_trail_is_verified_and_that_it_was_is_written_down(
    here: Shell, ledger: Engine, data_dir: Path
) -> None:
    told = here.run("audit", "verify")
    assert (told.code, told.stdout) == (0, "3 events, whole from number 1 to 3\n")
    seal(ledger, data_dir)
    [report] = here.run("audit", "verify", "--json").documents()
    assert report == {"first": 1, "last": 4, "unsealed": 0, "events": 4}
    newest = here.run("audit", "--json", "--limit", "1").documents()[0]
    assert newest["action"] == "trail-checked"
    again = here.run("audit", "--json", "--limit", "1").documents()[0]
    assert again["action"] == "trail-viewed"
    assert again["actor"].endswith("(command)")


def test_broken_trail_is_told_with_the_place(here: Shell, ledger: Engine) -> None:
    with ledger.begin() as connection:
        connection.execute(text("DROP TRIGGER audit_event_changed"))
        connection.execute(text("UPDATE audit_event SET actor = 'ben' WHERE sequence = 2"))
    told = here.run("audit", "verify")
    assert told.code == 42
    assert "event 2 (id 2) is not what was written" in told.stderr
    assert here.run("audit", "prune", "--before", "2100-01-01", "--yes").code == 42
    newest = here.run("audit", "--json", "--limit", "1").documents()[0]
    assert (newest["action"], newest["outcome"]) == ("trail-checked", "failed")


def test_pruned_trail_is_still_whole(here: Shell, ledger: Engine) -> None:
    assert here.run("audit", "prune", "--before", "2020-01-01", "--yes").stdout == (
        "0 events removed\n"
    )
    told = here.run("audit", "prune", "--before", "2100-01-01", "--yes")
    assert (told.code, told.stdout) == (0, "3 events removed\n")
    assert here.run("audit", "verify").code == 0
    assert here.run("audit", "prune", "--before", "yesterday").code == 1


def doctor_says(**settings: Any) -> tuple[bool, str]:
    try:
        return True, look_at_trail(load_settings(**settings))
    except Leave as finding:
        return False, str(finding)


def test_doctor_says_whether_the_trail_is_sealed_and_told(
    ledger: Engine, data_dir: Path, tmp_path: Path
) -> None:
    passed, said = doctor_says(data_dir=data_dir)
    assert passed
    assert "no `audit_repository` is set" in said
    certificate = make_certificate(tmp_path, "IP:127.0.0.1")
    with syslog_receiver(certificate) as receiver:
        told_to = {
            "audit_repository": f"syslog+tls://127.0.0.1:{receiver.port}",
            "audit_repository_authorities": certificate[0],
        }
        passed, said = doctor_says(data_dir=data_dir, **told_to)
        assert passed
        assert f"audit repository 127.0.0.1:{receiver.port} answers" in said
        assert receiver.frames == []
    passed, said = doctor_says(data_dir=data_dir, **told_to)
    assert not passed
    assert "connection refused" in said


def test_doctor_says_when_nobody_seals(ledger: Engine, data_dir: Path) -> None:
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    with transaction(ledger) as session:
        record_event(session, AuditRecord("anna", "reader", Action.SIGN_OUT, "::1"))
        session.flush()
    with ledger.begin() as connection:
        connection.execute(text("DROP TRIGGER audit_event_changed"))
        connection.execute(
            text("UPDATE audit_event SET happened_at = :then WHERE seal IS NULL"),
            {"then": long_ago.isoformat(timespec="milliseconds").replace("+00:00", "Z")},
        )
    passed, said = doctor_says(data_dir=data_dir)
    assert not passed
    assert "is a beat running?" in said
    (data_dir / "audit.key").unlink()
    assert "restore it" in doctor_says(data_dir=data_dir)[1]


def started(data_dir: Path, model: str | None, **settings: Any) -> list[tuple[str, str | None]]:
    """What is noted at a start with these settings."""
    loaded = load_settings(data_dir=data_dir, **settings)
    changes = StartChanges(loaded, "OSTEON", lambda: model)
    noted = [(record.action.value, record.detail) for record in changes.records(b"key")]
    changes.remember(b"key")
    return noted


def test_settings_and_classifier_that_changed_are_named_without_their_values(
    tmp_path: Path,
) -> None:
    assert started(tmp_path, "hands 1.0") == []
    assert started(tmp_path, "hands 1.0") == []
    peers = {"peers": ["PACS@10.0.0.5"], "gateway_token": "a secret of the hospital"}
    assert started(tmp_path, "hands 1.0", **peers) == [("settings-changed", "gateway_token, peers")]
    assert started(tmp_path, "hands 1.1", **peers) == [
        ("model-changed", "hands 1.0, now hands 1.1")
    ]
    assert started(tmp_path, None, **peers) == []
    kept = (tmp_path / "audit.settings").read_text()
    assert "a secret of" not in kept
    assert "10.0.0.5" not in kept
    assert (tmp_path / "audit.settings").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "refused",
    [
        {"audit_repository": "syslog://10.0.0.9:514"},
        {"audit_repository": "syslog+tls://"},
        {"audit_repository": "syslog+tls://host:port"},
        {"audit_repository": "syslog+tls://host/path"},
        {"audit_repository_certificate": "only.pem"},
    ],
)
def test_repository_that_cannot_be_is_refused(refused: dict[str, str]) -> None:
    with pytest.raises(SettingsRefused):
        load_settings(**refused)


def test_port_of_the_repository_is_that_of_the_standard_unless_set() -> None:
    settings: Settings = load_settings(audit_repository="syslog+tls://arr.hospital.example")
    assert settings.audit_repository_place == ("arr.hospital.example", 6514)
