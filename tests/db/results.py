"""A ledger whose images are in every state that there is, from several senders."""

from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import Engine, update

from db.intake import (
    OpenedAssociation,
    ReceivedInstance,
    close_association,
    open_association,
    record_instance,
)
from db.jobs import JobKind, bury_job
from db.session import transaction
from db.states import JobState
from db.tables import Instance, Job
from tests.db.ledger import (
    FRACTURE,
    NO_FRACTURE,
    analyse,
    claim,
    confirm,
    deliver,
    receive,
    received,
    report,
)


def receive_from(ledger: Engine, source: str, *instances: ReceivedInstance) -> None:
    """Store the instances on an association of this AE title's, now closed."""
    name = f"association of {source}"
    with transaction(ledger) as session:
        open_association(session, OpenedAssociation(name, "L", source, "OSTEON", "127.0.0.1"))
        for instance in instances:
            record_instance(session, replace(instance, association_id=name))
        close_association(session, name)


def tell_story(ledger: Engine) -> None:
    """Images delivered, apart, blocked, given up, waiting and being analysed."""
    receive(ledger, received(1), received(2), received(3, not_analysed_reason="modality CT"))
    analyse(ledger, FRACTURE, NO_FRACTURE)
    report(ledger, "PACS")
    deliver(ledger)
    confirm(ledger)
    receive(ledger, received(1, sha256="f" * 64, spool_key="apart"))
    receive(ledger, received(1, study="4.5.6"), received(2, study="4.5.6", patient_id="P2"))
    given_up(ledger)
    at_work(ledger)
    receive_from(ledger, "DX_WARD", received(1, study="8.8.8", modality="DX"))


def given_up(ledger: Engine) -> None:
    receive(ledger, received(1, study="7.7.7"))
    ours = claim(ledger, JobKind.ANALYSE)
    with transaction(ledger) as session:
        bury_job(session, ours, error="cannot be decoded")


def at_work(ledger: Engine) -> None:
    receive(ledger, received(1, study="7.7.8"))
    ours = claim(ledger, JobKind.ANALYSE)
    with transaction(ledger) as session:
        session.execute(update(Job).where(Job.id == ours.job_id).values(state=JobState.RUNNING))


def date_instance(ledger: Engine, sop_instance_uid: str, received_at: str) -> None:
    """As if it had come at that moment."""
    moment = datetime.fromisoformat(received_at).astimezone(UTC)
    of_it = update(Instance).where(Instance.sop_instance_uid == sop_instance_uid)
    with transaction(ledger) as session:
        session.execute(of_it.values(received_at=moment))
