"""Keeping the worklist's entries as the ledger is: made anew for each study that a trigger noted.

The entries are read in one transaction and written in another, short one: nobody who receives an
image waits for them. What was read before another window wrote is thrown away and read again.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from db.results import RESULT_STUDY
from db.session import reading, transaction
from db.tables import (
    Analysis,
    Association,
    Instance,
    Series,
    Study,
    Verdict,
    WorklistEntry,
    WorklistStale,
)

_REFRESH_LOCK = 571_106  # any number, the same in every window
# A study is noted ten times and more on its way: once made anew, all its notes are done with.
_STUDIES, _NOTES = 100, 1000
_FROM_VIEW = (
    *("state", "finding", "probability", "images", "images_not_analysed", "images_pending"),
    *("quarantined", "report_revision", "deliveries", "deliveries_sent", "deliveries_committed"),
    *("reason", "received_at", "analysed_at", "reported_at", "delivered_at", "committed_at"),
)
_SEARCHED = (
    *(Study.patient_name, Study.patient_id, Study.accession_number),
    *(Study.study_description, Study.study_instance_uid),
)
_GRAVITY = {"fracture": 3.0, "possible": 2.0, "not_analysed": 1.5, "none": 0.0}
_READ = 1000.0  # whatever a reader has judged comes after all that nobody has


@dataclass(frozen=True)
class _Batch:
    """Notes that were read, the entries of their studies as they are now, and what they follow."""

    notes: Sequence[int]
    entries: list[dict[str, Any]]
    version_before: int  # the worklist's


def refresh_worklist(engine: Engine) -> int:
    """Make the entries of up to a hundred noted studies anew, newest first; how many notes."""
    if engine.dialect.name == "postgresql":
        with transaction(engine) as session:
            alone = session.scalar(select(func.pg_try_advisory_xact_lock(_REFRESH_LOCK)))
            return _write(session, _read(session)) if alone else 0
    with reading(engine) as session:
        batch = _read(session)
    if not batch.notes:
        return 0
    with transaction(engine) as session:
        return _write(session, batch)


def worklist_version(session: Session) -> int:
    """Rises by one with each batch of entries made anew."""
    return session.scalar(select(func.max(WorklistEntry.version))) or 0


def searchable(text: str) -> str:
    """Text as it is searched: without case and accents."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(one for one in decomposed if not unicodedata.combining(one))


def _read(session: Session) -> _Batch:
    version = worklist_version(session)
    newest = select(WorklistStale.id, WorklistStale.study_id).order_by(WorklistStale.id.desc())
    notes: list[int] = []
    study_ids: set[int] = set()
    for note_id, study_id in session.execute(newest.limit(_NOTES)):
        if len(study_ids) < _STUDIES:
            study_ids.add(study_id)
        if study_id in study_ids:
            notes.append(note_id)
    entries = _entries(session, sorted(study_ids), version + 1) if notes else []
    return _Batch(notes, entries, version)


def _entries(session: Session, study_ids: list[int], version: int) -> list[dict[str, Any]]:
    asked = select(Study.id, Study.priority, *_SEARCHED).where(Study.id.in_(study_ids))
    studies = {row.study_instance_uid: row for row in session.execute(asked)}
    columns = [RESULT_STUDY.c[name] for name in ("study_instance_uid", *_FROM_VIEW)]
    results = select(*columns).where(RESULT_STUDY.c.study_instance_uid.in_(list(studies)))
    regions, sources = _regions(session, study_ids), _sources(session, study_ids)
    opinions = _opinions(session, study_ids)
    entries = []
    for result in session.execute(results).mappings():
        study = studies[result["study_instance_uid"]]
        entry = {name: result[name] for name in _FROM_VIEW} | {
            "study_id": study.id,
            "version": version,
            "priority": study.priority,
            "regions": ", ".join(sorted(regions[study.id])),
            "source_ae_title": sources.get(study.id, ""),
            "opinion": opinions.get(study.id),
            "search_text": searchable("\n".join(study[2:])),
        }
        entries.append(entry | {"urgency": _urgency(entry)})
    return entries


def _regions(session: Session, study_ids: list[int]) -> dict[int, set[str]]:
    latest = (
        select(func.max(Analysis.id))
        .join(Instance, Instance.id == Analysis.instance_id)
        .join(Series, Series.id == Instance.series_id)
        .where(Series.study_id.in_(study_ids), Instance.quarantine_reason.is_(None))
        .group_by(Analysis.instance_id)
    )
    asked = (
        select(Series.study_id, Analysis.region)
        .join(Instance, Instance.series_id == Series.id)
        .join(Analysis, Analysis.instance_id == Instance.id)
        .where(Analysis.id.in_(latest), Analysis.region.is_not(None))
        .distinct()
    )
    regions: defaultdict[int, set[str]] = defaultdict(set)
    for study_id, region in session.execute(asked):
        regions[study_id].add(str(region))
    return regions


def _sources(session: Session, study_ids: list[int]) -> dict[int, str]:
    """The AE title that sent each study's first instance."""
    first = (
        select(func.min(Instance.id))
        .join(Series, Series.id == Instance.series_id)
        .where(Series.study_id.in_(study_ids))
        .group_by(Series.study_id)
    )
    asked = (
        select(Series.study_id, Association.calling_ae_title)
        .join(Instance, Instance.series_id == Series.id)
        .join(Association, Association.id == Instance.association_id)
        .where(Instance.id.in_(first))
    )
    return {row.study_id: row.calling_ae_title for row in session.execute(asked)}


def _opinions(session: Session, study_ids: list[int]) -> dict[int, str]:
    latest = select(func.max(Verdict.id)).where(Verdict.study_id.in_(study_ids))
    asked = select(Verdict.study_id, Verdict.opinion).where(
        Verdict.id.in_(latest.group_by(Verdict.study_id))
    )
    return {study_id: opinion.value for study_id, opinion in session.execute(asked)}


def _urgency(entry: dict[str, Any]) -> float:
    """What nobody has read first, then by the rules' priority, then by gravity and probability."""
    unread = 0.0 if entry["opinion"] else _READ
    gravity = _GRAVITY.get(entry["finding"] or "", 0.5)
    return unread + float(entry["priority"]) + gravity + (entry["probability"] or 0.0)


def _write(session: Session, batch: _Batch) -> int:
    """How many notes are done with: none where another window wrote since they were read."""
    if not batch.notes or worklist_version(session) != batch.version_before:
        return 0
    postgres = session.get_bind().dialect.name == "postgresql"
    insert = (postgresql if postgres else sqlite).insert(WorklistEntry)
    changed = {
        column.name: insert.excluded[column.name]
        for column in WorklistEntry.__table__.columns
        if not column.primary_key
    }
    upsert = insert.on_conflict_do_update(index_elements=["study_id"], set_=changed)
    if batch.entries:
        session.execute(upsert, batch.entries)
    session.execute(delete(WorklistStale).where(WorklistStale.id.in_(batch.notes)))
    return len(batch.notes)
