"""`osteon doctor`: a node in which all is well, and one in which nothing is."""

from pathlib import Path

from db.upgrade import upgrade_ledger
from tests.cli.shell import Outcome, Shell
from tests.dicom_node.listening import running_node
from tests.servers import free_port

PARTS = ["disk", "ledger", "broker", "classifier", "listener"]


def _said(outcome: Outcome) -> dict[str, str]:
    return {check["name"]: check["said"] for check in outcome.documents()}


def test_a_node_that_is_well(shell: Shell) -> None:
    data_dir = shell.folder / "data"
    data_dir.mkdir()
    url = f"sqlite:///{data_dir / 'ledger.sqlite'}"
    upgrade_ledger(url)
    with running_node(url, data_dir / "spool") as node:
        here = f"OSTEON@127.0.0.1:{node.port}"
        outcome = shell.run("doctor", "--json", port=node.port, destinations=here)
    checks = outcome.documents()
    assert outcome.code == 0, checks
    assert [check["name"] for check in checks] == [*PARTS, f"destination {here}"]
    assert all(check["passed"] for check in checks)


def test_a_node_that_is_ill_all_over_is_examined_to_the_end(shell: Shell) -> None:
    (shell.folder / "file").write_text("")
    gone = free_port()
    outcome = shell.run(
        "doctor",
        "--json",
        data_dir=Path("file"),
        broker_url=f"redis://127.0.0.1:{gone}/0",
        model_dir=shell.folder,
        port=gone,
        destinations=f"PACS@127.0.0.1:{gone}",
    )
    assert outcome.code == 42
    assert [check["passed"] for check in outcome.documents()] == [False] * 6
    said = _said(outcome)
    assert "no spool can be made" in said["disk"]
    assert "is `database_url` right" in said["ledger"]
    assert "is Redis running" in said["broker"]
    assert "card.json" in said["classifier"]
    assert "osteon up" in said["listener"]
    assert "is the peer running" in said[f"destination PACS@127.0.0.1:{gone}"]


def test_a_ledger_that_was_never_upgraded(shell: Shell) -> None:
    (shell.folder / "fresh").mkdir()
    outcome = shell.run("doctor", data_dir=shell.folder / "fresh", port=free_port())
    assert outcome.code == 42
    [ledger] = [line for line in outcome.stdout.splitlines() if " ledger: " in line]
    assert ledger.startswith("FAIL")
    assert "run `osteon db upgrade`" in ledger
    assert any(line.startswith("ok    disk: ") for line in outcome.stdout.splitlines())
