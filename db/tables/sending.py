"""What goes to whom, how it fares there, and what is proved to be kept."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from db.clock import database_now
from db.states import DeliveryState, Proof
from db.tables.base import Base, HeaderText, words


class Destination(Base):
    """Where results go, and how it fares: after a failure nothing is sent until `rests_until`."""

    __tablename__ = "destination"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    failures: Mapped[int] = mapped_column(default=0)  # in a row
    rests_until: Mapped[datetime | None]
    last_error: Mapped[str | None]
    failed_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]


class Consignment(Base):
    """All that one destination gets of one report."""

    __tablename__ = "consignment"
    __table_args__ = (UniqueConstraint("report_id", "destination"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    report_id: Mapped[int] = mapped_column(ForeignKey("report.id"))
    destination: Mapped[str] = mapped_column(ForeignKey("destination.name"), index=True)
    rung: Mapped[str | None]  # which objects were chosen
    rung_reason: Mapped[str | None]
    proof: Mapped[Proof | None] = mapped_column(words(Proof, "proof"))
    created_at: Mapped[datetime] = mapped_column(default=database_now())


class Delivery(Base):
    __tablename__ = "delivery"
    __table_args__ = (UniqueConstraint("consignment_id", "object_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    consignment_id: Mapped[int] = mapped_column(ForeignKey("consignment.id"))
    object_id: Mapped[int] = mapped_column(ForeignKey("result_object.id"), index=True)
    state: Mapped[DeliveryState] = mapped_column(
        words(DeliveryState, "state"), default=DeliveryState.QUEUED
    )
    reason: Mapped[str | None]  # why omitted, superseded, refused or to be sent again
    sent_object_id: Mapped[int | None] = mapped_column(ForeignKey("result_object.id"), index=True)
    status: Mapped[int | None]  # the peer's C-STORE status
    warning: Mapped[str | None]
    sendings: Mapped[int] = mapped_column(default=0)
    sent_at: Mapped[datetime | None]
    committed_at: Mapped[datetime | None]


class CommitmentRequest(Base):
    """One N-ACTION of Storage Commitment, ours to a destination, and what came of it."""

    __tablename__ = "commitment_request"

    id: Mapped[int] = mapped_column(primary_key=True)
    transaction_uid: Mapped[str] = mapped_column(unique=True)
    consignment_id: Mapped[int] = mapped_column(ForeignKey("consignment.id"), index=True)
    asked_at: Mapped[datetime] = mapped_column(default=database_now())
    answered_at: Mapped[datetime | None]


class PeerRequest(Base):
    """A peer's N-ACTION of Storage Commitment: it waits for our N-EVENT-REPORT."""

    __tablename__ = "peer_request"
    __table_args__ = (UniqueConstraint("peer_ae_title", "transaction_uid"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    transaction_uid: Mapped[str]
    peer_ae_title: Mapped[str] = mapped_column(HeaderText)
    references: Mapped[list[dict[str, Any]]]
    asked_at: Mapped[datetime] = mapped_column(default=database_now())
    answered_at: Mapped[datetime | None]
