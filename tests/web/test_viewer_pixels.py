"""What the viewer draws is what the file asks for, value by value."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Page
from pydicom import Dataset

from db.session import open_ledger
from dicom_node.results.heat_tint import tint
from model.radiograph import read_dicom
from tests.model.dicom_images import RAMP, SAME_PICTURE, SIGNED, grey_dataset, lut_item
from tests.web.shown_study import (
    Clinic,
    Seen,
    dicom_file,
    fact,
    grey_png,
    middle_of_canvas,
    picture_at_1_to_1,
    record,
    wait_for_picture,
)
from tests.web.window import Window, plan_for, serving

WIDE = np.arange(48 * 64, dtype=np.uint16).reshape(48, 64) * 21
NEIGHBOURS = np.arange(40, dtype=np.uint16).reshape(1, 40).repeat(30, axis=0) + 30000
TAKEN = (
    *("12 bit, no window", "12 bit, window", "8 bit", "signed", "monochrome 1, window"),
    *("rescaled, window in output units", "linear exact", "VOI LUT", "modality LUT"),
    *("RGB, 16 bit", "palette"),
)
VIEWS: dict[str, Dataset] = {name: SAME_PICTURE[name] for name in TAKEN} | {
    "16 bits": grey_dataset(WIDE),
    "sigmoid": grey_dataset(
        RAMP, VOILUTFunction="SIGMOID", WindowCenter=1500, WindowWidth=900, RescaleSlope=0.5
    ),
    "descending": grey_dataset(SIGNED, RescaleSlope=-0.25, RescaleIntercept=7),
    "short VOI LUT, inverse": grey_dataset(
        SIGNED,
        VOILUTSequence=[lut_item(np.arange(0, 4096, 2, dtype=np.uint16), bits=12, first=100)],
        RescaleIntercept=1000,
        PhotometricInterpretation="MONOCHROME1",
    ),
    "padding": grey_dataset(RAMP, PixelPaddingValue=0, PixelPaddingRangeLimit=700),
    "inverse padding": grey_dataset(
        RAMP, PixelPaddingValue=4095, PhotometricInterpretation="MONOCHROME1"
    ),
}
HEAT = np.zeros((12, 16), np.uint8)
HEAT[:, 8:] = 230
PLAIN = grey_dataset(RAMP.repeat(4, axis=0).repeat(4, axis=1), WindowCenter=2048, WindowWidth=4096)
BOX = (40.0, 50.0, 90.0, 80.0, 0.7)


@pytest.fixture(scope="module")
def clinic(
    new_ledger: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Clinic]:
    engine = open_ledger(new_ledger("sqlite"))
    clinic = Clinic(engine, tmp_path_factory.mktemp("clinic"))
    clinic.take("1.2.1", *(Seen(dicom_file(one)) for one in VIEWS.values()))
    windows = {"WindowCenter": [32768, 30020], "WindowWidth": [65536, 5]}
    clinic.take("1.2.2", Seen(dicom_file(grey_dataset(NEIGHBOURS, **windows))))
    fracture, possible = record("fracture", BOX), record("possible", BOX)
    plain = dicom_file(PLAIN)
    clinic.take("1.2.3", Seen(plain, fracture, grey_png(HEAT)), Seen(plain, possible))
    yield clinic
    engine.dispose()


@pytest.fixture(scope="module")
def window(clinic: Clinic) -> Iterator[Window]:
    with serving(plan_for(str(clinic.engine.url), clinic.data_dir)) as served:
        yield served


def open_study(page: Page, window: Window, study: str) -> None:
    page.goto(f"http://127.0.0.1:{window.port}/study/{study}")
    wait_for_picture(page)


def test_every_picture_is_shown_as_its_file_asks(page: Page, window: Window) -> None:
    open_study(page, window, "1.2.1")
    page.locator("canvas").first.focus()
    page.keyboard.press("Enter")
    for number, (name, dataset) in enumerate(VIEWS.items(), start=1):
        wait_for_picture(page, number)
        expected = 255 * read_dicom(dataset)[0].pixels.astype(np.float64)
        shown = picture_at_1_to_1(page, *expected.shape)
        is_grey = not name.startswith(("RGB", "palette"))
        assert np.array_equal(shown[..., 0], shown[..., 1]), name
        # Rounded once; of colours of 16 bits the lower 8 are left away.
        assert np.abs(shown[..., 0] - expected).max() < (0.502 if is_grey else 1), name
        page.keyboard.press("i")
        assert is_grey == ("inverted" in fact(page, "window")), name
        if is_grey:
            inverted = middle_of_canvas(page, *expected.shape)[..., 0]
            picture = ~padded(dataset)
            assert np.array_equal(inverted[picture], 255 - shown[..., 0][picture]), name
            assert not inverted[~picture].any(), name
        page.keyboard.press("j")


def padded(dataset: Dataset) -> NDArray[np.bool_]:
    stored = dataset.pixel_array
    if "PixelPaddingValue" not in dataset:
        return np.zeros(stored.shape, np.bool_)
    lowest = dataset.PixelPaddingValue
    return (stored >= lowest) & (stored <= dataset.get("PixelPaddingRangeLimit", lowest))


def test_values_that_differ_by_one_are_told_apart(page: Page, window: Window) -> None:
    open_study(page, window, "1.2.2")
    grey = picture_at_1_to_1(page, *NEIGHBOURS.shape)[0, :, 0].astype(int)
    assert np.ptp(grey) <= 1, "in a window over 16 bits they look alike"
    page.locator("[data-views]").select_option(index=1)
    assert fact(page, "window") == "C 30020 W 5 · file's window 2"
    grey = picture_at_1_to_1(page, *NEIGHBOURS.shape)[0, :, 0].astype(int)
    # PS3.3 C.11.2.1.2 by hand: ((x - 30019.5) / 4 + 0.5) * 255
    assert grey[17:23].tolist() == [0, 32, 96, 159, 223, 255]


def test_a_drag_narrows_the_window_to_the_last_bit(page: Page, window: Window) -> None:
    open_study(page, window, "1.2.2")
    page.locator("[data-views]").select_option(label="automatic")
    before = fact(page, "window")
    page.keyboard.down("Shift")
    page.mouse.move(900, 400)
    page.mouse.down()
    page.mouse.move(300, 400, steps=4)
    page.mouse.up()
    page.keyboard.up("Shift")
    assert before == "C 30019.5 W 39 · automatic"
    assert fact(page, "window").startswith("C 30019.5 W 5.")
    grey = picture_at_1_to_1(page, *NEIGHBOURS.shape)[0, :, 0].astype(int)
    steps = np.diff(grey[17:23])
    assert (steps > 40).all(), "each value has a grey of its own"
    page.keyboard.press("]")
    brighter = picture_at_1_to_1(page, *NEIGHBOURS.shape)[0, :, 0].astype(int)
    assert (brighter[17:22] > grey[17:22]).all()


def test_boxes_lie_around_their_pixels_solid_or_dotted(page: Page, window: Window) -> None:
    open_study(page, window, "1.2.3")
    assert_outlined(page, share_of_edge=1.0)
    page.keyboard.press("j")
    wait_for_picture(page, 2)
    assert_outlined(page, share_of_edge=0.6)


def assert_outlined(page: Page, share_of_edge: float) -> None:
    rows, columns = PLAIN.Rows, PLAIN.Columns
    marked = picture_at_1_to_1(page, rows, columns).astype(int)
    page.keyboard.press("b")
    plain = picture_at_1_to_1(page, rows, columns).astype(int)
    page.keyboard.press("b")
    assert np.array_equal(plain[..., 0], plain[..., 2]), "without boxes all is grey"
    x0, y0, x1, y1 = (int(edge) for edge in BOX[:4])
    place = slice(y0, y1), slice(x0, x1)
    assert np.array_equal(marked[place], plain[place]), "around the place, never over it"
    edge = marked[y0:y1, x0 - 3]
    coloured = edge[:, 0] - edge[:, 2] > 60
    share = coloured.mean()
    assert share_of_edge - 0.25 <= share <= share_of_edge
    far = marked[y0:y1, x1 + 2]
    assert (far[:, 0] - far[:, 2] > 60).mean() == pytest.approx(share, abs=0.1), (
        "far edge exclusive"
    )


def test_heat_is_tinted_as_in_the_pictures_sent(page: Page, window: Window) -> None:
    open_study(page, window, "1.2.3")
    page.keyboard.press("b")
    plain = picture_at_1_to_1(page, PLAIN.Rows, PLAIN.Columns)
    sent = Image.fromarray(plain)
    assert tint(sent, HEAT / np.float32(255))
    with page.expect_response("**/heatmap"):
        page.keyboard.press("h")
    shown = picture_at_1_to_1(page, PLAIN.Rows, PLAIN.Columns).astype(int)
    inner = slice(12, -12)
    cold, hot = (inner, slice(12, 104)), (inner, slice(152, -12))
    assert np.array_equal(shown[cold], plain[cold]), "what is cold stays as it is"
    assert np.abs(shown[hot] - np.asarray(sent, int)[hot]).max() <= 4
    page.locator("[data-strength]").fill("0.1")
    faded = picture_at_1_to_1(page, PLAIN.Rows, PLAIN.Columns).astype(int)
    assert np.abs(faded[hot] - plain[hot]).max() <= np.abs(shown[hot] - plain[hot]).max() / 5
    page.keyboard.press("h")
    assert np.array_equal(picture_at_1_to_1(page, PLAIN.Rows, PLAIN.Columns), plain)
