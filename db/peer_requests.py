"""Peers' requests that we confirm what they sent us, until each is answered."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.orm import Session, aliased
from sqlalchemy.sql.elements import ColumnElement

from db.clock import database_now
from db.jobs import Claim, JobKind, add_job, finish_job, hold
from db.tables import Instance, PeerRequest
from db.upsert import insert_unless_present

_ASKED_AT_ONCE = 500


@dataclass(frozen=True)
class HeldInstance:
    """What the ledger holds under a SOP Instance UID."""

    sop_class_uid: str
    spool_key: str
    sha256: str


@dataclass(frozen=True)
class OpenRequest:
    transaction_uid: str
    peer_ae_title: str
    references: tuple[tuple[str, str], ...]  # SOP class and instance UID


def save_peer_request(
    session: Session,
    peer_ae_title: str,
    transaction_uid: str,
    references: Sequence[tuple[str, str]],
) -> None:
    """The request and the job that answers it; asked again, one that is not answered has a job."""
    values = {
        "peer_ae_title": peer_ae_title,
        "transaction_uid": transaction_uid,
        "references": [{"class": one, "instance": other} for one, other in references],
    }
    request_id = insert_unless_present(session, PeerRequest, values)
    if request_id is None:
        request_id = _unanswered(session, peer_ae_title, transaction_uid)
    if request_id is not None:
        add_job(session, JobKind.ANSWER, request_id)


def _unanswered(session: Session, peer_ae_title: str, transaction_uid: str) -> int | None:
    asked = select(PeerRequest.id).where(
        PeerRequest.peer_ae_title == peer_ae_title,
        PeerRequest.transaction_uid == transaction_uid,
        PeerRequest.answered_at.is_(None),
    )
    return session.scalars(asked).one_or_none()


def load_peer_request(session: Session, request_id: int) -> OpenRequest:
    request = session.get_one(PeerRequest, request_id)
    return OpenRequest(
        transaction_uid=request.transaction_uid,
        peer_ae_title=request.peer_ae_title,
        references=tuple((one["class"], one["instance"]) for one in request.references),
    )


def find_held(session: Session, sop_instance_uids: Sequence[str]) -> dict[str, HeldInstance]:
    """The instances received under these UIDs.

    Of a UID that came with other bytes too nothing is held: the asker may mean what is kept apart.
    """
    held: dict[str, HeldInstance] = {}
    for start in range(0, len(sop_instance_uids), _ASKED_AT_ONCE):
        some = sop_instance_uids[start : start + _ASKED_AT_ONCE]
        asked = select(
            Instance.sop_instance_uid, Instance.sop_class_uid, Instance.spool_key, Instance.sha256
        ).where(Instance.sop_instance_uid.in_(some), ~_came_with_other_bytes())
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
