"""How many associations there may be: no address has all of them, and the node always gets in."""

import pytest

from dicom_node.policy import AssociationPolicy
from dicom_node.transport.association_places import AssociationPlaces


def places(most: int, of_one: int | None = None) -> AssociationPlaces:
    return AssociationPlaces(
        AssociationPolicy("OSTEON", max_associations=most, max_associations_per_address=of_one)
    )


def take(offered: AssociationPlaces, origin: str, times: int = 1) -> str | None:
    return [offered.take(origin, is_own=False) for _ in range(times)][-1]


def test_one_address_has_four_fifths_at_most() -> None:
    offered = places(10)
    assert take(offered, "192.0.2.1", times=8) is None
    assert take(offered, "192.0.2.1") == "too many associations of one address"
    assert take(offered, "192.0.2.2", times=2) is None
    assert take(offered, "192.0.2.3") == "too many associations"


def test_a_place_that_is_given_back_is_free() -> None:
    offered = places(2, of_one=1)
    assert take(offered, "192.0.2.1") is None
    assert take(offered, "192.0.2.1") is not None
    offered.give_back("192.0.2.1")
    assert take(offered, "192.0.2.1") is None
    assert len(offered) == 1


def test_the_node_itself_comes_in_when_all_places_are_taken() -> None:
    offered = places(2, of_one=2)
    assert take(offered, "127.0.0.1", times=2) is None
    assert offered.take("127.0.0.1", is_own=True) is None
    assert offered.take("127.0.0.1", is_own=True) is None
    assert offered.take("127.0.0.1", is_own=True) is not None
    assert take(offered, "192.0.2.1") == "too many associations"


@pytest.mark.parametrize(
    ("most", "of_one", "share"), [(50, None, 40), (1, None, 1), (2, None, 2), (50, 7, 7)]
)
def test_the_share_of_one_address(most: int, of_one: int | None, share: int) -> None:
    policy = AssociationPolicy("X", max_associations=most, max_associations_per_address=of_one)
    assert policy.places_per_address == share


@pytest.mark.parametrize(
    ("calling", "address", "is_own"),
    [
        ("OSTEON", "127.0.0.1", True),
        ("OSTEON", "::1", True),
        ("OSTEON", "192.0.2.1", False),
        ("PACS", "127.0.0.1", False),
    ],
)
def test_who_is_known_to_be_the_node_itself(calling: str, address: str, is_own: bool) -> None:
    assert AssociationPolicy("OSTEON").is_known_to_be_own(calling, address) is is_own
