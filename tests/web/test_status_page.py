"""The page tells what the ledger knows, names no patient, and cannot be made to do more."""

from collections.abc import Callable
from html import escape

import pytest
from sqlalchemy import Engine

from db.destinations import note_failure
from db.intake import record_instance
from db.jobs import JobKind, bury_job
from db.session import transaction
from tests.db.ledger import (
    FRACTURE,
    NO_FRACTURE,
    analyse,
    associate,
    claim,
    deliver,
    receive,
    received,
    report,
)
from tests.web.window import Window, plan_for
from web.app import WebPlan

PURPOSE = "Research use – not for clinical diagnosis"
PAYLOADS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'-alert(1)-'",
    "{{ 7 * 191 }}{% raw %}",
    "</p></td></table><h1>well</h1>",
]


def test_an_empty_node_says_where_to_send(window: Window) -> None:
    page = window.get()
    assert page.status == 200
    assert "No study yet" in page.text
    for told in (">OSTEON<", ">xray-7<", ">11112<", "osteon send OSTEON@xray-7:11112", PURPOSE):
        assert told in page.text
    assert '<meta http-equiv="refresh" content="5">' in page.text


def test_a_study_is_shown_with_what_was_found_and_sent(ledger: Engine, window: Window) -> None:
    receive(ledger, received(1), received(2), received(3, not_analysed_reason="no pixels"))
    analyse(ledger, FRACTURE, NO_FRACTURE)
    report(ledger, "PACS@10.0.0.5:104", "ARCHIVE@10.0.0.7:104")
    deliver(ledger)
    page = window.get().text
    for told in ("Fracture", "0.90", "2 analysed", "1 not analysed", "reported", "2 of 4 sent"):
        assert f">{told}<" in page or f" {told}\n" in page, told
    assert "<p>no pixels</p>" in page
    assert "Needs a person" not in page


def test_dead_jobs_are_counted_by_reason(ledger: Engine, window: Window) -> None:
    receive(ledger, *(received(number) for number in range(1, 4)))
    for _ in range(3):
        given_up = claim(ledger, JobKind.ANALYSE)
        with transaction(ledger) as session:
            bury_job(session, given_up, error="the decoder died")
    page = window.get().text
    assert "<title>3 dead" in page
    assert "<b>3 × analyse</b> the decoder died" in page


def test_of_many_studies_the_newest_are_shown(ledger: Engine, window: Window) -> None:
    associate(ledger)
    for number in range(200):
        with transaction(ledger) as session:
            record_instance(session, received(1, study=f"1.2.{number:03}"))
    page = window.get().text
    shown = [part.split("<")[0] for part in page.split('class="uid">')[1:]]
    assert shown == [f"1.2.{number:03}" for number in range(199, 149, -1)]
    assert "the newest 50 of 200" in page


def test_a_uid_is_shortened_to_its_end(ledger: Engine, window: Window) -> None:
    receive(ledger, received(1, study="1.2.826.0.1.3680043.8.498.12345678901234"))
    assert ">…345678901234<" in window.get().text


def test_no_patient_is_on_the_page(ledger: Engine, window: Window) -> None:
    canaries = {
        name: f"Canary-{name}"
        for name in (
            "patient_id",
            "patient_name",
            "patient_birth_date",
            "issuer_of_patient_id",
            "accession_number",
            "study_description",
            "series_description",
        )
    }
    receive(ledger, received(1, **canaries), received(2, patient_id="Canary-other"))
    page = window.get().text
    assert "two patients in one study" in page
    assert "Canary" not in page


@pytest.mark.parametrize("payload", PAYLOADS)
def test_what_others_wrote_is_shown_as_text(
    payload: str,
    sqlite_ledger_url: str,
    ledger: Engine,
    open_window: Callable[[WebPlan], Window],
) -> None:
    receive(ledger, received(1, not_analysed_reason=f"modality {payload}"), received(2))
    given_up = claim(ledger, JobKind.ANALYSE)
    with transaction(ledger) as session:
        bury_job(session, given_up, error=f"refused: {payload}")
    window = open_window(plan_for(sqlite_ledger_url, ae_title=payload, dicom_host=payload))
    page = window.get().text
    written = escape(payload).replace("&quot;", "&#34;").replace("&#x27;", "&#39;")
    assert f"<p>modality {written}</p>" in page
    assert f"refused: {written}" in page
    assert page.count(f"<dd>{written}</dd>") == 2
    if written != payload:
        assert payload not in page


@pytest.mark.parametrize("path", ["/", "/healthz", "/osteon.css", "/nowhere"])
def test_every_answer_forbids_scripts_frames_and_keeping(path: str, window: Window) -> None:
    headers = window.get(path).headers
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'self';")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_the_page_needs_nothing_that_its_policy_forbids(ledger: Engine, window: Window) -> None:
    receive(ledger, received(1))
    analyse(ledger, FRACTURE)
    page = window.get().text
    for forbidden in ("<script", "<style", " style=", "javascript:", "http://", "https://"):
        assert forbidden not in page
    style_sheet = window.get("/osteon.css")
    assert style_sheet.headers["Content-Type"].startswith("text/css")
    assert "url(" not in style_sheet.text
    assert "@import" not in style_sheet.text


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json", "/static/osteon.css", "/../"])
def test_nothing_else_is_served(path: str, window: Window) -> None:
    assert window.get(path).status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_nothing_can_be_changed(method: str, ledger: Engine, window: Window) -> None:
    assert window.get("/", method).status == 405


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:8042", ""])
def test_a_foreign_name_that_points_here_is_refused(host: str, window: Window) -> None:
    assert window.get(Host=host).status == 400


@pytest.mark.parametrize("host", ["localhost:8042", "127.0.0.1", "[::1]:8042"])
def test_our_own_names_are_answered(host: str, window: Window) -> None:
    assert window.get(Host=host).status == 200


def test_how_each_destination_fares_is_shown(ledger: Engine, window: Window) -> None:
    receive(ledger, received(1))
    analyse(ledger, FRACTURE)
    report(ledger, "PACS", "ARCHIVE")
    with transaction(ledger) as session:
        for _ in range(3):
            note_failure(session, "ARCHIVE", "ARCHIVE@10.0.0.7:104: connection refused")
    page = window.get().text
    assert '<span class="chip state-up">up</span>' in page
    assert '<span class="chip state-down">down</span>' in page
    assert "connection refused" in page
    assert "1 waiting" in page
