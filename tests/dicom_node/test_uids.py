"""UIDs are legal, repeatable and apart."""

from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import UID

from dicom_node.results.equipment import Equipment
from dicom_node.results.finding import AlgorithmIdentity
from dicom_node.uids import derive_uid


@given(st.lists(st.text()))
def test_any_parts_make_a_legal_uid(parts: list[str]) -> None:
    uid = UID(derive_uid(*parts))
    assert uid.is_valid
    assert len(uid) <= 64


def test_uid_is_the_same_on_every_machine() -> None:
    assert derive_uid("series", 1) == "2.25.261870049386456081330648715971586091190"


def test_border_between_parts_counts() -> None:
    assert derive_uid("ab", "c") != derive_uid("a", "bc")


def test_device_uid_changes_with_the_weights() -> None:
    before = Equipment(AlgorithmIdentity("osteon-fracture", "0.1.0"), "NODE-1")
    after = Equipment(AlgorithmIdentity("osteon-fracture", "0.1.1"), "NODE-1")
    assert before.device_uid != after.device_uid
