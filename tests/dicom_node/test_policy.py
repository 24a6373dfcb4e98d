"""Who is admitted: calling AE title and address are one record."""

import pytest

from dicom_node.policy import AssociationPolicy, Peer


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
