"""Who may wait before asking for an association, and who makes room for whom."""

import socket
from itertools import count

import pytest

from dicom_node.transport.caller import Caller, origin_of
from dicom_node.transport.waiting_list import WaitingLimits, WaitingList

_due = count()


def caller(address: str, due_at: float | None = None) -> Caller:
    connection = socket.socket()
    connection.close()
    return Caller(connection, (address, 4000), next(_due) if due_at is None else due_at)


def waiting_list(at_most: int, at_most_bytes: int = 1000) -> WaitingList:
    return WaitingList(WaitingLimits(at_most, at_most_bytes))


def test_the_one_that_waited_longest_makes_room_for_another_of_its_own() -> None:
    waiting = waiting_list(at_most=8)  # six of one origin
    first, *others = [caller("192.0.2.1") for _ in range(6)]
    for one in (first, *others):
        assert waiting.enter(one) is None
    assert waiting.enter(caller("192.0.2.1")) is first
    assert not waiting.leave(first)
    assert len(waiting) == 6


def test_a_crowd_makes_room_for_others_and_they_not_for_it() -> None:
    waiting = waiting_list(at_most=8)
    crowd = [caller("192.0.2.1") for _ in range(6)]
    single = caller("192.0.2.2")
    for one in (single, *crowd):
        assert waiting.enter(one) is None
    assert waiting.enter(caller("192.0.2.3")) is None
    assert waiting.enter(caller("192.0.2.4")) is crowd[0]
    assert waiting.enter(caller("192.0.2.5")) is crowd[1]
    assert waiting.leave(single)


def test_who_ought_to_have_asked_is_off_the_list() -> None:
    waiting = waiting_list(at_most=8)
    late, later = caller("192.0.2.1", due_at=10), caller("192.0.2.1", due_at=20)
    waiting.enter(late)
    waiting.enter(later)
    assert waiting.next_due_at() == 10
    assert waiting.overdue(15) == [late]
    assert waiting.everybody() == [later]


def test_who_has_sent_most_leaves_where_all_have_sent_too_much() -> None:
    waiting = waiting_list(at_most=8, at_most_bytes=100)
    little, much = caller("192.0.2.1"), caller("192.0.2.2")
    waiting.enter(little)
    waiting.enter(much)
    assert waiting.note(much, bytes(60)) is None
    assert waiting.note(little, bytes(40)) is None
    assert waiting.note(little, bytes(1)) is much
    assert waiting.note(little, bytes(59)) is None  # what left is no longer counted


def test_what_one_sends_that_has_left_is_not_counted() -> None:
    """Of TLS another thread reads, and finds what was on the way when it was hung up on."""
    waiting = waiting_list(at_most=8, at_most_bytes=100)
    gone, here = caller("192.0.2.1"), caller("192.0.2.2")
    waiting.enter(gone)
    waiting.leave(gone)
    assert waiting.note(gone, bytes(101)) is None
    waiting.enter(here)
    assert waiting.note(here, bytes(100)) is None
    assert waiting.leave(here)


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
    ],
)
def test_whose_an_address_is(address: str, origin: str) -> None:
    assert origin_of(address) == origin
