"""Searches the results as a QIDO-RS request asks: study by study, and what is in them."""

from collections.abc import Iterator
from functools import partial

from pydicom.filereader import read_partial
from pydicom.tag import Tag
from sqlalchemy import Engine

from db.result_catalogue import (
    CataloguedSeries,
    CataloguedStudy,
    InstanceSelection,
)
from dicom_node.header_reading import UNREADABLE
from dicom_node.query_retrieve.catalogue_pages import (
    instances_by_page,
    narrowing_of,
    studies_by_page,
)
from dicom_node.query_retrieve.query_answers import (
    Candidate,
    Values,
    instance_values,
    series_values,
    study_values,
)
from dicom_node.query_retrieve.query_identifier import Identifier, Level
from dicom_node.spool import Spool

_PAGE_INSTANCES = 500
_STUDY_INSTANCE_UID = Tag("StudyInstanceUID")


class ResultSearch:
    """Finds results whose identity the ledger knows; the newest study comes first."""

    def __init__(self, engine: Engine, spool: Spool) -> None:
        self._engine = engine
        self._spool = spool

    def matches(self, identifier: Identifier) -> Iterator[Candidate]:
        """Relational: what is below a study may be asked for without naming it."""
        matchers = identifier.matchers()
        for candidate in self._candidates(identifier):
            if candidate.matches(matchers):
                yield candidate

    def _candidates(self, identifier: Identifier) -> Iterator[Candidate]:
        for study in self._studies(identifier):
            values: Values = {"InstanceAvailability": "ONLINE"} | study_values(study)
            if identifier.level == Level.STUDY:
                yield self._candidate(values, study.series[-1].spool_key)
                continue
            for series in _wanted_series(study, identifier):
                told = values | series_values(series)
                if identifier.level == Level.SERIES:
                    yield self._candidate(told, series.spool_key)
                else:
                    yield from self._instances(identifier, study, told)

    def _instances(
        self, identifier: Identifier, study: CataloguedStudy, told: Values
    ) -> Iterator[Candidate]:
        selection = InstanceSelection(
            (study.study_instance_uid,),
            (told["SeriesInstanceUID"],),
            identifier.uids(Level.IMAGE),
        )
        for instance in instances_by_page(self._engine, selection, _PAGE_INSTANCES):
            yield self._candidate(told | instance_values(instance), instance.spool_key)

    def _studies(self, identifier: Identifier) -> Iterator[CataloguedStudy]:
        study_uids = identifier.uids(Level.STUDY) or self._studies_holding(identifier)
        if study_uids is not None:
            yield from studies_by_page(self._engine, narrowing_of(identifier, study_uids))

    def _studies_holding(self, identifier: Identifier) -> tuple[str, ...] | None:
        """The studies of the series or instances that are named; () any, None where none is."""
        named = identifier.uids(Level.SERIES), identifier.uids(Level.IMAGE)
        if not any(named):
            return ()
        found = instances_by_page(self._engine, InstanceSelection((), *named), _PAGE_INSTANCES)
        return tuple({self._study_of(one.spool_key) for one in found} - {""}) or None

    def _study_of(self, spool_key: str) -> str:
        try:
            with self._spool.open(spool_key) as stream:
                header = read_partial(
                    stream,
                    stop_when=lambda tag, _vr, _length: tag > _STUDY_INSTANCE_UID,
                    specific_tags=[_STUDY_INSTANCE_UID],
                )
            return str(header.StudyInstanceUID)
        except UNREADABLE:
            return ""

    def _candidate(self, values: Values, spool_key: str) -> Candidate:
        return Candidate(values, partial(self._spool.open, spool_key))


def _wanted_series(study: CataloguedStudy, identifier: Identifier) -> list[CataloguedSeries]:
    wanted = identifier.uids(Level.SERIES)
    return [one for one in study.series if not wanted or one.series_instance_uid in wanted]
