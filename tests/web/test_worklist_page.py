"""The worklist in a browser: filtered, sorted, paged and opened by keys; live; and hardened."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import Engine

from db.audit import NODE, PEER, list_events
from db.intake import record_instance
from db.session import reading, transaction
from tests.db.ledger import FRACTURE, NO_FRACTURE, analyse, associate, receive, received, report
from tests.web.browser import assert_accessible
from tests.web.payloads import PAYLOADS
from tests.web.window import Window
from tests.web.worklist_entries import make_entries

PURPOSE = "Research use – not for clinical diagnosis"


@pytest.fixture
def ward(ledger: Engine) -> Engine:
    """Sixty studies: one with a fracture, one whole, the rest waiting; the newest is number 59."""
    associate(ledger)
    for number in range(60):
        with transaction(ledger) as session:
            instance = received(
                1,
                study=f"1.2.{number:03}",
                patient_name=f"Adler^Ina{number}",
                patient_id=f"P{number}",
                accession_number=f"ACC{number}",
            )
            record_instance(session, instance)
    analyse(ledger, FRACTURE, NO_FRACTURE)
    make_entries(ledger)
    return ledger


def go(page: Page, window: Window, path: str = "/worklist") -> None:
    page.goto(f"http://127.0.0.1:{window.port}{path}")


def names(page: Page) -> list[str]:
    return page.locator("a[data-study]").all_inner_texts()


def test_an_empty_node_says_where_to_send(window: Window, page: Page) -> None:
    go(page, window)
    expect(page.get_by_role("heading", name="No study yet")).to_be_visible()
    for told in ("OSTEON", "xray-7", "11112", "osteon send OSTEON@xray-7:11112"):
        expect(page.locator("main")).to_contain_text(told)
    expect(page.get_by_text(PURPOSE)).to_be_visible()
    assert_accessible(page)


def test_a_reader_finds_and_opens_a_study_by_keys_alone(
    window: Window, page: Page, ward: Engine
) -> None:
    go(page, window)
    expect(page.locator("a[data-study]")).to_have_count(50)
    assert names(page)[0] == "Adler, Ina59"
    page.keyboard.press("n")
    expect(page.locator("a[data-study]")).to_have_count(10)
    page.keyboard.press("p")
    expect(page.locator("a[data-study]").first).to_have_text("Adler, Ina59")
    page.keyboard.press("s")
    expect(page.locator("a[data-study]").first).to_have_text("Adler, Ina0")
    assert "order=urgent" in page.url
    page.keyboard.press("/")
    page.keyboard.type("acc4")
    expect(page.locator("a[data-study]")).to_have_count(11)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**/study/1.2.*")
    page.go_back()
    expect(page.locator("a[data-study]")).to_have_count(11)
    assert page.locator("#search").input_value() == "acc4"


def test_what_was_asked_stays_in_the_address(window: Window, page: Page, ward: Engine) -> None:
    go(page, window)
    page.get_by_label("Finding").select_option("fracture")
    expect(page.locator("a[data-study]")).to_have_count(1)
    assert page.url.endswith("/worklist?finding=fracture")
    page.reload()
    expect(page.locator("a[data-study]")).to_have_count(1)
    expect(page.get_by_label("Finding")).to_have_value("fracture")
    page.get_by_label("Region").select_option("hand")
    expect(page.get_by_text("No study matches.")).to_be_visible()
    assert "finding=fracture" in page.url
    assert "region=hand" in page.url
    page.get_by_label("Region").select_option("")
    page.get_by_label("State").select_option("committed")
    expect(page.get_by_text("No study matches.")).to_be_visible()
    page.get_by_role("link", name="Show all studies").click()
    expect(page.locator("a[data-study]")).to_have_count(50)


def test_a_new_study_appears_by_itself_and_focus_stays(
    window: Window, page: Page, ward: Engine
) -> None:
    go(page, window)
    expect(page.locator("[data-live]")).to_have_text("live")
    page.keyboard.press("j")
    page.keyboard.press("j")
    focused = "document.activeElement.textContent.trim()"
    assert page.evaluate(focused) == "Adler, Ina58"
    with transaction(ward) as session:
        record_instance(session, received(1, study="1.2.999", patient_name="New^Comer"))
    expect(page.locator("a[data-study]").first).to_have_text("New, Comer")
    assert page.evaluate(focused) == "Adler, Ina58"
    analyse(ward, NO_FRACTURE)
    expect(page.locator("tr", has_text="Adler, Ina2").first).to_be_attached()


def test_the_clock_and_states_of_a_study_are_told(
    window: Window, page: Page, ledger: Engine
) -> None:
    receive(ledger, received(1), received(2, not_analysed_reason="no pixels"))
    analyse(ledger, FRACTURE)
    report(ledger, "PACS")
    go(page, window)
    row = page.locator("tbody tr")
    for told in ("Fracture", "0.90", "wrist", "1 not analysed", "reported", "PACS"):
        expect(row).to_contain_text(told)
    reached = row.locator(".clock li.reached")
    expect(reached).to_have_count(2)
    time = row.locator("time")
    expect(time).to_have_attribute("title", re.compile(r"^\S+:\d\d Asia/Kolkata$"))
    moment = datetime.fromisoformat(time.get_attribute("datetime") or "")
    assert time.inner_text() == moment.astimezone(ZoneInfo("Europe/Berlin")).strftime("%H:%M:%S")
    assert_accessible(page)


def test_a_tab_that_nobody_looks_at_holds_no_connection(
    window: Window, page: Page, ward: Engine
) -> None:
    """A browser has six to a host, and a seventh tab would wait for ever."""
    turn = """hidden => {
        Object.defineProperty(document, "hidden", {value: hidden, configurable: true});
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    go(page, window)
    expect(page.locator("[data-live]")).to_have_text("live")
    with page.expect_event("requestfailed", lambda asked: asked.url.endswith("/events")):
        page.evaluate(turn, True)
    receive(ward, received(1, study="1.2.999", patient_name="New^Comer"))
    page.evaluate(turn, False)
    expect(page.locator("a[data-study]").first).to_have_text("New, Comer")


def test_views_are_written_down_and_live_updates_are_not(
    window: Window, page: Page, ward: Engine
) -> None:
    go(page, window)
    expect(page.locator("[data-live]")).to_have_text("live")
    with transaction(ward) as session:
        record_instance(session, received(1, study="1.2.999", patient_name="New^Comer"))
    expect(page.locator("a[data-study]").first).to_have_text("New, Comer")
    with reading(ward) as session:
        people = [one.action for one in list_events(session) if one.role not in (NODE, PEER)]
    assert people == ["worklist-viewed"]


def test_who_says_that_a_page_asks_by_itself_is_written_down_too(
    window: Window, ward: Engine
) -> None:
    for _ in range(2):
        window.get("/worklist", **{"X-Osteon-Background": "1"})
    with reading(ward) as session:
        people = [one.action for one in list_events(session) if one.role not in (NODE, PEER)]
    assert people == ["worklist-viewed"]


def test_what_others_wrote_is_shown_as_text(window: Window, page: Page, ledger: Engine) -> None:
    """A hundred payloads in every text; the page's fixture hears what a script has to say."""
    for number, payload in enumerate(PAYLOADS):
        associate(ledger, f"association-{number}", caller=payload)
        hostile = received(
            1,
            association_id=f"association-{number}",
            study=f"1.2.{number}",
            patient_name=payload,
            patient_id=payload,
            accession_number=payload,
            study_description=payload,
            patient_birth_date=payload,
            patient_sex=payload,
            not_analysed_reason=payload,
        )
        with transaction(ledger) as session:
            record_instance(session, hostile)
    make_entries(ledger)
    go(page, window)
    shown = 0
    while True:
        shown += len(names(page))
        assert page.evaluate("window.pwned") is None
        assert page.locator("main script, main img, main iframe, main svg, main style").count() == 0
        if page.locator("a[rel=next]").count() == 0:
            break
        page.locator("a[rel=next]").click()
        page.wait_for_load_state()
    assert shown == len(PAYLOADS) >= 100


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_cut_off(width: int, window: Window, page: Page, ward: Engine) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    go(page, window)
    expect(page.locator("a[data-study]")).to_have_count(50)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    expect(page.get_by_text(PURPOSE)).to_be_in_viewport()


def test_a_cut_address_is_said(window: Window) -> None:
    answer = window.get("/worklist?after=1")
    assert answer.status == 400
    assert "address was cut short or changed" in answer.text


def test_every_answer_forbids_scripts_frames_and_keeping(window: Window) -> None:
    for path in ("/worklist", "/healthz", "/nowhere"):
        headers = window.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"
