"""Sessions and API tokens: found by their hash while they last, and ended by what must end them."""

from collections.abc import Callable

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from db.accounts import (
    NewAccount,
    account_named,
    add_account,
    follow_provider,
    set_active,
    set_password_hash,
    set_role,
)
from db.api_tokens import NewToken, add_token, find_bearer, list_tokens, mark_used, revoke_token
from db.session import transaction
from db.states import Role
from db.user_sessions import (
    SessionLimits,
    end_session,
    end_sessions_of,
    find_session,
    list_sessions,
    mark_seen,
    open_session,
)
from tests.web.signing import age

LIMITS = SessionLimits(idle_seconds=900, longest_seconds=12 * 3600)


@pytest.fixture
def anna(ledger: Engine) -> int:
    with transaction(ledger) as session:
        add_account(session, NewAccount("root", Role.ADMINISTRATOR))
        return add_account(session, NewAccount("anna", Role.READER))


def opened(ledger: Engine, user_id: int, *tokens: str) -> None:
    with transaction(ledger) as session:
        for token in tokens:
            open_session(session, user_id, token, LIMITS)


def is_open(ledger: Engine, token: str) -> bool:
    with transaction(ledger) as session:
        return find_session(session, token, LIMITS) is not None


def test_a_session_is_found_while_somebody_is_seen(ledger: Engine, anna: int) -> None:
    opened(ledger, anna, "a")
    with transaction(ledger) as session:
        found = find_session(session, "a", LIMITS)
    assert found is not None
    assert (found.user_id, found.name, found.role) == (anna, "anna", Role.READER)
    assert not found.is_seen_long_ago
    age(ledger, "user_session", seen_at=14)
    with transaction(ledger) as session:
        found = find_session(session, "a", LIMITS)
        assert found is not None
        assert found.is_seen_long_ago
        mark_seen(session, found.session_id)
    age(ledger, "user_session", seen_at=14)
    assert is_open(ledger, "a")
    age(ledger, "user_session", seen_at=2)
    assert not is_open(ledger, "a")


def test_a_session_ends_twelve_hours_after_it_began(ledger: Engine, anna: int) -> None:
    opened(ledger, anna, "a")
    age(ledger, "user_session", created_at=719)
    assert is_open(ledger, "a")
    age(ledger, "user_session", created_at=2)
    assert not is_open(ledger, "a")
    opened(ledger, anna, "b")  # and what has run out is forgotten
    with ledger.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM user_session").scalar() == 1


CHANGES: list[Callable[[Session, int], None]] = [
    lambda session, user_id: set_password_hash(session, user_id, "new"),
    lambda session, _: set_role(session, account_named(session, "anna"), Role.VIEWER),
    lambda session, _: set_active(session, account_named(session, "anna"), False),
    lambda session, _: follow_provider(
        session, account_named(session, "anna"), "", Role.ADMINISTRATOR
    ),
    end_sessions_of,
]


@pytest.mark.parametrize("change", CHANGES)
def test_what_ends_every_session_of_an_account(
    ledger: Engine, anna: int, change: Callable[[Session, int], None]
) -> None:
    opened(ledger, anna, "a", "b")
    with transaction(ledger) as session:
        open_session(session, account_named(session, "root").id, "r", LIMITS)
    with transaction(ledger) as session:
        change(session, anna)
    assert [is_open(ledger, token) for token in "abr"] == [False, False, True]


def test_sessions_end_one_by_one_and_all_but_one(ledger: Engine, anna: int) -> None:
    opened(ledger, anna, "a", "b", "c")
    with transaction(ledger) as session:
        assert len(list_sessions(session, anna, LIMITS)) == 3
        end_session(session, "a")
        end_sessions_of(session, anna, except_token="c")
    assert [is_open(ledger, token) for token in "abc"] == [False, False, True]


def test_a_disabled_accounts_session_is_nobodys(ledger: Engine, anna: int) -> None:
    opened(ledger, anna, "a")
    with ledger.begin() as connection:
        connection.exec_driver_sql("UPDATE app_user SET is_active = false WHERE name = 'anna'")
    assert not is_open(ledger, "a")


def test_an_api_token_is_good_until_it_runs_out_or_is_revoked(ledger: Engine, anna: int) -> None:
    with transaction(ledger) as session:
        add_token(session, NewToken(anna, "night", ("results:read",), 30), "a")
        add_token(session, NewToken(anna, "for ever", ("results:read",), None), "b")
    with transaction(ledger) as session:
        bearer = find_bearer(session, "a")
        assert bearer is not None
        assert (bearer.name, bearer.role, bearer.scopes) == ("anna", Role.READER, ["results:read"])
        assert bearer.is_used_long_ago
        mark_used(session, bearer.token_id)
        assert [one.label for one in list_tokens(session, anna)] == ["for ever", "night"]
        assert find_bearer(session, "c") is None
    with transaction(ledger) as session:
        used = find_bearer(session, "a")
        assert used is not None
        assert not used.is_used_long_ago
    age(ledger, "api_token", expires_at=30 * 24 * 60 + 1)
    with transaction(ledger) as session:
        assert find_bearer(session, "a") is None
        other = find_bearer(session, "b")
        assert other is not None
        root = account_named(session, "root").id
        assert revoke_token(session, root, other.token_id) is None
        assert revoke_token(session, anna, other.token_id) == "for ever"
        assert revoke_token(session, anna, other.token_id) is None
        assert find_bearer(session, "b") is None


def test_a_disabled_accounts_token_is_refused(ledger: Engine, anna: int) -> None:
    with transaction(ledger) as session:
        add_token(session, NewToken(anna, "night", ("results:read",), 30), "a")
        set_active(session, account_named(session, "anna"), False)
    with transaction(ledger) as session:
        assert find_bearer(session, "a") is None
        set_active(session, account_named(session, "anna"), True)
        assert find_bearer(session, "a") is not None
