"""Exit codes in DCMTK's ranges: a script can tell a wrong file from a peer that refuses."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum


class Exit(IntEnum):
    """What the `osteon` command's exit code says."""

    DONE = 0
    USAGE = 1
    INPUT_UNREADABLE = 20
    NOTHING_FOUND = 21
    CLASSIFIER_UNUSABLE = 22
    OUTPUT_UNWRITABLE = 40
    LEDGER_UNAVAILABLE = 41
    CHECK_FAILED = 42
    PEER_UNREACHABLE = 60
    PEER_REFUSED = 61


class Leave(Exception):
    """The command ends here: its exit code and one sentence for stderr."""

    def __init__(self, code: Exit, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@contextmanager
def missing_files_named() -> Iterator[None]:
    """A file that is not there ends the command with its name."""
    try:
        yield
    except FileNotFoundError as error:
        raise Leave(Exit.INPUT_UNREADABLE, f"there is no {error.filename}") from error
