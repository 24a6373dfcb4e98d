"""What `osteon doctor` looks at, and what it says to do."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from settings import Settings


@dataclass(frozen=True)
class Check:
    """One thing looked at: whether it is well, and if not, what to do."""

    name: str
    passed: bool
    said: str

    def as_row(self) -> dict[str, Any]:
        return asdict(self)


class Ill(Exception):
    """What was looked at is not well; the message says what to do."""


def examine_node(settings: Settings) -> Iterator[Check]:
    """Every check in the order of the path of an image; none stops the others."""
    checks: list[tuple[str, Callable[[Settings], str]]] = [
        ("disk", _disk),
        ("ledger", _ledger),
        ("broker", _broker),
        ("classifier", _classifier),
        ("listener", _listener),
    ]
    for name, look in checks:
        yield _check(name, look, settings)
    for peer in settings.destinations:
        yield _check(f"destination {peer}", lambda _, peer=peer: _destination(settings, peer), settings)
