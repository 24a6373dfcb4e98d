"""Accounts in the ledger: the last administrator stays, and failures lock, even those at once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import Engine

from db.accounts import (
    LastAdministrator,
    NameTaken,
    NewAccount,
    NoSuchAccount,
    account_named,
    add_account,
    attempt_succeeded,
    begin_attempt,
    follow_provider,
    list_accounts,
    password_hash_of,
    renew_password_hash,
    set_active,
    set_password_hash,
    set_role,
)
from db.session import transaction
from db.states import Role
from tests.web.signing import age


def add(ledger: Engine, name: str, role: Role = Role.READER, **more: str) -> int:
    with transaction(ledger) as session:
        # pragma: allowlist nextline secret
        return add_account(session, NewAccount(name, role, password_hash="old", **more))


def attempt(ledger: Engine, name: str = "anna") -> bool | None:
    """Whether this attempt locks if it fails; None: it is not even compared."""
    with transaction(ledger) as session:
        begun = begin_attempt(session, name)
        return None if begun is None else begun.locked_until is not None


def test_accounts_are_added_and_listed_by_name(ledger: Engine) -> None:
    add(ledger, "otto")
    add(ledger, "anna", Role.ADMINISTRATOR)
    with pytest.raises(NameTaken, match="anna"):
        add(ledger, "anna")
    with transaction(ledger) as session:
        assert [(one.name, one.role) for one in list_accounts(session)] == [
            ("anna", Role.ADMINISTRATOR),
            ("otto", Role.READER),
        ]
        with pytest.raises(NoSuchAccount, match="nobody"):
            account_named(session, "nobody")


def test_five_failures_lock_for_fifteen_minutes_and_then_count_anew(ledger: Engine) -> None:
    add(ledger, "anna")
    assert [attempt(ledger) for _ in range(7)] == [False] * 4 + [True, None, None]
    age(ledger, "app_user", locked_until=14)
    assert attempt(ledger) is None
    age(ledger, "app_user", locked_until=2)
    assert [attempt(ledger) for _ in range(6)] == [False] * 4 + [True, None]


def test_a_success_forgets_the_failures(ledger: Engine) -> None:
    add(ledger, "anna")
    for _ in range(5):
        attempt(ledger)
    age(ledger, "app_user", locked_until=30)
    with transaction(ledger) as session:
        begun = begin_attempt(session, "anna")
        assert begun is not None and attempt_succeeded(session, begun)
    assert attempt(ledger) is False
    with transaction(ledger) as session:
        assert account_named(session, "anna").signed_in_at is not None


def test_a_password_changed_meanwhile_lets_nobody_in(ledger: Engine) -> None:
    user_id = add(ledger, "anna")
    with transaction(ledger) as session:
        begun = begin_attempt(session, "anna")
    with transaction(ledger) as session:
        set_password_hash(session, user_id, "another")
    assert begun is not None
    with transaction(ledger) as session:
        assert not attempt_succeeded(session, begun)


def test_attempts_at_once_are_all_counted(ledger: Engine) -> None:
    add(ledger, "anna")
    with ThreadPoolExecutor(8) as at_once:
        compared = list(at_once.map(lambda _: attempt(ledger), range(24)))
    assert len([one for one in compared if one is not None]) == 5


def test_nothing_to_compare_with(ledger: Engine) -> None:
    assert attempt(ledger, "nobody") is None
    with transaction(ledger) as session:
        add_account(session, NewAccount("olga", Role.VIEWER, oidc_subject="https://x 1"))
    assert attempt(ledger, "olga") is None
    add(ledger, "otto")
    with transaction(ledger) as session:
        set_active(session, account_named(session, "otto"), False)
    assert attempt(ledger, "otto") is None


def test_the_last_administrator_can_be_neither_demoted_nor_disabled(ledger: Engine) -> None:
    add(ledger, "anna", Role.ADMINISTRATOR)
    add(ledger, "otto")
    for change in (
        lambda session, account: set_role(session, account, Role.READER),
        lambda session, account: set_active(session, account, False),
    ):
        with pytest.raises(LastAdministrator), transaction(ledger) as session:
            change(session, account_named(session, "anna"))
    with transaction(ledger) as session:
        set_role(session, account_named(session, "otto"), Role.ADMINISTRATOR)
        set_role(session, account_named(session, "anna"), Role.READER)


def test_two_administrators_who_demote_each_other_at_once(ledger: Engine) -> None:
    for name in ("anna", "otto"):
        add(ledger, name, Role.ADMINISTRATOR)
    both_here = Barrier(2)

    def demote(name: str) -> bool:
        both_here.wait()
        try:
            with transaction(ledger) as session:
                set_role(session, account_named(session, name), Role.VIEWER)
        except LastAdministrator:
            return False
        return True

    with ThreadPoolExecutor(2) as at_once:
        assert sorted(at_once.map(demote, ("anna", "otto"))) == [False, True]


def test_a_hash_is_renewed_only_if_it_is_still_the_same(ledger: Engine) -> None:
    user_id = add(ledger, "anna")
    with transaction(ledger) as session:
        renew_password_hash(session, user_id, "other", "wrong")
        assert password_hash_of(session, user_id) == "old"
        renew_password_hash(session, user_id, "old", "new")
        assert password_hash_of(session, user_id) == "new"
        set_password_hash(session, user_id, "another")
        assert password_hash_of(session, user_id) == "another"


def test_a_provider_may_take_the_last_administrators_role(ledger: Engine) -> None:
    add(ledger, "anna", Role.ADMINISTRATOR)
    with transaction(ledger) as session:
        follow_provider(session, account_named(session, "anna"), "Anna", Role.VIEWER)
        account = account_named(session, "anna")
    assert (account.role, account.full_name) == (Role.VIEWER, "Anna")
