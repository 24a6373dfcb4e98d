"""The query in a browser: narrowed, paged and taken away by keys alone; wrong, and hardened."""

import csv
import io
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import Engine

from benchmarks.ledger_of_many import fill_ledger
from db.analyses import AnalysisRecord
from db.intake import record_instance
from db.session import transaction
from db.states import AnalysisState
from tests.db.ledger import analyse, associate, received
from tests.web.browser import assert_accessible, opened_page
from tests.web.payloads import PAYLOADS
from tests.web.signing import audit
from tests.web.window import Window


@pytest.fixture
def story(ledger: Engine) -> Engine:
    """A hundred and twenty images of sixty studies."""
    fill_ledger(ledger, 60)
    return ledger


def go(page: Page, window: Window, path: str = "/results") -> None:
    page.goto(f"http://127.0.0.1:{window.port}{path}")


def rows(page: Page) -> list[str]:
    return [row.get_attribute("data-row") or "" for row in page.locator("tr[data-row]").all()]


def test_results_are_found_and_paged_by_keys_alone(
    window: Window, page: Page, story: Engine
) -> None:
    go(page, window)
    first = rows(page)
    assert len(first) == 100
    assert first[0] == "1.2.826.0.1.3680043.8.498.1.1.2"
    expect(page.locator("tr[data-row]").first).to_contain_text("None found")
    page.keyboard.press("n")
    expect(page.locator("tr[data-row]")).to_have_count(20)
    assert not {*first} & {*rows(page)}
    page.keyboard.press("p")
    expect(page.locator("tr[data-row]")).to_have_count(100)
    assert rows(page) == first
    page.keyboard.press("/")
    expect(page.get_by_label("Received from")).to_be_focused()
    page.get_by_label("State").focus()
    page.keyboard.type("Fracture")
    page.get_by_role("button", name="Show").focus()
    page.keyboard.press("Enter")
    expect(page.locator("tr[data-row]")).to_have_count(6)
    assert page.url.endswith("/results?state=fracture")
    assert_accessible(page)
    page.locator("tr[data-row] a").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/study/1.2.826.0.1.3680043.8.498.10")
    page.go_back()
    expect(page.get_by_label("State")).to_have_value("fracture")
    viewed = [detail for _, action, _, detail in audit(story) if action == "results-viewed"]
    assert viewed[:4] == [None, None, None, "state"]


def test_all_rows_are_taken_as_a_file(
    window: Window, page: Page, story: Engine, tmp_path: Path
) -> None:
    go(page, window, "/results?region=wrist")
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").press("Enter")
    download.value.save_as(tmp_path / "results.csv")
    table = list(csv.DictReader((tmp_path / "results.csv").open(encoding="utf-8", newline="")))
    assert len(table) == 12
    assert {row["region"] for row in table} == {"wrist"}
    assert download.value.suggested_filename.endswith(".csv")
    taken = [row for row in audit(story) if row[1] == "results-exported"]
    assert [row[3] for row in taken] == ["csv; by region"]


def test_a_uid_is_copied_whole(window: Window, page: Page, story: Engine) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    go(page, window, "/results?state=fracture")
    page.get_by_role("button", name="Copy the image's UID").first.press("Enter")
    expect(page.locator("[data-said]")).to_have_text("copied")
    assert page.evaluate("navigator.clipboard.readText()") == "1.2.826.0.1.3680043.8.498.10.1.19"


def test_nothing_yet_nothing_found_and_nothing_understood(window: Window, page: Page) -> None:
    go(page, window)
    expect(page.get_by_text("No image has been received yet.")).to_be_visible()
    go(page, window, "/results?region=wrist")
    expect(page.get_by_text("No result matches.")).to_be_visible()
    assert_accessible(page)
    go(page, window, "/results?from=yesterday&to=2026-07-01")
    field = page.get_by_label("Received from")
    expect(field).to_have_value("yesterday")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#wrong-from")).to_have_text("Write a day as 2026-07-01.")
    assert_accessible(page)
    assert window.get("/results.csv?from=yesterday").status == 422
    assert window.get("/results.xlsx").status == 404
    go(page, window, "/results?after=nowhere")
    expect(page.get_by_role("alert")).to_contain_text("cut short or changed")


def test_no_text_is_taken_for_a_page_or_a_formula(
    window: Window, page: Page, ledger: Engine
) -> None:
    formulas = [one for one in PAYLOADS if one.startswith(("=", "+", "@"))]
    payloads = [*PAYLOADS[: 4 * (20 - len(formulas)) : 4], *formulas]
    assert len(payloads) == 20
    for number, text in enumerate(payloads):
        header = dict.fromkeys(("patient_id", "accession_number", "study_date", "modality"), text)
        header |= dict.fromkeys(("body_part", "laterality", "view_position"), text)
        associate(ledger, f"association-{number}", caller=text)
        taken = received(1, study=f"1.2.{number}", association_id=f"association-{number}", **header)
        with transaction(ledger) as session:
            record_instance(session, taken)
        said = AnalysisRecord(
            state=AnalysisState.FRACTURE,
            model_name=text,
            model_version=str(number),
            reason=text,
            region=text,
            fracture_type=text,
            severity=text,
            notes=[text],
        )
        analyse(ledger, said)
    go(page, window)
    expect(page.locator("tr[data-row]")).to_have_count(20)
    assert page.evaluate("window.pwned") is None
    assert page.locator("main img, main iframe, main script, main svg, main object").count() == 0
    sheet = window.get("/results.csv").text
    cells = [cell for row in csv.reader(io.StringIO(sheet)) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))]
    assert any(cell.startswith("'=") for cell in cells)


def test_the_pages_fit_a_phone(window: Window, browser: Browser, story: Engine) -> None:
    with opened_page(browser, width=390, height=800) as page:
        for path in ("/results?state=fracture", "/api/v1/docs"):
            go(page, window, path)
            assert page.evaluate("document.documentElement.scrollWidth") <= 390, path


@pytest.mark.soak
def test_long_pages_are_accessible_too(window: Window, page: Page, story: Engine) -> None:
    for path in ("/results", "/api/v1/docs"):
        go(page, window, path)
        assert_accessible(page)
