"""How commands print: JSON lines, CSV or a table, and nothing else on stdout."""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from db.result_formats import csv_line, json_line

_TABLE_ROWS = 500


def print_json(document: Mapping[str, Any]) -> None:
    """One document on one line; times as ISO 8601 in UTC."""
    sys.stdout.write(json_line(document))


def print_rows(columns: Sequence[str], rows: Iterable[Mapping[str, Any]], *, as_json: bool) -> None:
    """All that is known of each row as a document of its own, or a table of these columns."""
    if as_json:
        for row in rows:
            print_json(row)
    else:
        print_table(columns, rows)


def print_csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """As the rows come, however many they are."""
    sys.stdout.write(csv_line(columns))
    for row in rows:
        sys.stdout.write(csv_line(row[column] for column in columns))


def print_table(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """For people; of many rows the first decide how wide the columns are."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(soft_wrap=not sys.stdout.isatty())
    widths: list[int] = []
    for page in _pages(rows):
        is_one_of_many = bool(widths) or len(page) == _TABLE_ROWS
        table = Table(box=None, pad_edge=False, show_header=not widths)
        texts = [[_text(row[column]) for column in columns] for row in page]
        widths = widths or [max(map(len, column)) for column in zip(columns, *texts, strict=True)]
        for column, width in zip(columns, widths, strict=True):
            table.add_column(column, min_width=width if is_one_of_many else None)
        for row in texts:
            table.add_row(*map(Text, row))
        console.print(table)


def _pages(rows: Iterable[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    """Of 500 rows; one that is empty where there are none: a table has its header still."""
    source = iter(rows)
    page = list(islice(source, _TABLE_ROWS))
    yield page
    while page := list(islice(source, _TABLE_ROWS)):
        yield page


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    return "" if value is None else str(value)
