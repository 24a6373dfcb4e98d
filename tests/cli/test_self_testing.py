"""`osteon self-test` says at which step a node does not work, in words and by its exit code."""

from cli.exits import Exit
from tests.cli.shell import Shell
from tests.servers import free_port


def test_a_node_that_is_not_running_fails_at_the_first_step(
    shell: Shell, sqlite_ledger_url: str
) -> None:
    node = {"database_url": sqlite_ledger_url, "port": free_port()}
    outcome = shell.run("self-test", "--json", **node)
    assert outcome.code == Exit.CHECK_FAILED
    [step] = outcome.documents()
    assert (step["step"], step["passed"]) == ("echo", False)
    assert "connection refused; is the peer running, and is the port right?" in step["said"]
    assert step["study_instance_uid"].startswith("2.25.")


def test_a_ledger_that_is_away_is_said(shell: Shell) -> None:
    outcome = shell.run("self-test", database_url="sqlite:////nowhere/ledger.sqlite")
    assert outcome.code == Exit.LEDGER_UNAVAILABLE
    assert outcome.stderr.startswith("osteon: the ledger cannot be used")
