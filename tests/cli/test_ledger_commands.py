"""`osteon results`, `jobs`, `requeue` and `db upgrade`, on a ledger with a story in it."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from db.deliveries import finish_consignment, load_consignment, mark_refused
from db.destinations import note_failure
from db.jobs import JobKind
from db.session import open_ledger, transaction
from db.upgrade import upgrade_ledger
from tests.cli.shell import Shell
from tests.db.ledger import FRACTURE, NO_FRACTURE, analyse, claim, receive, received, report

STUDY = "1.2.3"
UIDS = {"study_instance_uid", "series_instance_uid", "sop_instance_uid"}
TIMES = {"received_at", "analysed_at", "reported_at", "delivered_at", "committed_at"}
FINDING = {"file", "state", "probability", "region", "type", "type_probability", "severity"}
PROMISED = UIDS | TIMES | FINDING | {"boxes", "model", "reason"}
REFUSAL = "PACS@10.0.0.9:104 answers: it does not allow us to store (status 0x0124)"


@pytest.fixture(scope="module")
def ledger(shell: Shell) -> Iterator[Engine]:
    """Two images of one study, reported, and a delivery that was refused."""
    data_dir = shell.folder / "data"
    data_dir.mkdir()
    url = f"sqlite:///{data_dir / 'ledger.sqlite'}"
    upgrade_ledger(url)
    engine = open_ledger(url)
    receive(engine, received(1, patient_id="=1+1"), received(2, patient_id="=1+1"))
    analyse(engine, FRACTURE, NO_FRACTURE)
    report(engine, "PACS@10.0.0.9:104")
    refused = claim(engine, JobKind.DELIVER)
    with transaction(engine) as session:
        for item in load_consignment(session, refused.subject_id).items:
            mark_refused(session, refused, item.delivery_id, status=0x0124, error=REFUSAL)
        finish_consignment(session, refused)
        note_failure(session, "PACS@10.0.0.9:104", "no answer")
    yield engine
    engine.dispose()


def test_results_as_json_have_the_promised_keys(shell: Shell, ledger: Engine) -> None:
    outcome = shell.run("results", "--json")
    assert outcome.code == 0, outcome.stderr
    first, second = outcome.documents()
    assert set(first) >= PROMISED
    assert (first["state"], second["state"]) == ("fracture", "none")
    assert first["boxes"] == [{"x0": 1.0, "y0": 2.0, "x1": 3.0, "y1": 4.0, "score": 0.8}]
    assert first["received_at"].endswith("Z")
    assert (first["delivered_at"], first["severity"]) == (None, None)


def test_results_tell_what_each_destination_got(shell: Shell, ledger: Engine) -> None:
    [row] = shell.run("results", "--deliveries", "--json", "--study", STUDY).documents()
    assert (row["destination"], row["state"]) == ("PACS@10.0.0.9:104", "refused")
    assert row["error"] == REFUSAL
    assert "refused" in shell.run("results", "--deliveries").stdout


def test_destinations_tell_how_they_fare(shell: Shell, ledger: Engine) -> None:
    [row] = shell.run("destinations", "--json").documents()
    assert (row["state"], row["failures"], row["last_error"]) == ("failing", 1, "no answer")
    assert "failing" in shell.run("destinations").stdout


def test_results_as_csv_run_no_formula(shell: Shell, ledger: Engine) -> None:
    outcome = shell.run("results", "--csv", "--study", STUDY)
    rows = list(csv.DictReader(io.StringIO(outcome.stdout)))
    assert (outcome.code, len(rows)) == (0, 2)
    assert set(rows[0]) >= PROMISED
    assert rows[0]["patient_id"] == "'=1+1"
    assert rows[0]["probability"] == "0.9"


def test_results_are_narrowed_and_cut(shell: Shell, ledger: Engine) -> None:
    newest = shell.run("results", "--json", "--newest", "--limit", "1", "--region", "wrist")
    assert [one["state"] for one in newest.documents()] == ["none"]
    later = shell.run("results", "--json", "--from", "2999-01-01")
    assert (later.code, later.stdout) == (0, "")
    assert shell.run("results", "--to", "2020-01-01").stdout.split()[0] == "received_at"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--state", "broken"], "--state is one of fracture, possible"),
        (["--from", "yesterday"], "write a day as 2026-07-01"),
        (["--deliveries", "--region", "wrist"], "--deliveries goes with --study alone"),
    ],
)
def test_what_cannot_be_asked_is_said(
    shell: Shell, ledger: Engine, options: list[str], said: str
) -> None:
    outcome = shell.run("results", *options)
    assert (outcome.code, outcome.stdout) == (1, "")
    assert said in outcome.stderr


def test_an_unknown_study_is_not_found(shell: Shell, ledger: Engine) -> None:
    outcome = shell.run("results", "--json", "--study", "9.9")
    assert (outcome.code, outcome.stdout) == (21, "")


def test_a_dead_job_is_shown_and_requeued_once(shell: Shell, ledger: Engine) -> None:
    [dead] = shell.run("jobs", "--dead", "--json").documents()
    assert (dead["kind"], dead["state"], dead["last_error"]) == ("deliver", "dead", REFUSAL)
    assert dead["subject"].startswith("PACS@10.0.0.9:104 ")
    requeued = shell.run("requeue", dead["job_id"])
    assert (requeued.code, requeued.stdout) == (0, "1 of 1 jobs requeued\n")
    again = shell.run("requeue", dead["job_id"])
    assert (again.code, again.stdout) == (21, "0 of 1 jobs requeued\n")
    table = shell.run("jobs")
    assert table.code == 0
    assert "waiting" in table.stdout


def test_tables_are_for_people(shell: Shell, ledger: Engine) -> None:
    outcome = shell.run("results")
    assert outcome.code == 0
    assert outcome.stdout.split()[0] == "received_at"
    assert len(outcome.stdout.splitlines()) == 3


def test_a_new_ledger_is_made_and_is_the_same_the_second_time(shell: Shell) -> None:
    data_dir = shell.folder / "new"
    for _ in range(2):
        outcome = shell.run("db", "upgrade", data_dir=data_dir)
        assert (outcome.code, outcome.stdout) == (0, ""), outcome.stderr
    assert (data_dir / "ledger.sqlite").is_file()


UNUSABLE = [
    ("sqlite:////nowhere/ledger.sqlite", 41, "unable to open"),
    ("postgresql://osteon@127.0.0.1:1/osteon", 41, "connection"),
    ("hospital ledger", 1, "database_url"),
]


@pytest.mark.parametrize(("url", "code", "said"), UNUSABLE)
def test_a_ledger_that_cannot_be_used(shell: Shell, url: str, code: int, said: str) -> None:
    command = ["results"] if code == 41 else ["db", "upgrade"]
    outcome = shell.run(*command, database_url=url)
    assert (outcome.code, outcome.stdout) == (code, "")
    assert said in outcome.stderr


def test_a_data_directory_that_cannot_be_made(shell: Shell) -> None:
    (shell.folder / "file").write_text("")
    upgraded = shell.run("db", "upgrade", data_dir=Path("file/data"))
    assert (upgraded.code, "data_dir" in upgraded.stderr) == (40, True)
    working = shell.run("work", "--queue", "analyse", data_dir=Path("file/data"))
    assert (working.code, "spool" in working.stderr) == (40, True)


def test_a_model_is_withdrawn_after_a_question(shell: Shell, ledger: Engine) -> None:
    withdrawal = ["withdraw", "--model", "1.0", "--reason", "it missed wrists"]
    assert shell.run(*withdrawal, "--yes", "--model", "9.9").code == 21
    outcome = shell.run(*withdrawal, "--yes")
    assert outcome.code == 0, outcome.stderr
    assert "2 images of 1 studies" in outcome.stdout
    assert shell.run("results", "--json").documents()[0]["withdrawn"] == "it missed wrists"
