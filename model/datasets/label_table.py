"""Labels in a CSV file: its rows, and what a cell may say."""

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path

from model.datasets.data_set import ImageUnfit, LabelsUnfit
from model.datasets.labelled import Rectangle

Cells = Mapping[str, str]

_YES = {"1", "1.0", "true", "yes", "y"}
_NO = {"0", "0.0", "false", "no", "n"}
BOX_COLUMNS = ("x0", "y0", "x1", "y1")


def read_rows(path: Path, columns: Iterable[str] = ()) -> list[dict[str, str]]:
    """Every row by its column names; cells that are absent are empty."""
    header, rows = _read(path)
    missing = [column for column in columns if column not in header]
    if missing:
        raise LabelsUnfit(f"{path.name} has no column {', '.join(map(repr, missing))}")
    return [
        {column: (row.get(column) or "").strip() for column in header if column} for row in rows
    ]


def columns_of(path: Path) -> frozenset[str]:
    """The names in a table's first line; of a file that is no table, none."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as table:
            return frozenset(next(csv.reader(table), []))
    except (OSError, UnicodeDecodeError, csv.Error):
        return frozenset()


def _read(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    try:
        # Spreadsheets put a byte order mark before the first column's name.
        with path.open(newline="", encoding="utf-8-sig") as table:
            reader = csv.DictReader(table)
            return list(reader.fieldnames or ()), list(reader)
    except FileNotFoundError as error:
        raise LabelsUnfit(f"there is no {path.name} in {path.parent}") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise LabelsUnfit(f"{path.name} cannot be read: {error}") from error


def flag(row: Cells, column: str) -> bool:
    """A cell that must say yes or no."""
    answer = told(row, column)
    if answer is None:
        raise ImageUnfit(f"{column} is not told")
    return answer


def told(row: Cells, column: str) -> bool | None:
    """A cell that may say yes or no; None where it is empty or absent."""
    text = row.get(column, "").casefold()
    if not text:
        return None
    if text not in _YES | _NO:
        raise ImageUnfit(f"{column} is {text!r}, neither 0 nor 1")
    return text in _YES


def rectangle(row: Cells) -> Rectangle:
    """A box with an area, x0 < x1 and y0 < y1."""
    try:
        x0, y0, x1, y1 = (float(row.get(column, "")) for column in BOX_COLUMNS)
    except ValueError as error:
        raise ImageUnfit("a box's corner is not a number") from error
    if not (x0 < x1 and y0 < y1):
        raise ImageUnfit("a box has no area")
    return x0, y0, x1, y1
