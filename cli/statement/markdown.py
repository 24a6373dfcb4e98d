"""Tables in Markdown, and their places in a document."""

import re
from collections.abc import Iterable, Mapping, Sequence

_PLACE = re.compile(r"<!-- table: (?P<name>[\w-]+) -->\n(?P<content>.*?)<!-- end -->\n", re.DOTALL)


class UnknownTable(Exception):
    """The document has a place for a table that there is not, or lacks the place of one."""


def table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table; a cell's text stands as it is, but for what would end the cell."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "".join(f"| {' | '.join(map(_cell, line))} |\n" for line in lines)


def filled(document: str, tables: Mapping[str, str]) -> str:
    """The document with its tables as they are now; each has one place in it."""
    places = [match["name"] for match in _PLACE.finditer(document)]
    wrong = sorted(set(places) ^ tables.keys() | {one for one in places if places.count(one) > 1})
    if wrong:
        raise UnknownTable(f"each table needs one place in the document: {', '.join(wrong)}")
    return _PLACE.sub(lambda match: _place(match["name"], tables[match["name"]]), document)


def changed(document: str, tables: Mapping[str, str]) -> list[str]:
    """The names of the tables that are not in the document as they are now."""
    contents = {match["name"]: match["content"] for match in _PLACE.finditer(document)}
    filled(document, tables)
    return [name for name, content in contents.items() if content != _content(tables[name])]


def _place(name: str, content: str) -> str:
    return f"<!-- table: {name} -->\n{_content(content)}<!-- end -->\n"


def _content(content: str) -> str:
    return f"\n{content}\n"


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")
