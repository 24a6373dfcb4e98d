"""The tables of a document, to hold them to the code."""

from itertools import takewhile
from pathlib import Path

DOCUMENTS = Path(__file__).resolve().parents[2] / "docs"


def rows_of(document: str, heading: str) -> list[list[str]]:
    """The cells below the one table whose head begins with this."""
    lines = (DOCUMENTS / document).read_text().splitlines()
    heads = [number for number, line in enumerate(lines) if line.startswith(f"| {heading}")]
    assert len(heads) == 1, f"{document} has {len(heads)} tables with the head {heading}"
    body = takewhile(lambda line: line.startswith("|"), lines[heads[0] + 2 :])
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in body]
