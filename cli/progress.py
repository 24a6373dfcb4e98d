"""How a long command shows that it goes on: a bar on stderr, if a person is watching there."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")


def with_progress(
    items: Iterable[Item], total: int | None, what: str, wanted: bool = True
) -> Iterator[Item]:
    """The items, counted on a bar; total None: nobody knows how many will come."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    shown = wanted and console.is_terminal
    yield from track(items, what, total=total, console=console, transient=True, disable=not shown)
