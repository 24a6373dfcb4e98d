"""What every page keeps to: its weight, a phone's width, its purpose, no patient in a tab."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import Engine

from tests.web.browser import assert_accessible, opened_page
from tests.web.every_page import PAGES, keep_reported_study
from tests.web.window import Window

_MOST_BYTES = 300_000
_SECONDS_TO_INTERACTIVE = 4  # on a machine that runs other tests; benchmarks measure it alone
PHONE, DESK = 390, 1280


@pytest.fixture
def node(ledger: Engine, tmp_path: Path) -> Engine:
    keep_reported_study(ledger, tmp_path)
    return ledger


def test_every_page_keeps_to_its_limits(browser: Browser, window: Window, node: Engine) -> None:
    too_much: list[str] = []
    for path in PAGES:
        with opened_page(browser) as page:
            too_much += _faults(page, f"http://127.0.0.1:{window.port}{path}", path)
    assert not too_much, "\n".join(too_much)


@pytest.mark.parametrize("path", ["/nowhere", "/account"])
def test_everybody_can_read_what_no_room_has(
    page: Page, window: Window, node: Engine, path: str
) -> None:
    page.goto(f"http://127.0.0.1:{window.port}{path}")
    assert_accessible(page)


@pytest.mark.requirement("R-SEND-5")
def test_what_it_is_not_for_stays_on_a_phone_s_screen(
    browser: Browser, window: Window, node: Engine
) -> None:
    with opened_page(browser, width=PHONE, height=700) as page:
        page.goto(f"http://127.0.0.1:{window.port}/model")
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        expect(page.locator(".purpose")).to_be_in_viewport(ratio=1)


def _faults(page: Page, address: str, path: str) -> list[str]:
    weights: list[float] = []
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.on("Network.loadingFinished", lambda one: weights.append(one["encodedDataLength"]))
    page.goto(address)
    expect(page.locator(".purpose")).to_be_in_viewport()
    faults = []
    if sum(weights) > _MOST_BYTES:
        faults.append(f"{path}: {sum(weights) / 1000:.0f} kB")
    interactive = page.evaluate("performance.getEntriesByType('navigation')[0].domInteractive")
    if interactive > _SECONDS_TO_INTERACTIVE * 1000:
        faults.append(f"{path}: interactive after {interactive:.0f} ms")
    if "canary" in (page.title() + page.url).lower():
        faults.append(f"{path}: names the patient in its title or address")
    if page.evaluate("JSON.stringify([localStorage, sessionStorage])").lower().count("canary"):
        faults.append(f"{path}: keeps the patient in the browser")
    for width in (DESK, PHONE):
        page.set_viewport_size({"width": width, "height": 844})
        needed = page.evaluate("document.documentElement.scrollWidth")
        if needed > width:
            faults.append(f"{path}: {needed} px wide at {width}")
    return faults
