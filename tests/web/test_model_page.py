"""The model page: its card and curves, operating points to explore, and plain words on drift."""

import random
import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import Engine

from db.drift import Mix
from db.intake import record_instance
from db.session import transaction
from db.shadow import ShadowRecord, save_shadow_analysis
from db.states import AnalysisState
from db.tables import Analysis
from db.worklist_refresh import refresh_worklist
from model.artefact import bundled_artefact, load_artefact
from model.measured_curves import read_measured_curves
from tests.db.ledger import FRACTURE, NO_FRACTURE, analyse, associate, received
from tests.web.browser import assert_accessible
from tests.web.payloads import PAYLOADS
from tests.web.window import Window
from web.classifier.drift import (
    NOT_ANALYSED,
    POSITIVE,
    PROBABILITIES,
    VIEWS,
    alarms,
    stability_index,
)

CARD = load_artefact(bundled_artefact()).card


def week(images: int, positive: int, *, not_analysed: int = 0, view: str = "AP") -> Mix:
    """Whose probabilities go with what was called."""
    mix = Mix(images, positive, not_analysed)
    mix.bins[18], mix.bins[1] = positive, images - not_analysed - positive
    mix.views[view] = images
    mix.regions["hand"] = images - not_analysed
    return mix


USUAL = [week(50, 10) for _ in range(8)]


@pytest.mark.parametrize(
    ("now", "told"),
    [
        (week(50, 12), []),
        (week(50, 40), [POSITIVE, PROBABILITIES]),
        (week(50, 0), [POSITIVE, PROBABILITIES]),
        (week(29, 29), []),
        (week(50, 8, not_analysed=20), [NOT_ANALYSED]),
        (week(50, 10, view="LL"), [VIEWS]),
    ],
)
def test_what_has_changed_by_much_is_told_and_nothing_else(now: Mix, told: list[str]) -> None:
    found = alarms({"ROOM": [*USUAL, now]})
    assert [alarm.what for alarm in found] == told


def test_too_few_weeks_before_say_nothing() -> None:
    assert alarms({"ROOM": [week(90, 9), week(50, 40)]}) == []


def test_chance_alone_hardly_ever_alarms() -> None:
    """A thousand weeks like those before."""
    chance = random.Random(1)
    false = 0
    for _ in range(1000):
        weeks = [week(50, sum(chance.random() < 0.2 for _ in range(50))) for _ in range(9)]
        false += bool(alarms({"ROOM": weeks}))
    assert false <= 10


def test_the_stability_index_is_none_for_alike_and_grows() -> None:
    assert stability_index({"a": 10, "b": 10}, {"a": 5, "b": 5}) == pytest.approx(0)
    some = stability_index({"a": 10, "b": 10}, {"a": 14, "b": 6})
    assert 0 < some < stability_index({"a": 10, "b": 10}, {"a": 19, "b": 1})
    assert stability_index({}, {"a": 1}) == 0


@pytest.fixture
def changed(ledger: Engine) -> Engine:
    """A hundred and sixty images: never a fracture before, always one in the last week."""
    associate(ledger)
    before = datetime.now(UTC) - timedelta(days=20)
    with transaction(ledger) as session:
        for number in range(160):
            record_instance(session, received(number, study=f"1.2.{number}"))
        for number in range(160):
            said = NO_FRACTURE if number < 120 else FRACTURE
            analysis = Analysis(
                instance_id=number + 1,
                model_name="osteon",
                model_version="1.0",
                evidence_version=1,
                state=said.state,
                probability=said.probability,
                region="hand",
            )
            if number < 120:
                analysis.analysed_at = before
            session.add(analysis)
        session.flush()
        for number in range(30):
            record = ShadowRecord("osteon", "9.9", AnalysisState.POSSIBLE, probability=0.5)
            save_shadow_analysis(session, number + 1, record)
    while refresh_worklist(ledger):
        pass
    return ledger


def test_the_page_tells_what_is_weak_what_changed_and_what_is_on_trial(
    window: Window, page: Page, changed: Engine
) -> None:
    page.goto(f"http://127.0.0.1:{window.port}/model")
    expect(page.get_by_role("heading", level=1)).to_contain_text(f"osteon {CARD.version}")
    expect(page.locator(".limits li")).to_have_count(len(CARD.limits))
    alarm = page.locator(".alarm")
    expect(alarm).to_contain_text("PACS: fractures and possibles")
    expect(alarm).to_contain_text("100 % of the last week's, 0 % of those before")
    crossed = page.locator(".crossed tbody tr").nth(2)
    expect(crossed.locator("td").nth(1)).to_have_text("30")
    for name in (
        "ROC",
        "Precision and recall",
        "Calibration",
        "Not analysed",
        "Probabilities PACS",
    ):
        expect(page.get_by_role("img", name=name, exact=True)).to_be_visible()
    page.get_by_text("Week by week", exact=True).click()
    weeks = page.locator("#weeks tbody tr")
    told = [re.compile(rf"PACS\s*{week}") for week in (r"0\s*40\s*100 %", r"2\s*120\s*0 %")]
    expect(weeks).to_have_text(told)
    page.get_by_text("Where they differ most").click()
    expect(page.locator("details[open] a[href^='/study/']")).to_have_count(20)
    assert_accessible(page)


def test_another_operating_point_is_explored_by_keys(
    window: Window, page: Page, changed: Engine
) -> None:
    curves = read_measured_curves(bundled_artefact())
    assert curves is not None
    page.goto(f"http://127.0.0.1:{window.port}/model")
    slider = page.get_by_label("Call from probability")
    slider.focus()
    page.keyboard.press("Home")
    shown = {
        name: page.locator(f"[data-shows={name}]")
        for name in ("sensitivity", "specificity", "alarms", "own", "probability")
    }
    expect(shown["sensitivity"]).to_have_text("100.0 %")
    expect(shown["alarms"]).to_have_text("100.0")
    expect(shown["own"]).to_have_text("100.0")
    for _ in range(40):
        page.keyboard.press("ArrowRight")
    at = curves.thresholds[40]
    expect(shown["probability"]).to_have_text("0.200")
    expect(shown["sensitivity"]).to_have_text(f"{100 * at.sensitivity:.1f} %")
    expect(shown["specificity"]).to_have_text(f"{100 * at.specificity:.1f} %")
    expect(shown["own"]).to_have_text("25.0")


def test_a_sender_s_title_and_a_view_are_text(window: Window, page: Page, ledger: Engine) -> None:
    for number, payload in enumerate(PAYLOADS[::3]):
        associate(ledger, f"association-{number}", caller=payload)
        with transaction(ledger) as session:
            taken = received(
                1,
                study=f"1.2.{number}",
                association_id=f"association-{number}",
                view_position=payload,
            )
            record_instance(session, taken)
        analyse(ledger, NO_FRACTURE)
    page.goto(f"http://127.0.0.1:{window.port}/model")
    expect(page.locator("#weeks tbody tr")).to_have_count(len(PAYLOADS[::3]))
    assert page.evaluate("window.pwned") is None
    assert page.locator("main :is(script:not([type]), img, iframe, style, object)").count() == 0


def test_a_new_node_says_that_nothing_was_analysed_and_nothing_is_on_trial(
    window: Window, page: Page, ledger: Engine
) -> None:
    page.goto(f"http://127.0.0.1:{window.port}/model")
    expect(page.get_by_text("No image has been analysed yet.")).to_be_visible()
    expect(page.get_by_text("No network is on trial.")).to_be_visible()
