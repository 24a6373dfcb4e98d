"""What the demonstration shows in the terminal."""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table


class Screen:
    """A terminal: steps as they pass, a table, a report as text."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, soft_wrap=True)

    def say(self, text: str) -> None:
        self._console.print(text, markup=False)

    def step(self, text: str, seconds: float) -> None:
        self._console.print(f"[green]✓[/green] {text} [dim]{seconds:.1f} s[/dim]")

    def failed(self, text: str) -> None:
        self._console.print("[bold red]✗[/bold red]", end=" ")
        self._console.print(text, markup=False)

    def heading(self, text: str) -> None:
        self._console.print(f"\n[bold]{text}[/bold]")

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        table = Table(*columns, box=None, pad_edge=False, header_style="bold dim")
        for row in rows:
            table.add_row(*row)
        self._console.print(table)

    def lines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._console.print(line, markup=False)
