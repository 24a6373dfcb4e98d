"""C-GET and C-MOVE over real associations: what arrives, byte for byte, and what is said of it."""

import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog
from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRLittleEndian
from pynetdicom import AE, build_context, build_role, evt
from pynetdicom.sop_class import (
    StudyRootQueryRetrieveInformationModelGet as Get,
)
from pynetdicom.sop_class import (
    StudyRootQueryRetrieveInformationModelMove as Move,
)

from db.session import transaction
from db.states import ObjectKind
from dicom_node.peer import Destination
from tests.dicom_node.kept_results import SC, SR, KeptResult, add_results, keep, study_row
from tests.dicom_node.listening import AE_TITLE, Node, associated, eventually, running_node
from tests.dicom_node.test_listener import run_dcmtk
from tests.services import require_program

STUDY, OTHER_STUDY, LOST = "1.2.3", "1.2.4", "1.2.5"


@pytest.fixture(scope="module")
def archive() -> Iterator["Archive"]:
    with running_archive() as running:
        yield running


@pytest.fixture(scope="module")
def node(
    new_ledger: Callable[[str], str],
    tmp_path_factory: pytest.TempPathFactory,
    archive: "Archive",
) -> Iterator[Node]:
    """A node that may move results to an archive, and to one that is away."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port_of_nobody = unused.getsockname()[1]
    destinations = (
        Destination("ARCHIVE", "127.0.0.1", archive.port),
        Destination("AWAY", "127.0.0.1", port_of_nobody, connection_timeout_seconds=1),
    )
    folder = tmp_path_factory.mktemp("spool")
    with running_node(new_ledger("sqlite"), folder, destinations=destinations) as running:
        yield running


@pytest.fixture(scope="module")
def kept(node: Node) -> list[KeptResult]:
    """Two revisions of one study, and another study; fallbacks are never asked for."""
    study = study_row(STUDY)
    results = [keep(node, study, SR), keep(node, study, SC), keep(node, study, SR, revision=2)]
    fallback_of = results[0].row.id
    keep(node, study, SR, kind=ObjectKind.SR_FALLBACK, fallback_of_id=fallback_of)
    return [*results, keep(node, study_row(OTHER_STUDY), SR)]


class Archive:
    """A storage SCP that keeps the bytes, and answers as it is told."""

    def __init__(self) -> None:
        self.received: list[tuple[Any, bytes]] = []
        self.answers: dict[str, int] = {}
        self.pause_seconds = 0.0
        self.port = 0

    def store(self, event: Any) -> int:
        time.sleep(self.pause_seconds)
        self.received.append((event.request, event.request.DataSet.getvalue()))
        return self.answers.get(event.request.AffectedSOPClassUID, 0x0000)

    def take(self) -> list[bytes]:
        """What has come since the last time."""
        data = [received for _, received in self.received]
        self.received.clear()
        return data


@contextmanager
def running_archive(*syntaxes: str) -> Iterator[Archive]:
    archive = Archive()
    ae = AE("ARCHIVE")
    ae.add_supported_context(SR, list(syntaxes or [ExplicitVRLittleEndian]))
    ae.add_supported_context(SC, list(syntaxes or [ExplicitVRLittleEndian]))
    handlers = [(evt.EVT_C_STORE, archive.store)]
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    archive.port = server.server_address[1]
    yield archive
    server.shutdown()


def identifier(level: str = "STUDY", **keys: Any) -> Dataset:
    asked = Dataset()
    asked.QueryRetrieveLevel = level
    for keyword, value in keys.items():
        setattr(asked, keyword, value)
    return asked


def get(
    node: Node,
    asked: Dataset,
    store: Callable[[Any], int] = lambda _: 0x0000,
    sop_classes: tuple[str, ...] = (SR, SC),
    syntax: str = ExplicitVRLittleEndian,
) -> list[tuple[Dataset, Dataset | None]]:
    """All responses; the objects go to `store`."""
    association = AE("WORKSTATION").associate(
        "127.0.0.1",
        node.port,
        contexts=[build_context(Get), *(build_context(uid, syntax) for uid in sop_classes)],
        ext_neg=[build_role(uid, scp_role=True) for uid in sop_classes],
        evt_handlers=[(evt.EVT_C_STORE, store)],
        ae_title=AE_TITLE,
    )
    responses = list(association.send_c_get(asked, Get))
    association.release()
    return responses


def move(node: Node, asked: Dataset, destination: str = "ARCHIVE") -> tuple[Dataset, Any]:
    """The final response."""
    with associated(node.port, Move) as association:
        return list(association.send_c_move(asked, destination, Move, msg_id=5))[-1]


def counts(status: Dataset) -> tuple[int, int, int]:
    """Completed, with warnings, failed."""
    return (
        status.NumberOfCompletedSuboperations,
        status.NumberOfWarningSuboperations,
        status.NumberOfFailedSuboperations,
    )


def failed_uids(answer: Dataset) -> list[str]:
    value = answer.FailedSOPInstanceUIDList
    return [value] if isinstance(value, str) else list(value)


def test_c_get_brings_all_revisions_as_they_are_kept(node: Node, kept: list[KeptResult]) -> None:
    archive = Archive()
    *pending, (final, _) = get(node, identifier(StudyInstanceUID=STUDY), archive.store)
    assert final.Status == 0x0000
    assert counts(final) == (3, 0, 0)
    assert archive.take() == [result.data for result in kept[:3]]
    remaining = [status.NumberOfRemainingSuboperations for status, _ in pending]
    assert remaining == [2, 1]
    assert {int(status.Status) for status, _ in pending} == {0xFF00}


def test_c_move_brings_them_to_the_destination(
    node: Node, kept: list[KeptResult], archive: Archive
) -> None:
    final, _ = move(node, identifier(StudyInstanceUID=[STUDY, OTHER_STUDY]))
    assert final.Status == 0x0000
    assert counts(final) == (4, 0, 0)
    [request, *_] = [request for request, _ in archive.received]
    assert request.MoveOriginatorApplicationEntityTitle == "MODALITY"
    assert request.MoveOriginatorMessageID == 5
    assert archive.take() == [result.data for result in kept]


def test_unique_keys_choose_series_and_instances(
    node: Node, kept: list[KeptResult], archive: Archive
) -> None:
    series = {"StudyInstanceUID": STUDY, "SeriesInstanceUID": f"{STUDY}.9101"}
    assert counts(move(node, identifier("SERIES", **series))[0]) == (2, 0, 0)
    assert archive.take() == [kept[0].data, kept[2].data]
    newest = kept[2].row.sop_instance_uid
    move(node, identifier("IMAGE", **series, SOPInstanceUID=[newest, "1.9"]))
    assert archive.take() == [kept[2].data]


def test_what_is_not_there_is_no_failure(node: Node, kept: list[KeptResult]) -> None:
    for final, _ in (
        move(node, identifier(StudyInstanceUID="1.9")),
        get(node, identifier(StudyInstanceUID="1.9"))[-1],
    ):
        assert final.Status == 0x0000
        assert counts(final) == (0, 0, 0)


@pytest.mark.parametrize(
    ("asked", "status", "comment"),
    [
        (identifier("STUDY"), 0xA900, "StudyInstanceUID is missing"),
        (identifier("STUDY", StudyInstanceUID="*"), 0xA900, "StudyInstanceUID is no UID"),
        (identifier("SERIES", SeriesInstanceUID="1.2"), 0xA900, "StudyInstanceUID must be one"),
        (identifier("PATIENT", PatientID="P1"), 0xA900, "QueryRetrieveLevel must be"),
    ],
)
def test_a_wrong_identifier_is_refused(
    node: Node, asked: Dataset, status: int, comment: str
) -> None:
    for final, _ in (move(node, asked), get(node, asked)[-1]):
        assert final.Status == status
        assert final.ErrorComment.startswith(comment)


def test_an_unknown_destination_is_refused_in_plain_words(node: Node, kept: Any) -> None:
    final, _ = move(node, identifier(StudyInstanceUID=STUDY), "ELSEWHERE")
    assert final.Status == 0xA801
    assert final.ErrorComment == "not a destination of this node: add it there"


def test_a_destination_that_is_away_gets_nothing_and_all_is_named(
    node: Node, kept: list[KeptResult]
) -> None:
    with structlog.testing.capture_logs() as lines:
        final, answer = move(node, identifier(StudyInstanceUID=STUDY), "AWAY")
    assert final.Status == 0xA702
    assert counts(final) == (0, 0, 3)
    assert failed_uids(answer) == [result.row.sop_instance_uid for result in kept[:3]]
    [line] = [line for line in lines if line["event"] == "move_destination_unreachable"]
    assert "connection refused" in line["reason"]


def test_one_class_that_is_refused_does_not_stop_the_others(
    node: Node, kept: list[KeptResult]
) -> None:
    archive = Archive()
    asked = identifier(StudyInstanceUID=STUDY)
    final, answer = get(node, asked, archive.store, sop_classes=(SC,))[-1]
    assert final.Status == 0xB000
    assert counts(final) == (1, 0, 2)
    assert answer is not None
    refused = [kept[0].row.sop_instance_uid, kept[2].row.sop_instance_uid]
    assert failed_uids(answer) == refused
    assert archive.take() == [kept[1].data]


def test_the_destinations_answers_are_counted(
    node: Node, kept: list[KeptResult], archive: Archive
) -> None:
    archive.answers = {SR: 0xB000}
    final, _ = move(node, identifier(StudyInstanceUID=STUDY))
    assert final.Status == 0xB000
    assert counts(final) == (1, 2, 0)
    archive.answers = {SC: 0xA700, SR: 0xB000}
    with structlog.testing.capture_logs() as lines:
        final, answer = move(node, identifier(StudyInstanceUID=STUDY))
    assert final.Status == 0xB000
    assert counts(final) == (0, 2, 1)
    assert failed_uids(answer) == [kept[1].row.sop_instance_uid]
    assert [line["reason"] for line in lines if "reason" in line] == ["status 0xA700", None]
    archive.answers = {SC: 0xC000, SR: 0xA900}
    final, answer = move(node, identifier(StudyInstanceUID=STUDY))
    archive.answers = {}
    archive.take()
    assert final.Status == 0xA702
    assert counts(final) == (0, 0, 3)


def test_a_file_that_is_gone_is_a_failure_that_the_log_names(node: Node, kept: Any) -> None:
    study = study_row(LOST)
    lost = keep(node, study, SC)
    node.spool.remove(lost.row.spool_key)
    archive = Archive()
    there = keep(node, study, SR)
    with structlog.testing.capture_logs() as lines:
        final, _ = get(node, identifier(StudyInstanceUID=LOST), archive.store)[-1]
    assert counts(final) == (1, 0, 1)
    assert archive.take() == [there.data]
    [failure] = [line for line in lines if line["event"] == "sub_operation_failed"]
    assert failure["sop_instance_uid"] == lost.row.sop_instance_uid
    [line] = [line for line in lines if line["event"] == "results_retrieved"]
    assert (line["completed"], line["failed"], line["status"]) == (1, 1, "0xB000")


@pytest.mark.parametrize("model", [Get, Move])
def test_a_cancelled_retrieval_says_what_remains(
    node: Node, kept: list[KeptResult], archive: Archive, model: UID
) -> None:
    """The peer cancels while it stores the first object, and is answered before the last."""
    asked = identifier(StudyInstanceUID=[STUDY, OTHER_STUDY])
    archive.pause_seconds = 0.2
    association = AE("WORKSTATION").associate(
        "127.0.0.1",
        node.port,
        contexts=[build_context(model), build_context(SR), build_context(SC)],
        ext_neg=[build_role(uid, scp_role=True) for uid in (SR, SC)],
        evt_handlers=[(evt.EVT_C_STORE, archive.store)],
        ae_title=AE_TITLE,
    )
    threading.Timer(0.1, association.send_c_cancel, (5, None, model)).start()
    if model == Get:
        responses = association.send_c_get(asked, model, msg_id=5)
    else:
        responses = association.send_c_move(asked, "ARCHIVE", model, msg_id=5)
    final, _ = list(responses)[-1]
    association.release()
    archive.pause_seconds = 0
    assert final.Status == 0xFE00
    assert final.NumberOfRemainingSuboperations == 3
    assert archive.take() == [kept[0].data]


def test_who_leaves_amid_a_retrieval_stops_it(
    node: Node, kept: list[KeptResult], archive: Archive
) -> None:
    archive.pause_seconds = 0.1
    with associated(node.port, Move) as association:
        asked = identifier(StudyInstanceUID=[STUDY, OTHER_STUDY])
        next(association.send_c_move(asked, "ARCHIVE", Move))
        association.abort()
    assert eventually(lambda: not node.live_associations)
    archive.pause_seconds = 0
    assert len(archive.take()) < 4


def test_an_association_serves_one_retrieval_after_the_other(
    node: Node, kept: list[KeptResult], archive: Archive
) -> None:
    with associated(node.port, Move) as association:
        for _ in range(3):
            asked = identifier(StudyInstanceUID=OTHER_STUDY)
            final, _ = list(association.send_c_move(asked, "ARCHIVE", Move))[-1]
            assert final.Status == 0x0000
    assert archive.take() == [kept[3].data] * 3


def test_a_request_for_too_much_is_refused_before_anything_is_sent(
    new_ledger: Callable[[str], str], tmp_path: Path, archive: Archive
) -> None:
    here = (Destination("ARCHIVE", "127.0.0.1", archive.port),)
    with running_node(new_ledger("sqlite"), tmp_path, destinations=here) as crowded:
        crowded.listener._retrieve._instance_limit = 100
        uids = [f"1.2.{number}" for number in range(101)]
        with transaction(crowded.engine) as session:
            add_results(session, [study_row(uid) for uid in uids])
        final, _ = move(crowded, identifier(StudyInstanceUID=uids))
    assert final.Status == 0xA701
    assert final.ErrorComment == "more than 100: ask for less"
    assert not archive.take()


@pytest.mark.integration
def test_getscu_gets_files_with_the_same_data_set(
    node: Node, kept: list[KeptResult], tmp_path: Path
) -> None:
    options = ["-S", "+B", "-od", str(tmp_path), "-aec", AE_TITLE, "127.0.0.1", str(node.port)]
    keys = ["-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={STUDY}"]
    got = run_dcmtk("getscu", "-v", *options, *keys)
    assert got.returncode == 0, got.stderr
    assert "Number of Completed Suboperations : 3" in got.stderr
    assert sorted(_data_sets(tmp_path)) == sorted(result.data for result in kept[:3])


@pytest.mark.integration
def test_movescu_has_results_sent_to_itself(
    new_ledger: Callable[[str], str], tmp_path: Path
) -> None:
    results, got = moved_by_movescu(new_ledger("sqlite"), tmp_path)
    assert sorted(_data_sets(got)) == sorted(result.data for result in results)


def moved_by_movescu(
    ledger_url: str, folder: Path, *more_options: str
) -> tuple[list[KeptResult], Path]:
    """An SR and a capture of a node of its own, and where movescu wrote what it got of them."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    here = (Destination("WORKSTATION", "127.0.0.1", port),)
    got = folder / "got"
    got.mkdir()
    with running_node(ledger_url, folder / "spool", destinations=here) as running:
        study = study_row(STUDY)
        results = [keep(running, study, SR), keep(running, study, SC)]
        options = ["-S", "-v", "-aet", "WORKSTATION", "-aem", "WORKSTATION", "-aec", AE_TITLE]
        options += [*more_options, "+B", "+P", str(port), "127.0.0.1", str(running.port)]
        keys = ["-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={STUDY}"]
        # With +B it writes to its working folder, whatever -od says.
        command = [require_program("movescu", "dcmtk"), *options, *keys]
        moved = subprocess.run(command, cwd=got, check=False, capture_output=True, timeout=30)
    assert moved.returncode == 0, moved.stderr
    return results, got


def _data_sets(folder: Path) -> list[bytes]:
    """What follows the file meta information of each file (PS3.10 7.1)."""
    contents = [path.read_bytes() for path in folder.iterdir()]
    return [content[144 + int.from_bytes(content[140:144], "little") :] for content in contents]
