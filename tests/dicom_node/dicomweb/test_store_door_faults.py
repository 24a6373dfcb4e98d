"""STOW-RS when something fails: the client, its body, the disk, the ledger; nothing is lost."""

import json
import re
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from http.client import HTTPResponse
from pathlib import Path

import pytest
import structlog
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from sqlalchemy import text

from db.session import open_ledger
from tests.dicom_node.dicomweb.gateway import (
    BOUNDARY,
    END,
    PART,
    STOW,
    Gateway,
    body,
    file_bytes,
    part,
    running_gateway,
)
from tests.dicom_node.dicomweb.test_store_door import failures, told
from tests.dicom_node.listening import Node, eventually, running_node
from tests.dicom_node.sent_objects import radiograph


def assert_only_kept(node: Node, dataset: Dataset) -> None:
    """Nothing is left of what was not kept, neither on the disk nor open in the ledger."""
    node.assert_kept(dataset)
    assert not node.temporary_files()
    assert not node.open_associations()


@pytest.mark.parametrize("missing", [3, 200, 3000, len(END) + 2])
def test_a_body_that_is_cut_off_keeps_what_was_complete(gateway: Gateway, missing: int) -> None:
    whole, cut = radiograph(), radiograph()
    response = gateway.post(body(file_bytes(whole), file_bytes(cut))[:-missing])
    assert (response.status_code, failures(response)) == (202, [0xC000])
    assert "cut off" in response.headers["Warning"]
    assert not gateway.node.instances(cut.SOPInstanceUID)
    assert_only_kept(gateway.node, whole)


def _say(gateway: Gateway, length: int) -> socket.socket:
    """A request of our own hand, its body still to come."""
    connection = socket.create_connection(("127.0.0.1", gateway.port), timeout=10)
    head = ["POST /dicom-web/studies HTTP/1.1", "Host: here", f"Content-Type: {STOW}"]
    connection.sendall("\r\n".join([*head, f"Content-Length: {length}", "", ""]).encode())
    return connection


def test_a_client_that_leaves_amid_a_part_leaves_nothing_behind(gateway: Gateway) -> None:
    whole, cut = radiograph(), radiograph(1000, 1000)
    sent = body(file_bytes(whole), file_bytes(cut))
    with _say(gateway, len(sent)) as connection:
        connection.sendall(sent[:1_500_000])
        assert eventually(lambda: bool(gateway.node.instances(whole.SOPInstanceUID)))
        assert eventually(lambda: len(gateway.node.temporary_files()) == 1)
    assert eventually(lambda: not gateway.node.open_associations())
    assert_only_kept(gateway.node, whole)
    assert not gateway.node.instances(cut.SOPInstanceUID)


def test_a_study_does_not_settle_while_its_request_runs(gateway: Gateway) -> None:
    whole = radiograph()
    sent = body(file_bytes(whole), file_bytes(radiograph(1000, 1000)))
    with _say(gateway, len(sent)) as connection:
        connection.sendall(sent[:1_500_000])
        assert eventually(lambda: bool(gateway.node.instances(whole.SOPInstanceUID)))
        [opened] = gateway.node.open_associations()
        assert opened.listener == "gateway"
    assert eventually(lambda: not gateway.node.open_associations())


def test_a_gateway_that_stops_amid_a_part_leaves_nothing_behind(node: Node) -> None:
    whole = radiograph()
    sent = body(file_bytes(whole), file_bytes(radiograph(1000, 1000)))
    with running_gateway(node) as stopping, _say(stopping, len(sent)) as connection:
        connection.sendall(sent[:1_500_000])
        assert eventually(lambda: bool(node.instances(whole.SOPInstanceUID)))
        assert eventually(lambda: len(node.temporary_files()) == 1)
        stopping.stop()
        assert_only_kept(node, whole)


def test_a_client_that_falls_silent_is_told_what_was_kept(node: Node) -> None:
    whole = radiograph()
    sent = body(file_bytes(whole), file_bytes(radiograph()))
    with (
        running_gateway(node, network_timeout_seconds=0.3) as impatient,
        _say(impatient, len(sent)) as connection,
    ):
        connection.sendall(sent[:-1000])
        answer = HTTPResponse(connection)
        answer.begin()
        assert answer.status == 202
        assert whole.SOPInstanceUID.encode() in answer.read()
    assert_only_kept(node, whole)


def test_a_client_that_sends_nothing_is_timed_out(node: Node) -> None:
    with (
        running_gateway(node, network_timeout_seconds=0.2) as impatient,
        _say(impatient, 1000) as connection,
    ):
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 408")


def test_ten_thousand_parts_of_nonsense_are_too_many(gateway: Gateway) -> None:
    good = radiograph()
    nonsense = part(b"x") * 10_000
    started_at = time.monotonic()
    response = gateway.post(part(file_bytes(good)) + nonsense + END)
    assert response.status_code == 202
    assert "too many parts" in response.headers.get_list("Warning")[-1]
    assert len(failures(response)) == 5000
    assert time.monotonic() - started_at < 5
    assert_only_kept(gateway.node, good)


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        (PART + b"\r\nX-Long: " + b"x" * 3_000_000, "over 8192 bytes"),
        (b"\r\n".join([b"X-Many: yes"] * 100_000), "over 8192 bytes"),
        (b"no colon", "no colon"),
    ],
)
def test_part_headers_have_bounds(gateway: Gateway, headers: bytes, words: str) -> None:
    good = radiograph()
    response = gateway.post(part(file_bytes(good)) + part(file_bytes(radiograph()), headers) + END)
    assert response.status_code == 202
    assert words in response.headers["Warning"]
    assert_only_kept(gateway.node, good)


def test_a_body_that_never_begins_a_part_is_given_up(gateway: Gateway) -> None:
    response = gateway.post(b"no boundary here\r\n" * 100_000 + body(file_bytes(radiograph())))
    assert response.status_code == 400
    assert "is the boundary right?" in response.headers["Warning"]


def test_a_long_file_head_is_given_up(gateway: Gateway) -> None:
    long_head = file_bytes(radiograph(), PrivateInformationCreatorUID="1.2", PrivateInformation=(
        b"x" * 100_000
    ))  # fmt: skip
    assert failures(gateway.post(body(long_head))) == [0xC000]


def test_an_object_that_is_too_large_is_told_apart(node: Node) -> None:
    good, large = radiograph(), radiograph(500, 500)
    with running_gateway(node, object_max_bytes=100_000) as strict:
        alone = strict.post(body(file_bytes(large)))
        assert (alone.status_code, failures(alone)) == (413, [0xA700])
        both = strict.post(body(file_bytes(large), file_bytes(good)))
        assert (both.status_code, failures(both)) == (202, [0xA700])
    assert_only_kept(node, good)


def test_a_large_object_is_never_in_memory(gateway: Gateway) -> None:
    dataset = radiograph(4096, 4096)
    content = body(file_bytes(dataset))

    def slices() -> Iterator[bytes]:
        for start in range(0, len(content), 1 << 16):
            yield content[start : start + (1 << 16)]

    tracemalloc.start()
    try:
        assert gateway.post(slices()).status_code == 200
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(content) > 33_000_000
    assert peak < 10_000_000


def test_so_many_requests_store_and_no_more(node: Node) -> None:
    with running_gateway(node, stores_max=1) as narrow:
        with _say(narrow, 1000) as connection:
            connection.sendall(b"--")
            assert eventually(lambda: narrow.post(b"").status_code == 503)
        assert eventually(lambda: narrow.post(body(file_bytes(radiograph()))).status_code == 200)


def test_a_full_disk_is_said_and_forgotten(
    new_ledger: Callable[[str], str], tmp_path: Path
) -> None:
    dataset = radiograph()
    with (
        running_node(new_ledger("sqlite"), tmp_path, reserve_bytes=1 << 60) as full,
        running_gateway(full) as gateway,
    ):
        response = gateway.post(body(file_bytes(dataset)))
        assert (response.status_code, failures(response)) == (503, [0xA700])
        assert int(response.headers["Retry-After"]) > 0
        assert not full.kept_files() + full.temporary_files()
        object.__setattr__(full.spool, "reserve_bytes", 0)
        assert gateway.post(body(file_bytes(dataset))).status_code == 200
        assert_only_kept(full, dataset)


def test_a_ledger_that_is_away_is_said_and_forgotten(
    new_ledger: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("db.session.SQLITE_BUSY_SECONDS", 0.1)
    url, dataset = new_ledger("sqlite"), radiograph()
    with running_node(url, tmp_path) as node, running_gateway(node, upkeep_seconds=0.1) as gateway:
        with open_ledger(url).begin() as connection:
            connection.execute(text("UPDATE study SET patient_id = 'locked'"))
            response = gateway.post(body(file_bytes(dataset)))
            assert (response.status_code, failures(response)) == (503, [0xA700])
            assert response.headers["Warning"] == '299 OSTEON "the database is away"'
        assert gateway.post(body(file_bytes(dataset))).status_code == 200
        assert eventually(lambda: not node.open_associations())
        assert_only_kept(node, dataset)


def test_a_ledger_that_is_away_at_the_end_is_told_of_it_later(
    new_ledger: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("db.session.SQLITE_BUSY_SECONDS", 0.1)
    url, whole = new_ledger("sqlite"), radiograph()
    sent = body(file_bytes(whole), file_bytes(radiograph(1000, 1000)))
    with running_node(url, tmp_path) as node, running_gateway(node, upkeep_seconds=0.1) as gateway:
        with _say(gateway, len(sent)) as connection:
            connection.sendall(sent[:1_500_000])
            assert eventually(lambda: bool(node.instances(whole.SOPInstanceUID)))
            with open_ledger(url).begin() as locker:
                locker.execute(text("UPDATE study SET patient_id = 'locked'"))
                with structlog.testing.capture_logs() as lines:
                    connection.close()
                    stays_open = "association_row_stays_open"
                    assert eventually(lambda: stays_open in [line["event"] for line in lines])
        assert eventually(lambda: not node.open_associations())


def test_what_nobody_foresaw_is_told_as_such(
    new_ledger: Callable[[str], str], tmp_path: Path
) -> None:
    trigger = "CREATE TRIGGER t BEFORE INSERT ON instance BEGIN SELECT RAISE(ABORT, ''); END"
    with running_node(new_ledger("sqlite"), tmp_path) as node, running_gateway(node) as gateway:
        with node.engine.begin() as connection:
            connection.execute(text(trigger))
        response = gateway.post(body(file_bytes(radiograph())))
    assert (response.status_code, failures(response)) == (500, [0x0110])


def test_one_object_by_many_requests_at_once(gateway: Gateway) -> None:
    uid = generate_uid()
    content = body(file_bytes(radiograph(SOPInstanceUID=uid)))
    statuses: list[int] = []
    threads = [
        threading.Thread(target=lambda: statuses.append(gateway.post(content).status_code))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 8
    assert len(gateway.node.instances(uid)) == 1


def test_no_log_line_names_a_patient(gateway: Gateway) -> None:
    with structlog.testing.capture_logs() as lines:
        gateway.post(body(file_bytes(radiograph()), file_bytes(radiograph())[:700]))
        gateway.get("/studies", PatientName="Müller*", StudyDate="20260102")
        gateway.get("/studies", NoSuchKey="Müller")
    events = {line["event"] for line in lines}
    assert {"c_store", "stow", "dicomweb"} <= events
    assert not re.search("m.ller|ACC1|20260102|NoSuchKey", json.dumps(lines), re.IGNORECASE)


def test_the_answer_says_what_was_not_stored_and_why(gateway: Gateway) -> None:
    good, bad = radiograph(), radiograph()
    answer = told(gateway.post(body(file_bytes(good), file_bytes(bad)[:600], b"")))
    [stored], [failed] = answer.ReferencedSOPSequence, answer.FailedSOPSequence
    assert stored.ReferencedSOPInstanceUID == good.SOPInstanceUID
    assert failed.ReferencedSOPInstanceUID == bad.SOPInstanceUID
    assert failed.ReferencedSOPClassUID == bad.SOPClassUID
    assert [item.FailureReason for item in answer.OtherFailuresSequence] == [0xC000]


def test_the_boundary_may_have_spaces_behind_it(gateway: Gateway) -> None:
    dataset = radiograph()
    padded = body(file_bytes(dataset)).replace(
        f"--{BOUNDARY}\r\n".encode(), f"--{BOUNDARY} \t \r\n".encode(), 1
    )
    assert gateway.post(padded + b"\r\nan epilogue").status_code == 200
    gateway.node.assert_kept(dataset)
