"""`osteon users` and `osteon audit`: who may come in, and who did what."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from db.audit import Action, AuditRecord, record_event
from db.session import open_ledger, transaction
from db.upgrade import upgrade_ledger
from tests.cli.shell import Shell

PASSWORD = b"correct horse battery\n"


@pytest.fixture(scope="module")
def ledger(shell: Shell) -> Iterator[Engine]:
    """With an administrator, who is the first account, and a viewer."""
    data_dir = shell.folder / "data"
    data_dir.mkdir()
    url = f"sqlite:///{data_dir / 'ledger.sqlite'}"
    upgrade_ledger(url)
    engine = open_ledger(url)
    add = ("users", "add", "--password-stdin")
    first = shell.run(*add, "Anna", "--role", "administrator", stdin=PASSWORD)
    assert (first.code, first.stdout, first.stderr) == (0, "", "")
    named = shell.run(*add, "otto", "--full-name", "Otto Leser", stdin=PASSWORD)
    assert named.code == 0, named.stderr
    yield engine
    engine.dispose()


def test_accounts_from_the_first_administrator_on(shell: Shell, ledger: Engine) -> None:
    anna, otto = shell.run("users", "list", "--json").documents()
    assert (anna["name"], anna["role"], anna["state"]) == ("anna", "administrator", "open")
    assert (otto["full_name"], otto["role"], otto["signed_in_at"]) == ("Otto Leser", "viewer", None)
    assert "argon2" not in str(anna)
    assert "Otto Leser" in shell.run("users", "list").stdout
    assert shell.run("users", "role", "otto", "reader").code == 0
    assert shell.run("users", "disable", "otto").code == 0
    assert shell.run("users", "list", "--json").documents()[1]["state"] == "disabled"
    assert shell.run("users", "enable", "otto").code == 0
    assert shell.run("users", "password", "otto", "--password-stdin", stdin=PASSWORD).code == 0
    told = [event["detail"] for event in shell.run("audit", "--json").documents()]
    assert told == [
        "otto: password set",
        "otto: enabled",
        "otto: disabled",
        "otto: role viewer, now reader",
        "otto: added as viewer",
        "anna: added as administrator",
    ]


REFUSED = [
    (("users", "add", "otto", "--password-stdin"), PASSWORD, 1, "there is an account otto already"),
    (("users", "add", "nina", "--password-stdin"), b"short\n", 1, "at least 12 characters"),
    (("users", "add", "a b", "--password-stdin"), PASSWORD, 1, "An account's name has"),
    (("users", "password", "nina", "--password-stdin"), PASSWORD, 21, "there is no account nina"),
    (("users", "disable", "anna"), b"", 42, "nobody else is an administrator"),
    (("users", "role", "anna", "reader"), b"", 42, "nobody else is an administrator"),
    (("users", "role", "anna", "owner"), b"", 1, "owner"),
]


@pytest.mark.parametrize(("command", "stdin", "code", "said"), REFUSED)
def test_what_is_refused(
    shell: Shell, ledger: Engine, command: tuple[str, ...], stdin: bytes, code: int, said: str
) -> None:
    outcome = shell.run(*command, stdin=stdin)
    assert (outcome.code, said in outcome.stderr) == (code, True), outcome.stderr


def test_the_audit_trail_of_a_study(shell: Shell, ledger: Engine) -> None:
    with transaction(ledger) as session:
        for uid in ("1.2.3", "1.2.4", "1.2.3"):
            seen = AuditRecord(
                "otto", "reader", Action.STUDY_VIEWED, "10.0.0.5", study_instance_uid=uid
            )
            record_event(session, seen)
    events = shell.run("audit", "--json", "--study", "1.2.3").documents()
    assert [(one["actor"], one["action"]) for one in events] == [("otto", "study-viewed")] * 2
    assert len(shell.run("audit", "--json", "--limit", "1").documents()) == 1
    assert "study-viewed" in shell.run("audit").stdout
    assert shell.run("audit", "--study", "9.9").code == 21


def test_no_node_is_started_whose_page_would_be_open_to_others(shell: Shell) -> None:
    outcome = shell.run("up", web_bind_address="0.0.0.0", data_dir=shell.folder / "open")
    assert outcome.code == 1
    assert "setting web_bind_address: 0.0.0.0 would show the page" in outcome.stderr
    assert "osteon users add NAME --role administrator" in outcome.stderr
    assert not (shell.folder / "open").exists()
