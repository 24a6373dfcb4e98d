"""Signing in by OpenID Connect: with a provider of another make, and with one that lies."""

import base64
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import oidc_provider_mock
import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import Engine

from db.accounts import account_named, list_accounts, set_active
from db.session import reading, transaction
from db.states import Role
from tests.web.lying_provider import CLIENT_ID, CLIENT_SECRET, LyingProvider, lying_provider
from tests.web.signing import audit, login_window, session_cookie
from tests.web.window import Answer, Window
from web.access.attempts import MOST_FAILURES
from web.access.provider import Provider, ProviderUnavailable
from web.plan import OidcPlan

pytestmark = pytest.mark.requirement("R-DOOR-4")


def oidc_plan(issuer: str, **changes: Any) -> OidcPlan:
    known = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    roles = {
        "administrators": frozenset({"it"}),
        "readers": frozenset({"radiologists"}),
        "viewers": frozenset({"nurses", "everybody"}),
    }
    return OidcPlan(issuer=issuer, **(known | roles | changes))


@pytest.fixture(scope="module")
def liar() -> Iterator[LyingProvider]:
    with lying_provider() as provider:
        yield provider


@pytest.fixture
def served(
    liar: LyingProvider, new_ledger: Callable[[str], str], tmp_path: Path
) -> Iterator[tuple[Window, Engine]]:
    liar.userinfo, liar.configuration = {}, {}
    with login_window(new_ledger("sqlite"), tmp_path, oidc=oidc_plan(liar.issuer)) as opened:
        yield opened


def begin(window: Window, liar: LyingProvider, path: str = "/oidc/start") -> tuple[str, str, str]:
    """The browser's cookie, the state, and the challenge; the provider gets the nonce."""
    started = window.get(path)
    assert started.status == 303, started.text
    asked = {name: one for name, [one] in parse_qs(_query(started)).items()}
    liar.nonce = asked["nonce"]
    assert asked["code_challenge_method"] == "S256"
    cookie = started.headers["Set-Cookie"]
    assert {"HttpOnly", "Path=/oidc", "SameSite=lax"} <= set(cookie.split("; "))
    return cookie.partition(";")[0], asked["state"], asked["code_challenge"]


def _query(started: Answer) -> str:
    return urlsplit(started.headers["Location"]).query


def come_back(window: Window, cookie: str, **answered: str) -> Answer:
    return window.get(f"/oidc/callback?{urlencode(answered)}", Cookie=cookie)


def sign_in(window: Window, liar: LyingProvider) -> Answer:
    cookie, state, _ = begin(window, liar)
    return come_back(window, cookie, state=state, code="c0de")


def is_signed_in(answer: Answer) -> bool:
    return any(
        value.startswith("osteon_session=") for value in answer.headers.get_all("Set-Cookie", [])
    )


def test_a_good_token_makes_an_account_and_later_follows_the_provider(
    served: tuple[Window, Engine], liar: LyingProvider
) -> None:
    window, engine = served
    liar.id_token = liar.signed
    cookie, state, challenge = begin(window, liar, "/oidc/start?next=/study/1.2.3")
    answer = come_back(window, cookie, state=state, code="c0de", iss=liar.issuer)
    assert (answer.status, is_signed_in(answer)) == (200, True)
    assert '<meta http-equiv="refresh" content="0; url=/study/1.2.3">' in answer.text
    [redeemed], [basic] = liar.redeemed[-1:], liar.authorizations[-1:]
    verifier = redeemed["code_verifier"][0]
    digest = base64.urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    assert (redeemed["code"], challenge) == (["c0de"], digest)
    assert basic == "Basic " + base64.b64encode(b"osteon:a%20secret%3A%20of%20100%20%25").decode()
    with reading(engine) as session:
        anna = account_named(session, "anna")
    assert (anna.role, anna.full_name) == (Role.READER, "Anna Ärztin")
    assert anna.oidc_subject == f"{liar.issuer} 4711"
    liar.id_token = lambda: liar.signed(groups="it", preferred_username="renamed")
    assert is_signed_in(sign_in(window, liar))
    with reading(engine) as session:
        assert account_named(session, "anna").role is Role.ADMINISTRATOR
        assert len(list_accounts(session)) == 4
    assert audit(engine)[-1] == ("anna", "sign-in", "done", "by the provider")


def test_a_token_that_is_not_good_lets_nobody_in(
    served: tuple[Window, Engine], liar: LyingProvider
) -> None:
    window, engine = served
    now = int(time.time())
    lies: list[Callable[[], str]] = [
        liar.signed_by_another,
        liar.signed_by_what_is_public,
        liar.unsigned,
        lambda: liar.signed(exp=now - 120),
        lambda: liar.signed(exp=None),
        lambda: liar.signed(iat=now + 3600),
        lambda: liar.signed(nbf=now + 3600),
        lambda: liar.signed(iss="https://elsewhere.example"),
        lambda: liar.signed(aud="another-client"),
        lambda: liar.signed(aud=[CLIENT_ID, "another-client"]),
        lambda: liar.signed(azp="another-client"),
        lambda: liar.signed(nonce="of another sign-in"),
        lambda: liar.signed(nonce=None),
        lambda: liar.signed(sub=None),
        lambda: liar.signed()[:-4] + "AAAA",
        lambda: "no token",
        lambda: liar.signed(groups=["strangers"]),
        lambda: liar.signed(groups=None),
    ]
    for number, lie in enumerate(lies):
        liar.id_token = lie
        answer = sign_in(window, liar)
        assert (answer.status, is_signed_in(answer)) == (403, False), number
    with reading(engine) as session:
        assert len(list_accounts(session)) == 3
    told = [event for event in audit(engine) if event[1] == "sign-in"]
    assert {event[:3] for event in told} == {("unknown", "sign-in", "refused")}
    assert told[-1][3] == "by the provider: no group of theirs has a role here"
    liar.id_token = liar.signed
    assert is_signed_in(sign_in(window, liar)), "the others were refused for what they were"


def test_an_answer_to_another_sign_in_is_refused(
    served: tuple[Window, Engine], liar: LyingProvider
) -> None:
    window, _ = served
    liar.id_token = liar.signed
    _, other_state, _ = begin(window, liar)
    mine, my_state, _ = begin(window, liar)  # the last: the ID token bears this one's nonce
    body, _, seal = mine.partition(".")
    wrong = [
        (mine, {"state": other_state, "code": "c0de"}),
        (mine, {"code": "c0de"}),
        ("", {"state": my_state, "code": "c0de"}),
        (f"{body}x.{seal}", {"state": my_state, "code": "c0de"}),
        (mine, {"state": my_state, "error": "access_denied"}),
        (mine, {"state": my_state, "code": "c0de", "iss": "https://elsewhere.example"}),
    ]
    for cookie, answered in wrong:
        answer = come_back(window, cookie, **answered)
        assert (answer.status, is_signed_in(answer)) == (403, False), answered


def test_another_sites_page_blocks_nobody_by_answers_to_nothing(
    served: tuple[Window, Engine], liar: LyingProvider
) -> None:
    """An image whose address is the callback's is asked for by whoever looks at it."""
    window, engine = served
    liar.id_token = liar.signed
    for _ in range(MOST_FAILURES + 1):
        assert window.get("/oidc/callback").status == 403
    assert audit(engine) == []
    assert is_signed_in(sign_in(window, liar))


def test_groups_are_found_in_userinfo_of_the_same_person_alone(
    served: tuple[Window, Engine], liar: LyingProvider
) -> None:
    window, _ = served
    liar.id_token = lambda: liar.signed(groups=None)
    liar.userinfo = {"sub": "another", "groups": ["it"]}
    assert not is_signed_in(sign_in(window, liar))
    liar.userinfo = {"sub": "4711", "groups": ["it"]}
    assert is_signed_in(sign_in(window, liar))


def test_an_account_of_this_node_is_not_taken_over_nor_a_disabled_one_opened(
    served: tuple[Window, Engine], liar: LyingProvider
) -> None:
    window, engine = served
    liar.id_token = lambda: liar.signed(preferred_username="administrator", groups=["it"])
    assert not is_signed_in(sign_in(window, liar))
    assert audit(engine)[-1][3] == "by the provider: there is another account administrator"
    liar.id_token = liar.signed
    assert is_signed_in(sign_in(window, liar))
    with transaction(engine) as session:
        set_active(session, account_named(session, "anna"), False)
    assert not is_signed_in(sign_in(window, liar))


def test_a_provider_that_is_not_what_it_should_be_is_told(
    served: tuple[Window, Engine], liar: LyingProvider
) -> None:
    window, _ = served
    for wrong in ({"issuer": "https://elsewhere.example"}, {"authorization_endpoint": "http://x/"}):
        liar.configuration = wrong
        answer = window.get("/oidc/start")
        assert answer.status == 503
        assert "does not answer" in answer.text


def test_a_provider_of_another_make(
    page: Page, new_ledger: Callable[[str], str], tmp_path: Path
) -> None:
    """Its whole way in a browser, and nobody in without a role."""
    people = [
        oidc_provider_mock.User(
            sub="rita", claims={"groups": ["radiologists"], "email": "r@x.org"}
        ),
        oidc_provider_mock.User(sub="gast", claims={"groups": ["visitors"]}),
    ]
    with oidc_provider_mock.run_server_in_thread(user_claims=people, require_nonce=True) as server:
        plan = oidc_plan(f"http://localhost:{server.server_port}")
        with login_window(new_ledger("sqlite"), tmp_path, oidc=plan) as (window, engine):
            page.goto(f"http://127.0.0.1:{window.port}/account")
            page.get_by_role("link", name="Sign in with the hospital's account").click()
            page.get_by_role("button", name="gast").click()
            expect(page.locator("main")).to_contain_text("not let in by the hospital's sign-in")
            page.goto(f"http://127.0.0.1:{window.port}/account")
            page.get_by_role("link", name="Sign in with the hospital's account").click()
            page.get_by_role("button", name="rita").click()
            page.wait_for_url("**/account")
            expect(page.get_by_role("heading", level=1)).to_contain_text("r@x.org · reader")
            expect(page.locator("main")).to_contain_text("its password is changed there")
            [cookie] = page.context.cookies()
            assert (cookie["name"], cookie["sameSite"]) == ("osteon_session", "Strict")
            assert [event[0] for event in audit(engine) if event[1] == "sign-in"] == [
                "unknown",
                "r@x.org",
            ]


def test_who_only_begins_to_sign_in_does_not_ask_the_provider_each_time(
    served: tuple[Window, Engine], liar: LyingProvider
) -> None:
    window, _ = served
    begin(window, liar)
    before = len(liar.asked)
    for _ in range(20):
        begin(window, liar)
    assert len(liar.asked) == before


def test_a_provider_that_is_slow_holds_up_four_and_not_every_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("web.access.provider._ANSWER_SECONDS", 3.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        asked = Provider(oidc_plan(f"http://127.0.0.1:{silent.getsockname()[1]}"))
        together = threading.Barrier(12)

        def begin_at_once(_: int) -> str:
            together.wait(20)
            with pytest.raises(ProviderUnavailable) as refused:
                asked.begin("http://127.0.0.1/oidc/callback", "/")
            return str(refused.value)

        with ThreadPoolExecutor(12) as visitors:
            troubles = Counter(visitors.map(begin_at_once, range(12)))
    assert troubles == {"too many sign in at once": 8, "ReadTimeout": 4}


def test_the_session_before_ends_with_the_new_one(
    served: tuple[Window, Engine], liar: LyingProvider
) -> None:
    """The provider's answer brings no cookie of it along: it is remembered as one sets out."""
    window, _ = served
    liar.id_token = liar.signed
    old = {"Cookie": f"osteon_session={session_cookie(sign_in(window, liar))}"}
    assert window.get("/account/session", **old).status == 204
    started = window.get("/oidc/start", **old)
    asked = {name: one for name, [one] in parse_qs(_query(started)).items()}
    liar.nonce = asked["nonce"]
    cookie = started.headers["Set-Cookie"].partition(";")[0]
    assert is_signed_in(come_back(window, cookie, state=asked["state"], code="c0de"))
    assert window.get("/account/session", **old).status == 303
