"""Signing in and out, one's account and those of others: what each request does to whom."""

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from sqlalchemy import Engine

from db.accounts import account_named, password_hash_of
from db.session import reading
from db.states import Role
from tests.web.signing import (
    PASSWORD,
    age,
    as_user,
    audit,
    login_window,
    make_account,
    post,
    session_cookie,
    sign_in,
)
from tests.web.window import Window
from web.access.tokens import csrf_token_of

pytestmark = pytest.mark.requirement("R-DOOR-4")

ANOTHER = "another long password"


def is_open(window: Window, token: str) -> bool:
    return window.get("/account/session", Cookie=f"osteon_session={token}").status == 204


def test_signing_in_begins_a_session_that_no_script_and_no_other_site_gets(
    window: Window, engine: Engine
) -> None:
    before = sign_in(engine, "viewer")
    planted = {"Cookie": f"osteon_session={before}"}
    answer = post(
        window, "/sign-in", planted, name=" Reader ", password=PASSWORD, next="/study/1.2.3"
    )
    assert (answer.status, answer.headers["Location"]) == (303, "/study/1.2.3")
    assert answer.headers["Cache-Control"] == "no-store"
    attributes = answer.headers["Set-Cookie"].split("; ")[1:]
    assert set(attributes) == {"HttpOnly", "Path=/", "SameSite=strict"}
    token = session_cookie(answer)
    assert token != before, "a token that was planted is not the new session's"
    assert len(token) >= 43
    assert (is_open(window, token), is_open(window, before)) == (True, False)
    with engine.connect() as connection:
        kept = connection.exec_driver_sql("SELECT token_sha256 FROM user_session").scalars().all()
    assert token not in kept
    assert audit(engine)[-1] == ("reader", "sign-in", "done", None)
    signed_in = window.get("/sign-in?next=/study/1.2.3", Cookie=f"osteon_session={token}")
    assert (signed_in.status, signed_in.headers["Location"]) == (303, "/study/1.2.3")


def test_a_hash_of_other_parameters_is_made_anew(window: Window, engine: Engine) -> None:
    user_id = make_account(engine, "old", Role.VIEWER, hasher=PasswordHasher(1, 128, 1))
    for _ in range(2):
        assert post(window, "/sign-in", {}, name="old", password=PASSWORD).status == 303
    with reading(engine) as session:
        kept = password_hash_of(session, user_id) or ""
    assert kept.split("$")[3] == "m=64,t=1,p=1"


def test_signing_out_ends_the_session_for_good(window: Window, engine: Engine) -> None:
    token = sign_in(engine, "reader")
    answer = post(window, "/sign-out", as_user(token))
    assert (answer.status, answer.headers["Location"]) == (303, "/sign-in")
    assert 'osteon_session=""' in answer.headers["Set-Cookie"]
    assert not is_open(window, token)
    assert audit(engine)[-1] == ("reader", "sign-out", "done", None)


def test_nobody_learns_which_names_there_are(window: Window, engine: Engine) -> None:
    make_account(engine, "known", Role.VIEWER)
    seen = set()
    for name in ("known", "no-such-one", "a\0b", "known'--"):
        answer = post(window, "/sign-in", {}, name=name, password="a wrong password")
        seen.add((answer.status, re.sub(r'name="name" value="[^"]*"', "", answer.text)))
    assert len(seen) == 1
    assert "Name and password do not belong together" in seen.pop()[1]
    assert audit(engine)[-4:] == [
        ("known", "sign-in", "failed", "wrong password"),
        *[("unknown", "sign-in", "failed", "no such account")] * 3,
    ]


def test_five_failures_lock_the_account_for_the_right_password_too(
    window: Window, engine: Engine
) -> None:
    make_account(engine, "guessed", Role.VIEWER)
    for _ in range(5):
        assert post(window, "/sign-in", {}, name="guessed", password=ANOTHER).status == 403
    locked = post(window, "/sign-in", {}, name="guessed", password=PASSWORD)
    assert (locked.status, locked.headers["Set-Cookie"]) == (403, None)
    assert audit(engine)[-2:] == [
        ("guessed", "sign-in", "failed", "wrong password, locked for 15 minutes"),
        ("guessed", "sign-in", "failed", "the account is locked"),
    ]
    age(engine, "app_user", locked_until=15.1)
    assert post(window, "/sign-in", {}, name="guessed", password=PASSWORD).status == 303


def test_an_address_that_guesses_at_many_accounts_waits(
    new_ledger: Callable[[str], str], tmp_path: Path
) -> None:
    """And a refusal takes its time."""
    with login_window(new_ledger("sqlite"), tmp_path, refusal_seconds=0.1) as (window, engine):
        make_account(engine, "fourth", Role.VIEWER)
        began = time.monotonic()
        for name in ("viewer", "reader", "administrator", "fourth"):
            for _ in range(5):
                assert post(window, "/sign-in", {}, name=name, password=ANOTHER).status == 403
        assert time.monotonic() - began > 20 * 0.1
        make_account(engine, "fifth", Role.VIEWER)
        refused = post(window, "/sign-in", {}, name="fifth", password=PASSWORD)
        assert (refused.status, refused.headers["Retry-After"]) == (429, "900")
        assert audit(engine)[-1][3] == (
            "wrong password, locked for 15 minutes; too many failures from this address"
        )


def test_another_password_ends_every_session_but_this_ones_next(
    window: Window, engine: Engine
) -> None:
    make_account(engine, "careful", Role.VIEWER)
    token, elsewhere = sign_in(engine, "careful"), sign_in(engine, "careful")
    form = {"present": PASSWORD, "new": ANOTHER, "again": ANOTHER}
    for wrong in (
        form | {"present": "not the present one"},
        form | {"again": ANOTHER + "!"},
        form | {"new": "short", "again": "short"},
        form | {"new": "carefulcareful", "again": "carefulcareful"},
    ):
        assert post(window, "/account/password", as_user(token), **wrong).status == 400
    changed = post(window, "/account/password", as_user(token), **form)
    assert changed.status == 303
    new = session_cookie(changed)
    assert [is_open(window, one) for one in (token, elsewhere, new)] == [False, False, True]
    assert audit(engine)[-1] == ("careful", "account-changed", "done", "changed the password")
    assert post(window, "/sign-in", {}, name="careful", password=PASSWORD).status == 403
    assert post(window, "/sign-in", {}, name="careful", password=ANOTHER).status == 303


def test_a_token_is_shown_once_and_of_ones_own_role(window: Window, engine: Engine) -> None:
    headers = as_user(sign_in(engine, "viewer"))
    form = {"label": "night export", "scopes": "results:read,studies:read", "days": "30"}
    for wrong in (
        form | {"scopes": "operations:write"},
        form | {"scopes": "results:read,verdicts:write"},
        form | {"label": " "},
        form | {"days": "9999"},
    ):
        assert post(window, "/account/tokens", headers, **wrong).status == 400
    made = post(window, "/account/tokens", headers, **form)
    token = re.findall(r'value="(ost_[\w-]{43})"', made.text)[0]
    assert audit(engine)[-1][1:] == (
        "token-made",
        "done",
        "night export: results:read studies:read, 30 days",
    )
    with engine.connect() as connection:
        row = connection.exec_driver_sql("SELECT id, token_sha256 FROM api_token").one()
    assert token not in row[1]
    page = window.get("/account", **headers)
    assert "night export" in page.text
    assert token not in page.text
    other = as_user(sign_in(engine, "reader"))
    assert post(window, f"/account/tokens/{row[0]}/revoke", other).status == 404
    assert post(window, f"/account/tokens/{row[0]}/revoke", headers).status == 303
    assert audit(engine)[-1][1:] == ("token-revoked", "done", "night export")
    assert "night export" not in window.get("/account", **headers).text


def test_an_administrator_runs_the_accounts(window: Window, engine: Engine) -> None:
    admin = as_user(sign_in(engine, "administrator"))
    new = {"name": "Nina", "full_name": "Nina <b>Neu</b>", "role": "reader"}
    typed = new | {"password": PASSWORD, "again": PASSWORD}
    for wrong in (
        typed | {"again": ANOTHER},
        typed | {"name": "a b"},
        typed | {"name": "reader"},
        typed | {"password": "short", "again": "short"},  # pragma: allowlist secret
    ):
        assert post(window, "/users", admin, **wrong).status == 400
    assert post(window, "/users", admin, **typed).headers["Location"] == "/users?done=added"
    page = window.get("/users", **admin)
    assert "Nina &lt;b&gt;Neu&lt;/b&gt;" in page.text
    token = sign_in(engine, "nina")
    assert post(window, "/users/nina/role", admin, role="viewer").status == 303
    assert not is_open(window, token), "nothing is shown by the old role"
    token = sign_in(engine, "nina")
    form = {"password": ANOTHER, "again": ANOTHER}
    assert post(window, "/users/nina/password", admin, **form).status == 303
    assert not is_open(window, token)
    token = sign_in(engine, "nina")
    assert post(window, "/users/nina/active", admin, active="no").status == 303
    assert not is_open(window, token)
    assert post(window, "/sign-in", {}, name="nina", password=ANOTHER).status == 403
    assert [detail for _, action, _, detail in audit(engine)[-5:]] == [
        "nina: added as reader",
        "nina: role reader, now viewer",
        "nina: password set",
        "nina: disabled",
        "the account is disabled",
    ]


def test_the_last_administrator_stays(window: Window, engine: Engine) -> None:
    admin = as_user(sign_in(engine, "administrator"))
    for path, form in (("role", {"role": "reader"}), ("active", {"active": "no"})):
        answer = post(window, f"/users/administrator/{path}", admin, **form)
        assert answer.status == 400
        assert "Nobody else is an administrator" in answer.text
    assert window.get("/users", **admin).status == 200
    with reading(engine) as session:
        assert account_named(session, "administrator").role is Role.ADMINISTRATOR


def test_pages_are_kept_by_no_browser_and_bear_their_own_token(
    window: Window, engine: Engine
) -> None:
    token = sign_in(engine, "administrator")
    for path in ("/worklist", "/account", "/users", "/sign-in"):
        page = window.get(path, **({} if path == "/sign-in" else as_user(token)))
        assert (page.status, page.headers["Cache-Control"]) == (200, "no-store")
        assert (csrf_token_of(token) in page.text) is (path != "/sign-in")
        assert token not in page.text


def test_where_nobody_can_sign_in_the_page_says_how_to_begin(
    new_ledger: Callable[[str], str], tmp_path: Path
) -> None:
    with login_window(new_ledger("sqlite"), tmp_path) as (window, engine):
        assert "osteon users add" not in window.get("/sign-in").text
        with engine.begin() as connection:
            connection.exec_driver_sql("UPDATE app_user SET is_active = false")
        assert "osteon users add NAME --role administrator" in window.get("/sign-in").text
