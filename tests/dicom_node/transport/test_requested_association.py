"""An association that we ask for: cheap while it stands idle, and never waited for without end."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.sop_class import StorageCommitmentPushModel, Verification

from dicom_node.echo import VERIFICATION_PROPOSALS
from dicom_node.peer import Destination, associate
from tests.waiting import wait_for

SILENCE_SECONDS = 2  # that we bear, in an answer or before it
PROPOSALS = (*VERIFICATION_PROPOSALS, (StorageCommitmentPushModel, "1.2.840.10008.1.2"))


@contextmanager
def associated(
    *handlers: tuple[Any, Any],
    ours: tuple[tuple[Any, Any], ...] = (),
    acse_seconds: float = SILENCE_SECONDS,
) -> Iterator[tuple[Association, Association]]:
    """An association that we asked for, and the peer's side of it."""
    ae = AE("PACS")
    ae.add_supported_context(Verification)
    ae.add_supported_context(StorageCommitmentPushModel, scu_role=False, scp_role=True)
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=list(handlers))
    try:
        there = Destination("PACS", *server.server_address, 1, acse_seconds, SILENCE_SECONDS)
        association = associate(there, "OSTEON", PROPOSALS, handlers=ours)
        [theirs] = wait_for(lambda: server.active_associations, "the peer's side", 5)
        yield association, theirs
        association.release()
    finally:
        server.shutdown()


def _told() -> Dataset:
    data = Dataset()
    data.TransactionUID = "1.2.3"
    return data


def _cpu_seconds(*threads: threading.Thread) -> float:
    clocks = [time.pthread_getcpuclockid(thread.ident or 0) for thread in threads]
    return sum(map(time.clock_gettime, clocks))


def test_an_idle_one_costs_next_to_nothing() -> None:
    """pynetdicom's takes some 50 ms of each second."""
    with associated() as (association, _):
        before = _cpu_seconds(association, association.dul)
        time.sleep(1)
        assert _cpu_seconds(association, association.dul) - before < 0.01


def test_it_is_known_at_once_that_the_peer_broke_off() -> None:
    with associated() as (association, theirs):
        theirs.abort()
        assert wait_for(lambda: association.is_aborted, "the abort", 2)
        assert wait_for(lambda: not association.is_alive(), "its thread to end", 2)


def test_who_releases_as_the_peer_breaks_off_does_not_wait_for_an_answer() -> None:
    """The association's thread has seen the abort, and who releases it has not yet."""

    def break_off(event: Any) -> tuple[int, None]:
        event.assoc.abort()
        return 0, None

    with associated((evt.EVT_N_ACTION, break_off), acse_seconds=20) as (association, _):
        look, is_looking = association.acse.is_release_requested, threading.Event()
        checkpoint, is_releasing = association._reactor_checkpoint, threading.Event()

        def look_slowly() -> bool:
            is_looking.set()
            is_releasing.wait(5)
            return bool(look())

        def clear() -> None:
            threading.Event.clear(checkpoint)
            is_releasing.set()

        association.acse.is_release_requested = look_slowly
        begun = time.monotonic()
        answer, _ = association.send_n_action(_told(), 1, StorageCommitmentPushModel, "1.2.3.4")
        assert "Status" not in answer
        assert is_looking.wait(5)
        assert association.is_established
        checkpoint.clear = clear
        association.release()
        assert time.monotonic() - begun < 5


@pytest.mark.timeout(20)
def test_a_peer_silent_in_the_midst_of_its_answer_is_not_waited_for_without_end() -> None:
    may_go_on = threading.Event()

    def begin_to_answer(event: Any) -> int:
        event.assoc.dul.socket.socket.send(b"\x04\x00\x00")
        may_go_on.wait(15)
        return 0

    with associated((evt.EVT_C_ECHO, begin_to_answer)) as (association, _):
        begun = time.monotonic()
        assert "Status" not in association.send_c_echo()
        assert time.monotonic() - begun < 5
        may_go_on.set()


@pytest.mark.timeout(60)
def test_it_can_be_released_as_soon_as_an_event_report_is_served() -> None:
    """pynetdicom serves one in a thread of its own, beside the association's."""
    served = threading.Event()

    def take(_event: Any) -> tuple[int, None]:
        return 0, None

    def released() -> bool:
        with associated(ours=((evt.EVT_N_EVENT_REPORT, take),)) as (association, theirs):
            serve = association._serve_request

            def noted(*request: Any) -> None:
                serve(*request)
                served.set()

            association._serve_request = noted
            theirs.send_n_event_report(_told(), 1, StorageCommitmentPushModel, "1.2.3.4")
            assert served.wait(5)
            association.release()
            return bool(association.is_released)

    assert all(released() for _ in range(10))
