"""What must not be removed, which files are on their way out, and whom the node has forgotten."""

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from db.clock import database_now
from db.tables.base import Base, partial_index

OPEN_HOLD = "released_at IS NULL"


class LegalHold(Base):
    """Why nothing of a study may be removed, who said so, and who lifted it again."""

    __tablename__ = "legal_hold"
    __table_args__ = (
        partial_index("uq_legal_hold_open", "study_id", where=OPEN_HOLD, unique=True),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"), index=True)
    reason: Mapped[str]
    placed_by: Mapped[str]
    placed_at: Mapped[datetime] = mapped_column(default=database_now())
    released_by: Mapped[str | None]
    released_at: Mapped[datetime | None]
    release_reason: Mapped[str | None]


class LeavingFile(Base):
    """A file of the spool that rows have let go of: it is removed, then its row here."""

    __tablename__ = "leaving_file"

    id: Mapped[int] = mapped_column(primary_key=True)
    spool_key: Mapped[str] = mapped_column(unique=True)
    since: Mapped[datetime] = mapped_column(default=database_now())


class Forgetting(Base):
    """That a patient was forgotten: not who, but enough to know them again in a backup."""

    __tablename__ = "forgetting"

    id: Mapped[int] = mapped_column(primary_key=True)
    salt: Mapped[str]
    patient_sha256: Mapped[str]  # of salt, Patient ID and issuer
    any_issuer: Mapped[bool]  # the issuer was not named, and is not in the hash
    studies: Mapped[int]
    forgotten_by: Mapped[str]
    forgotten_at: Mapped[datetime] = mapped_column(default=database_now())
