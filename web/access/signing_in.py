"""Signing in: a password is compared, a session begun, and either is written down."""

from dataclasses import dataclass

from db.accounts import (
    LOCK_SECONDS,
    Attempt,
    NoSuchAccount,
    account_named,
    attempt_succeeded,
    begin_attempt,
    renew_password_hash,
)
from db.audit import Action, AuditRecord, Outcome, record_event
from db.session import reading, transaction
from db.user_sessions import end_session, open_session
from web.access.names import NameRefused, account_name
from web.access.passwords import TooManyAtOnce, hash_password, needs_rehash, room_to_compare
from web.access.reception import Reception
from web.access.tokens import kept, new_session_token


@dataclass(frozen=True)
class Credentials:
    """What somebody typed, and where."""

    name: str
    password: str
    address: str


def sign_in(reception: Reception, typed: Credentials, old_token: str) -> str | None:
    """A new session's token; None where name and password are not those of an open account.

    Raises AddressBlocked or TooManyAtOnce. The browser's session before this one ends.
    """
    attempt = compare(reception, typed)
    if attempt is None:
        return None
    renewed = _hashed_anew(attempt, typed.password)
    with transaction(reception.window.ledger) as session:
        if not attempt_succeeded(session, attempt):
            return None
        if renewed is not None and attempt.password_hash is not None:
            renew_password_hash(session, attempt.user_id, attempt.password_hash, renewed)
        if old_token:
            end_session(session, kept(old_token))
        token = new_session_token()
        open_session(session, attempt.user_id, kept(token), reception.plan.session_limits)
        record_event(session, _event(attempt, typed.address))
    return token


def compare(reception: Reception, typed: Credentials) -> Attempt | None:
    """The account if the password is its own; a failure is counted, locks, and is written down.

    Raises AddressBlocked or TooManyAtOnce.
    """
    name = _normal_name(typed.name)
    with room_to_compare() as is_password:
        is_last = reception.failures.begin(typed.address)
        with transaction(reception.window.ledger) as session:
            attempt = begin_attempt(session, name)
        is_right = is_password(typed.password, attempt.password_hash if attempt else None)
    if attempt is not None and is_right:
        reception.failures.succeeded(typed.address)
        return attempt
    _note_failure(reception, name, attempt, typed.address, is_last)
    return None


def _note_failure(
    reception: Reception, name: str, attempt: Attempt | None, address: str, is_last: bool
) -> None:
    actor, role, why = _tell(attempt) if attempt else _tell_uncompared(reception, name)
    blocked = "; too many failures from this address" if is_last else ""
    event = AuditRecord(actor, role, Action.SIGN_IN, address, Outcome.FAILED, detail=why + blocked)
    with transaction(reception.window.ledger) as session:
        record_event(session, event)


def _tell(attempt: Attempt) -> tuple[str, str, str]:
    """Who failed to sign in, their role, and why."""
    lock = f", locked for {LOCK_SECONDS / 60:.0f} minutes" if attempt.locked_until else ""
    return attempt.name, attempt.role, f"wrong password{lock}"


def _tell_uncompared(reception: Reception, name: str) -> tuple[str, str, str]:
    """A name that is no account's is not written down: people type passwords there."""
    try:
        with reading(reception.window.ledger) as session:
            account = account_named(session, name)
    except NoSuchAccount:
        return "unknown", "", "no such account"
    if not account.is_active:
        return account.name, account.role, "the account is disabled"
    why = "the account is locked" if account.locked_until else "the account has no password"
    return account.name, account.role, why


def _event(attempt: Attempt, address: str) -> AuditRecord:
    return AuditRecord(attempt.name, attempt.role, Action.SIGN_IN, address)


def _hashed_anew(attempt: Attempt, password: str) -> str | None:
    """Where the parameters have changed since; another time where the node is busy."""
    if attempt.password_hash is None or not needs_rehash(attempt.password_hash):
        return None
    try:
        return hash_password(password)
    except TooManyAtOnce:
        return None


def _normal_name(typed: str) -> str:
    """What cannot be an account's name is nobody's."""
    try:
        return account_name(typed)
    except NameRefused:
        return ""
