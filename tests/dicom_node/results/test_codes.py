"""Every code is what the standard's dictionary says it is, or says what else speaks for it."""

import pytest
from pydicom.sr._concepts_dict import concepts
from pydicom.sr.coding import Code

from dicom_node.results.codes import (
    EVIDENCE,
    FRACTURE_TYPES,
    PRIVATE_SCHEME,
    REGIONS,
    Evidence,
    find_code,
)


def _in_dictionary(code: Code) -> bool:
    scheme = concepts.get(code.scheme_designator, {})
    return any(code.value in entries for entries in scheme.values())


def test_standard_codes_are_in_the_dictionary() -> None:
    standard = [code for code, evidence in EVIDENCE.items() if evidence is Evidence.STANDARD]
    assert len(standard) > 60
    assert [code for code in standard if not _in_dictionary(code)] == []


def test_private_codes_and_only_they_are_in_the_private_scheme() -> None:
    for code, evidence in EVIDENCE.items():
        assert (code.scheme_designator == PRIVATE_SCHEME) == (evidence is Evidence.PRIVATE)


def test_codes_fit_their_value_representations() -> None:
    for code in EVIDENCE:
        assert 0 < len(code.value) <= 16
        assert 0 < len(code.meaning) <= 64


def test_leg_is_the_whole_limb() -> None:
    assert REGIONS["leg"].value == "61685007"


@pytest.mark.parametrize("word", ["Fracture-Dislocation", "fracture dislocation"])
def test_words_are_found_however_they_are_written(word: str) -> None:
    code = find_code(FRACTURE_TYPES, word)
    assert code is not None
    assert code.value == "RID4665"


def test_unknown_word_has_no_code() -> None:
    assert find_code(REGIONS, "mixed") is None
    assert find_code(REGIONS, None) is None
