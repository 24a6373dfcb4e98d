"""Which studies may let go of their files, and what keeps the others: the rule in one place."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, case, func, not_, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from db.clock import database_now
from db.holds import is_held
from db.states import DeliveryState, JobKind, JobState
from db.tables import Consignment, Delivery, Instance, Job, Report, ResultObject, Series, Study

Condition = ColumnElement[bool]

# Done with, whoever was to get it.
_OWED_NO_MORE = (DeliveryState.COMMITTED, DeliveryState.OMITTED, DeliveryState.SUPERSEDED)
_TAKEN = (DeliveryState.SENT, DeliveryState.COMMITTED)
_UNDER_WAY = (JobState.WAITING, JobState.RUNNING)


@dataclass(frozen=True)
class RetentionRule:
    """How long nothing has to have happened to a study, and whether being taken is proof enough."""

    age_seconds: float
    requires_proof: bool = True

    @property
    def cutoff(self) -> ColumnElement[datetime]:
        return database_now(-self.age_seconds)


def may_be_purged(rule: RetentionRule) -> list[Condition]:
    """Conditions on `Study`, all of which have to hold."""
    return [not_(condition) for _, condition in keeping_reasons(rule)]


def keeping_reasons(rule: RetentionRule) -> list[tuple[str, Condition]]:
    """What keeps the files of `Study`, in the words of `osteon purge`; the first one counts."""
    return [
        ("held", is_held()),
        ("blocked: it may mix two patients", Study.blocked_reason.is_not(None)),
        ("has an object kept apart", _has_instance(Instance.quarantine_reason.is_not(None))),
        ("waits for a person: given up or refused", or_(_has_job(JobState.DEAD), _was_refused())),
        ("not reported yet", or_(Study.unreported_since.is_not(None), _has_job(*_UNDER_WAY))),
        ("not delivered, or not proved to be kept", _owes_something(rule)),
        ("received, reported or delivered lately", _had_traffic(rule)),
    ]


def kept_by_reason(session: Session, rule: RetentionRule) -> dict[str, int]:
    """How many studies whose received files are here are kept, and by what; looks at them all."""
    reasons = keeping_reasons(rule)
    first = case(*((condition, reason) for reason, condition in reasons), else_="")
    asked = select(first, func.count()).where(_has_instance(Instance.purged_at.is_(None)))
    counts = {str(reason): number for reason, number in session.execute(asked.group_by(first))}
    return {reason: counts[reason] for reason, _ in reasons if reason in counts}


def results_are_elsewhere() -> Condition:
    """Whether a destination has taken results of `Study`: what only we have is not removed."""
    return _deliveries(Delivery.state.in_(_TAKEN))


def _has_instance(condition: Condition) -> Condition:
    asked = select(Instance.id).join(Series, Series.id == Instance.series_id)
    return asked.where(Series.study_id == Study.id, condition).correlate(Study).exists()


def _has_job(*states: JobState) -> Condition:
    """Whether a job of the study is in one of these states; each kind by its index."""
    instances = select(Instance.id).join(Series, Series.id == Instance.series_id)
    consignments = select(Consignment.id).join(Report, Report.id == Consignment.report_id)
    of_instance = instances.where(Series.study_id == Study.id).correlate(Study)
    consigned = consignments.where(Report.study_id == Study.id).correlate(Study)
    in_state = Job.state.in_(states)
    subjects = (
        (JobKind.ANALYSE, Job.subject_id.in_(of_instance)),
        (JobKind.REPORT, Job.subject_id == Study.id),
        (JobKind.DELIVER, Job.subject_id.in_(consigned)),
        (JobKind.CONFIRM, Job.subject_id.in_(consigned)),
    )
    return or_(
        *(
            select(Job.id).where(Job.kind == kind, is_its, in_state).correlate(Study).exists()
            for kind, is_its in subjects
        )
    )


def _owes_something(rule: RetentionRule) -> Condition:
    """Whether an object is not where it belongs, or not proved to be kept there.

    A message has no other proof than that it was taken.
    """
    is_done = Delivery.state.in_(_OWED_NO_MORE)
    is_taken = Delivery.state == DeliveryState.SENT
    if rule.requires_proof:
        is_taken = and_(is_taken, ResultObject.sop_instance_uid.is_(None))
    return _deliveries(not_(or_(is_done, is_taken)))


def _was_refused() -> Condition:
    return _deliveries(Delivery.state == DeliveryState.REFUSED)


def _had_traffic(rule: RetentionRule) -> Condition:
    def lately(moment: InstrumentedAttribute[datetime]) -> Condition:
        return moment > rule.cutoff

    reports = select(Report.id).where(Report.study_id == Study.id, lately(Report.reported_at))
    last = func.coalesce(Delivery.committed_at, Delivery.sent_at)
    return or_(
        lately(Study.last_instance_at),
        reports.correlate(Study).exists(),
        _deliveries(last > rule.cutoff),
    )


def _deliveries(condition: Condition) -> Condition:
    asked = (
        select(Delivery.id)
        .join(Consignment, Consignment.id == Delivery.consignment_id)
        .join(Report, Report.id == Consignment.report_id)
        .join(ResultObject, ResultObject.id == Delivery.object_id)
    )
    return asked.where(Report.study_id == Study.id, condition).correlate(Study).exists()
