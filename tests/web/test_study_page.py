"""A study's page in a browser: opened and judged by keys, live, downloaded from, and hardened."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select, update

from db.audit import NODE, PEER, list_events
from db.holds import place_hold, release_hold
from db.intake import OpenedAssociation, close_association, open_association, record_instance
from db.result_formats import json_line
from db.result_query import ResultQuery, every_result
from db.session import open_ledger, reading, transaction
from db.states import AnalysisState, ObjectKind, Opinion, Role
from db.studies import block_study, lock_study
from db.tables import AppUser, Instance, ResultObject, Study, Verdict
from db.user_sessions import open_session
from db.verdicts import Judgement, save_verdict
from db.withdrawal import note_withdrawal
from tests.db.ledger import FRACTURE, NO_FRACTURE, analyse, deliver, received, rows
from tests.model.dicom_images import RAMP, grey_dataset
from tests.web.browser import assert_accessible, press
from tests.web.reported_study import (
    REFUSAL,
    made,
    make_entries,
    miss_delivery,
    refuse_delivery,
    report_study,
    results_of,
    sr_of,
)
from tests.web.shown_study import Clinic, Seen, dicom_file
from tests.web.study_requests import fetch, plain, post
from tests.web.window import Window, plan_for, serving
from web.access.tokens import csrf_token_of, kept
from web.plan import AccessPlan

FILE = dicom_file(grey_dataset(RAMP))
ADLER = {
    "patient_name": "Adler^Ina",
    "patient_id": "P-77",
    "patient_birth_date": "19700102",
    "patient_sex": "F",
    "accession_number": "ACC-9",
    "study_date": "20260304",
    "study_description": "Handgelenk links",
    "body_part": "WRIST",
    "view_position": "PA",
    "laterality": "L",
}
FOUND = replace(
    FRACTURE,
    region="hand",
    region_probability=0.98,
    fracture_type="spiral",
    type_probability=0.7,
    severity="mild",
    hardware_probability=0.03,
    notes=["edge of the image"],
    boxes=[{"x0": 5.0, "y0": 6.0, "x1": 20.0, "y1": 30.0, "score": 0.8}],
)
NOT_LOOKED_AT = replace(
    NO_FRACTURE, state=AnalysisState.NOT_ANALYSED, reason="blank image", probability=None
)
READ, LATER, STUCK = "1.2.1", "1.2.2", "1.2.3"


@pytest.fixture(scope="module")
def clinic(
    new_ledger: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Clinic]:
    """Three studies: one reported and delivered, one with a second revision, one refused."""
    engine = open_ledger(new_ledger("sqlite"))
    clinic = Clinic(engine, tmp_path_factory.mktemp("clinic"))
    clinic.take(READ, Seen(FILE, FOUND, header=ADLER), Seen(FILE, header=ADLER))
    report_study(clinic, results_of(1), "PACS", message=True)
    deliver(engine)
    clinic.take(LATER, Seen(FILE, replace(NO_FRACTURE, model_version="0.9"), header=ADLER))
    report_study(clinic, sr_of(2), "PACS")
    deliver(engine)
    late = clinic.spool.write(dicom_file(grey_dataset(RAMP + 1)))
    receive_by("CR-ROOM-2", clinic, late.key)
    analyse(engine, FOUND)
    report_study(clinic, sr_of(3), "PACS")
    deliver(engine)
    clinic.take(STUCK, Seen(FILE, NOT_LOOKED_AT))
    report_study(clinic, sr_of(4), "PACS")
    miss_delivery(engine, "no answer within 5 s")
    refuse_delivery(engine)
    with transaction(engine) as session:
        note_withdrawal(session, "0.9", "it missed wrists")
    make_entries(engine)
    yield clinic
    engine.dispose()


def receive_by(title: str, clinic: Clinic, key: str) -> None:
    """A second image of LATER, and bytes that came under the first one's UID."""
    opened = OpenedAssociation("late", "L", title, "OSTEON", "127.0.0.1")
    image = received(2, study=LATER, spool_key=key, sha256=key, instance_number=2)
    late = replace(image, association_id="late", **ADLER)
    apart = replace(late, sop_instance_uid=f"{LATER}.1.1", sha256="e" * 64, spool_key="e" * 64)
    with transaction(clinic.engine) as session:
        open_association(session, opened)
        record_instance(session, late)
        record_instance(session, apart)
    with transaction(clinic.engine) as session:
        close_association(session, "late")


@pytest.fixture(scope="module")
def window(clinic: Clinic) -> Iterator[Window]:
    with serving(plan_for(str(clinic.engine.url), clinic.data_dir)) as served:
        yield served


def go(page: Page, window: Window, path: str) -> None:
    page.goto(f"http://127.0.0.1:{window.port}{path}")


def actions(clinic: Clinic, study: str) -> list[str]:
    """What was written down of the study, oldest first."""
    with reading(clinic.engine) as session:
        told = list_events(session, study_instance_uid=study)
    return [one.action for one in told if one.role not in (NODE, PEER)][::-1]


def test_a_reader_opens_and_judges_a_study_by_keys_alone(
    page: Page, window: Window, clinic: Clinic
) -> None:
    go(page, window, "/worklist")
    page.evaluate("document.querySelector(`a[href^='/study/1.2.1']`).focus()")
    press(page, "Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Adler, Ina")
    page.wait_for_load_state()
    page.evaluate("""() => {
        window.wanted = [];
        document.addEventListener("osteon:show-mark", (event) => window.wanted.push(event.detail));
    }""")
    page.get_by_role("button", name="Mark 1 0.80").focus()
    press(page, "Enter")
    assert page.evaluate("window.wanted") == [{"sop_instance_uid": f"{READ}.1.1", "box": 0}]
    expect(page.locator(".chosen")).to_have_attribute("data-finding-of", f"{READ}.1.1")
    expect(page.locator("[name=image] option:checked")).to_have_text("image 1 · Fracture")
    press(page, "v", "ArrowRight", "ArrowRight")
    expect(page.get_by_label("Disagree")).to_be_checked()
    press(page, "Control+Enter")  # the browser asks what is seen instead
    assert page.evaluate("document.activeElement.name") == "finding"
    press(page, "ArrowLeft")  # from the first to the last: none
    page.get_by_label("Comment").focus()
    page.keyboard.type("an overlap")
    press(page, "Control+Enter")
    expect(page.get_by_text("Your verdict is saved.")).to_be_visible()
    expect(page.locator("#verdict-history")).to_contain_text("an overlap")
    # Until the new form is htmx's too, the browser would send it by itself and load the page anew.
    page.wait_for_function("!document.querySelector('.htmx-added, .htmx-settling')")
    press(page, "a", "Enter")
    expect(page.locator("#verdict-history li")).to_have_count(2)
    given = [
        (one.reader, one.opinion, one.corrected_finding) for one in rows(clinic.engine, Verdict)
    ]
    assert given == [("local", "disagree", "none"), ("local", "agree", None)]
    assert rows(clinic.engine, Verdict)[0].analysis_id is not None
    assert rows(clinic.engine, Verdict)[1].instance_id is None, "that was on the whole study"
    assert actions(clinic, READ) == ["study-viewed", "verdict-given", "verdict-given"]
    assert "Adler" not in page.title() + page.url


def test_a_mark_and_a_correction_become_a_label(page: Page, window: Window, clinic: Clinic) -> None:
    go(page, window, f"/study/{LATER}")
    detail = {"sop_instance_uid": f"{LATER}.1.2", "box": {"x0": 1, "y0": 2, "x1": 30, "y1": 44.5}}
    page.evaluate(
        "detail => document.dispatchEvent(new CustomEvent('osteon:marked', {detail}))", detail
    )
    expect(page.get_by_label("Partly")).to_be_checked()
    expect(page.locator("[data-own-marks] li")).to_contain_text("Mark 1: 1, 2 – 30, 45")
    page.get_by_label("Disagree").check()
    page.locator("#verdict-form").get_by_label("Fracture", exact=True).check()
    page.get_by_label("Region").select_option("hip")
    page.get_by_label("Type").select_option("spiral")
    page.get_by_role("button", name="Save the verdict").press("Enter")
    expect(page.locator("#verdict-history")).to_contain_text("hip, spiral; 1 place marked")
    page.get_by_role("link", name="all verdicts").press("Enter")
    expect(page.locator("#verdict-statistics")).to_contain_text("By what the node found")
    assert_accessible(page)
    assert "What readers say of the findings" in window.get("/model").text
    table = window.get("/verdicts/labels.csv").text.splitlines()
    assert f"{LATER}.1.2,1,hip,spiral,1,1.0,2.0,30.0,44.5,reader,osteon 1.0" in table
    [exported] = [
        one
        for one in map(json.loads, window.get("/verdicts/verdicts.jsonl").text.splitlines())
        if one["study_instance_uid"] == LATER
    ]
    assert exported["corrected_type"] == "spiral"
    with reading(clinic.engine) as session:
        people = [one for one in list_events(session) if one.role not in (NODE, PEER)]
    newest = [one.action for one in people[:3]]
    assert newest == ["labels-exported", "labels-exported", "verdicts-viewed"]


def test_news_leaves_alone_what_is_half_said_and_what_is_open(
    page: Page, window: Window, clinic: Clinic
) -> None:
    go(page, window, f"/study/{READ}")
    page.get_by_label("Comment").fill("half said")
    page.locator("#details .delivery summary").click()
    page.evaluate("document.querySelector('[data-viewer]').marked = true")
    views = actions(clinic, READ).count("study-viewed")
    other = Judgement(READ, "rita", Opinion.PARTLY, comment="<i>somebody else's</i>")
    with transaction(clinic.engine) as session:
        save_verdict(session, other)
    expect(page.locator("#verdict-history")).to_contain_text("<i>somebody else's</i>")
    expect(page.get_by_label("Comment")).to_have_value("half said")
    expect(page.locator("#details .delivery")).to_have_attribute("open", "")
    assert page.evaluate("document.querySelector('[data-viewer]').marked") is True
    received = page.locator("#study-head time").first
    expect(received).to_have_attribute("title", re.compile("Asia/Kolkata$"))
    assert actions(clinic, READ).count("study-viewed") == views, "nobody looked anew"


def test_every_fact_is_there_and_everybody_can_read_it(page: Page, window: Window) -> None:
    go(page, window, f"/study/{READ}")
    main = page.locator("main")
    for told in (
        *("P-77", "1970-01-02", "ACC-9", "2026-03-04", "Handgelenk links", "PACS"),
        *("WRIST PA left", "hand 98 %", "spiral 70 %", "mild rule of thumb", "3 %"),
        *("edge of the image", "osteon 1.0", "Revision 1", "10 of 10 objects accepted"),
        "Imaging Measurement Report",
    ):
        expect(main).to_contain_text(told)
    expect(page.locator(".stages .reached")).to_have_count(4)
    page.locator("#details .delivery summary").click()
    expect(page.locator(".delivery tbody tr").first).to_contain_text("success")
    assert_accessible(page)


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_cut_off(page: Page, window: Window, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    go(page, window, f"/study/{READ}")
    expect(page.get_by_role("button", name="Save the verdict")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    if width == 1280:
        expect(page.get_by_role("button", name="Save the verdict")).to_be_in_viewport(ratio=1)


def test_revisions_what_was_withdrawn_and_what_is_kept_apart(window: Window) -> None:
    shown = plain(window.get(f"/study/{LATER}").text)
    assert "Revision 2 Fracture 0.90" in shown
    assert "Changed from None found 0.10" in shown
    assert shown.index("Revision 2") < shown.index("Revision 1")
    assert "Withdrawn: it missed wrists. This answer no longer counts." in shown
    assert "1 instance is kept apart" in shown
    assert "Sender PACS , CR-ROOM-2" in shown


def test_what_failed_and_was_not_analysed_says_what_to_do(window: Window) -> None:
    shown = plain(window.get(f"/study/{STUCK}").text)
    assert "1 image was not analysed" in shown
    assert "Image 1: blank image" in shown
    assert "Failed: this study needs a person" in shown
    assert REFUSAL.replace("'", "&#39;") in shown
    assert "it does not allow us to store (status 0x0124)" in shown
    assert "1 attempt, given up, until a person requeues it" in shown
    assert "Each attempt" in shown and "no answer within 5 s" in shown


def test_the_way_on_and_back_is_through_the_list_as_it_was_narrowed(window: Window) -> None:
    shown = window.get(f"/study/{LATER}?finding=fracture&days=7&search=adler").text
    assert 'href="/worklist?finding=fracture&amp;days=7#study-' in shown
    assert f'rel="next" href="/study/{READ}?finding=fracture&amp;days=7"' in shown
    assert 'rel="prev"' not in shown, "the one before it is no fracture"
    assert "adler" not in shown


def test_a_study_of_two_patients_is_an_alarm(window: Window, clinic: Clinic) -> None:
    clinic.take("1.2.4", Seen(FILE, NO_FRACTURE))
    with transaction(clinic.engine) as session:
        [study] = [one for one in rows(clinic.engine, Study) if one.study_instance_uid == "1.2.4"]
        block_study(session, lock_study(session, study.id), "its instances name two patients")
    shown = plain(window.get("/study/1.2.4").text)
    assert "Blocked: this study may mix two patients its instances name two patients" in shown
    assert "correct the wrong one there, and send it again" in shown


def test_what_is_not_there_is_said(window: Window) -> None:
    for path in ("/study/9.9", "/study/9.9/results.jsonl"):
        answer = window.get(path)
        assert (answer.status, "This node has no such study." in answer.text) == (404, True)
    for path in (f"/study/{READ}/objects/99999", f"/study/{LATER}/objects/1"):
        assert window.get(path).status == 404


def test_downloads_are_what_was_sent_byte_for_byte(window: Window, clinic: Clinic) -> None:
    links = re.findall(rf"/study/{READ}/objects/(\d+)\"", window.get(f"/study/{READ}").text)
    ours = [one for one in made(clinic.engine) if str(one.id) in links]
    assert {one.kind for one in ours} == set(ObjectKind) - {ObjectKind.FHIR}
    for one in ours:
        headers, content = fetch(window, f"/study/{READ}/objects/{one.id}")
        with clinic.spool.open(one.spool_key) as stream:
            assert content == stream.read()
        name = re.fullmatch(r'attachment; filename="([\w.-]+)"', headers["Content-Disposition"])
        assert name is not None
        assert name[1].startswith(f"{one.kind.value}-{one.id}-")
        assert headers["X-Content-Type-Options"] == "nosniff"
    [pdf] = [one for one in ours if one.kind is ObjectKind.PDF]
    _, document = fetch(window, f"/study/{READ}/objects/{pdf.id}/document")
    assert document.startswith(b"%PDF-") and document.rstrip(b"\0\n").endswith(b"%%EOF")
    assert actions(clinic, READ).count("object-downloaded") == len(ours) + 1
    rows_told = "".join(
        json_line(row) for row in every_result(clinic.engine, ResultQuery(study_instance_uid=READ))
    )
    assert window.get(f"/study/{READ}/results.jsonl").text == rows_told


def test_an_object_that_is_gone_from_the_spool_is_said(window: Window, clinic: Clinic) -> None:
    [report] = [one for one in made(clinic.engine) if one.sop_instance_uid and one.report_id == 4]
    with clinic.spool.open(report.spool_key) as stream:
        content = stream.read()
    clinic.spool.remove(report.spool_key)
    assert "cannot be read from the spool" in window.get(f"/study/{STUCK}").text
    answer = window.get(f"/study/{STUCK}/objects/{report.id}")
    assert (answer.status, "only a backup" in answer.text) == (410, True)
    clinic.spool.write(content)


def test_what_was_purged_is_said_with_its_day_and_not_as_an_error(
    window: Window, clinic: Clinic
) -> None:
    day = datetime(2026, 11, 29, tzinfo=UTC)
    [report] = [one for one in made(clinic.engine) if one.sop_instance_uid and one.report_id == 4]
    of_report = update(ResultObject).where(ResultObject.id == report.id)
    image = rows(clinic.engine, Instance)[0]
    of_image = update(Instance).where(Instance.id == image.id)
    purged = "purged on 2026-11-29 after retention"
    with transaction(clinic.engine) as session:
        session.execute(of_report.values(purged_at=day))
        session.execute(of_image.values(purged_at=day))
        place_hold(session, STUCK, reason="a complaint", person="Ada")
    page = window.get(f"/study/{STUCK}").text
    assert purged in page and "a complaint" in page and "Legal hold by Ada" in page
    answer = window.get(f"/study/{STUCK}/objects/{report.id}")
    assert (answer.status, purged in answer.text) == (410, True)
    with reading(clinic.engine) as session:
        uid = session.scalar(select(Study.study_instance_uid).where(Study.id == 1))
    frame = window.get(f"/study/{uid}/image/{image.sop_instance_uid}/frame")
    assert (frame.status, purged in frame.text) == (410, True)
    with transaction(clinic.engine) as session:
        session.execute(of_report.values(purged_at=None))
        session.execute(of_image.values(purged_at=None))
        release_hold(session, STUCK, reason="settled", person="Ada")


def test_a_viewer_sees_verdicts_and_gives_none(clinic: Clinic) -> None:
    plan = plan_for(str(clinic.engine.url), clinic.data_dir, access=AccessPlan(login=True))
    cookie, token = "a-session", csrf_token_of("a-session")
    with transaction(clinic.engine) as session:
        session.add(AppUser(id=7, name="vera", role=Role.VIEWER))
        session.flush()
        open_session(session, 7, kept(cookie), plan.access.session_limits)
    before = len(rows(clinic.engine, Verdict))
    with serving(plan) as window:
        headers = {"Cookie": f"osteon_session={cookie}"}
        shown = window.get(f"/study/{READ}", **headers)
        assert (shown.status, "verdict-form" in shown.text) == (200, False)
        assert window.get("/verdicts", **headers).status == 403
        assert window.get("/verdicts/labels.csv", **headers).status == 403
        answer = post(window, READ, {"opinion": "agree", "csrf_token": token}, headers)
        assert answer.status == 403
    assert len(rows(clinic.engine, Verdict)) == before


def test_a_form_that_says_too_little_saves_nothing(window: Window, clinic: Clinic) -> None:
    page = window.get(f"/study/{READ}").text
    [token] = set(re.findall(r'name="csrf_token" value="([^"]+)"', page))
    before = len(rows(clinic.engine, Verdict))
    for fields, said in (
        ({}, "Choose whether you agree."),
        ({"opinion": "disagree"}, "Say what you see instead."),
        ({"opinion": "agree", "comment": "x" * 2001}, "longer than 2000 characters"),
        ({"opinion": "partly", "boxes": "[{}]", "image": f"{READ}.1.1"}, "mark them again"),
        ({"opinion": "partly", "boxes": "[["}, "mark them again"),
        ({"opinion": "partly", "boxes": '[{"x0":1,"y0":1,"x1":9,"y1":9}]'}, "choose the image"),
    ):
        answer = post(window, READ, {**fields, "csrf_token": token})
        assert (answer.status, said in answer.text) == (422, True), answer.text
    assert (
        post(window, READ, {"opinion": "agree", "image": "9.9", "csrf_token": token}).status == 404
    )
    assert post(window, READ, {"opinion": "agree"}).status == 403, "no token, no verdict"
    assert len(rows(clinic.engine, Verdict)) == before
