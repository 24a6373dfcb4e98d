"""What a QIDO-RS request asks for (PS3.18 8.3.4, 10.6.1): keys, attributes to be told, a page."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from fastapi import Request
from pydicom.datadict import dictionary_VR, keyword_for_tag, tag_for_keyword

from dicom_node.dicomweb.refusals import BadRequest
from dicom_node.dicomweb.request_reading import uid_in_path
from dicom_node.query_retrieve.query_answers import SUPPORTED_KEYS
from dicom_node.query_retrieve.query_identifier import UNIQUE_KEYS, Identifier, Key, Level, Refusal
from dicom_node.query_retrieve.query_keys import Matcher

_PLACES = {"study": "StudyInstanceUID", "series": "SeriesInstanceUID"}
_NUMBER_MAX = 10**9
# Attributes that no result here is told by: a private one's tag, one within a sequence.
_ELSEWHERE = re.compile(r"[0-9A-Fa-f]{8}|[0-9A-Za-z]+(\.[0-9A-Za-z]+)+")
_LISTED = ("UI", "CS")  # no value of theirs holds a comma
# What is always told at each level (PS3.18 10.6.3.3), as far as it is known here.
_TOLD: Mapping[Level, tuple[str, ...]] = {
    Level.STUDY: (
        "StudyDate",
        "StudyTime",
        "AccessionNumber",
        "ModalitiesInStudy",
        "ReferringPhysicianName",
        "PatientName",
        "PatientID",
        "PatientBirthDate",
        "PatientSex",
        "StudyID",
        "NumberOfStudyRelatedSeries",
        "NumberOfStudyRelatedInstances",
    ),
    Level.SERIES: (
        "Modality",
        "SeriesDescription",
        "SeriesNumber",
        "NumberOfSeriesRelatedInstances",
    ),
    Level.IMAGE: ("SOPClassUID", "InstanceNumber", "Rows", "Columns", "NumberOfFrames"),
}


@dataclass
class WebQuery:
    """A query as it was asked; `limit` None is as many as this node tells at once."""

    level: Level
    keys: dict[str, Key]
    told: set[str]
    limit: int | None = None
    offset: int = 0
    wants_fuzzy: bool = False
    seen: set[str] = field(default_factory=set)

    def identifier(self) -> Identifier:
        """The keys together with those that are only to be told, as a C-FIND has them."""
        only_told = {keyword: Key(dictionary_VR(keyword), ()) for keyword in self.told}
        return Identifier(self.level, only_told | self.keys, is_complete=True)

    def matchers(self) -> dict[str, Matcher]:
        try:
            return self.identifier().matchers()
        except Refusal as refusal:
            raise BadRequest(str(refusal)) from refusal


def read_query(request: Request, level: Level) -> WebQuery:
    """BadRequest says in words which parameter is not understood."""
    named = {
        keyword: Key("UI", (uid,))
        for place, keyword in _PLACES.items()
        if (uid := uid_in_path(request, place)) is not None
    }
    query = WebQuery(level, named, _told_by_default(level, named), seen=set(named))
    for name, value in request.query_params.multi_items():
        reader = _READERS.get(name)
        if reader is not None:
            reader(query, value)
        else:
            _read_key(query, name, value)
    return query


def _told_by_default(level: Level, named: Mapping[str, Key]) -> set[str]:
    """Of the levels above, what is told of an entity that the path does not name."""
    levels = list(Level)[: list(Level).index(level) + 1]
    wanted = [one for one in levels if one == level or UNIQUE_KEYS[one] not in named]
    return {keyword for one in wanted for keyword in _TOLD[one]}


def _read_key(query: WebQuery, name: str, value: str) -> None:
    keyword = _keyword(name)
    if keyword not in SUPPORTED_KEYS[query.level]:
        raise BadRequest(f"{keyword} is not searched for at this level")
    if keyword in query.seen:
        raise BadRequest(f"{keyword} is asked for twice")
    query.seen.add(keyword)
    vr = dictionary_VR(keyword)
    values = value.replace("\\", ",").split(",") if vr in _LISTED else [value]
    query.keys[keyword] = Key(vr, tuple(one for one in values if one))


def _read_included(query: WebQuery, value: str) -> None:
    """What is not known here is left out, as it is from an answer that lacks it."""
    supported = SUPPORTED_KEYS[query.level]
    for name in value.split(","):
        if name == "all":
            query.told |= supported
        elif not _ELSEWHERE.fullmatch(name) or _known(name):
            query.told |= supported & {_keyword(name)}


def _keyword(name: str) -> str:
    """An attribute is named by its keyword or by its tag in eight hexadecimal digits."""
    keyword = _known(name)
    if not keyword:
        raise BadRequest(f"{name[:64]} is neither an attribute nor a parameter of a search")
    return keyword


def _known(name: str) -> str:
    tag = tag_for_keyword(name)
    if tag is None and len(name) == 8:
        try:
            tag = int(name, 16)
        except ValueError:
            tag = None
    return "" if tag is None else keyword_for_tag(tag)


def _read_limit(query: WebQuery, value: str) -> None:
    query.limit = _number("limit", value)


def _read_offset(query: WebQuery, value: str) -> None:
    query.offset = _number("offset", value)


def _read_fuzzy(query: WebQuery, value: str) -> None:
    if value not in ("true", "false"):
        raise BadRequest("fuzzymatching is true or false")
    query.wants_fuzzy = value == "true"


def _number(name: str, value: str) -> int:
    if not (value.isascii() and value.isdigit()) or int(value) > _NUMBER_MAX:
        raise BadRequest(f"{name} is a whole number")
    return int(value)


def _pass_over(_query: WebQuery, _value: str) -> None:
    """It is read with the header of that name."""


_READERS: Mapping[str, Callable[[WebQuery, str], None]] = {
    "includefield": _read_included,
    "limit": _read_limit,
    "offset": _read_offset,
    "fuzzymatching": _read_fuzzy,
    "accept": _pass_over,
}
