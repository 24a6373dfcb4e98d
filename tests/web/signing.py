"""Accounts and sessions for the tests: made in the ledger, as if somebody had signed in."""

import http.client
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import urlencode

from argon2 import PasswordHasher
from sqlalchemy import Engine, select, text

from db.accounts import NewAccount, account_named, add_account
from db.audit import NODE, PEER
from db.session import open_ledger, reading, transaction
from db.states import Role
from db.tables import AuditEvent
from db.user_sessions import SessionLimits, open_session
from tests.web.window import Answer, Window, plan_for, serving
from web.access import passwords
from web.access.tokens import csrf_token_of, kept
from web.plan import AccessPlan

PASSWORD = "correct horse battery staple"  # pragma: allowlist secret
LIMITS = SessionLimits(900, 43200)
# As a node's own, at a thousandth of the price; test_access_passwords.py looks at those.
_CHEAP = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
ALL = (Role.VIEWER, Role.READER, Role.ADMINISTRATOR)


def make_account(engine: Engine, name: str, role: Role, hasher: PasswordHasher = _CHEAP) -> int:
    with transaction(engine) as session:
        new = NewAccount(name, role, password_hash=hasher.hash(PASSWORD))
        return add_account(session, new)


def sign_in(engine: Engine, name: str) -> str:
    """A session's token."""
    token = secrets.token_urlsafe(32)
    with transaction(engine) as session:
        open_session(session, account_named(session, name).id, kept(token), LIMITS)
    return token


def as_user(token: str) -> dict[str, str]:
    """Headers of this session's browser, and of a page of ours that asks."""
    return {"Cookie": f"osteon_session={token}", "X-CSRF-Token": csrf_token_of(token)}


def post(window: Window, path: str, headers: dict[str, str], **form: str) -> Answer:
    """What a form sends; `scopes` may be several, by commas."""
    fields = [(name, part) for name, value in form.items() for part in _parts(name, value)]
    sent = {"Content-Type": "application/x-www-form-urlencoded", **headers}
    connection = http.client.HTTPConnection("127.0.0.1", window.port, timeout=30)
    try:
        connection.request("POST", path, urlencode(fields), sent)
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read().decode())
    finally:
        connection.close()


def _parts(name: str, value: str) -> list[str]:
    return value.split(",") if name == "scopes" else [value]


def age(engine: Engine, table: str, **minutes: float) -> None:
    """Let so much time have passed since these columns of all rows were written."""
    for column, passed in minutes.items():
        if engine.dialect.name == "sqlite":
            earlier = f"strftime('%Y-%m-%dT%H:%M:%fZ', {column}, '-{passed * 60} seconds')"
        else:
            earlier = f"{column} - make_interval(secs => {passed * 60})"
        with engine.begin() as connection:
            connection.execute(text(f"UPDATE {table} SET {column} = {earlier}"))


def audit(engine: Engine) -> list[tuple[str, str, str, str | None]]:
    """Actor, action, outcome and detail of each event of people, oldest first."""
    columns = (AuditEvent.actor, AuditEvent.action, AuditEvent.outcome, AuditEvent.detail)
    with reading(engine) as session:
        of_people = AuditEvent.role.not_in((NODE, PEER))
        rows = session.execute(select(*columns).where(of_people).order_by(AuditEvent.id))
        return [(actor, action, outcome, detail) for actor, action, outcome, detail in rows]


@contextmanager
def login_window(ledger_url: str, folder: Path, **access: Any) -> Iterator[tuple[Window, Engine]]:
    """A window that asks who comes, with an account for each role, named after it."""
    engine = open_ledger(ledger_url)
    plan = AccessPlan(**({"login": True, "refusal_seconds": 0.0} | access))
    for role in ALL:
        make_account(engine, role, role)
    try:
        with (
            patch.object(passwords, "_HASHER", _CHEAP),
            patch.object(passwords, "_NOBODYS", _CHEAP.hash(secrets.token_hex())),
            serving(plan_for(ledger_url, folder, access=plan)) as window,
        ):
            yield window, engine
    finally:
        engine.dispose()


def session_cookie(answer: Answer) -> str:
    """The session's token in an answer's Set-Cookie."""
    cookies = " ".join(answer.headers.get_all("Set-Cookie", []))
    found = re.search(r"osteon_session=([^;]+)", cookies)
    assert found, cookies
    return found[1]
