"""The C-FIND SCU, Study Root model (PS3.4 C.6.2): which studies, and which images, a PACS has.

Only identifiers, dates, modalities and counts are asked for: no name of a patient ever comes here,
and no text whose character set could be misread.
"""

import re
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, TypeVar

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom.association import Association
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind as STUDY_ROOT_FIND

from dicom_node.contexts import is_image
from dicom_node.discretion import silence_dicom_libraries
from dicom_node.echo import VERIFICATION_PROPOSALS
from dicom_node.header_reading import element_value, is_uid
from dicom_node.peer import Destination, PeerRefused, PeerTrouble, associate
from dicom_node.query_retrieve.query_statuses import CANCELLED, PENDING, SUCCESS, TOO_MUCH, trouble

QUERY_SYNTAXES = (ImplicitVRLittleEndian, ExplicitVRLittleEndian)
# With Verification, so that a peer without queries can be told from one that takes nothing.
_PROPOSALS = (*((STUDY_ROOT_FIND, syntax) for syntax in QUERY_SYNTAXES), *VERIFICATION_PROPOSALS)
_MESSAGE_ID = 1  # one request at a time
_CHILDREN_MAX = 20_000  # series of a study, or images of a series
_HEEDLESS_MAX = 1_000  # responses after a C-CANCEL, until the association is aborted
# A window of days grows while answers are small: a PACS that caps them must not be trusted.
_FEW, _MANY, _WINDOW_DAYS_MAX = 50, 200, 64
# The older wordings of DA and TM, 2026.01.02 and 10:15:00, are still met (PS3.5 6.2).
_DATE = re.compile(r"(\d{4})\.?(\d\d)\.?(\d\d)")
_TIME = re.compile(r"(\d\d):?(\d\d)?:?(\d\d)?")
Moment = TypeVar("Moment", date, time)


class TooManyMatches(PeerRefused):
    """The peer has more than was asked for: the answer would be a part without saying so."""


@dataclass(frozen=True)
class StudyQuery:
    """Studies with a series of one of the modalities, in the PACS's own local time."""

    since: datetime
    until: datetime
    modalities: tuple[str, ...]
    limit: int = 20_000

    def includes(self, match: Dataset) -> bool:
        """Whether the study is within the two moments, as far as it says when it was."""
        day, clock = _day(match), _clock(match)
        if day is None:
            return True
        if clock is None:
            return self.since.date() <= day <= self.until.date()
        return self.since <= datetime.combine(day, clock) <= self.until


@dataclass(frozen=True)
class FoundStudy:
    """A study of the PACS; `instances`: how many objects of all kinds it has, where it says so."""

    study_instance_uid: str
    instances: int | None = None


@dataclass(frozen=True)
class FoundInstance:
    """An object of the PACS; its class is '' where the PACS does not say."""

    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str = ""

    @property
    def may_be_image(self) -> bool:
        return not self.sop_class_uid or is_image(self.sop_class_uid)


@contextmanager
def querying(destination: Destination, calling_ae_title: str) -> "Iterator[QueryClient]":
    """A client on an association of its own; PeerUnavailable or PeerRefused says what is wrong."""
    silence_dicom_libraries()
    association = associate(destination, calling_ae_title, _PROPOSALS)
    try:
        if all(one.abstract_syntax != STUDY_ROOT_FIND for one in association.accepted_contexts):
            raise PeerRefused(
                f"{destination} takes no Study Root queries; enable C-FIND there for us"
            )
        yield QueryClient(association, destination)
    finally:
        association.release()


class QueryClient:
    """Asks a PACS for studies, then for the images of one: the hierarchical way (PS3.4 C.4.1.3.1).

    `unreadable_matches` counts the answers from which no study could be read.
    """

    def __init__(self, association: Association, destination: Destination) -> None:
        self._association = association
        self._destination = destination
        self.unreadable_matches = 0

    def studies(self, query: StudyQuery) -> Iterator[tuple[date, list[FoundStudy]]]:
        """What is new in each window of days, with its last day; TooManyMatches past the limit."""
        seen: set[str] = set()
        count, days = 0, 1
        first, end = query.since.date(), query.until.date()
        while first <= end:
            last = min(first + timedelta(days=days - 1), end)
            try:
                found = self._studies_between(query, first, last, seen)
            except PeerTrouble as refusal:
                # Orthanc breaks off at its limit as if it had been told to.
                if refusal.status not in (TOO_MUCH, CANCELLED) or days == 1:
                    raise
                days = 1
                continue
            count += len(found)
            if count > query.limit:
                raise self._too_many(query.limit)
            yield last, found
            first, days = last + timedelta(days=1), _next_window(days, len(found))

    def studies_with_accession_number(self, accession_number: str) -> list[str]:
        """Study Instance UIDs."""
        identifier = _identifier("STUDY", AccessionNumber=accession_number, StudyInstanceUID="")
        # Whether the PACS writes the number in another script or not, this says what we do.
        identifier.SpecificCharacterSet = "ISO_IR 192"
        matches = [
            match
            for match in self._find(identifier, _CHILDREN_MAX)
            if _may_be(_text(match, "AccessionNumber"), accession_number)
        ]
        return [uid for match in matches if (uid := self._study_uid(match))]

    def instances(
        self, study_instance_uid: str, modalities: Collection[str] = ()
    ) -> list[FoundInstance]:
        """All objects of a study, or those in series of the modalities and of an unknown one."""
        return [
            instance
            for series_uid, modality in self._series(study_instance_uid)
            if not modalities or not modality or modality in modalities
            for instance in self._instances_of(study_instance_uid, series_uid)
        ]

    def _studies_between(
        self, query: StudyQuery, first: date, last: date, seen: set[str]
    ) -> list[FoundStudy]:
        found = []
        # Not "CR\DX": of several values a PACS need not understand more than one.
        for modality in query.modalities:
            identifier = _identifier(
                "STUDY",
                StudyInstanceUID="",
                StudyDate=f"{first:%Y%m%d}" if first == last else f"{first:%Y%m%d}-{last:%Y%m%d}",
                StudyTime="",
                ModalitiesInStudy=modality,
                NumberOfStudyRelatedInstances="",
            )
            for match in self._all_of(identifier, query.limit):
                uid = self._study_uid(match)
                if uid in seen or not uid:
                    continue
                if self._is_asked_for(query, match, uid):
                    found.append(FoundStudy(uid, _count(match)))
                seen.add(uid)
        return found

    def _all_of(self, identifier: Dataset, limit: int) -> list[Dataset]:
        matches = self._find(identifier, limit)
        if len(matches) >= _FEW and self._hides_some(identifier, matches, limit):
            raise PeerRefused(
                f"{self._destination} has more than the {len(matches)} studies it tells of, and "
                "does not say so; raise its limit of matches, or ask for less",
                TOO_MUCH,
            )
        return matches

    def _hides_some(self, identifier: Dataset, matches: list[Dataset], limit: int) -> bool:
        """Whether it tells of others where it is asked for the earlier ones, then the later."""
        clocks = sorted(clock for match in matches if (clock := _clock(match)) is not None)
        if not clocks:
            return False
        middle, part = f"{clocks[len(clocks) // 2]:%H%M%S}", deepcopy(identifier)
        others: set[str] = set()
        for times in (f"-{middle}", f"{middle}-"):
            part.StudyTime = times
            try:
                others |= _study_uids(self._find(part, limit))
            except PeerTrouble as refusal:
                if refusal.status is None:
                    raise
                return False  # it does not look at times: nothing can be told by them
        others -= _study_uids(matches)
        # What came in the meantime it tells of when it is asked again.
        return bool(others) and not others <= _study_uids(self._find(identifier, limit))

    def _study_uid(self, match: Dataset) -> str:
        uid = element_value(match, "StudyInstanceUID")
        if is_uid(uid):
            return str(uid)
        self.unreadable_matches += 1
        return ""

    def _is_asked_for(self, query: StudyQuery, match: Dataset, uid: str) -> bool:
        """Both keys are optional: a PACS without them answers with whatever it has."""
        if not query.includes(match):
            return False
        modalities = _texts(match, "ModalitiesInStudy") or {
            modality for _, modality in self._series(uid)
        }
        return "" in modalities or not modalities.isdisjoint(query.modalities)

    def _series(self, study_instance_uid: str) -> list[tuple[str, str]]:
        identifier = _identifier(
            "SERIES", StudyInstanceUID=study_instance_uid, SeriesInstanceUID="", Modality=""
        )
        return [
            (self._required_uid(match, "SeriesInstanceUID"), _text(match, "Modality"))
            for match in self._find(identifier, _CHILDREN_MAX)
        ]

    def _instances_of(
        self, study_instance_uid: str, series_instance_uid: str
    ) -> Iterator[FoundInstance]:
        identifier = _identifier(
            "IMAGE",
            StudyInstanceUID=study_instance_uid,
            SeriesInstanceUID=series_instance_uid,
            SOPInstanceUID="",
            SOPClassUID="",
        )
        for match in self._find(identifier, _CHILDREN_MAX):
            uid = self._required_uid(match, "SOPInstanceUID")
            yield FoundInstance(series_instance_uid, uid, _text(match, "SOPClassUID"))

    def _required_uid(self, match: Dataset, keyword: str) -> str:
        uid = element_value(match, keyword)
        if not is_uid(uid):
            raise PeerRefused(f"{self._destination} answers with an object that has no {keyword}")
        return str(uid)

    def _find(self, identifier: Dataset, limit: int) -> list[Dataset]:
        """All matches; a request that brings more than the limit is cancelled (PS3.7 9.3.2.3)."""
        matches: list[Dataset] = []
        count, status = 0, None
        for status, match in self._responses(identifier):
            if status not in PENDING:
                break
            count += 1
            if count <= limit:
                matches.append(match or Dataset())
            elif count == limit + 1:
                self._association.send_c_cancel(_MESSAGE_ID, query_model=STUDY_ROOT_FIND)
            elif count > limit + _HEEDLESS_MAX:
                self._association.abort()
                raise self._too_many(limit)
        if count > limit and status in (SUCCESS, CANCELLED):
            raise self._too_many(limit)
        if status != SUCCESS:
            raise trouble(self._destination, status, self._association.requestor.ae_title)
        return matches

    def _responses(self, identifier: Dataset) -> Iterator[tuple[int | None, Dataset | None]]:
        if not self._association.is_established:
            raise trouble(self._destination, None, self._association.requestor.ae_title)
        asked = self._association.send_c_find(identifier, STUDY_ROOT_FIND, _MESSAGE_ID)
        for status, match in asked:
            yield status.get("Status"), match

    def _too_many(self, limit: int) -> TooManyMatches:
        return TooManyMatches(
            f"{self._destination} has more than {limit} matches; ask for less, or raise the limit"
        )


def _identifier(level: str, **keys: str) -> Dataset:
    identifier = Dataset()
    identifier.QueryRetrieveLevel = level
    for keyword, value in keys.items():
        setattr(identifier, keyword, value)
    return identifier


def _next_window(days: int, matches: int) -> int:
    if matches > _MANY:
        return max(1, days // 2)
    return min(_WINDOW_DAYS_MAX, 2 * days) if matches < _FEW else days


def _study_uids(matches: list[Dataset]) -> set[str]:
    return {_text(match, "StudyInstanceUID") for match in matches}


def _count(match: Dataset) -> int | None:
    value = element_value(match, "NumberOfStudyRelatedInstances")
    return int(value) if isinstance(value, int) else None


def _may_be(found: str, asked: str) -> bool:
    """Whether it is the number; not every PACS says in which characters it writes it."""
    if not (found.isascii() or asked.isascii()):
        return True
    return found.strip().casefold() == asked.strip().casefold()


def _text(match: Dataset, keyword: str) -> str:
    value = element_value(match, keyword)
    return value if isinstance(value, str) else ""


def _texts(match: Dataset, keyword: str) -> set[str]:
    value: Any = element_value(match, keyword)
    values = value if isinstance(value, MultiValue) else [value]
    return {str(one).strip() for one in values if one}


def _day(match: Dataset) -> date | None:
    return _parsed(_DATE, _text(match, "StudyDate"), date)


def _clock(match: Dataset) -> time | None:
    return _parsed(_TIME, _text(match, "StudyTime"), time)


def _parsed(form: re.Pattern[str], text: str, kind: Callable[..., Moment]) -> Moment | None:
    parts = form.match(text)
    try:
        return kind(*(int(part) for part in parts.groups("0"))) if parts else None
    except ValueError:
        return None
