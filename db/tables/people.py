"""Who may look, and what they said of a finding."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from db.clock import database_now
from db.states import AnalysisState, Opinion, Role
from db.tables.base import Base, words


class AppUser(Base):
    """A person with an account; without a password hash they come by OpenID Connect alone."""

    __tablename__ = "app_user"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)  # what they sign in with, in lower case
    full_name: Mapped[str] = mapped_column(default="")
    role: Mapped[Role] = mapped_column(words(Role, "role"))
    password_hash: Mapped[str | None]
    oidc_subject: Mapped[str | None] = mapped_column(unique=True)  # issuer and subject
    is_active: Mapped[bool] = mapped_column(default=True)
    failures: Mapped[int] = mapped_column(default=0)  # in a row
    locked_until: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=database_now())
    signed_in_at: Mapped[datetime | None]


class UserSession(Base):
    """A browser that has signed in; only the hash of its token is kept."""

    __tablename__ = "user_session"

    id: Mapped[int] = mapped_column(primary_key=True)
    token_sha256: Mapped[str] = mapped_column(unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("app_user.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(default=database_now())
    seen_at: Mapped[datetime] = mapped_column(default=database_now())


class ApiToken(Base):
    """What a program signs its requests with, within somebody's account and its scopes."""

    __tablename__ = "api_token"

    id: Mapped[int] = mapped_column(primary_key=True)
    token_sha256: Mapped[str] = mapped_column(unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("app_user.id"), index=True)
    label: Mapped[str]
    scopes: Mapped[list[str]]
    created_at: Mapped[datetime] = mapped_column(default=database_now())
    expires_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class Verdict(Base):
    """What a reader says of what was found on an image or in a study; their latest counts."""

    __tablename__ = "verdict"

    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"), index=True)
    instance_id: Mapped[int | None] = mapped_column(ForeignKey("instance.id"), index=True)
    # What they looked at: a later answer of another network is not what they judged.
    analysis_id: Mapped[int | None] = mapped_column(ForeignKey("analysis.id"), index=True)
    report_revision: Mapped[int | None]
    reader: Mapped[str]
    opinion: Mapped[Opinion] = mapped_column(words(Opinion, "opinion"))
    corrected_finding: Mapped[AnalysisState | None] = mapped_column(
        words(AnalysisState, "corrected_finding")
    )
    corrected_region: Mapped[str | None]
    corrected_type: Mapped[str | None]
    boxes: Mapped[list[dict[str, Any]] | None]  # where the reader sees it, in stored pixels
    comment: Mapped[str] = mapped_column(default="")
    given_at: Mapped[datetime] = mapped_column(default=database_now())
