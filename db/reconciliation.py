"""What a PACS has, held against the ledger: which studies lack images or results, and why."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import islice

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from db.results import RESULT_STUDY
from db.states import DeliveryState, JobKind, JobState
from db.tables import Consignment, Delivery, Instance, Job, Report, ResultObject, Series, Study

# Bound parameters of one statement; SQLite takes 32766.
_CHUNK = 500


class Outcome(StrEnum):
    DELIVERED = "delivered"  # all its images are here, and the results where they belong
    WAITING = "waiting"  # all its images are here, and the node is at work on them
    FAILED = "failed"  # a person looks at the reason
    INCOMPLETE = "incomplete"  # the PACS has images that never arrived
    UNKNOWN = "unknown"  # nothing of it ever arrived


MISSING = (Outcome.INCOMPLETE, Outcome.UNKNOWN)

# The words of `result_study.state`; with any other the node is still at work.
_OUTCOMES = {
    "delivered": Outcome.DELIVERED,
    "committed": Outcome.DELIVERED,
    "failed": Outcome.FAILED,
    "blocked": Outcome.FAILED,
    "no_images": Outcome.FAILED,
}


@dataclass(frozen=True)
class PacsStudy:
    """A study as the PACS tells of it: how many objects it has, or which images; or neither."""

    study_instance_uid: str
    instances: int | None = None
    images: frozenset[str] | None = None


@dataclass(frozen=True)
class LedgerStudy:
    """A study as the ledger knows it, by SOP Instance UIDs.

    `results` are objects of ours that this PACS accepted: they count among its objects.
    """

    state: str
    last_instance_at: datetime
    reason: str | None = None
    received: frozenset[str] = frozenset()
    results: frozenset[str] = frozenset()
    has_dead_job: bool = False
    has_destination: bool = True

    @property
    def outcome(self) -> Outcome:
        """Delivered, waiting or failed, as if nothing were missing."""
        if self.state == "reported" and not self.has_destination:
            return Outcome.DELIVERED
        outcome = _OUTCOMES.get(self.state, Outcome.WAITING)
        is_stuck = outcome is Outcome.WAITING and self.has_dead_job
        return Outcome.FAILED if is_stuck else outcome


@dataclass(frozen=True)
class Received:
    """What came of a study, by SOP Instance UID, and how many objects are kept apart."""

    instances: frozenset[str]
    kept_apart: int


@dataclass(frozen=True)
class Reconciled:
    """One study's outcome; `missing`: how many of its images never arrived, None where untold."""

    study_instance_uid: str
    outcome: Outcome
    missing: int | None = 0
    state: str | None = None
    reason: str | None = None
    is_overdue: bool = False


def needs_images(pacs: PacsStudy, ledger: LedgerStudy | None) -> bool:
    """Whether the counts leave open if images are missing, so that the PACS is to name them."""
    if ledger is None or pacs.images is not None:
        return False
    # What we received may include results of ours that the PACS has sent back.
    return pacs.instances != len(ledger.received | ledger.results)


def compare(pacs: PacsStudy, ledger: LedgerStudy | None, overdue_before: datetime) -> Reconciled:
    """The study's outcome; it is overdue if it waits and its last image came before that moment."""
    uid = pacs.study_instance_uid
    if ledger is None:
        missing = None if pacs.images is None else len(pacs.images)
        return Reconciled(uid, Outcome.UNKNOWN, missing)
    missing = _missing(pacs, ledger)
    if missing != 0:
        return Reconciled(uid, Outcome.INCOMPLETE, missing, ledger.state, ledger.reason)
    outcome = ledger.outcome
    is_overdue = outcome is Outcome.WAITING and ledger.last_instance_at < overdue_before
    return Reconciled(uid, outcome, 0, ledger.state, ledger.reason, is_overdue)


def load_ledger_studies(
    session: Session, study_instance_uids: Collection[str], destinations: Collection[str]
) -> dict[str, LedgerStudy]:
    """Those of the studies that the ledger knows; `destinations`: the PACS's names among these."""
    studies: dict[str, LedgerStudy] = {}
    for chunk in _chunks(study_instance_uids):
        received = _grouped(session, _received(chunk))
        results = _grouped(session, _results(chunk, destinations))
        stuck = set(session.scalars(_with_dead_delivery(chunk)))
        consigned = set(session.scalars(_with_destination(chunk)))
        for row in session.execute(_states(chunk)):
            uid = row.study_instance_uid
            studies[uid] = LedgerStudy(
                state=row.state,
                last_instance_at=row.last_instance_at,
                reason=row.reason,
                received=frozenset(received[uid]),
                results=frozenset(results[uid]),
                has_dead_job=uid in stuck,
                has_destination=uid in consigned,
            )
    return studies


def load_received(session: Session, study_instance_uid: str) -> Received:
    asked = (
        select(Instance.sop_instance_uid, Instance.quarantine_reason)
        .join(Series, Series.id == Instance.series_id)
        .join(Study, Study.id == Series.study_id)
        .where(Study.study_instance_uid == study_instance_uid)
    )
    rows = session.execute(asked).all()
    live = frozenset(uid for uid, quarantine_reason in rows if quarantine_reason is None)
    return Received(live, len(rows) - len(live))


def _missing(pacs: PacsStudy, ledger: LedgerStudy) -> int | None:
    if pacs.images is not None:
        return len(pacs.images - ledger.received - ledger.results)
    return None if needs_images(pacs, ledger) else 0


def _states(uids: Sequence[str]) -> Select[str, str, str | None, datetime]:
    view = RESULT_STUDY.c
    asked = select(view.study_instance_uid, view.state, view.reason, view.last_instance_at)
    return asked.where(view.study_instance_uid.in_(uids))


def _received(uids: Sequence[str]) -> Select[str, str]:
    # What is kept apart bears the SOP Instance UID of one that is not.
    return (
        select(Study.study_instance_uid, Instance.sop_instance_uid)
        .join(Series, Series.study_id == Study.id)
        .join(Instance, Instance.series_id == Series.id)
        .where(Study.study_instance_uid.in_(uids))
    )


def _results(uids: Sequence[str], destinations: Collection[str]) -> Select[str, str | None]:
    return (
        select(Study.study_instance_uid, ResultObject.sop_instance_uid)
        .join(Report, Report.study_id == Study.id)
        .join(ResultObject, ResultObject.report_id == Report.id)
        .join(Delivery, Delivery.sent_object_id == ResultObject.id)
        .join(Consignment, Consignment.id == Delivery.consignment_id)
        .where(
            Study.study_instance_uid.in_(uids),
            ResultObject.sop_instance_uid.is_not(None),
            Consignment.destination.in_(destinations),
            Delivery.state.in_((DeliveryState.SENT, DeliveryState.COMMITTED)),
        )
    )


def _with_destination(uids: Sequence[str]) -> Select[str]:
    """Also where nothing of the latest report goes out, because its model was withdrawn."""
    return (
        select(Study.study_instance_uid)
        .join(Report, Report.study_id == Study.id)
        .join(Consignment, Consignment.report_id == Report.id)
        .where(Study.study_instance_uid.in_(uids))
    )


def _with_dead_delivery(uids: Sequence[str]) -> Select[str]:
    """A delivery that was given up for another cause than the peer's refusal stays queued."""
    return (
        select(Study.study_instance_uid)
        .join(Report, Report.study_id == Study.id)
        .join(Consignment, Consignment.report_id == Report.id)
        .join(Delivery, Delivery.consignment_id == Consignment.id)
        .join(Job, (Job.kind == JobKind.DELIVER) & (Job.subject_id == Consignment.id))
        .where(Study.study_instance_uid.in_(uids), Job.state == JobState.DEAD)
        .where(Delivery.state == DeliveryState.QUEUED)
    )


def _grouped(
    session: Session, pairs: Select[str, str] | Select[str, str | None]
) -> defaultdict[str, set[str]]:
    groups: defaultdict[str, set[str]] = defaultdict(set)
    for uid, member in session.execute(pairs):
        groups[uid].add(member or "")
    return groups


def _chunks(uids: Collection[str]) -> Iterator[list[str]]:
    waiting = iter(uids)
    while chunk := list(islice(waiting, _CHUNK)):
        yield chunk
