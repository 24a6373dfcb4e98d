"""What the trial answers who asks without its page: limits, busyness, refusals in plain words."""

import http.client
import json
import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dicom_node.policy import Peer
from dicom_node.routing.own_rule import SELF_TEST_PATIENT_ID
from model.radiograph import read_dicom, read_picture
from tests.web.trial_desk import Desk, encoded, phantom_picture, trial_desk, turned_jpeg
from tests.web.window import plan_for
from tests.worker.dicom_files import phantom_file
from web.trial import trying, upload
from web.trial.identity import Identity
from web.trial.sending import file_to_send
from web.window import Window

SEED = "0123456789abcdef" * 2
_TOKEN = re.compile(r'name="csrf-token" content="([^"]+)"')


@pytest.fixture(scope="module")
def desk(new_ledger: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Its listener does not know us."""
    folder = tmp_path_factory.mktemp("requests")
    with trial_desk(new_ledger("sqlite"), folder, Peer("PACS")) as opened:
        yield opened


@pytest.fixture(scope="module")
def token(desk: Desk) -> str:
    found = _TOKEN.search(desk.window.get("/try").text)
    assert found
    return found[1]


def post(desk: Desk, path: str, body: bytes, **headers: str) -> tuple[int, dict[str, Any]]:
    connection = http.client.HTTPConnection("127.0.0.1", desk.window.port, timeout=60)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("POST", path, body, {"Sec-Fetch-Dest": "empty", **named})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def head(**fields: object) -> bytes:
    return json.dumps({"seed": SEED, **fields}).encode() + b"\n"


def test_only_a_page_of_ours_may_ask(desk: Desk) -> None:
    before = desk.counts()
    status, said = post(desk, "/try/predict", phantom_file())
    assert (status, said["detail"]) == (403, "it lacks the header X-CSRF-Token")
    assert post(desk, "/try/send", head() + phantom_file())[0] == 403
    assert desk.counts() == before


def test_a_file_that_is_too_large_is_not_read_to_its_end(desk: Desk, token: str) -> None:
    too_large = "The file is larger than 64 MiB."
    announced = str(upload.MAX_FILE_BYTES + upload.HEAD_MAX_BYTES + 1)
    headers = {"X_CSRF_Token": token, "Content_Length": announced}
    status, said = post(desk, "/try/predict", b"x", **headers)
    assert (status, said["detail"]) == (413, too_large)
    slightly = bytes(upload.MAX_FILE_BYTES + 1)
    assert post(desk, "/try/predict", slightly, X_CSRF_Token=token)[1]["detail"] == too_large


def test_who_comes_while_others_are_looked_at_hears_of_it(
    desk: Desk, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trying, "_WAIT_SECONDS", 0.1)
    with trying._PLACE:
        status, said = post(desk, "/try/predict", phantom_file(), X_CSRF_Token=token)
    assert (status, "Try again in a few seconds" in said["detail"]) == (503, True)
    monkeypatch.setattr(trying, "_WAIT_SECONDS", 20)
    assert post(desk, "/try/predict", phantom_file(), X_CSRF_Token=token)[0] == 200
    for _ in range(4):
        assert upload._AT_ONCE.acquire(timeout=5)  # given back just after the answer
    try:
        assert post(desk, "/try/predict", phantom_file(), X_CSRF_Token=token)[0] == 503
    finally:
        upload._AT_ONCE.release(4)


WRONG = {
    b"": "says nothing before the file",
    b"no JSON\n": "Invalid JSON",
    b"[" * 3000 + b"\n": "Invalid JSON",
    head(seed="1"): "The seed",
    head(patient_id=""): "The patient id",
    head(patient_id="A\\B"): "The patient id: Value error, it has a backslash",
    head(patient_name="A\nB"): "The patient name",
    head(patient_id=SELF_TEST_PATIENT_ID): "the node's self-test",
    head(accession_number="12345678901234567"): "The accession number",
    head(region="moon"): "The region: Value error, no such region",
    head(laterality="X"): "The laterality",
    head(begun="yesterday"): "The begun",
    head(destination="PACS@evil:104"): "The destination",
    head(): "neither a DICOM file nor a PNG or JPEG picture",
}


@pytest.mark.parametrize("start", WRONG)
def test_a_study_that_cannot_be_is_not_sent(desk: Desk, token: str, start: bytes) -> None:
    status, said = post(desk, "/try/send", start + b"text", X_CSRF_Token=token)
    assert status == 422
    assert WRONG[start] in said["detail"]


def test_a_sent_picture_has_the_greys_that_were_tried(tmp_path: Path) -> None:
    """So that the node finds in the study what the page has said of the picture."""
    picture = phantom_picture()
    deep = Image.fromarray(np.asarray(picture, np.uint16) * 16 + 7)
    window = Window(plan_for("sqlite://", tmp_path))
    try:
        for file in (encoded(picture, "PNG"), turned_jpeg(picture), encoded(deep, "PNG")):
            sent = file_to_send(window, Identity(seed=SEED), "20261129153000", file)
            with sent.sendable.open() as stream:
                [there] = read_dicom(stream)
            here = read_picture(BytesIO(file))
            np.testing.assert_allclose(there.pixels, here.pixels, atol=1e-5)
            assert np.array_equal(there.to_bytes(), here.to_bytes())
    finally:
        window.close()


@pytest.mark.parametrize("missing", ["StudyInstanceUID", "SOPInstanceUID"])
def test_dicom_without_what_names_it_is_not_sent(desk: Desk, token: str, missing: str) -> None:
    file = phantom_file()
    nameless = file.replace(_uid_tag(missing), b"\x09\x00\x10\x00")  # of a private group
    assert nameless != file
    status, said = post(desk, "/try/send", head() + nameless, X_CSRF_Token=token)
    assert (status, said["detail"]) == (422, f"It cannot be sent: {missing} is missing or no UID.")


def _uid_tag(keyword: str) -> bytes:
    tags = {"StudyInstanceUID": b"\x20\x00\x0d\x00UI", "SOPInstanceUID": b"\x08\x00\x18\x00UI"}
    return tags[keyword][:4]


def test_a_listener_that_does_not_know_us_is_told_how_to(desk: Desk, token: str) -> None:
    before = desk.counts()
    picture = encoded(phantom_picture(), "PNG")
    for file in (phantom_file(), picture):
        status, said = post(desk, "/try/send", head() + file, X_CSRF_Token=token)
        assert status == 502
        assert "name this machine in `own_hosts`" in said["detail"]
    # Written down before it is sent: who tried is told, whatever became of it.
    assert desk.counts()["audit_event"] == before["audit_event"] + 2
    desk.listener.stop(drain_seconds=1)
    status, said = post(desk, "/try/send", head() + picture, X_CSRF_Token=token)
    assert status == 503
    assert "connection refused" in said["detail"]
    assert "the node's own listener" in said["detail"]
