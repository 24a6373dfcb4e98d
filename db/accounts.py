"""Accounts: who may look, by which password or provider, and when they are kept out."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db.clock import database_now
from db.states import Role
from db.tables import AppUser
from db.user_sessions import end_sessions_of

MOST_FAILURES = 5  # in a row
LOCK_SECONDS = 15 * 60.0


class NameTaken(Exception):
    """Another account has this name; the message is the name."""


class NoSuchAccount(Exception):
    """No account has this name; the message is the name."""


class LastAdministrator(Exception):
    """Nobody could run the node's accounts any more: make another administrator first."""


@dataclass(frozen=True)
class Account:
    """An account as it is shown."""

    id: int
    name: str
    full_name: str
    role: Role
    is_active: bool
    oidc_subject: str | None
    locked_until: datetime | None
    created_at: datetime
    signed_in_at: datetime | None


@dataclass(frozen=True)
class NewAccount:
    """Without a password hash they come by OpenID Connect alone, as `oidc_subject`."""

    name: str
    role: Role
    full_name: str = ""
    password_hash: str | None = None
    oidc_subject: str | None = None


@dataclass(frozen=True)
class Attempt:
    """A sign-in that has been counted as a failure until its password proves to be right."""

    user_id: int
    name: str
    role: Role
    password_hash: str | None
    locked_until: datetime | None  # if it fails


_SHOWN = [getattr(AppUser, name) for name in Account.__dataclass_fields__]


def add_account(session: Session, account: NewAccount) -> int:
    """The new account's id; raises NameTaken."""
    row = AppUser(
        name=account.name,
        full_name=account.full_name,
        role=account.role,
        password_hash=account.password_hash,
        oidc_subject=account.oidc_subject,
    )
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError as error:
        raise NameTaken(account.name) from error
    return row.id


def list_accounts(session: Session) -> list[Account]:
    rows = session.execute(select(*_SHOWN).order_by(AppUser.name))
    return [Account(*row) for row in rows]


def account_named(session: Session, name: str) -> Account:
    """Raises NoSuchAccount."""
    row = session.execute(select(*_SHOWN).where(AppUser.name == name)).one_or_none()
    if row is None:
        raise NoSuchAccount(name)
    return Account(*row)


def account_of_subject(session: Session, oidc_subject: str) -> Account | None:
    asked = select(*_SHOWN).where(AppUser.oidc_subject == oidc_subject)
    row = session.execute(asked).one_or_none()
    return None if row is None else Account(*row)


def password_hash_of(session: Session, user_id: int) -> str | None:
    return session.scalar(select(AppUser.password_hash).where(AppUser.id == user_id))


def has_administrator(session: Session) -> bool:
    return bool(_active_administrators(session))


def set_password_hash(session: Session, user_id: int, password_hash: str) -> None:
    """Another password, which also unlocks; whoever is signed in by the old one is signed out."""
    _change(session, user_id, password_hash=password_hash, failures=0, locked_until=None)
    end_sessions_of(session, user_id)


def renew_password_hash(session: Session, user_id: int, old: str, new: str) -> None:
    """The same password hashed anew, unless it was changed meanwhile."""
    same = update(AppUser).where(AppUser.id == user_id, AppUser.password_hash == old)
    session.execute(same.values(password_hash=new))


def set_role(session: Session, account: Account, role: Role) -> None:
    """Raises LastAdministrator; their sessions end, so that nothing is shown by the old role."""
    if role is not Role.ADMINISTRATOR:
        _spare_last_administrator(session, account.id)
    _change(session, account.id, role=role)
    end_sessions_of(session, account.id)


def set_active(session: Session, account: Account, is_active: bool) -> None:
    """Raises LastAdministrator; their sessions end, and no token of theirs is good meanwhile."""
    if not is_active:
        _spare_last_administrator(session, account.id)
    _change(session, account.id, is_active=is_active, failures=0, locked_until=None)
    end_sessions_of(session, account.id)


def follow_provider(session: Session, account: Account, full_name: str, role: Role) -> None:
    """What the provider says of them now; it may take the last administrator's role too."""
    _change(session, account.id, full_name=full_name, role=role, signed_in_at=database_now())
    if role is not account.role:
        end_sessions_of(session, account.id)


def begin_attempt(session: Session, name: str) -> Attempt | None:
    """Count a sign-in as failed before its password is looked at, so that none slips through.

    None where there is nothing to compare with: no such account, or disabled, locked, without a
    password. After a lock has run out, the failures are counted from the beginning.
    """
    failures = case((AppUser.locked_until.is_not(None), 1), else_=AppUser.failures + 1)
    counted = (
        update(AppUser)
        .where(
            AppUser.name == name,
            AppUser.is_active,
            AppUser.password_hash.is_not(None),
            or_(AppUser.locked_until.is_(None), AppUser.locked_until <= database_now()),
        )
        .values(
            failures=failures,
            locked_until=case((failures >= MOST_FAILURES, database_now(LOCK_SECONDS)), else_=None),
        )
        .returning(
            AppUser.id,
            AppUser.name,
            AppUser.role,
            AppUser.password_hash,
            AppUser.locked_until,
        )
        .execution_options(synchronize_session=False)
    )
    row = session.execute(counted).one_or_none()
    return None if row is None else Attempt(*row)


def attempt_succeeded(session: Session, attempt: Attempt) -> bool:
    """The password was right: nothing is held against them.

    False, and nothing is changed, where it was changed meanwhile or the account was disabled.
    """
    unchanged = (
        update(AppUser)
        .where(AppUser.id == attempt.user_id, AppUser.is_active)
        .where(AppUser.password_hash == attempt.password_hash)
        .values(failures=0, locked_until=None, signed_in_at=database_now())
        .returning(AppUser.id)
        .execution_options(synchronize_session=False)
    )
    return session.execute(unchanged).one_or_none() is not None


def _change(session: Session, user_id: int, **values: object) -> None:
    changed = update(AppUser).where(AppUser.id == user_id).values(**values)
    session.execute(changed.execution_options(synchronize_session=False))


def _spare_last_administrator(session: Session, user_id: int) -> None:
    if _active_administrators(session, lock=True) == {user_id}:
        raise LastAdministrator


def _active_administrators(session: Session, *, lock: bool = False) -> set[int]:
    """With `lock`, two who demote each other at once take turns."""
    asked = select(AppUser.id).where(AppUser.role == Role.ADMINISTRATOR, AppUser.is_active)
    if lock:
        asked = asked.order_by(AppUser.id).with_for_update()
    return set(session.scalars(asked))
