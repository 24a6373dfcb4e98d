"""Rows of the ledger as text for programs: JSON and CSV, the same wherever they are asked for."""

import csv
import io
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

# A cell that a spreadsheet would take for a formula, also one in full-width characters.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def json_line(document: Mapping[str, Any]) -> str:
    """One document on one line; times as ISO 8601 in UTC."""
    return json.dumps(document, default=_plain, ensure_ascii=False) + "\n"


def csv_line(values: Iterable[Any]) -> str:
    """One line of CSV that runs no formula; times as ISO 8601 in UTC, lists as JSON."""
    line = io.StringIO()
    csv.writer(line).writerow([_cell(value) for value in values])
    return line.getvalue()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return str(value)


def _cell(value: Any) -> Any:
    if isinstance(value, datetime | list | dict):
        return json.dumps(value, default=_plain, ensure_ascii=False).strip('"')
    if isinstance(value, str) and value.startswith(_FORMULA_STARTS):
        return "'" + value
    return value
