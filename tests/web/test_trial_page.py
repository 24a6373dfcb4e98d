"""The trial in a browser: files are dropped, answered as the command answers, and kept nowhere."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import FilePayload, Locator, Page, Route, expect

from cli.prediction import judge_files
from db.audit import list_events
from db.results import image_results
from db.session import reading
from model.artefact import bundled_artefact
from model.classifier import FractureClassifier
from model.prediction import row_of
from tests.web.browser import assert_accessible
from tests.web.payloads import PAYLOADS
from tests.web.trial_desk import Desk, encoded, phantom_picture, trial_desk, turned_jpeg
from tests.worker.dicom_files import file_of as dicom_file
from tests.worker.dicom_files import multi_frame, phantom_file, study_of_two_views

_ANSWER_MS = 20_000


@pytest.fixture(scope="module")
def desk(new_ledger: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with trial_desk(new_ledger("sqlite"), tmp_path_factory.mktemp("trial")) as opened:
        picture = phantom_picture()
        opened.put("hand.png", encoded(picture, "PNG"))
        opened.put("turned.jpg", turned_jpeg(picture))
        opened.put("noname", dicom_file(multi_frame(study_of_two_views()[0])))
        opened.put("letter.png", b"Dear colleague")
        opened.put("cut.png", encoded(picture, "PNG")[:9000])
        yield opened


def trial(page: Page, place: int) -> Locator:
    return page.locator("[data-trials] > li").nth(place)


def try_files(page: Page, desk: Desk, *names: str) -> None:
    page.locator("#files").set_input_files([desk.folder / name for name in names])


def expect_answers(page: Page, count: int) -> None:
    ended = page.locator("li.trial[data-state=done], li.trial[data-state=failed]")
    expect(ended).to_have_count(count, timeout=_ANSWER_MS)


def by_command(desk: Desk, *names: str) -> list[dict[str, Any]]:
    """What `osteon predict --json` says of the files."""
    classifier = FractureClassifier.load(bundled_artefact(), "cpu")
    judged = judge_files(classifier, iter([desk.folder / name for name in names]))
    return [row_of(prediction) for _, prediction in judged if prediction is not None]


def test_three_files_at_once_are_answered_as_by_the_command(desk: Desk, page: Page) -> None:
    answers: list[dict[str, Any]] = []
    page.route("**/try/predict", lambda route: _overhear(route, answers))
    page.goto(desk.address)
    assert_accessible(page)
    names = ("hand.png", "turned.jpg", "noname")
    try_files(page, desk, *names)
    expect_answers(page, 3)
    expected = by_command(desk, *names)
    assert [one["result"] for one in answers] == expected
    assert [one["kind"] for one in answers] == ["PNG", "JPEG", "DICOM"]
    assert expected[0]["boxes"]
    for place, row in enumerate(expected):
        shown = trial(page, place)
        expect(shown.locator("h3")).to_have_text(names[place])
        expect(shown.locator("[data-finding]")).to_have_attribute("data-finding", row["state"])
        expect(shown.locator(".figure")).to_have_text(f"{row['probability']:.4f}")
        expect(shown.locator(".facts")).to_contain_text(str(row["region"]))
        expect(shown.locator(".facts")).to_contain_text(row["model"])
    expect(trial(page, 2).locator(".facts")).to_contain_text("3 the most suspicious")
    _expect_layers(page)


def _overhear(route: Route, answers: list[dict[str, Any]]) -> None:
    answer = route.fetch()
    answers.append(answer.json())
    route.fulfill(response=answer)


_SUM = """canvas => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return data.reduce((sum, value) => sum + value, 0);
}"""


def _expect_layers(page: Page) -> None:
    """Boxes and heat lie over the picture, and can be taken off by keys."""
    canvas = trial(page, 0).locator("canvas")
    expect(canvas).to_have_attribute("aria-label", re.compile(r"hand\.png: Fracture, marks: \d"))
    sums = [canvas.evaluate(_SUM)]
    for key in ("b", "h"):
        page.keyboard.press(key)
        sums.append(canvas.evaluate(_SUM))
    assert len(set(sums)) == 3
    expect(page.get_by_role("button", name="Boxes")).to_have_attribute("aria-pressed", "false")
    expect(page.get_by_label("Heatmap")).to_have_value("0")


_WRITES: list[str] | None = None


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    """What this process opens to write, as long as somebody listens."""
    if event == "open" and _WRITES is not None:
        path, _mode, flags = arguments
        if flags & 0b11:  # O_WRONLY, O_RDWR
            _WRITES.append(str(path))


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    heard: list[str] = []
    sys.addaudithook(_hear)
    monkeypatch.setattr(sys.modules[__name__], "_WRITES", heard)
    return heard


def test_nothing_is_kept_but_who_tried(desk: Desk, page: Page, writes: list[str]) -> None:
    noise = phantom_picture(9).resize((2048, 2500)).effect_spread(40)
    desk.put("MUSTER^MAX 4711.png", encoded(noise, "PNG"))
    assert (desk.folder / "MUSTER^MAX 4711.png").stat().st_size > 2 << 20  # what forms spool
    page.goto(desk.address)
    before, files = desk.counts(), _files(desk)
    writes.clear()
    try_files(page, desk, "MUSTER^MAX 4711.png")
    expect_answers(page, 1)
    assert writes == []
    assert _files(desk) == files
    assert desk.counts() == before | {"audit_event": before["audit_event"] + 1}
    with reading(desk.ledger) as session:
        event = list_events(session, limit=1)[0]
    assert (event.action, event.study_instance_uid) == ("image-tried", None)
    assert event.detail == "PNG"  # nothing of what was found


def _files(desk: Desk) -> set[Path]:
    return {path for path in desk.folder.parent.rglob("*") if "ledger" not in path.name}


def test_what_is_no_radiograph_is_told_and_lets_the_next_pass(desk: Desk, page: Page) -> None:
    with (desk.folder / "huge.dcm").open("wb") as huge:
        huge.truncate((64 << 20) + 1)
    desk.put("empty.png", b"")
    desk.put("skull.dcm", phantom_file(BodyPartExamined="SKULL"))
    page.goto(desk.address)
    names = ("letter.png", "cut.png", "huge.dcm", "empty.png", "skull.dcm", "hand.png")
    try_files(page, desk, *names)
    expect_answers(page, 6)
    said = (
        "neither a DICOM file nor a PNG or JPEG picture",
        "picture cannot be read",
        "It is larger than 64 MiB.",
        "It is empty.",
        "body part is not covered by the classifier",
    )
    for place, reason in enumerate(said):
        expect(trial(page, place)).to_contain_text(reason)
    for place in (0, 1, 4):
        expect(trial(page, place).locator(".chip")).to_have_text("Not analysed")
    expect(trial(page, 5).locator(".chip")).to_have_text("Fracture")
    expect(page.locator("[data-said]")).to_contain_text("All 6 done")
    expect(page.get_by_role("button", name="Try again")).to_have_count(0)
    assert_accessible(page)
    page.get_by_role("button", name="Clear all").click()
    expect(page.get_by_role("heading", name="What it has learned")).to_be_visible()


def test_by_keys_drop_and_paste(desk: Desk, page: Page) -> None:
    page.goto(desk.address)
    page.locator("main").focus()
    page.keyboard.press("Tab")
    expect(page.locator("#files")).to_be_focused()
    # What Enter opens is the browser's own.
    page.locator("#files").set_input_files(desk.folder / "letter.png")
    expect_answers(page, 1)
    page.locator("#files").evaluate("it => it.addEventListener('click', () => { it.title = '!' })")
    page.keyboard.press("a")
    expect(page.locator("#files")).to_have_attribute("title", "!")
    for event, kept_in in (("drop", "dataTransfer"), ("paste", "clipboardData")):
        page.evaluate(_GIVE, [event, kept_in])
    expect_answers(page, 3)
    expect(trial(page, 1).locator("h3")).to_have_text("drop.png")
    page.get_by_role("button", name="Remove drop.png").press("Enter")
    expect(page.locator("[data-trials] > li h3")).to_have_text(["letter.png", "paste.png"])
    expect(page.locator("#files")).to_be_focused()


_GIVE = """([event, keptIn]) => {
  const given = new DataTransfer();
  given.items.add(new File(["Dear colleague"], `${event}.png`, { type: "image/png" }));
  const kind = event === "drop" ? DragEvent : ClipboardEvent;
  const made = new kind(event, { bubbles: true, cancelable: true, [keptIn]: given });
  const isLeft = document.body.dispatchEvent(made);
  if (isLeft && event === "drop") throw new Error("the browser would leave the page");
}"""


def test_what_failed_is_tried_and_sent_again(desk: Desk, page: Page) -> None:
    failures: list[str] = ["predict", "lost", "send"]
    page.route(re.compile("/try/(predict|send)$"), lambda route: _fail_once(route, failures))
    page.goto(desk.address)
    try_files(page, desk, "hand.png", "turned.jpg")
    expect_answers(page, 2)
    expect(trial(page, 0)).to_contain_text("Try again in a few seconds")
    expect(trial(page, 1)).to_contain_text("The node does not answer")
    for place in (0, 1):
        trial(page, place).get_by_role("button", name="Try again").click()
        expect(trial(page, place).locator(".chip")).to_have_text("Fracture", timeout=_ANSWER_MS)
    page.get_by_label("Patient ID").fill("T-2")
    send = page.get_by_role("button", name="Send as a study")
    send.click()
    expect(page.locator("[data-send-said]")).to_contain_text("1 of 2", timeout=_ANSWER_MS)
    expect(page.locator("[data-sent]")).to_contain_text("hand.png: Try again in a few seconds")
    send.click()
    expect(page.locator("[data-send-said]")).to_contain_text("Sent.", timeout=_ANSWER_MS)
    expect(page.locator("[data-sent] li")).to_have_count(1)
    with reading(desk.ledger) as session:
        rows = [row for row in image_results(session) if row["patient_id"] == "T-2"]
    assert len({row["study_instance_uid"] for row in rows}) == 1
    assert len(rows) == 2


def _fail_once(route: Route, failures: list[str]) -> None:
    asked = route.request.url.rpartition("/")[2]
    if failures and failures[0] == asked:
        failures.pop(0)
        route.fulfill(status=503, json={"detail": "Try again in a few seconds."})
    elif failures and failures[0] == "lost":
        failures.pop(0)
        route.abort()
    else:
        route.continue_()


def test_of_a_folder_as_many_as_are_taken_at_a_time(desk: Desk, page: Page) -> None:
    folder = desk.folder / "many"
    folder.mkdir()
    for name in (".hidden", "DICOMDIR", *(f"{number:02}.png" for number in range(12))):
        (folder / name).write_bytes(b"text")
    page.goto(desk.address)
    page.locator("#folder").set_input_files(folder)
    expect_answers(page, 10)
    expect(page.get_by_text("2 files were left out: 10 at a time.")).to_be_visible()
    expect(trial(page, 0).locator("h3")).to_have_text(re.compile(r"^many/\d\d\.png$"))


def test_a_file_s_name_is_text(desk: Desk, page: Page) -> None:
    page.goto(desk.address)
    hostile = PAYLOADS[:: len(PAYLOADS) // 20][:20]
    files: list[FilePayload] = [
        {"name": name, "mimeType": "image/png", "buffer": b"text"} for name in hostile
    ]
    for end in (10, 20):
        page.locator("#files").set_input_files(files[end - 10 : end])
        expect_answers(page, end)
    shown = page.locator("[data-trials] > li h3").all_text_contents()
    assert len(shown) == 20
    assert page.evaluate("window.pwned") is None
    assert page.locator("[data-trials] h3 bdi > *").count() == 0
    assert sum("<" in name for name in shown) > 10


def test_pictures_become_one_study_and_dicom_its_own(desk: Desk, page: Page) -> None:
    dataset = study_of_two_views(3)[1]
    desk.put("other.dcm", dicom_file(dataset))
    page.goto(desk.address)
    try_files(page, desk, "hand.png", "letter.png", "turned.jpg", "other.dcm")
    expect_answers(page, 4)
    page.get_by_label("Patient ID").fill("T-1")
    page.get_by_label("Patient name").fill("TRIAL^=Probe^Ü")
    page.get_by_label("Accession number").fill("ACC9")
    page.get_by_label("Body region").select_option("hand")
    page.get_by_label("Side").select_option("L")
    page.get_by_role("button", name="Send as a study").press("Enter")
    expect(page.locator("[data-send-said]")).to_contain_text("Sent.", timeout=_ANSWER_MS)
    expect(page.get_by_role("button", name="Send as a study")).to_be_disabled()
    assert_accessible(page)
    with reading(desk.ledger) as session:
        rows = image_results(session)
    [own] = [row for row in rows if row["sop_instance_uid"] == dataset.SOPInstanceUID]
    pictures = [row for row in rows if row["patient_id"] == "T-1"]
    assert own["study_instance_uid"] == dataset.StudyInstanceUID
    assert {row["accession_number"] for row in pictures} == {"ACC9"}
    assert {(row["body_part"], row["laterality"]) for row in pictures} == {("HAND", "L")}
    [study] = {row["study_instance_uid"] for row in pictures}
    assert len(pictures) == 2
    links = page.locator("[data-sent] a")
    expect(links).to_have_count(2)
    with reading(desk.ledger) as session:
        noted = [one for one in list_events(session) if one.action == "study-sent"]
    assert {one.study_instance_uid for one in noted} >= {study, dataset.StudyInstanceUID}
    links.first.press("Enter")
    expect(page).to_have_url(re.compile(f"/study/{re.escape(study)}$"))
    expect(page.locator("main")).to_contain_text("Probe, Ü")
