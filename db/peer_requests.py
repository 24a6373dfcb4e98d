"""Peers' requests that we confirm what they sent us, until each is answered."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, select, text, update
from sqlalchemy.orm import Session, aliased
from sqlalchemy.sql.elements import ColumnElement

from db.clock import database_now
from db.jobs import Claim, JobKind, JobState, Lane, add_job, finish_job, hold
from db.tables import OPEN_JOB, Instance, Job, PeerRequest
from db.upsert import insert_unless_present

_ASKED_AT_ONCE = 500


@dataclass(frozen=True)
class HeldInstance:
    """What the ledger holds under a SOP Instance UID."""

    sop_class_uid: str
    spool_key: str


@dataclass(frozen=True)
class OpenRequest:
    transaction_uid: str
    peer_ae_title: str
    references: tuple[tuple[str, str], ...]  # SOP class and instance UID


class OtherQuestion(Exception):
    """The peer has asked something else under this transaction UID, which it must not reuse."""


def save_peer_request(
    session: Session,
    peer_ae_title: str,
    transaction_uid: str,
    references: Sequence[tuple[str, str]],
) -> None:
    """The request and the job that answers it; who asks the same again is told again."""
    values = {
        "peer_ae_title": peer_ae_title,
        "transaction_uid": transaction_uid,
        "references": [{"class": one, "instance": other} for one, other in references],
    }
    request_id = insert_unless_present(session, PeerRequest, values)
    if request_id is None:
        request_id = _asked_again(session, peer_ae_title, transaction_uid, set(references))
    add_job(session, JobKind.ANSWER, request_id, lane=peer_ae_title)


def _asked_again(
    session: Session, peer_ae_title: str, transaction_uid: str, references: set[tuple[str, str]]
) -> int:
    asked = select(PeerRequest).where(
        PeerRequest.peer_ae_title == peer_ae_title,
        PeerRequest.transaction_uid == transaction_uid,
    )
    request = session.scalars(asked.with_for_update()).one()
    if set(_references(request)) != references:
        raise OtherQuestion(transaction_uid)
    request.answered_at = None
    session.flush()
    return request.id


def _references(request: PeerRequest) -> tuple[tuple[str, str], ...]:
    return tuple((one["class"], one["instance"]) for one in request.references)


def answer_lanes(session: Session) -> list[tuple[Lane, int]]:
    """A lane for each peer that waits for an answer: one at a time, and none holds up another."""
    peers = select(Job.lane).where(_due_answers()).distinct().order_by(Job.lane)
    return [(Lane(JobKind.ANSWER, peer), 1) for peer in session.scalars(peers)]


def put_off_answers(session: Session, peer_ae_title: str, *, error: str, seconds: float) -> None:
    """The peer cannot be told anything: what else is due for it counts as tried too."""
    waits = and_(_due_answers(), Job.lane == peer_ae_title, Job.state == JobState.WAITING)
    session.execute(
        update(Job)
        .where(waits)
        .values(attempt=Job.attempt + 1, next_attempt_at=database_now(seconds), last_error=error)
        .execution_options(synchronize_session=False)
    )


def _due_answers() -> ColumnElement[bool]:
    # The very text of the partial indexes: with bound values SQLite would not use them.
    return and_(text(OPEN_JOB), Job.kind == JobKind.ANSWER, Job.next_attempt_at <= database_now())


def load_peer_request(session: Session, request_id: int) -> OpenRequest:
    request = session.get_one(PeerRequest, request_id)
    return OpenRequest(
        transaction_uid=request.transaction_uid,
        peer_ae_title=request.peer_ae_title,
        references=_references(request),
    )


def find_held(session: Session, sop_instance_uids: Sequence[str]) -> dict[str, HeldInstance]:
    """The instances received under these UIDs, those purged since left out.

    Of a UID that came with other bytes too nothing is held: the asker may mean what is kept apart.
    """
    held: dict[str, HeldInstance] = {}
    for start in range(0, len(sop_instance_uids), _ASKED_AT_ONCE):
        some = sop_instance_uids[start : start + _ASKED_AT_ONCE]
        columns = (Instance.sop_instance_uid, Instance.sop_class_uid, Instance.spool_key)
        asked = select(*columns).where(
            Instance.sop_instance_uid.in_(some),
            Instance.purged_at.is_(None),
            ~_came_with_other_bytes(),
        )
        held.update((uid, HeldInstance(*rest)) for uid, *rest in session.execute(asked))
    return held


def _came_with_other_bytes() -> ColumnElement[bool]:
    apart = aliased(Instance)
    same_uid = apart.sop_instance_uid == Instance.sop_instance_uid
    return select(apart.id).where(same_uid, apart.quarantine_reason.is_not(None)).exists()


def mark_answered(session: Session, claim: Claim) -> None:
    hold(session, claim)
    answered = update(PeerRequest).where(PeerRequest.id == claim.subject_id)
    session.execute(answered.values(answered_at=database_now()))
    finish_job(session, claim)
