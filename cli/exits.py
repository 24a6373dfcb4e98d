"""Exit codes in DCMTK's ranges: a script can tell a wrong file from a peer that refuses."""

from enum import IntEnum


class Exit(IntEnum):
    """What the `osteon` command's exit code says."""

    DONE = 0
    USAGE = 1
    INPUT_UNREADABLE = 20
    NOTHING_FOUND = 21
    OUTPUT_UNWRITABLE = 40
    LEDGER_UNAVAILABLE = 41
    CHECK_FAILED = 42
    PEER_UNREACHABLE = 60
    PEER_REFUSED = 61
