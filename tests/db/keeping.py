"""Studies that are long over, as retention finds them."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, update

from db.session import transaction
from db.tables import Delivery, Instance, Report, Study
from tests.db.ledger import (
    FRACTURE,
    analyse,
    confirm,
    deliver,
    receive,
    received,
    report,
)

_MOMENTS = (
    Instance.received_at,
    Study.last_instance_at,
    Report.reported_at,
    Delivery.sent_at,
    Delivery.committed_at,
)


def finish_study(engine: Engine, *, study: str = "1.2.3", **changes: object) -> None:
    """Of one image, reported, delivered and proved to be kept."""
    receive(engine, received(study=study, **changes))
    analyse(engine, FRACTURE)
    report(engine, "PACS")
    deliver(engine)
    confirm(engine)


def age_everything(engine: Engine, days: float) -> None:
    """As if all that has happened had happened so many days earlier."""
    moment = datetime.now(UTC) - timedelta(days=days)
    with transaction(engine) as session:
        for column in _MOMENTS:
            aged = update(column.class_).where(column.is_not(None))
            session.execute(aged.values({column.key: moment}))
