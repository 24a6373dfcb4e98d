"""A frame and a heatmap as they travel, what is refused and why, and that a viewing is noted."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import BoundedSemaphore

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy.orm import Session

import web
from db.audit import NODE, PEER, AuditRow, list_events
from db.session import open_ledger, reading
from db.study_images import study_images
from model.stored_frame import read_stored_frame
from tests.db.ledger import receive, received
from tests.model.dicom_images import RAMP, SIGNED, colour_dataset, grey_dataset
from tests.web.shown_study import Clinic, Seen, dicom_file, grey_png, record
from tests.web.window import Window, plan_for, serving
from web.study import pixel_routes
from web.study.frame_answer import encode_frame
from web.study.viewer_images import viewer_images

HEAT = grey_png(np.arange(12, dtype=np.uint8).reshape(3, 4))
COLOURS = np.stack([RAMP >> 4] * 3, axis=2).astype(np.uint8)


@pytest.fixture(scope="module")
def clinic(
    new_ledger: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Clinic]:
    engine = open_ledger(new_ledger("sqlite"))
    clinic = Clinic(engine, tmp_path_factory.mktemp("clinic"))
    grey = dicom_file(grey_dataset(RAMP, WindowCenter=9, WindowWidth=99))
    clinic.take(
        "1.2.1", Seen(grey, record("fracture"), HEAT), Seen(dicom_file(grey_dataset(SIGNED)))
    )
    clinic.take("1.2.2", Seen(grey, record("fracture"), HEAT))
    apart = clinic.spool.write(dicom_file(grey_dataset(RAMP[::-1, ::-1])))
    same = {"study": "1.2.1", "spool_key": apart.key, "sha256": apart.sha256}
    receive(engine, received(1, **same))
    yield clinic
    engine.dispose()


@pytest.fixture(scope="module")
def window(clinic: Clinic) -> Iterator[Window]:
    with serving(plan_for(str(clinic.engine.url), clinic.data_dir)) as served:
        yield served


def fetch(window: Window, path: str) -> httpx.Response:
    """As a script on the page does."""
    address = f"http://127.0.0.1:{window.port}{path}"
    return httpx.get(address, headers={"Sec-Fetch-Dest": "empty"}, timeout=30)


@pytest.mark.parametrize("pixels", [RAMP, (RAMP >> 4).astype(np.uint8), SIGNED, COLOURS])
def test_a_frame_is_laid_out_as_it_says(pixels: NDArray[np.generic]) -> None:
    dataset = colour_dataset(pixels) if pixels.ndim == 3 else grey_dataset(pixels)
    answer = encode_frame(read_stored_frame(dataset))
    length = int.from_bytes(answer[:4], "little")
    head = json.loads(answer[4 : 4 + length])
    assert (4 + length) % 8 == 0
    cells = {"u1": "u1", "u2": "<u2", "i2": "<i2"}[head["cells"]]
    values = np.frombuffer(answer, cells, offset=4 + length)
    assert np.array_equal(values, pixels.ravel())
    assert (head["frame"]["rows"], head["frame"]["columns"]) == pixels.shape[:2]


def test_what_the_page_names_can_be_fetched(clinic: Clinic, window: Window) -> None:
    with reading(clinic.engine) as session:
        named = viewer_images("1.2.1", study_images(session, "1.2.1", with_quarantined=True))
    assert [(one["number"], one["state"]) for one in named] == [
        (1, "fracture"),
        (2, "none"),
        (3, "quarantined"),
    ]
    assert [one["has_heatmap"] for one in named] == [True, False, False]
    first, _, apart = (fetch(window, one["frame_url"]) for one in named)
    assert first.headers["Cache-Control"] == "private, no-store"
    assert first.content.endswith(RAMP.tobytes())
    assert apart.content.endswith(RAMP[::-1, ::-1].tobytes())
    heat = fetch(window, named[0]["heatmap_url"])
    assert (heat.headers["Content-Type"], heat.content) == ("image/png", HEAT)


def test_every_module_and_the_first_image_are_asked_for_at_once(window: Window) -> None:
    page = fetch(window, "/study/1.2.1").text
    folder = Path(web.__file__).parent / "static" / "js" / "viewer"
    named = re.findall(r'rel="modulepreload" href="[^"]*/(\w+)\.js"', page)
    assert sorted([*named, "viewer"]) == sorted(file.stem for file in folder.iterdir())
    assert 'href="/study/1.2.1/image/1.2.1.1.1/frame?number=1"' in page


@pytest.mark.parametrize(
    ("path", "status", "why"),
    [
        ("1.2.1/image/1.2.1.1.9/frame", 404, "the ledger knows no such image"),
        ("1.2.9/image/1.2.1.1.1/frame", 404, "the ledger knows no such image"),
        ("1.2.1/image/1.2.1.1.1/frame?kept_apart=1", 404, "the ledger knows no such image"),
        ("1.2.1/image/%00/frame", 404, "the ledger knows no such image"),
        ("1.2.1/image/1.2.1.1.2/heatmap", 404, "no heatmap is kept of this image"),
        ("1.2.1/image/1.2.1.1.1/frame?number=2", 422, "there is no frame 2: the image has 1"),
    ],
)
def test_what_cannot_be_had_is_said_to_a_script(
    window: Window, path: str, status: int, why: str
) -> None:
    answer = fetch(window, f"/study/{path}")
    assert (answer.status_code, answer.json()["detail"]) == (status, why)


def test_who_comes_when_many_wait_is_told_so(
    window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks for all frames at once takes nobody else's thread."""
    places = BoundedSemaphore(1)
    places.acquire()
    monkeypatch.setattr(pixel_routes, "_WAITING", places, raising=False)
    path = "/study/1.2.1/image/1.2.1.1.1/frame"
    answer = fetch(window, path)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    places.release()
    assert [fetch(window, path).status_code for _ in range(2)] == [200, 200]


def test_pixels_asked_for_alone_are_a_viewing_once(clinic: Clinic, window: Window) -> None:
    for what in ("heatmap", "frame", "heatmap"):
        assert fetch(window, f"/study/1.2.2/image/1.2.2.1.1/{what}").status_code == 200
    fetch(window, "/study/1.2.2/image/1.2.2.1.9/heatmap")
    fetch(window, "/study/1.2.8/image/1.2.8.1.1/heatmap")
    with reading(clinic.engine) as session:
        events = [one for uid in ("1.2.2", "1.2.8") for one in of_study(session, uid)]
    assert [one.action for one in events] == ["study-viewed"]


def of_study(session: Session, study_instance_uid: str) -> list[AuditRow]:
    told = list_events(session, study_instance_uid=study_instance_uid)
    return [event for event in told if event.role not in (NODE, PEER)]
