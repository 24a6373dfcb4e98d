"""Who did or saw what, as a chain; what was taken off its beginning, and how far it is told."""

from datetime import datetime

from sqlalchemy import JSON, BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from db.clock import database_now
from db.tables.base import Base, partial_index

UNSEALED = "seal IS NULL"


class AuditEvent(Base):
    """Who did or saw what; rows are added and never changed, which triggers see to.

    `sequence` and `seal` are set once, by whoever seals: not by whoever adds the row.
    """

    __tablename__ = "audit_event"
    __table_args__ = (partial_index("ix_audit_event_unsealed", "id", where=UNSEALED),)

    id: Mapped[int] = mapped_column(primary_key=True)
    happened_at: Mapped[datetime] = mapped_column(default=database_now(), index=True)
    actor: Mapped[str]  # an account's name, an AE title, or what stands for nobody's
    role: Mapped[str]  # of the page, or node (a part of this one) or peer (another system)
    action: Mapped[str]
    outcome: Mapped[str]  # done, refused or failed
    study_instance_uid: Mapped[str | None] = mapped_column(index=True)
    address: Mapped[str]  # the request came from there
    detail: Mapped[str | None]
    peer: Mapped[str | None]  # the other system, where the actor is not that
    # Of what was transferred: SOP Class UID and number of instances.
    sop_classes: Mapped[dict[str, int] | None] = mapped_column(JSON(none_as_null=True))
    sequence: Mapped[int | None] = mapped_column(BigInteger, index=True, unique=True)
    seal: Mapped[str | None]


class AuditAnchor(Base):
    """The trail begins after this: what came before was removed, and this vouches for its end."""

    __tablename__ = "audit_anchor"

    id: Mapped[int] = mapped_column(primary_key=True)
    sequence: Mapped[int] = mapped_column(BigInteger, unique=True)  # of the last row removed
    seal: Mapped[str]  # of the last row removed
    made_at: Mapped[datetime] = mapped_column(default=database_now())
    actor: Mapped[str]
    signature: Mapped[str]  # by the key that seals


class AuditForwarding(Base):
    """How far the trail has been told to the audit record repository; one row."""

    __tablename__ = "audit_forwarding"

    id: Mapped[int] = mapped_column(primary_key=True)
    sequence: Mapped[int] = mapped_column(BigInteger, default=0)  # the last that was sent
    forwarded_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]
    last_error: Mapped[str | None]  # none: the last attempt went well
