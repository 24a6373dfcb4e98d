"""The door before every room: who comes without a session, a token or the page's own word."""

import http.client
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import anyio
import httpx
import pytest
from fastapi.routing import iter_route_contexts
from sqlalchemy import Engine
from starlette.routing import Mount
from structlog.testing import capture_logs

from db.accounts import account_named
from db.api_tokens import NewToken, add_token
from db.audit import list_events
from db.session import reading, transaction
from db.states import Role
from db.user_sessions import find_session
from tests.web.signing import LIMITS, age, as_user, audit, sign_in
from tests.web.window import Answer, Window, plan_for, serving
from web.access.next_page import safe_next, sign_in_address
from web.access.scopes import WritesVerdicts
from web.access.tokens import kept
from web.app import create_app
from web.plan import AccessPlan

pytestmark = pytest.mark.requirement("R-DOOR-4")

UNSAFE = {"POST", "PUT", "PATCH", "DELETE"}
# Whoever comes gets an answer here; every other address is closed until somebody is signed in.
OPEN = {"/sign-in", "/healthz", "/oidc/start", "/oidc/callback"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str]]:
    """Method and path of every route of the application, whatever rooms it has."""
    app = create_app(plan_for("sqlite:///none", tmp_path_factory.mktemp("none")))
    found = []
    for route in iter_route_contexts(app.routes):
        if isinstance(route.original_route, Mount):
            assert str(route.path).startswith("/static/")
        else:
            assert route.path is not None
            found += [(method, route.path) for method in route.methods or ()]
    assert len(found) > 15
    return [(method, re.sub(r"\{[^}]*\}", "1", path)) for method, path in sorted(found)]


def ask(window: Window, method: str, path: str, body: str = "", **headers: str) -> Answer:
    """Underscores in the headers' names are hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection = http.client.HTTPConnection("127.0.0.1", window.port, timeout=30)
    try:
        connection.request(method, path, body, named)
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read().decode("latin-1"))
    finally:
        connection.close()


def test_every_address_is_closed_to_who_is_not_signed_in(
    window: Window, addresses: list[tuple[str, str]]
) -> None:
    for method, path in [one for one in addresses if one[1] not in OPEN]:
        for headers in ({}, {"Cookie": "osteon_session=guessed"}):
            page = ask(window, method, path, **headers)
            if not path.startswith("/api/"):
                closed = (page.status, page.headers["Location"].partition("?")[0])
                assert closed == (303, "/sign-in"), (method, path)
        script = ask(window, method, path, Sec_Fetch_Dest="empty")
        assert (script.status, script.headers["WWW-Authenticate"]) == (401, "Bearer"), path
        bearer = ask(window, method, path, Authorization="Bearer ost_guessed")
        assert (bearer.status, "invalid_token" in bearer.headers["WWW-Authenticate"]) == (401, True)


def test_no_address_changes_anything_without_the_pages_token(
    window: Window, engine: Engine, addresses: list[tuple[str, str]]
) -> None:
    """Nor with another session's, nor from another site's page, nor where nobody signs in."""
    token, other = sign_in(engine, "administrator"), sign_in(engine, "administrator")
    cookie = {"Cookie": f"osteon_session={token}"}
    right = as_user(token)["X-CSRF-Token"]
    wrong = as_user(other)["X-CSRF-Token"]
    tries: list[tuple[str, dict[str, str]]] = [
        ("", cookie),
        ("", cookie | {"X-CSRF-Token": wrong}),
        (f"csrf_token={wrong}", cookie | FORM),
        ("csrf_token=", cookie | FORM),
        (f"csrf_token={right}", cookie | FORM | {"Sec-Fetch-Site": "cross-site"}),
        ("", cookie | {"X-CSRF-Token": right, "Sec-Fetch-Site": "same-site"}),
        ("", cookie | {"X-CSRF-Token": right, "Origin": "https://elsewhere.example"}),
        ("", cookie | {"X-CSRF-Token": right, "Origin": "null"}),
    ]
    unsafe = [one for one in addresses if one[0] in UNSAFE and one[1] not in OPEN]
    assert len(unsafe) > 6
    for method, path in unsafe:
        for body, headers in tries:
            answer = ask(window, method, path, body, **headers)
            assert answer.status == 403, (method, path, headers)
    with reading(engine) as session:
        assert find_session(session, kept(token), LIMITS) is not None, "nobody was signed out"


def test_a_node_that_asks_nobody_is_closed_to_other_sites(
    new_ledger: Callable[[str], str],
    tmp_path_factory: pytest.TempPathFactory,
    addresses: list[tuple[str, str]],
) -> None:
    plan = plan_for(new_ledger("sqlite"), tmp_path_factory.mktemp("local"))
    with serving(plan) as window:
        page = window.get("/account")
        token = re.findall(r'name="csrf-token" content="([^"]{40,})"', page.text)[0]
        for method, path in [one for one in addresses if one[0] in UNSAFE]:
            foreign = {"X-CSRF-Token": token, "Sec-Fetch-Site": "cross-site"}
            assert ask(window, method, path, **foreign).status == 403
            if path not in OPEN:
                assert ask(window, method, path, **FORM).status == 403
        assert ask(window, "GET", "/worklist", Host="rebound.example").status == 400
        picture = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
        assert ask(window, "GET", "/results.csv", **picture).status == 403
        link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
        assert ask(window, "GET", "/worklist", **link).status == 200
        by_proxy = ask(window, "GET", "/worklist", **{"X-Forwarded-For": "10.0.0.9"})
        assert by_proxy.status == 403 and "set web_login" in by_proxy.text
        own = FORM | {"Sec-Fetch-Site": "same-origin"}
        made = ask(window, "POST", "/users/nobody/active", f"csrf_token={token}&active=no", **own)
        assert made.status == 404  # it was let in; there is no such account


def test_what_the_page_sends_is_taken(window: Window, engine: Engine) -> None:
    token = sign_in(engine, "administrator")
    headers = as_user(token)
    changed = ask(window, "POST", "/account/sessions/end", **headers)
    assert (changed.status, changed.headers["Location"]) == (303, "/account?done=sessions")
    form = f"active=yes&csrf_token={headers['X-CSRF-Token']}"
    cookie = {"Cookie": headers["Cookie"], "Origin": f"http://127.0.0.1:{window.port}"}
    assert ask(window, "POST", "/users/reader/active", form, **cookie, **FORM).status == 303
    long = form + "&padding=" + "x" * 300_000
    assert ask(window, "POST", "/users/reader/active", long, **cookie, **FORM).status == 403


PARTS = '--b\r\nContent-Disposition: form-data; name="active"; filename="f"\r\n\r\nyes\r\n--b--\r\n'


def test_no_form_is_read_at_length_whoever_sends_it(window: Window, engine: Engine) -> None:
    """One with parts would be written to the disk before anybody is asked who may send it."""
    sent = [(FORM["Content-Type"], "active=yes&padding=" + "x" * 300_000)]
    sent += [(kind, PARTS) for kind in ("multipart/form-data; boundary=b", '"multipart/x"; a=b')]
    viewer = as_user(sign_in(engine, "viewer"))
    for headers in (viewer, token_of(engine, "viewer", "results:read", "studies:read")):
        for kind, body in sent:
            named = headers | {"Content-Type": kind}
            answer = ask(window, "POST", "/users/reader/active", body, **named)
            # Who has read it says which role it needs.
            assert (answer.status, "administrator" in answer.text) == (403, False), kind


def test_each_role_is_kept_to_what_it_may(window: Window, engine: Engine) -> None:
    for role, status in ((Role.VIEWER, 403), (Role.READER, 403), (Role.ADMINISTRATOR, 200)):
        headers = as_user(sign_in(engine, role))
        assert ask(window, "GET", "/users", **headers).status == status
        assert ask(window, "GET", "/worklist", **headers).status == 200
    refused = [event for event in audit(engine) if event[1] == "access-refused"]
    told = "GET /users: needs the role administrator"
    assert refused[-2:] == [
        ("viewer", "access-refused", "refused", told),
        ("reader", "access-refused", "refused", told),
    ]


def token_of(engine: Engine, name: str, *scopes: str) -> dict[str, str]:
    token = f"ost_{name}{len(scopes)}"
    with transaction(engine) as session:
        new = NewToken(account_named(session, name).id, "night", scopes, 30)
        add_token(session, new, kept(token))
    return {"Authorization": f"Bearer {token}"}


def test_a_token_opens_no_page(window: Window, engine: Engine) -> None:
    bearer = token_of(engine, "administrator", "results:read", "operations:write")
    assert ask(window, "GET", "/worklist", **bearer).status == 401
    assert ask(window, "POST", "/users", **bearer).status == 401
    assert ask(window, "POST", "/account/tokens", **bearer).status == 401


def test_deliveries_that_a_program_asks_for_are_written_down(
    window: Window, engine: Engine
) -> None:
    bearer = token_of(engine, "viewer", "studies:read", "results:read", "verdicts:write")
    assert ask(window, "GET", "/api/v1/deliveries", **bearer).status == 200
    told = "by token night; deliveries"
    assert audit(engine)[-1] == ("viewer", "results-viewed", "done", told)


def test_a_token_that_is_refused_stands_in_the_log(window: Window) -> None:
    """Who still shows one that was revoked has it from somewhere."""
    with capture_logs() as events:
        ask(window, "GET", "/api/v1/results", Authorization="Bearer ost_guessed")
    told = {"event": "token_refused", "log_level": "warning", "address": "127.0.0.1"}
    assert told in events


def scoped_address(visitor: WritesVerdicts, study_instance_uid: str) -> dict[str, str]:
    return {"name": visitor.name, "token": visitor.token_label}


def test_a_token_opens_what_its_scope_and_its_accounts_role_say(
    window: Window, engine: Engine, tmp_path: Path
) -> None:
    """At an address that programs may use, put into the very application."""
    url = str(engine.url)
    app = create_app(plan_for(url, tmp_path, access=AccessPlan(login=True)))
    app.post("/api/scoped/{study_instance_uid}")(scoped_address)
    tokens = {
        200: token_of(engine, "reader", "results:read", "verdicts:write"),
        403: token_of(engine, "reader", "results:read"),
    }
    above = token_of(engine, "viewer", "verdicts:write")
    signed_in = as_user(sign_in(engine, "reader"))

    async def all_tried() -> None:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            for status, headers in tokens.items():
                answer = await client.post("/api/scoped/1.2.3", headers=headers)
                assert answer.status_code == status
            assert answer.json()["detail"] == "the token has no scope verdicts:write"
            assert (await client.post("/api/scoped/1.2.3", headers=above)).status_code == 403
            by_browser = await client.post("/api/scoped/1.2.3", headers=signed_in)
            assert by_browser.json() == {"name": "reader", "token": ""}
            del signed_in["X-CSRF-Token"]
            assert (await client.post("/api/scoped/1.2.3", headers=signed_in)).status_code == 403

    # A browser that an earlier test has opened runs a loop in this thread.
    with ThreadPoolExecutor(1) as apart:
        apart.submit(anyio.run, all_tried).result()
    with reading(engine) as session:
        told = [event for event in list_events(session) if event.action == "access-refused"][:2]
    address = "by token night; POST /api/scoped/{study_instance_uid}: needs the"
    assert [event.detail for event in told] == [
        f"{address} role reader",
        f"{address} scope verdicts:write",
    ]
    assert {event.study_instance_uid for event in told} == {"1.2.3"}


def test_a_session_ends_when_nobody_is_seen(window: Window, engine: Engine) -> None:
    """What the page asks by itself is no sign of life; a minute's grain is enough."""
    token = sign_in(engine, "reader")
    by_itself = as_user(token) | {"HX-Request": "true", "X-Osteon-Background": "1"}
    age(engine, "user_session", seen_at=10)
    assert ask(window, "GET", "/worklist", **by_itself).status == 200
    assert ask(window, "GET", "/account/session", **by_itself).status == 204
    age(engine, "user_session", seen_at=4.9)
    assert ask(window, "GET", "/worklist", **by_itself).status == 200
    assert ask(window, "GET", "/worklist", **as_user(token)).status == 200  # somebody is here
    age(engine, "user_session", seen_at=14)
    assert ask(window, "GET", "/worklist", **by_itself).status == 200
    age(engine, "user_session", seen_at=1.1)
    ended = ask(window, "GET", "/study/1.2.3", **as_user(token))
    assert (ended.status, ended.headers["Location"]) == (303, "/sign-in?next=/study/1.2.3")
    current = f"http://127.0.0.1:{window.port}/study/1.2.3?search=DOE"
    script = ask(window, "GET", "/worklist", **by_itself, HX_Current_URL=current)
    assert (script.status, script.headers["HX-Redirect"]) == (401, "/sign-in?next=/study/1.2.3")


def test_a_live_stream_keeps_no_session_alive(window: Window, engine: Engine) -> None:
    token = sign_in(engine, "reader")
    age(engine, "user_session", seen_at=10)
    connection = http.client.HTTPConnection("127.0.0.1", window.port, timeout=30)
    connection.request("GET", "/events", headers=as_user(token))
    assert connection.getresponse().status == 200
    connection.close()
    with reading(engine) as session:
        found = find_session(session, kept(token), LIMITS)
    assert found is not None
    assert found.is_seen_long_ago


FOREIGN = [
    "https://elsewhere.example/",
    "//elsewhere.example",
    "/\\elsewhere.example",
    "\\/elsewhere.example",
    "/\t/elsewhere.example",
    "/%0d%0aSet-Cookie:x\r\n",
    "javascript:alert(1)",
    "worklist",
    "/sign-in",
    "/sign-out",
    "/oidc/start",
    "/a" * 300,
    "",
]


@pytest.mark.parametrize("path", FOREIGN)
def test_signing_in_leads_to_no_other_site(path: str) -> None:
    assert safe_next(path) == "/worklist"


def test_an_address_that_is_none_leads_to_the_first_page(window: Window) -> None:
    for path in ("//[", "http://[", "//a\u2100b"):
        assert sign_in_address(path) == "/sign-in"
    assert ask(window, "GET", "//[").status == 303
    script = ask(window, "GET", "/worklist", HX_Request="true", HX_Current_URL="http://[")
    assert (script.status, script.headers["HX-Redirect"]) == (401, "/sign-in")


@pytest.mark.parametrize("path", ["/study/1.2.3", "/operations", "/"])
def test_signing_in_leads_back(path: str) -> None:
    assert safe_next(path) == path
