"""The viewer in a reader's hands: by keys alone, by mouse, by fingers, and without a picture."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from db.session import open_ledger
from tests.model.dicom_images import RAMP, grey_dataset
from tests.web.browser import assert_accessible, opened_page, press
from tests.web.shown_study import (
    Clinic,
    Seen,
    dicom_file,
    fact,
    middle_of_canvas,
    picture_at_1_to_1,
    record,
    wait_for_picture,
)
from tests.web.window import Window, plan_for, serving

LEG = RAMP.repeat(8, axis=0).repeat(8, axis=1)  # 384 rows, 512 columns
LEG_FILE = dicom_file(
    grey_dataset(
        LEG, WindowCenter=2048, WindowWidth=4096, RescaleSlope=2, ImagerPixelSpacing=[0.2, 0.2]
    )
)
BOXES = ((100.0, 60.0, 180.0, 120.0, 0.91), (300.0, 200.0, 340.0, 260.0, 0.62))
AP = {"body_part": "LEG", "view_position": "AP", "laterality": "L"}
FRAMES = np.stack([np.full((40, 40), value, np.uint16) for value in range(100, 700, 100)])
FRAMES[:, 0, 0] = 800
ALL_BLACK = {"WindowCenter": 400, "WindowWidth": 800}


def detector_exposure() -> np.ndarray[Any, np.dtype[np.uint16]]:
    """2500 × 2048 of 14 bits, with noise, as a flat detector gives it."""
    noise = np.random.default_rng(1).normal(0, 25, (2500, 2048))
    limb = 9000 - 7000 * np.exp(-(((np.arange(2048) - 1024) / 300.0) ** 2))
    return np.clip(limb + noise, 0, 16383).astype(np.uint16)


EXPOSURE = detector_exposure()


@pytest.fixture(scope="module")
def clinic(
    new_ledger: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Clinic]:
    engine = open_ledger(new_ledger("sqlite"))
    clinic = Clinic(engine, tmp_path_factory.mktemp("clinic"))
    fracture, possible = record("fracture", *BOXES), record("possible", BOXES[0])
    clinic.take("1.2.1", Seen(LEG_FILE, fracture, header=AP), Seen(LEG_FILE, possible))
    spoilt = grey_dataset(LEG)
    spoilt.PixelData = spoilt.PixelData[: LEG.nbytes // 2]
    gone = dicom_file(grey_dataset(LEG + np.uint16(1)))
    clinic.take("1.2.2", Seen(dicom_file(spoilt)), Seen(gone), Seen(LEG_FILE))
    clinic.spool.remove(clinic.spool.write(gone).key)
    clinic.take("1.2.3", Seen(dicom_file(grey_dataset(FRAMES, **ALL_BLACK))))
    whole = grey_dataset(EXPOSURE, BitsStored=14, HighBit=13, WindowCenter=6000, WindowWidth=9000)
    clinic.take("1.2.4", Seen(dicom_file(whole)))
    yield clinic
    engine.dispose()


@pytest.fixture(scope="module")
def window(clinic: Clinic) -> Iterator[Window]:
    with serving(plan_for(str(clinic.engine.url), clinic.data_dir)) as served:
        yield served


def open_study(page: Page, window: Window, study: str) -> None:
    page.goto(f"http://127.0.0.1:{window.port}/study/{study}")
    page.evaluate("""() => {
        window.told = [];
        for (const name of ["osteon:marked", "osteon:mark-chosen"]) {
            document.addEventListener(name, (event) => window.told.push([name, event.detail]));
        }
    }""")
    page.locator('.pane[data-state="shown"], .pane[data-state="trouble"]').first.wait_for()


def said(page: Page) -> str:
    return page.locator("[data-viewer] [data-said]").inner_text()


def test_a_study_is_read_by_keys_alone(page: Page, window: Window) -> None:
    open_study(page, window, "1.2.1")
    wait_for_picture(page)
    label = page.locator(".pane canvas").first.get_attribute("aria-label")
    assert label == "Image 1 · LEG AP left. Fracture. Marks: 2"
    assert fact(page, "scale").endswith("cm at the detector")
    press(page, "1", "]")
    assert (fact(page, "zoom"), fact(page, "window")) == ("1:1", "C 1843.2 W 4096")
    assert said(page) == "C 1843.2 W 4096"
    press(page, "}", "i")
    assert fact(page, "window") == "C 1843.2 W 3723.6 · inverted"
    press(page, "r")
    assert fact(page, "window") == "C 2048 W 4096 · file's window 1"
    press(page, "h", "b")
    assert said(page) == "Boxes are hidden"
    press(page, ".", ".")
    assert said(page) == "Mark 2, 0.62"
    assert page.locator("[data-do=boxes]").get_attribute("aria-pressed") == "true"
    press(page, "j")
    wait_for_picture(page, 2)
    assert said(page).endswith("Possible")
    press(page, "Enter")
    assert page.locator(".pane:visible").count() == 1
    press(page, "Enter", "k")
    mark_by_keys(page)
    uid = "1.2.1.1.1"
    assert page.evaluate("window.told") == [
        ["osteon:mark-chosen", {"sop_instance_uid": uid, "box": 0}],
        ["osteon:mark-chosen", {"sop_instance_uid": uid, "box": 1}],
        ["osteon:marked", {"sop_instance_uid": uid, "box": MARKED}],
    ]


# Begun in the middle of 512 × 384, a quarter of the canvas; moved up by 16 pixels, made wider by 8.
MARKED = {"x0": 0.0, "y0": 0.0, "x1": 0.0, "y1": 0.0}


def mark_by_keys(page: Page) -> None:
    press(page, "1", "m", "ArrowUp", "ArrowUp", "Shift+ArrowRight")
    width, height = page.locator("[data-active] canvas").evaluate("one => [one.width, one.height]")
    across, down = width / 8, height / 8
    edges = (256 - across, 176 - down, 264 + across, 176 + down)
    MARKED.update(zip(MARKED, (np.floor(10 * edge + 0.5) / 10 for edge in edges), strict=True))
    press(page, "Enter")
    assert said(page) == "Marked"
    marked = picture_at_1_to_1(page, *LEG.shape)
    row = marked[int(edges[1]) - 3, int(edges[0]) : int(edges[2])].astype(int)
    assert (row[:, 2] - row[:, 0] > 60).mean() > 0.4, "the reader's own is drawn, dashed"


def test_a_mouse_moves_windows_and_chooses(page: Page, window: Window) -> None:
    open_study(page, window, "1.2.1")
    wait_for_picture(page)
    canvas = page.locator("[data-active] canvas")
    edge = canvas.bounding_box()
    assert edge is not None
    middle = edge["x"] + edge["width"] / 2, edge["y"] + edge["height"] / 2
    press(page, "1")
    page.mouse.move(*middle)
    under = fact(page, "point")
    assert under == "x 256  y 192  stored 2080  value 4160"
    page.mouse.wheel(0, -400)
    assert fact(page, "zoom") != "1:1"
    assert fact(page, "point") == under, "the place under the pointer stays there"
    page.mouse.dblclick(*middle)
    page.mouse.dblclick(*middle)
    assert fact(page, "zoom") == "1:1"
    drag(page, middle, (middle[0] + 50, middle[1]))
    page.mouse.move(middle[0] + 50, middle[1])
    assert fact(page, "point") == under, "what was grasped moves along"
    drag(page, middle, (middle[0], middle[1] - 30), button="right")
    assert fact(page, "window") == "C 1638.4 W 4096", "up is brighter, by a tenth of the width"
    press(page, "r", "1")
    box = BOXES[0]
    at = middle[0] - 256 + box[0] + 20, middle[1] - 192 + box[1] + 20
    page.mouse.click(*at)
    told = page.evaluate("window.told")
    assert told == [["osteon:mark-chosen", {"sop_instance_uid": "1.2.1.1.1", "box": 0}]]
    page.locator("[data-do=mark]").click()
    drag(page, (at[0], at[1] + 100), (at[0] + 60, at[1] + 140))
    name, mark = page.evaluate("window.told.at(-1)")
    assert name == "osteon:marked"
    assert mark["box"]["x1"] - mark["box"]["x0"] == pytest.approx(60, abs=1)
    assert mark["box"]["y0"] == pytest.approx(180, abs=1.5)


def drag(
    page: Page, start: tuple[float, float], end: tuple[float, float], button: Any = "left"
) -> None:
    page.mouse.move(*start)
    page.mouse.down(button=button)
    page.mouse.move(*end, steps=3)
    page.mouse.up(button=button)


def test_the_findings_lead_to_their_marks(page: Page, window: Window) -> None:
    open_study(page, window, "1.2.1")
    wait_for_picture(page)
    for _ in range(12):
        page.keyboard.press("+")
    detail = '{ detail: { sop_instance_uid: "1.2.1.1.2", box: 0 } }'
    page.evaluate(f"document.dispatchEvent(new CustomEvent('osteon:show-mark', {detail}))")
    wait_for_picture(page, 2)
    for _ in range(12):
        page.keyboard.press("+")
    plain = middle_of_canvas(page, 300, 300)
    page.evaluate(f"document.dispatchEvent(new CustomEvent('osteon:show-mark', {detail}))")
    assert not np.array_equal(middle_of_canvas(page, 300, 300), plain), "moved to the mark"


def test_two_fingers_zoom_and_one_moves(browser: Browser, window: Window) -> None:
    with opened_page(browser, width=390, height=844) as page:
        open_study(page, window, "1.2.1")
        wait_for_picture(page)
        panes = page.locator(".pane").all()
        first, second = (pane.bounding_box() for pane in panes)
        assert first and second and second["y"] > first["y"] + first["height"] - 1, "stacked"
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        press(page, "1")
        canvas = page.locator("[data-active] canvas")
        canvas.scroll_into_view_if_needed()
        edge = canvas.bounding_box()
        assert edge is not None
        x, y = edge["x"] + edge["width"] / 2, edge["y"] + edge["height"] / 2
        fingers = page.context.new_cdp_session(page)

        def touch(kind: str, *places: tuple[float, float]) -> None:
            points = [{"x": x + dx, "y": y + dy, "id": n} for n, (dx, dy) in enumerate(places)]
            fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        touch("touchStart", (-40, 0), (40, 0))
        touch("touchMove", (-80, 0), (80, 0))
        touch("touchEnd")
        assert fact(page, "zoom") == "200 %"
        before = middle_of_canvas(page, 200, 200)
        touch("touchStart", (0, 0))
        touch("touchMove", (-64, 0))
        touch("touchEnd")
        after = middle_of_canvas(page, 200, 200)
        assert np.array_equal(after[:, :136], before[:, 64:]), "one finger moves the picture"


def test_what_cannot_be_shown_says_why(page: Page, window: Window) -> None:
    open_study(page, window, "1.2.2")
    page.locator('.pane[data-state="shown"]').wait_for()
    spoilt, gone, whole = page.locator(".pane").all()
    assert "This image cannot be shown." in spoilt.inner_text()
    assert "pixel data cannot be decoded" in spoilt.inner_text()
    assert not spoilt.get_by_role("button").is_visible(), "asking again would not help"
    assert "the image's file is gone from the spool" in gone.inner_text()
    assert whole.get_attribute("data-state") == "shown"
    assert_accessible(page)


def test_frames_are_paged_and_few_are_kept(page: Page, window: Window) -> None:
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url) if "number=" in one.url else None)
    open_study(page, window, "1.2.3")
    wait_for_picture(page)
    page.locator("canvas").focus()
    for number in range(2, 7):
        page.keyboard.press("PageDown")
        page.get_by_text(f"{number} / 6").wait_for()
        grey = 255 * ((number * 100 - 399.5) / 799 + 0.5)
        assert middle_of_canvas(page, 4, 4)[0, 0, 0] == round(grey)
    assert len(asked) == 6
    page.locator("[data-frames] input").fill("4")
    page.get_by_text("4 / 6").wait_for()
    assert len(asked) == 6, "the last ones are kept"
    page.locator("[data-frames] input").fill("1")
    page.get_by_text("1 / 6").wait_for()
    assert len(asked) == 7, "and only these"


def test_a_whole_exposure_is_there_in_time(page: Page, window: Window) -> None:
    open_study(page, window, "1.2.1")  # what starts once has started
    wait_for_picture(page)
    open_study(page, window, "1.2.4")
    wait_for_picture(page)
    shown = page.evaluate("performance.getEntriesByName('osteon-image-shown')[0].startTime")
    print(f"first image after {shown:.0f} ms")
    assert shown < 3000
    assert_exact(page)
    screen = {"width": 1320, "height": 840, "deviceScaleFactor": 1.5, "mobile": False}
    page.context.new_cdp_session(page).send("Emulation.setDeviceMetricsOverride", screen)
    page.wait_for_function("() => devicePixelRatio === 1.5")
    canvas = page.locator("[data-active] canvas")
    assert canvas.evaluate("one => one.width / one.clientWidth") == pytest.approx(1.5, abs=0.01)
    assert_exact(page)


def assert_exact(page: Page) -> None:
    """The middle at 1:1: one pixel of the screen for each of the image's."""
    picture = picture_at_1_to_1(page, 400, 400)[..., 0]
    middle = EXPOSURE[1050:1450, 824:1224]
    expected = 255 * np.clip((middle - 5999.5) / 8999 + 0.5, 0, 1)
    assert np.abs(picture - expected).max() <= 0.5
