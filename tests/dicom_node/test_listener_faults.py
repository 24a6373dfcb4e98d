"""The listener with peers and machines that misbehave: never a false Success, nothing left over."""

import os
import shutil
import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import UID, generate_uid
from pynetdicom.sop_class import DigitalXRayImageStorageForPresentation, Verification
from sqlalchemy import text

from db.session import open_ledger
from db.upgrade import upgrade_ledger
from dicom_node.policy import AssociationPolicy
from dicom_node.statuses import StoreStatus
from tests.dicom_node.listening import (
    AE_TITLE,
    Node,
    associated,
    eventually,
    running_node,
    send_command,
    send_without_waiting,
    store,
    store_command,
)
from tests.dicom_node.sent_objects import CR, encoded, radiograph
from tests.servers import running_postgres
from tests.services import absent

DX = str(DigitalXRayImageStorageForPresentation)
OTHER_UID = "1.2.3.4.5"
HOSTILE_UIDS = [
    "../../../../tmp/owned",
    "/etc/passwd",
    "1.2.3\n{'status': '0x0000'}",
    "1.2.3\\4.5.6",
    "1..2",
    ".1.2",
    "1.2.",
    "1.2.3;rm -rf /",
    "1.2.3\x1b[2J",
    "<script>",
    "1.2.3%00",
]


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def assert_nothing_left(node: Node, sop_instance_uid: str) -> None:
    assert eventually(lambda: not node.temporary_files())
    assert not node.instances(sop_instance_uid)


MISMATCHES = {
    "class: command and data set": ({"AffectedSOPClassUID": DX}, {}),
    "instance: command and data set": ({"AffectedSOPInstanceUID": OTHER_UID}, {}),
    "class: data set and its meta": ({}, {"MediaStorageSOPClassUID": DX}),
    "instance: data set and its meta": ({}, {"MediaStorageSOPInstanceUID": OTHER_UID}),
    "class: context and the rest": (
        {"AffectedSOPClassUID": DX},
        {"SOPClassUID": DX, "MediaStorageSOPClassUID": DX},
    ),
    "instance: command and meta against the data set": (
        {"AffectedSOPInstanceUID": OTHER_UID},
        {"MediaStorageSOPInstanceUID": OTHER_UID},
    ),
}


@pytest.mark.parametrize(("in_command", "in_data_set"), MISMATCHES.values(), ids=MISMATCHES)
def test_disagreement_on_what_the_object_is(
    node: Node, in_command: dict[str, str], in_data_set: dict[str, str]
) -> None:
    dataset = radiograph()
    command = store_command(dataset, **in_command)
    meta = Dataset()
    for keyword, value in in_data_set.items():
        setattr(meta if keyword.startswith("Media") else dataset, keyword, value)
    data = encode_meta(meta) + encoded(dataset)
    with associated(node.port, CR) as association:
        status = send_command(association, 1, command, data)
        assert status == StoreStatus.DATA_SET_MISMATCH
    assert_nothing_left(node, dataset.SOPInstanceUID)
    assert not node.instances(OTHER_UID)


def encode_meta(meta: Dataset) -> bytes:
    """File meta elements inside a data set, where they do not belong."""
    data = b""
    for element in meta:
        value = str(element.value).encode()
        value += b"\0" * (len(value) % 2)
        data += struct.pack("<HH2sH", element.tag.group, element.tag.element, b"UI", len(value))
        data += value
    return data


@pytest.mark.parametrize("uid", HOSTILE_UIDS)
@pytest.mark.parametrize("keyword", ["SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"])
def test_hostile_uids_are_not_understood(node: Node, keyword: str, uid: str) -> None:
    dataset = radiograph()
    before = len(node.kept_files())
    dataset[keyword].value = UID(uid, validation_mode=0)
    with associated(node.port, CR) as association:
        assert send_command(association, 1, store_command(dataset), encoded(dataset)) in (
            StoreStatus.NOT_UNDERSTOOD,
            StoreStatus.DATA_SET_MISMATCH,
        )
    assert not node.temporary_files()
    assert len(node.kept_files()) == before
    assert {path.name for path in node.spool.root.iterdir()} == {"incoming", "kept"}


@pytest.mark.parametrize("uid", ["1." * 60 + "1", ""])
def test_a_command_that_names_no_object_ends_the_association(node: Node, uid: str) -> None:
    dataset = radiograph()
    command = store_command(dataset, AffectedSOPInstanceUID=uid)
    with associated(node.port, CR) as association, pytest.raises(TimeoutError):
        send_command(association, 1, command, encoded(dataset))
    assert_nothing_left(node, dataset.SOPInstanceUID)


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"])
def test_an_object_without_its_uids_is_not_understood(node: Node, keyword: str) -> None:
    dataset = radiograph()
    command = store_command(dataset)
    delattr(dataset, keyword)
    with associated(node.port, CR) as association:
        assert send_command(association, 1, command, encoded(dataset)) == 0xC000
    assert_nothing_left(node, command.AffectedSOPInstanceUID)


def test_a_data_set_cut_off_in_its_header_is_not_understood(node: Node) -> None:
    dataset = radiograph()
    with associated(node.port, CR) as association:
        for length in (0, 7, 40, 300):
            data = encoded(dataset)[:length]
            assert send_command(association, 1, store_command(dataset), data) == 0xC000
    assert_nothing_left(node, dataset.SOPInstanceUID)


def test_pixels_cut_off_are_kept_for_the_decoder_to_judge(node: Node) -> None:
    dataset = radiograph()
    data = encoded(dataset)[:-1000]
    with associated(node.port, CR) as association:
        assert send_command(association, 1, store_command(dataset), data) == StoreStatus.SUCCESS
    [row] = node.instances(dataset.SOPInstanceUID)
    with node.spool.open(row.spool_key) as file:
        assert file.read().endswith(data)


def test_a_claim_of_5_gigabytes_of_pixels_is_kept_for_the_decoder_to_judge(node: Node) -> None:
    dataset = radiograph()
    dataset.Rows, dataset.Columns = 50000, 50000
    with associated(node.port, CR) as association:
        assert store(association, dataset) == StoreStatus.SUCCESS
    [row] = node.instances(dataset.SOPInstanceUID)
    assert (row.rows, row.columns) == (50000, 50000)


def test_noise_is_not_understood(node: Node) -> None:
    dataset = radiograph()
    whole_file = bytes(128) + b"DICM" + encoded(dataset)
    with associated(node.port, CR) as association:
        for data in (os.urandom(5000), bytes(5000), whole_file):
            assert send_command(association, 1, store_command(dataset), data) == 0xC000
    assert_nothing_left(node, dataset.SOPInstanceUID)


@pytest.mark.parametrize("ending", ["abort", "close", "release"])
def test_leaving_in_the_middle_of_a_transfer_leaves_nothing(node: Node, ending: str) -> None:
    assert eventually(lambda: node.live_associations == 0)
    before = open_files()
    for _ in range(5):
        dataset = radiograph(rows=512, columns=512)
        with associated(node.port, CR) as association:
            send_without_waiting(association, 1, store_command(dataset), encoded(dataset))
            assert eventually(lambda: len(node.temporary_files()) == 1)
            if ending == "abort":
                association.abort()
            elif ending == "close":
                client = association.dul.socket.socket
                client.shutdown(socket.SHUT_RDWR)
                client.close()
        assert_nothing_left(node, dataset.SOPInstanceUID)
    assert eventually(lambda: node.live_associations == 0)
    assert open_files() <= before


def test_an_object_over_the_limit_is_refused_and_leaves_nothing(
    sqlite_ledger_url: str, tmp_path: Path
) -> None:
    policy = AssociationPolicy(AE_TITLE, object_max_bytes=100_000)
    large, small = radiograph(rows=300, columns=300), radiograph()
    with running_node(sqlite_ledger_url, tmp_path, policy) as node:
        with associated(node.port, CR) as association:
            assert store(association, large) == StoreStatus.OUT_OF_RESOURCES
            assert store(association, small) == StoreStatus.SUCCESS
        assert_nothing_left(node, large.SOPInstanceUID)


def test_the_reserve_of_the_disk_is_left_alone(sqlite_ledger_url: str, tmp_path: Path) -> None:
    reserve = shutil.disk_usage(tmp_path).free * 2
    with running_node(sqlite_ledger_url, tmp_path, reserve_bytes=reserve) as node:
        with associated(node.port, CR, Verification) as association:
            dataset = radiograph()
            assert store(association, dataset) == StoreStatus.OUT_OF_RESOURCES
            assert association.send_c_echo().Status == 0
        assert_nothing_left(node, dataset.SOPInstanceUID)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 1 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if subprocess.run(["mount", *options], check=False, capture_output=True).returncode:
        absent("mounting a tmpfs is not permitted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_said_and_forgotten(small_disk: Path, sqlite_ledger_url: str) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(900_000))
    with running_node(sqlite_ledger_url, small_disk / "spool") as node:
        dataset = radiograph(rows=300, columns=300)
        with associated(node.port, CR, Verification) as association:
            started_at = time.monotonic()
            assert store(association, dataset) == StoreStatus.OUT_OF_RESOURCES
            assert time.monotonic() - started_at < 1
            assert association.send_c_echo().Status == 0
            assert_nothing_left(node, dataset.SOPInstanceUID)
            ballast.unlink()
            assert store(association, dataset) == StoreStatus.SUCCESS
        node.assert_kept(dataset)


def test_a_spool_gone_away_is_said_and_forgotten(node: Node) -> None:
    incoming = node.spool.root / "incoming"
    with associated(node.port, CR) as association:
        incoming.rename(node.spool.root / "gone")
        dataset = radiograph()
        assert store(association, dataset) == StoreStatus.OUT_OF_RESOURCES
        (node.spool.root / "gone").rename(incoming)
        assert store(association, dataset) == StoreStatus.SUCCESS
    node.assert_kept(dataset)


@pytest.mark.integration
def test_postgresql_away_and_back(tmp_path: Path) -> None:
    with running_postgres() as server:
        url = server.create_database()
        upgrade_ledger(url)
        with running_node(url, tmp_path, upkeep_seconds=0.2) as node:
            dataset = radiograph()
            with associated(node.port, CR, Verification) as association:
                assert store(association, radiograph()) == StoreStatus.SUCCESS
                server.kill()
                assert store(association, dataset) == StoreStatus.OUT_OF_RESOURCES
                assert association.send_c_echo().Status == 0
            assert eventually(lambda: node.live_associations == 0)
            server.start()
            # The row of the association that ended meanwhile.
            assert eventually(lambda: not node.open_associations())
            with associated(node.port, CR) as association:
                assert store(association, dataset) == StoreStatus.SUCCESS
            node.assert_kept(dataset)


def test_sqlite_locked_and_free_again(
    sqlite_ledger_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("db.session.SQLITE_BUSY_SECONDS", 0.2)
    dataset = radiograph()
    with running_node(sqlite_ledger_url, tmp_path) as node:
        locker = open_ledger(sqlite_ledger_url)
        with associated(node.port, CR) as association:
            with locker.begin() as connection:
                connection.execute(text("UPDATE study SET patient_id = 'locked'"))
                assert store(association, dataset) == StoreStatus.OUT_OF_RESOURCES
            assert store(association, dataset) == StoreStatus.SUCCESS
        node.assert_kept(dataset)


def test_what_nobody_foresaw_is_a_processing_failure(
    sqlite_ledger_url: str, tmp_path: Path
) -> None:
    with running_node(sqlite_ledger_url, tmp_path) as node:
        with node.engine.begin() as connection:
            refusing = (
                "CREATE TRIGGER t BEFORE INSERT ON instance BEGIN SELECT RAISE(ABORT, ''); END"
            )
            connection.execute(text(refusing))
        with associated(node.port, CR) as association:
            dataset = radiograph()
            assert store(association, dataset) == StoreStatus.PROCESSING_FAILURE
            with node.engine.begin() as connection:
                connection.execute(text("DROP TRIGGER t"))
            assert store(association, dataset) == StoreStatus.SUCCESS
        node.assert_kept(dataset)


@pytest.mark.parametrize("same_bytes", [True, False])
def test_one_uid_from_many_associations_at_once(node: Node, same_bytes: bool) -> None:
    uid, study = generate_uid(), generate_uid()
    original = radiograph(SOPInstanceUID=uid, StudyInstanceUID=study)

    def send(number: int) -> int:
        dataset = original
        if not same_bytes:
            dataset = radiograph(SOPInstanceUID=uid, StudyInstanceUID=study, InstanceNumber=number)
        with associated(node.port, CR) as association:
            return store(association, dataset)

    with ThreadPoolExecutor(12) as pool:
        assert set(pool.map(send, range(12))) == {StoreStatus.SUCCESS}
    rows = node.instances(uid)
    assert len([row for row in rows if row.quarantine_reason is None]) == 1
    assert len(rows) == (1 if same_bytes else 12)
    assert {row.spool_key for row in rows} <= {path.name for path in node.kept_files()}
    assert sum(len(node.analyse_jobs(row.id)) for row in rows) == 1


def test_a_message_that_is_no_c_store_may_not_be_long(node: Node) -> None:
    echo = Dataset()
    echo.AffectedSOPClassUID = Verification
    echo.CommandField, echo.MessageID, echo.CommandDataSetType = 0x0030, 1, 0x0001
    with associated(node.port, Verification) as association, pytest.raises(TimeoutError):
        send_command(association, 1, echo, bytes(2_000_000))
    assert eventually(lambda: node.live_associations == 0)
