"""Which keys a query of results may have, and how they match."""

from pydicom.datadict import dictionary_description, dictionary_VR, tag_for_keyword

from cli.statement.markdown import table
from dicom_node.query_retrieve.query_answers import SUPPORTED_KEYS
from dicom_node.query_retrieve.query_identifier import UNIQUE_KEYS, Level

_KINDS = {
    "DA": "single value, range",
    "TM": "single value, range; a time that ends early stands for all that begin with it",
    "UI": "single value, list of UIDs",
    "IS": "single value, by number",
    "US": "single value, by number",
    "PN": "single value, wild card; letter case and width do not count, each component group alone",
}
_TEXT = "single value, wild card; letter case counts"


def supported_keys() -> str:
    rows = [row for level in Level for row in _rows_of(level)]
    return table(("Level", "Attribute", "Tag", "VR", "Key", "Matching"), rows)


def _rows_of(level: Level) -> list[tuple[str, ...]]:
    """The keys that come with the level; those of the levels above are supported at it too."""
    levels = list(Level)
    above = {key for one in levels[: levels.index(level)] for key in SUPPORTED_KEYS[one]}
    own = sorted(SUPPORTED_KEYS[level] - above, key=_tag)
    return [_row(level, keyword) for keyword in own]


def _row(level: Level, keyword: str) -> tuple[str, ...]:
    tag, vr = _tag(keyword), dictionary_VR(keyword)
    kind = "unique" if keyword == UNIQUE_KEYS[level] else "optional"
    name = dictionary_description(keyword)
    return level.value, name, f"({tag >> 16:04X},{tag & 0xFFFF:04X})", vr, kind, _matching(vr)


def _matching(vr: str) -> str:
    return f"{_KINDS.get(vr, _TEXT)}; universal"


def _tag(keyword: str) -> int:
    return tag_for_keyword(keyword) or 0
