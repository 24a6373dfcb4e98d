"""API tokens: what programs show instead of a password, kept by their hashes."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.orm import Session

from db.clock import database_now
from db.states import Role
from db.tables import ApiToken, AppUser

_USED_SECONDS = 60.0


@dataclass(frozen=True)
class NewToken:
    """What a token is to be good for; `days` until it runs out, None: until it is revoked."""

    user_id: int
    label: str
    scopes: tuple[str, ...]
    days: int | None


@dataclass(frozen=True)
class TokenRow:
    """A token as its owner sees it."""

    id: int
    label: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    used_at: datetime | None


@dataclass(frozen=True)
class TokenBearer:
    """Whose token it is; `is_used_long_ago`: it is time to write that it is in use."""

    token_id: int
    label: str
    scopes: list[str]
    user_id: int
    name: str
    role: Role
    is_used_long_ago: bool


def add_token(session: Session, token: NewToken, token_sha256: str) -> None:
    session.add(
        ApiToken(
            token_sha256=token_sha256,
            user_id=token.user_id,
            label=token.label,
            scopes=list(token.scopes),
            expires_at=database_now(token.days * 86400.0) if token.days else None,
        )
    )


def find_bearer(session: Session, token_sha256: str) -> TokenBearer | None:
    """None if it is revoked or has run out, or its account is disabled."""
    used_long_ago = or_(
        ApiToken.used_at.is_(None), ApiToken.used_at <= database_now(-_USED_SECONDS)
    )
    asked = (
        select(
            ApiToken.id,
            ApiToken.label,
            ApiToken.scopes,
            AppUser.id,
            AppUser.name,
            AppUser.role,
            used_long_ago,
        )
        .join(AppUser, AppUser.id == ApiToken.user_id)
        .where(ApiToken.token_sha256 == token_sha256, AppUser.is_active, _is_good())
    )
    row = session.execute(asked).one_or_none()
    return None if row is None else TokenBearer(*row)


def mark_used(session: Session, token_id: int) -> None:
    used = update(ApiToken).where(ApiToken.id == token_id)
    session.execute(used.values(used_at=database_now()))


def list_tokens(session: Session, user_id: int) -> list[TokenRow]:
    """Those that are good still, the latest first."""
    columns = [getattr(ApiToken, name) for name in TokenRow.__dataclass_fields__]
    asked = select(*columns).where(ApiToken.user_id == user_id, _is_good())
    return [TokenRow(*row) for row in session.execute(asked.order_by(ApiToken.id.desc()))]


def revoke_token(session: Session, user_id: int, token_id: int) -> str | None:
    """Its label; None if this account has no such token that is good still."""
    revoked = (
        update(ApiToken)
        .where(ApiToken.id == token_id, ApiToken.user_id == user_id, _is_good())
        .values(revoked_at=database_now())
        .returning(ApiToken.label)
        .execution_options(synchronize_session=False)
    )
    return session.scalar(revoked)


def _is_good() -> ColumnElement[bool]:
    lasts = or_(ApiToken.expires_at.is_(None), ApiToken.expires_at > database_now())
    return and_(ApiToken.revoked_at.is_(None), lasts)
