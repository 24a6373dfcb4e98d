"""What the attributes of an object are and where their values come from, by comparing objects.

An attribute that several objects built from several headers have alike is fixed; one that has each
time the value of its header is copied; any other is made by the node.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydicom.datadict import dictionary_description, dictionary_VR, tag_for_keyword

from cli.statement.created_objects import Built
from cli.statement.flattening import CONTENT, Path, flatten, place

# What comparing values cannot tell.
_SPECIAL = {
    **dict.fromkeys((CONTENT, "PixelData", "EncapsulatedDocument"), ("AUTO", "")),
    "LUTData": ("COPY", "widened to 16 bits where it has fewer"),
    "SpecificCharacterSet": ("COPY", "`ISO_IR 192` where the source's cannot carry the text"),
}
_LONGEST_VALUE = 60
_MOST_TERMS = 3


@dataclass(frozen=True)
class Attribute:
    """One row: where it stands, whether it has a value, and whose value that is (PS3.2 Annex N)."""

    path: Path
    presence: str
    source: str
    value: str

    def cells(self) -> tuple[str, ...]:
        keyword = self.path[-1]
        tag = tag_for_keyword(keyword) or 0
        name = f"{'> ' * (len(self.path) - 1)}{dictionary_description(keyword)}"
        number = f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
        return name, number, dictionary_VR(keyword), self.presence, self.source, self.value


def attributes_of(objects: Sequence[Built]) -> list[Attribute]:
    """The attributes of all objects of one kind, in the order of their tags."""
    comparison = _Comparison(objects)
    paths = {path for flat in comparison.flats for path in flat.values}
    rows = (comparison.attribute(path) for path in sorted(paths, key=place))
    return list(_without_copied_items(rows))


class _Comparison:
    """Objects of one kind beside the headers that they were built from."""

    def __init__(self, objects: Sequence[Built]) -> None:
        self.flats = [flatten(one.dataset) for one in objects]
        self._sources = [flatten(one.case.source).only_values() for one in objects]
        self._serials = [one.case.issue.serial_number for one in objects]
        self._candidates = sorted({path for source in self._sources for path in source})

    def attribute(self, path: Path) -> Attribute:
        values = [value for flat in self.flats for value in flat.values.get(path, ())]
        filled = [value for value in values if value]
        where = sum(flat.parents(path) for flat in self.flats)
        presence = _presence(where, len(values), len(filled))
        if not filled:
            return Attribute(path, presence, "", "" if presence == "EMPTY" else "sent empty")
        return Attribute(path, presence, *self._source(path, filled))

    def _source(self, path: Path, filled: Sequence[str]) -> tuple[str, str]:
        if path[-1] in _SPECIAL:
            return _SPECIAL[path[-1]]
        if self._is_serial_number(path):
            return "CONFIG", "`ae_title`"
        return self._copied(path) or self._made(path, filled)

    def _made(self, path: Path, filled: Sequence[str]) -> tuple[str, str]:
        if any(path in flat.items for flat in self.flats):
            return "", "items as follows"
        if len(set(filled)) == 1 and len(filled) > 1:
            return "FIXED", _shown(filled[0])
        return "AUTO", _terms(path, filled)

    def _is_serial_number(self, path: Path) -> bool:
        pairs = zip(self.flats, self._serials, strict=True)
        return all(flat.only_value(path) == serial for flat, serial in pairs)

    def _copied(self, path: Path) -> tuple[str, str] | None:
        """From which keyword of the source: of the same name, else another's UID or pair."""
        ours = [flat.only_value(path) for flat in self.flats]
        filled = [any(flat.values.get(path, ())) for flat in self.flats]
        for candidate in self._candidates_for(path, ours):
            pairs = [
                (ours[index], source[candidate])
                for index, source in enumerate(self._sources)
                if filled[index] and candidate in source
            ]
            if len({theirs for _, theirs in pairs}) > 1 and all(a == b for a, b in pairs):
                return "COPY", _remark(path, candidate, is_always=len(pairs) == sum(filled))
        return None

    def _candidates_for(self, path: Path, ours: Sequence[str | None]) -> list[Path]:
        """Those of the same name first; others where values cannot be the same by chance."""
        same = [one for one in self._candidates if one[-1] == path[-1]]
        if all("." in value for value in ours if value):
            return [*same, *self._candidates]
        return same


def _presence(where: int, there: int, filled: int) -> str:
    if there < where:
        return "ANAP"
    if not filled:
        return "EMPTY"
    return "ALWAYS" if filled == there else "VNAP"


def _remark(path: Path, candidate: Path, *, is_always: bool) -> str:
    origin = [] if candidate[-1] == path[-1] else [f"from {dictionary_description(candidate[-1])}"]
    return "; ".join(origin if is_always else [*origin, "AUTO where it has none"])


def _terms(path: Path, filled: Sequence[str]) -> str:
    """The values of a code string, if they are few and each was met more than once."""
    terms = sorted(set(filled))
    if dictionary_VR(path[-1]) != "CS" or len(terms) > _MOST_TERMS:
        return ""
    return ", ".join(map(_shown, terms))


def _shown(value: str) -> str:
    if len(value) > _LONGEST_VALUE:
        return ""
    return value if value.startswith("(") else f"`{value}`"


def _without_copied_items(attributes: Iterator[Attribute]) -> Iterator[Attribute]:
    """What is copied as a whole sequence is said once, not item by item."""
    whole: set[Path] = set()
    for one in attributes:
        if any(one.path[:depth] in whole for depth in range(1, len(one.path))):
            continue
        if one.source == "COPY" and dictionary_VR(one.path[-1]) == "SQ":
            whole.add(one.path)
        yield one
