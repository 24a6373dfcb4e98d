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
# Of type R in PS3.4 tables C.6-5 (study), C.6-3 (series) and C.6-4 (composite object).
_REQUIRED = frozenset(
    {
        "StudyDate",
        "StudyTime",
        "AccessionNumber",
        "PatientName",
        "PatientID",
        "StudyID",
        "Modality",
        "SeriesNumber",
        "InstanceNumber",
    }
)
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
    name = dictionary_description(keyword)
    place = f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
    return level.value, name, place, vr, _type(level, keyword), _matching(vr)


def _type(level: Level, keyword: str) -> str:
    if keyword == UNIQUE_KEYS[level]:
        return "unique"
    return "required" if keyword in _REQUIRED else "optional"


def _matching(vr: str) -> str:
    return f"{_KINDS.get(vr, _TEXT)}; universal"


def _tag(keyword: str) -> int:
    return tag_for_keyword(keyword) or 0
