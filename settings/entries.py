"""Settings that are lists: as TOML has them, or what a variable has between its commas."""

from typing import Annotated, Any

from pydantic_settings import NoDecode

Words = Annotated[tuple[str, ...], NoDecode]
_EXPECTED_WORDS = "expected a list of words"


def list_entries(value: Any, expected: str) -> list[Any]:
    entries = value.split(",") if isinstance(value, str) else value
    if not isinstance(entries, list | tuple):
        raise ValueError(expected)
    return [entry for entry in entries if entry]


def parse_words(value: Any) -> tuple[Any, ...]:
    return tuple(
        entry.strip() if isinstance(entry, str) else entry
        for entry in list_entries(value, _EXPECTED_WORDS)
    )
