"""`osteon listen` says in a sentence why it does not."""

from pathlib import Path

from cli.exits import Exit
from tests.cli.shell import Shell
from tests.servers import free_port


def test_a_ledger_that_fails_as_the_listener_starts_is_said(shell: Shell, tmp_path: Path) -> None:
    """It opens, and has no tables: nobody has run `osteon upgrade`."""
    empty = f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    outcome = shell.run("listen", database_url=empty, port=free_port())
    assert outcome.code == Exit.LEDGER_UNAVAILABLE
    assert outcome.stderr.startswith("osteon: the ledger cannot be used: no such table")
    assert "Traceback" not in outcome.stderr
