"""Who is admitted: calling AE title and address are one record."""

import hashlib

import pytest

from dicom_node.certificate_name import CertificateName
from dicom_node.policy import BY_PLAIN_TCP, AssociationPolicy, Peer, Refusal, Shown

pytestmark = pytest.mark.requirement("R-DOOR-2")


def test_without_a_list_anybody_may_call() -> None:
    assert AssociationPolicy("OSTEON").admits("ANYBODY", "198.51.100.7")


@pytest.mark.parametrize(
    ("calling", "address", "admitted"),
    [
        ("PACS", "192.0.2.10", True),
        ("PACS", "192.0.2.11", False),
        ("PACS", "::ffff:192.0.2.10", True),
        ("CR1", "198.51.100.200", True),
        ("CR1", "203.0.113.1", False),
        ("PORTABLE", "203.0.113.9", True),
        ("PORTABLE", "2001:db8::9", True),
        ("pacs", "192.0.2.10", False),
        ("STRANGER", "192.0.2.10", False),
    ],
)
def test_with_a_list_title_and_address_belong_together(
    calling: str, address: str, admitted: bool
) -> None:
    peers = (Peer("PACS", "192.0.2.10"), Peer("CR1", "198.51.100.0/24"), Peer("PORTABLE"))
    assert AssociationPolicy("OSTEON", allowed_peers=peers).admits(calling, address) is admitted


@pytest.mark.parametrize(
    ("calling", "address", "admitted"),
    [
        ("OSTEON", "127.0.0.1", True),
        ("OSTEON", "::ffff:127.0.0.1", True),
        ("OSTEON", "192.0.2.10", True),
        ("OSTEON", "192.0.2.11", False),
        ("PACS", "127.0.0.1", False),
    ],
)
def test_a_part_of_the_node_may_call_by_our_title_from_its_host_alone(
    calling: str, address: str, admitted: bool
) -> None:
    hosts = ("away.invalid", "a..b", "localhost", "192.0.2.10")
    policy = AssociationPolicy("OSTEON", allowed_peers=(Peer("PACS", "10.0.0.5"),), own_hosts=hosts)
    assert policy.admits(calling, address) is admitted


def test_an_address_that_is_none_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="not-an-address"):
        AssociationPolicy("OSTEON", allowed_peers=(Peer("PACS", "not-an-address"),))


ITS_OWN, ANOTHERS = b"its own", b"another's"
BY_TLS = Shown(True, ITS_OWN)
BY_ITS_OWN = CertificateName.parse(f"sha256:{hashlib.sha256(ITS_OWN).hexdigest()}")
PINNED = Peer("PACS", "192.0.2.10", BY_ITS_OWN)


@pytest.mark.parametrize(
    ("peer", "shown", "refusal"),
    [
        (PINNED, BY_TLS, None),
        (PINNED, Shown(True, ANOTHERS), Refusal.WRONG_CERTIFICATE),
        (PINNED, Shown(True, None), Refusal.WRONG_CERTIFICATE),
        (PINNED, BY_PLAIN_TCP, Refusal.NEEDS_TLS),
        (Peer("PACS", needs_tls=True), BY_PLAIN_TCP, Refusal.NEEDS_TLS),
        (Peer("PACS", needs_tls=True), Shown(True, ANOTHERS), None),
        (Peer("PACS"), BY_PLAIN_TCP, None),
        (Peer("PACS"), Shown(True, ANOTHERS), None),
        (Peer("PACS", "192.0.2.11", BY_ITS_OWN), BY_TLS, Refusal.UNKNOWN),
        (Peer("CR1", None, BY_ITS_OWN), BY_TLS, Refusal.UNKNOWN),
    ],
)
def test_title_address_and_certificate_belong_together(
    peer: Peer, shown: Shown, refusal: Refusal | None
) -> None:
    policy = AssociationPolicy("OSTEON", allowed_peers=(peer,))
    assert policy.refusal_of("PACS", "192.0.2.10", shown) is refusal
    assert policy.admits("PACS", "192.0.2.10", shown) is (refusal is None)


def test_one_of_several_records_is_enough() -> None:
    peers = (PINNED, Peer("PACS", "192.0.2.0/24"))
    policy = AssociationPolicy("OSTEON", allowed_peers=peers)
    assert policy.admits("PACS", "192.0.2.10", BY_PLAIN_TCP)


def test_where_only_named_certificates_count_a_record_without_one_is_not_enough() -> None:
    """By plain TCP it still is; and the node's own parts have no record."""
    peers = (PINNED, Peer("CR1"), Peer("OSTEON", "127.0.0.0/8"))
    policy = AssociationPolicy("OSTEON", allowed_peers=peers, named_certificates_only=True)
    assert policy.refusal_of("CR1", "192.0.2.1", BY_TLS) is Refusal.NO_CERTIFICATE_NAMED
    assert policy.admits("CR1", "192.0.2.1", BY_PLAIN_TCP)
    assert policy.admits("PACS", "192.0.2.10", BY_TLS)
    assert policy.admits("OSTEON", "127.0.0.1", BY_TLS)
