"""Names of the node's other parts: a slow name service holds up one caller, and for a while."""

import socket
import threading
import time

import pytest

from dicom_node.own_hosts import OwnHosts


class Names:
    """A name service that can be slow."""

    def __init__(self) -> None:
        self.answers = threading.Event()
        self.address = "192.0.2.7"
        self.asked = 0

    def look_up(self, *_: object, **__: object) -> list[tuple[object, ...]]:
        self.asked += 1
        self.answers.wait(5)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (self.address, 0))]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    service = Names()
    monkeypatch.setattr(socket, "getaddrinfo", service.look_up)
    return service


def test_a_slow_name_service_is_waited_for_so_long_and_no_longer(names: Names) -> None:
    hosts, began = OwnHosts(["web.inside"]), time.monotonic()
    assert not hosts.include("192.0.2.7", patience_seconds=0.1)
    assert not hosts.include("192.0.2.7", patience_seconds=0)
    assert time.monotonic() - began < 2
    assert names.asked == 1  # by one thread, whoever wants to know
    names.answers.set()
    assert hosts.include("192.0.2.7")


def test_the_last_answer_holds_while_a_new_one_is_sought(names: Names) -> None:
    names.answers.set()
    hosts = OwnHosts(["web.inside"], fresh_seconds=0)
    assert hosts.include("192.0.2.7")
    names.answers.clear()
    assert hosts.include("192.0.2.7", patience_seconds=0)
    names.answers.set()


def test_a_part_that_is_made_again_with_another_address_is_known_at_once(names: Names) -> None:
    names.answers.set()
    hosts = OwnHosts(["web.inside"], fresh_seconds=0)
    assert hosts.include("192.0.2.7")
    names.address = "192.0.2.8"
    assert hosts.include("192.0.2.8")


def test_without_names_nobody_is_asked(names: Names) -> None:
    assert not OwnHosts([]).include("192.0.2.7")
    assert names.asked == 0


def test_where_no_thread_is_left_the_last_answer_holds(
    names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread that accepts connections asks, too: it has to go on."""

    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    names.answers.set()
    hosts = OwnHosts(["web.inside"], fresh_seconds=0)
    assert hosts.include("192.0.2.7")
    with monkeypatch.context() as exhausted:
        exhausted.setattr(threading.Thread, "start", start)
        assert hosts.include("192.0.2.7")
        assert not hosts.include("192.0.2.8")
    names.address = "192.0.2.8"
    assert hosts.include("192.0.2.8")
