"""The operations page in a browser: dead jobs requeued, peers asked, the node tried, by keys."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import Engine, update

from cli.reaching import named_peers
from db.audit import NODE, PEER, Action, AuditRecord, list_events, record_event
from db.clock import database_now
from db.destinations import note_failure, register_destination
from db.job_list import count_jobs
from db.jobs import JobKind, JobState, bury_job
from db.presence import SILENT_SECONDS, RunningProcess, note_presence
from db.session import reading, transaction
from db.states import Role
from db.tables import Presence
from dicom_node.peer import Destination
from dicom_node.self_test import Step, StepOutcome
from settings import load_settings
from tests.db.ledger import claim, receive, received
from tests.servers import free_port
from tests.web.browser import assert_accessible
from tests.web.payloads import PAYLOADS
from tests.web.signing import as_user, login_window, post, sign_in
from tests.web.window import Window, plan_for
from tests.worker.conftest import artefact_folder, eye, open_ward  # noqa: F401 - fixtures
from tests.worker.pacs import running_pacs
from tests.worker.ward import Ward
from web.operations import wording
from web.operations.desk import SelfTestRun
from web.plan import NamedPeer, WebPlan

VERIFICATION = "1.2.840.10008.1.1"
OpenWindow = Callable[[WebPlan], Window]
HOSTILE = [payload for payload in PAYLOADS if "\0" not in payload][::6][:20]
# Whether a request that the page makes by itself is let out, in a tab that is hidden or not.
ASKS = """hidden => {
    Object.defineProperty(document, "hidden", {value: hidden, configurable: true});
    const elt = document.querySelector("[data-pulse]");
    const request = {bubbles: true, cancelable: true, detail: {elt}};
    return elt.dispatchEvent(new CustomEvent("htmx:beforeRequest", request));
}"""


@pytest.fixture
def peers() -> Iterator[tuple[NamedPeer, ...]]:
    """As the settings name them: a PACS that answers, one that is away, an HL7 receiver too."""
    away = free_port()
    with running_pacs([VERIFICATION]) as pacs:
        here = f"PACS@127.0.0.1:{pacs.destination.port}"
        settings = load_settings(
            destinations=[here, {"address": f"mllp://127.0.0.1:{away}", "name": "HIS"}],
            peers=["CT1", here, f"AWAY@127.0.0.1:{away}", "NET@10.0.0.0/8"],
        )
        yield tuple(named_peers(settings))


def give_up(ledger: Engine, *reasons: str) -> None:
    """A study and its dead job for each reason."""
    receive(ledger, *(received(1, study=f"1.2.{n}") for n, _ in enumerate(reasons)))
    for reason in reasons:
        given_up = claim(ledger, JobKind.ANALYSE)
        with transaction(ledger) as session:
            bury_job(session, given_up, error=reason)


def waiting(ledger: Engine) -> int:
    with reading(ledger) as session:
        return count_jobs(session)[JobKind.ANALYSE][JobState.WAITING]


def go(page: Page, window: Window, path: str = "/operations") -> None:
    page.goto(f"http://127.0.0.1:{window.port}{path}")


def actions(ledger: Engine) -> list[tuple[str, str | None]]:
    """What people did, oldest first, but for reading this very trail."""
    with reading(ledger) as session:
        people = [event for event in list_events(session) if event.role not in (NODE, PEER)]
    return [
        (event.action, event.detail) for event in people if event.action != Action.TRAIL_VIEWED
    ][::-1]


def press(page: Page, selector: str) -> None:
    page.locator(selector).focus()
    page.keyboard.press("Enter")


def test_dead_jobs_are_requeued_by_keys(window: Window, ledger: Engine, page: Page) -> None:
    give_up(ledger, *["decoder died"] * 3, "out of memory", "out of memory")
    with transaction(ledger) as session:
        note_presence(session, RunningProcess("gateway", host="node-6"))
        session.execute(update(Presence).values(seen_at=database_now(-SILENT_SECONDS - 1)))
    go(page, window)
    expect(page.locator("#queue-analyse")).to_contain_text("5")
    page.locator("#silent summary").press("Enter")
    press(page, "#requeue-like-1")
    expect(page.locator("#said")).to_have_text("3 of 3 requeued.")
    expect(page.locator("#said")).to_be_focused()
    expect(page.locator("#dead-1")).to_have_count(0)
    assert waiting(ledger) == 3

    # Others may go on: what is open stays open, where one is one stays, and the figures follow.
    page.locator("#requeue-like-4").focus()
    with transaction(ledger) as session:
        note_presence(session, RunningProcess("beat", host="node-7"))
    with page.expect_request(lambda asked: "x-osteon-background" in asked.headers):
        pass
    expect(page.locator("#now")).to_contain_text("node-7")
    expect(page.locator("#standstill")).not_to_contain_text("no beat")
    expect(page.locator("#requeue-like-4")).to_be_focused()
    expect(page.locator("#silent")).to_have_attribute("open", "")

    # A page that nobody looks at asks nothing.
    assert [page.evaluate(ASKS, hidden) for hidden in (True, False)] == [False, True]

    page.get_by_role("link", name="one by one").press("Enter")
    expect(page.locator("#letters tbody tr")).to_have_count(2)
    assert_accessible(page)
    press(page, "#requeue-4")
    expect(page.locator("#said")).to_have_text("1 of 1 requeued.")
    expect(page.locator("#letters tbody tr")).to_have_count(1)
    assert waiting(ledger) == 4
    assert actions(ledger) == [
        (Action.JOB_REQUEUED, "all that died as job 1 did"),
        (Action.JOB_REQUEUED, "job 4"),
    ]


def test_peers_are_asked_and_answer_in_words(
    ledger: Engine,
    peers: tuple[NamedPeer, ...],
    open_window: OpenWindow,
    sqlite_ledger_url: str,
    tmp_path: Path,
    page: Page,
) -> None:
    with transaction(ledger) as session:
        register_destination(session, peers[0].name)
        register_destination(session, "OLD@archive:104")
        note_failure(session, "OLD@archive:104", "is busy: it will be tried again")
    go(page, open_window(plan_for(sqlite_ledger_url, tmp_path, peers=peers)))
    rows = page.locator("#neighbours tbody tr")
    assert [peer.name.partition("@")[0] for peer in peers] == ["PACS", "HIS", "AWAY"]
    expect(rows).to_have_count(4)
    expect(rows.nth(3)).to_contain_text("is busy: it will be tried again")
    expect(rows.nth(3)).to_contain_text("no longer in the settings")
    press(page, "#ask-0")
    expect(rows.nth(0)).to_contain_text("answers C-ECHO")
    press(page, "#ask-1")
    expect(rows.nth(1)).to_contain_text("connection refused; is the peer running")
    press(page, "#ask-2")
    expect(rows.nth(2)).to_contain_text("not well")
    expect(rows.nth(2)).to_contain_text("connection refused; is the peer running")
    assert_accessible(page)
    assert actions(ledger) == [(Action.PEER_ASKED, peer.name) for peer in peers]

    # Nobody can have another address asked than those.
    status = page.evaluate(
        """async () => (await fetch("/operations/peers/3/ask", {method: "POST", headers: {
            "X-CSRF-Token": document.querySelector("meta[name=csrf-token]").content}})).status"""
    )
    assert status == 404


def test_what_others_wrote_is_text(window: Window, ledger: Engine, page: Page) -> None:
    give_up(ledger, *HOSTILE)
    with transaction(ledger) as session:
        for number, payload in enumerate(HOSTILE):
            register_destination(session, payload)
            note_failure(session, payload, payload)
            said = RunningProcess("worker", (payload,), payload, payload, payload, number)
            note_presence(session, said)
    with transaction(ledger) as session:
        lost = update(Presence).where(Presence.process_id == 3)
        session.execute(lost.values(device="cuda: H200"))
    for path in ("/operations", "/operations/dead-letters"):
        go(page, window, path)
        shown = page.locator("main").inner_text()
        assert all(" ".join(payload.split()) in " ".join(shown.split()) for payload in HOSTILE)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("window.pwned") is None
    assert page.locator("main :is(script, img, iframe, svg:not(.chart), meta)").count() == 0


def test_the_audit_trail_is_narrowed_and_paged(window: Window, ledger: Engine, page: Page) -> None:
    with transaction(ledger) as session:
        for number in range(120):
            actor = "ida" if number % 2 else "<b>otto</b>"
            record = AuditRecord(
                actor, "reader", Action.STUDY_VIEWED, "10.0.0.7", study_instance_uid=f"1.2.{number}"
            )
            record_event(session, record)
    go(page, window, "/operations/audit")
    expect(page.locator("tbody tr")).to_have_count(50)
    expect(page.locator("tbody tr").first).to_contain_text("1.2.119")
    page.get_by_label("Who").fill("ida")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"http://127.0.0.1:{window.port}/operations/audit?actor=ida&study=")
    expect(page.locator("tbody tr").nth(1)).to_contain_text("1.2.117")
    page.get_by_role("link", name="Older").press("Enter")
    expect(page.locator("tbody tr")).to_have_count(10)
    expect(page.locator("tbody tr").last).to_contain_text("1.2.1")
    page.get_by_label("Study Instance UID").fill("1.2.42")
    page.get_by_label("Who").fill("")
    page.keyboard.press("Enter")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody tr")).to_contain_text("<b>otto</b>")
    assert_accessible(page)


def test_the_node_is_tried_from_the_page(
    open_ward: Callable[..., Ward],  # noqa: F811
    open_window: OpenWindow,
    sqlite_ledger_url: str,
    tmp_path: Path,
    page: Page,
) -> None:
    ward = open_ward()
    here = Destination("OSTEON", "127.0.0.1", ward.listener.port)
    plan = plan_for(sqlite_ledger_url, tmp_path, listener=here)
    go(page, open_window(plan))
    press(page, "#self-test-start")
    expect(page.locator("#step-echo")).to_have_class("running")
    verdict = page.locator("#self-test [role=status]")
    while "Under way" in verdict.inner_text():
        ward.run_due()
        page.wait_for_timeout(50)
    expect(verdict).to_contain_text("All is well.")
    for step in ("echo", "stored", "recorded", "analysed", "reported", "kept_back"):
        expect(page.locator(f"#step-{step}")).to_have_class("passed")
    expect(page.locator("#step-analysed")).to_contain_text("fracture 0.")
    expect(page.locator("#disk")).to_contain_text("nothing is removed")
    page.evaluate("scrollTo(0, 0)")  # what the frame covers has no size
    assert_accessible(page)

    ward.listener.stop(drain_seconds=1)
    press(page, "#self-test-start")
    expect(page.locator("#step-echo")).to_have_class("failed")
    expect(page.locator("#step-echo")).to_contain_text("connection refused")
    expect(page.locator("#step-stored")).to_have_class("open")
    assert [action for action, _ in actions(ward.kitchen.ledger)] == [Action.SELF_TEST] * 2


def test_none_but_an_administrator_comes_in(sqlite_ledger_url: str, tmp_path: Path) -> None:
    with login_window(sqlite_ledger_url, tmp_path) as (window, engine):
        for role in (Role.VIEWER, Role.READER):
            headers = as_user(sign_in(engine, role))
            for path in ("", "/charts", "/disk", "/self-test", "/dead-letters", "/audit"):
                assert window.get(f"/operations{path}", **headers).status == 403
            for path in ("/requeue", "/peers/0/ask", "/self-test"):
                assert post(window, f"/operations{path}", headers, job="1").status == 403
        headers = as_user(sign_in(engine, Role.ADMINISTRATOR))
        assert window.get("/operations", **headers).status == 200
        assert post(window, "/operations/requeue", headers).status == 400
        assert post(window, "/operations/requeue", headers, job="x").status == 422
        assert post(window, "/operations/self-test", headers).status == 409
        assert window.get("/operations?days=9999", **headers).status == 200
        (tmp_path / "spool").write_text("no folder")
        told = window.get("/operations/disk", **headers)
        assert told.status == 200
        assert "The data folder cannot be looked at from here" in told.text


def test_a_self_test_that_broke_off_has_not_passed() -> None:
    outcomes = [StepOutcome(step, True, "", 0.1) for step in Step]
    run = SelfTestRun("1.2", datetime.now(UTC), outcomes[:-1])
    assert [shown.state for shown in run.steps()][-1] == "running"
    run.is_over = True
    assert not run.passed
    assert [shown.state for shown in run.steps()][-1] == "open"
    run.outcomes.append(outcomes[-1])
    assert run.passed


def test_sizes_and_growth_are_said_as_people_say_them() -> None:
    sizes = [wording.size(number) for number in (0, 999, 1000, 65_400_000, 2.5e9, 1.6e12)]
    assert sizes == ["0 bytes", "999 bytes", "1 kB", "65 MB", "2 GB", "1.6 TB"]
