"""What can be told of an association request from its bytes."""

import pytest

from dicom_node.transport.association_request import (
    NO_PLACE_LEFT,
    UNEXPECTED,
    NoRequest,
    is_whole,
    titles_of,
)
from tests.dicom_node.attacks import wire

REQUEST = wire.associate_request("OSTEON", "PACS")


@pytest.mark.parametrize("length", [0, 1, 5, 6, 7, len(REQUEST) - 1])
def test_a_part_of_a_request_is_waited_for(length: int) -> None:
    assert not is_whole(REQUEST[:length])


def test_a_whole_request_says_who_calls_whom() -> None:
    assert is_whole(REQUEST)
    assert is_whole(REQUEST + b"more")
    assert titles_of(REQUEST) == ("OSTEON", "PACS")


@pytest.mark.parametrize(
    "received",
    [
        b"\x02",
        b"GET / HTTP/1.1",
        b"\x16\x03\x01",
        wire.RELEASE,
        b"\x01\0\xff\xff\xff\xff",
        b"\x01\0\0\x04\0\x01",
    ],
)
def test_what_is_none_is_known_by_its_first_bytes(received: bytes) -> None:
    with pytest.raises(NoRequest):
        is_whole(received)


def test_a_request_of_nothing_has_no_titles() -> None:
    assert titles_of(wire.pdu(wire.ASSOCIATE_RQ, b"")) == ("", "")


def test_how_it_is_declined_is_what_the_standard_says() -> None:
    # PS3.8 9.3.4: transient, service provider (presentation), local limit exceeded; 9.3.8.
    assert wire.pdu(wire.ASSOCIATE_RJ, bytes([0, 2, 3, 2])) == NO_PLACE_LEFT
    assert wire.pdu(wire.ABORT, bytes([0, 0, 2, 2])) == UNEXPECTED
