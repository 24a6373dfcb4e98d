"""What is looked up before a peer is told that it may delete its copy, and how it is told."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.sop_class import StorageCommitmentPushModel as PushModel
from pynetdicom.sop_class import Verification

from db.peer_requests import HeldInstance
from dicom_node.commitment.answering import failures_among, require_reachable, send_answer
from dicom_node.commitment.messages import (
    ALL_KEPT,
    CLASS_INSTANCE_CONFLICT,
    NO_SUCH_INSTANCE,
    PROCESSING_FAILURE,
    PUSH_MODEL_INSTANCE,
    SOME_FAILED,
    Reference,
    read_answer,
)
from dicom_node.peer import Destination, NothingAccepted, PeerRefused, PeerUnavailable, associate
from dicom_node.spool import FileSpool
from tests.servers import free_port

CR, SR = "1.2.840.10008.5.1.4.1.1.1", "1.2.840.10008.5.1.4.1.1.88.34"
KEPT, LOST = Reference(CR, "1.2.1"), Reference(CR, "1.2.2")
QUESTION = "2.25.7"


@pytest.fixture(scope="module")
def spool(tmp_path_factory: pytest.TempPathFactory) -> FileSpool:
    return FileSpool(tmp_path_factory.mktemp("spool"))


def keep(spool: FileSpool, content: bytes) -> tuple[HeldInstance, Path]:
    kept = spool.write(content)
    path = spool.root / "kept" / kept.key[:2] / kept.key
    return HeldInstance(CR, kept.key), path


def failures(spool: FileSpool, held: HeldInstance, asked: Reference = KEPT) -> list[int]:
    return list(failures_among([asked], {KEPT.sop_instance_uid: held}, spool).values())


def test_only_what_is_there_as_it_was_received_is_kept(spool: FileSpool) -> None:
    held, path = keep(spool, b"a radiograph")
    assert failures(spool, held) == []
    assert failures(spool, held, LOST) == [NO_SUCH_INSTANCE]
    assert failures(spool, held, Reference(SR, KEPT.sop_instance_uid)) == [CLASS_INSTANCE_CONFLICT]
    path.write_bytes(b"a radiogrbph")
    assert failures(spool, held) == [PROCESSING_FAILURE]
    path.write_bytes(b"a radiograp")
    assert failures(spool, held) == [PROCESSING_FAILURE]
    path.unlink()
    assert failures(spool, held) == [NO_SUCH_INSTANCE]


def test_what_the_disk_refuses_to_show_is_not_said_to_be_gone(spool: FileSpool) -> None:
    held, path = keep(spool, b"another radiograph")
    path.unlink()
    path.mkdir()  # opens, and cannot be read
    assert failures(spool, held) == [PROCESSING_FAILURE]
    path.rmdir()
    path.symlink_to(path)  # cannot be opened
    assert failures(spool, held) == [PROCESSING_FAILURE]
    path.unlink()
    assert failures(spool, held) == [NO_SUCH_INSTANCE]
    kept, away = spool.root / "kept", spool.root / "away"
    kept.rename(away)  # as where the disk is not mounted
    assert failures(spool, held) == [PROCESSING_FAILURE]
    away.rename(kept)


@dataclass
class Asker:
    """A peer that has asked: it takes our association and our N-EVENT-REPORT."""

    port: int = 0
    status: int | None = 0x0000  # none: it hangs up
    heard: list[tuple[str, int, str, Dataset]] = field(default_factory=list)
    we_are_scp: bool | None = None

    def hear(self, event: Any) -> tuple[int, None]:
        request = event.request
        self.heard.append(
            (
                str(event.assoc.requestor.ae_title),
                request.EventTypeID,
                str(request.AffectedSOPInstanceUID),
                event.event_information,
            )
        )
        [self.we_are_scp] = {
            context.as_scu
            for context in event.assoc.accepted_contexts
            if context.abstract_syntax == PushModel
        }
        if self.status is None:
            event.assoc.abort()
            return 0x0110, None
        return self.status, None

    @property
    def address(self) -> Destination:
        return Destination("ASKER", "127.0.0.1", self.port)


def running(asker: Asker, sop_class: str = PushModel, *, roles: bool = True) -> Any:
    ae = AE("ASKER")
    chosen = {"scu_role": True, "scp_role": True} if roles else {}
    ae.add_supported_context(sop_class, **chosen)
    handlers = [(evt.EVT_N_EVENT_REPORT, asker.hear)]
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    asker.port = server.server_address[1]
    return server


@pytest.fixture
def asker() -> Iterator[Asker]:
    asker = Asker()
    server = running(asker)
    yield asker
    server.shutdown()


def tell(asker: Asker, *failed: Reference) -> None:
    reasons = dict.fromkeys(failed, NO_SUCH_INSTANCE)
    send_answer(asker.address, "OSTEON", QUESTION, ([KEPT], reasons))


def test_the_peer_hears_what_is_kept_and_what_is_not_from_its_scp(asker: Asker) -> None:
    tell(asker, LOST)
    tell(asker)
    (caller, event_type, instance, some), (_, other_type, _, every) = asker.heard
    assert (caller, event_type, instance) == ("OSTEON", SOME_FAILED, PUSH_MODEL_INSTANCE)
    assert asker.we_are_scp is True
    told = read_answer(some)
    assert (told.transaction_uid, told.kept) == (QUESTION, {KEPT.sop_instance_uid})
    assert list(told.failed) == [LOST.sop_instance_uid]
    assert other_type == ALL_KEPT
    assert read_answer(every).failed == {}


def test_an_answer_that_did_not_arrive_is_for_another_attempt(asker: Asker) -> None:
    asker.status = 0x0110
    with pytest.raises(PeerUnavailable, match="answers 0x0110") as refused:
        tell(asker)
    assert refused.value.status == 0x0110
    for status in (0x0115, 0x0118):
        asker.status = status
        with pytest.raises(PeerRefused, match=f"answers 0x{status:04X}"):
            tell(asker)
    asker.status = None
    with pytest.raises(PeerUnavailable, match="answers nothing"):
        tell(asker)
    asker.port = free_port()
    with pytest.raises(PeerUnavailable, match="connection refused"):
        tell(asker)


def test_a_peer_that_negotiates_no_roles_is_told_all_the_same() -> None:
    asker = Asker()
    server = running(asker, roles=False)
    tell(asker)
    server.shutdown()
    assert len(asker.heard) == 1


def test_a_peer_that_takes_no_answers_is_named() -> None:
    asker = Asker()
    server = running(asker, Verification)
    with pytest.raises(NothingAccepted, match="enable them there"):
        tell(asker)
    with pytest.raises(NothingAccepted, match="enable them there"):
        require_reachable(asker.address, "OSTEON")
    server.shutdown()


def test_whether_it_can_be_told_is_asked_without_telling_it(asker: Asker) -> None:
    require_reachable(asker.address, "OSTEON")
    assert asker.heard == []
    asker.port = free_port()
    with pytest.raises(PeerUnavailable, match="connection refused"):
        require_reachable(asker.address, "OSTEON")


def test_a_peer_that_breaks_off_before_it_is_told_is_tried_again(
    asker: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def associate_and_lose(*args: Any, **options: Any) -> Any:
        association = associate(*args, **options)
        association.abort()
        return association

    monkeypatch.setattr("dicom_node.commitment.answering.associate", associate_and_lose)
    with pytest.raises(PeerUnavailable, match="answers nothing"):
        tell(asker)
