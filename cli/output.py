"""How commands print: JSON lines, CSV or a table, and nothing else on stdout."""

import csv
import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

# A cell that a spreadsheet would take for a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def print_json(document: Mapping[str, Any]) -> None:
    """One document on one line; times as ISO 8601 in UTC."""
    sys.stdout.write(json.dumps(document, default=_plain, ensure_ascii=False) + "\n")


def print_csv(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    writer = csv.writer(sys.stdout)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row[column]) for column in columns])


def print_table(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(Text(_text(row[column])) for column in columns))
    Console(soft_wrap=not sys.stdout.isatty()).print(table)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return str(value)


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    return "" if value is None else str(value)


def _cell(value: Any) -> Any:
    if isinstance(value, datetime | list | dict):
        return json.dumps(value, default=_plain).strip('"')
    if isinstance(value, str) and value.startswith(_FORMULA_STARTS):
        return "'" + value
    return value
