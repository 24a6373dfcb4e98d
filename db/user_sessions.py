"""Who is signed in: sessions are kept here, by the hashes of the browsers' tokens."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, delete, or_, select, update
from sqlalchemy.orm import Session

from db.clock import database_now
from db.states import Role
from db.tables import AppUser, UserSession

# Written at most so often, and more often only where sessions are very short.
_SEEN_SECONDS = 60.0


@dataclass(frozen=True)
class SessionLimits:
    """How long a session lasts while nobody is seen, and at the longest."""

    idle_seconds: float
    longest_seconds: float

    @property
    def seen_seconds(self) -> float:
        return min(_SEEN_SECONDS, self.idle_seconds / 5)


@dataclass(frozen=True)
class SignedIn:
    """Whose session it is; `is_seen_long_ago`: it is time to write that they are here."""

    session_id: int
    user_id: int
    name: str
    role: Role
    is_seen_long_ago: bool


@dataclass(frozen=True)
class SessionRow:
    """A session as its owner sees it."""

    id: int
    created_at: datetime
    seen_at: datetime


def open_session(session: Session, user_id: int, token_sha256: str, limits: SessionLimits) -> None:
    """A new session; those of anybody that have run out are forgotten."""
    session.execute(delete(UserSession).where(_has_run_out(limits)))
    session.add(UserSession(user_id=user_id, token_sha256=token_sha256))


def find_session(session: Session, token_sha256: str, limits: SessionLimits) -> SignedIn | None:
    """None if it ended, has run out, or its account is disabled."""
    asked = (
        select(
            UserSession.id,
            AppUser.id,
            AppUser.name,
            AppUser.role,
            UserSession.seen_at <= database_now(-limits.seen_seconds),
        )
        .join(AppUser, AppUser.id == UserSession.user_id)
        .where(
            UserSession.token_sha256 == token_sha256,
            AppUser.is_active,
            _is_open(limits),
        )
    )
    row = session.execute(asked).one_or_none()
    return None if row is None else SignedIn(*row)


def mark_seen(session: Session, session_id: int) -> None:
    seen = update(UserSession).where(UserSession.id == session_id)
    session.execute(seen.values(seen_at=database_now()))


def list_sessions(session: Session, user_id: int, limits: SessionLimits) -> list[SessionRow]:
    """The latest first."""
    columns = [getattr(UserSession, name) for name in SessionRow.__dataclass_fields__]
    asked = select(*columns).where(UserSession.user_id == user_id, _is_open(limits))
    return [SessionRow(*row) for row in session.execute(asked.order_by(UserSession.id.desc()))]


def end_session(session: Session, token_sha256: str) -> None:
    session.execute(delete(UserSession).where(UserSession.token_sha256 == token_sha256))


def end_sessions_of(session: Session, user_id: int, *, except_token: str = "") -> None:
    """All of this account's, but for the one whose token has this hash."""
    others = UserSession.token_sha256 != except_token
    session.execute(delete(UserSession).where(UserSession.user_id == user_id, others))


def _is_open(limits: SessionLimits) -> ColumnElement[bool]:
    return and_(
        UserSession.seen_at > database_now(-limits.idle_seconds),
        UserSession.created_at > database_now(-limits.longest_seconds),
    )


def _has_run_out(limits: SessionLimits) -> ColumnElement[bool]:
    return or_(
        UserSession.seen_at <= database_now(-limits.idle_seconds),
        UserSession.created_at <= database_now(-limits.longest_seconds),
    )
