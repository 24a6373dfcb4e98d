"""Rules that cannot be meant as they are written are refused with a sentence that says why."""

from typing import Any

import pytest

from dicom_node.routing.checks import (
    DuplicateRule,
    ReservedName,
    RuleRefused,
    UnknownDestination,
    UnreachableRule,
    check_rules,
)
from dicom_node.routing.table import ImpossibleCondition, UnknownKey, WrongValue, read_rules

Tables = list[dict[str, Any]]


def refused(tables: Tables, *destinations: str) -> RuleRefused:
    with pytest.raises(RuleRefused) as caught:
        check_rules(read_rules(tables), destinations)
    return caught.value


@pytest.mark.parametrize(
    ("keys", "kind", "said"),
    [
        ({"boddy_part": "HAND"}, UnknownKey, "unknown key boddy_part; did you mean body_part?"),
        ({"body_part": []}, ImpossibleCondition, "body_part lists nothing"),
        ({"body_part": " "}, ImpossibleCondition, "an empty text matches nothing"),
        ({"body_part": "Hand/Wrist"}, ImpossibleCondition, "write ? for any other character"),
        ({"body_part": "LOWER EXTREMITIES"}, ImpossibleCondition, "at most 16 characters"),
        ({"calling_ae_title": "A" * 17}, ImpossibleCondition, "more than 16 characters"),
        ({"calling_ae_title": "RÖ1"}, ImpossibleCondition, "characters that none may have"),
        ({"modality": "XR"}, ImpossibleCondition, "XR is no DICOM modality"),
        ({"address": "10.0.300.0/24"}, ImpossibleCondition, "no network such as"),
        ({"sop_class": "CR Image Storage"}, ImpossibleCondition, "no storage SOP class"),
        ({"study_description": "*"}, ImpossibleCondition, "asks nothing"),
        ({"study_description": "--"}, ImpossibleCondition, "has no word in it"),
        ({"min_age_years": 9, "max_age_years": 3}, ImpossibleCondition, "9 is above max_age"),
        ({"min_age_years": -1}, WrongValue, "min_age_years should be greater than or equal to 0"),
        ({"priority": "urgent"}, WrongValue, "priority should be 'low', 'normal', 'high' or"),
        ({"analyse": "no"}, WrongValue, "analyse should be a valid boolean"),
        ({"analyse": False}, WrongValue, "analyse = false needs a reason"),
        ({"analyse": False, "reason": "a\0b"}, WrongValue, "reason should be one line without"),
        ({"analyse": False, "reason": "a" * 201}, WrongValue, "should have at most 200 characters"),
        ({"reason": "because"}, WrongValue, "reason is for analyse = false only"),
        ({"body_part": [7]}, WrongValue, "body_part should be a valid string"),
        ({"modality": 7}, WrongValue, "modality should be a list of texts"),
    ],
)
def test_a_mistake_names_the_rule_and_the_key(
    keys: dict[str, Any], kind: type[RuleRefused], said: str
) -> None:
    refusal = refused([{"name": "first"}, {"name": "er hands", **keys}])
    assert type(refusal) is kind
    assert str(refusal).startswith("rules[2] 'er hands': ") and said in str(refusal)


def test_a_rule_has_a_name_and_no_other_has_it() -> None:
    assert str(refused([{"priority": "low"}])) == "rules[1]: name is missing"
    hand, foot = {"name": "r", "body_part": "HAND"}, {"name": "r", "body_part": "FOOT"}
    duplicate = refused([hand, foot])
    assert isinstance(duplicate, DuplicateRule)
    assert str(duplicate) == "rules[2] 'r': rules[1] has the same name"
    own = refused([{"name": "self-test", "body_part": "HAND"}])
    assert isinstance(own, ReservedName)
    said = "rules[1] 'self-test': the node's own rule has this name; choose another"
    assert str(own) == said


def test_an_unknown_destination_is_named_with_the_nearest_known() -> None:
    tables = [{"name": "r", "destinations": ["PACS", "RESERCH"]}]
    assert isinstance(refused(tables, "PACS", "RESEARCH"), UnknownDestination)
    said = "rules[1] 'r': unknown destination RESERCH; did you mean RESEARCH?"
    assert str(refused(tables, "PACS", "RESEARCH")) == said
    assert "known are PACS" in str(refused([{"name": "r", "destinations": "X"}], "PACS"))
    assert "did you mean PACS?" in str(refused([{"name": "r", "destinations": "pacs"}], "PACS"))
    assert "no destination is set" in str(refused(tables))


UNREACHABLE: list[Tables] = [
    [{}, {"body_part": "HAND"}],
    [{"body_part": ["HAND", "FOOT"]}, {"body_part": "foot"}],
    [{"body_part": "HA*"}, {"body_part": "HAND"}],
    [{"body_part": "*SPINE"}, {"body_part": "C?SPINE"}],
    [{"body_part": "H?ND*"}, {"body_part": ["HAND?", "H?ND*ER"]}],
    [{"modality": "DX"}, {"modality": "DX", "body_part": "HAND"}],
    [{"address": "10.0.0.0/8"}, {"address": ["10.0.3.0/24", "10.9.9.9"]}],
    [{"study_description": "hand"}, {"study_description": "left HAND"}],
    [{"study_description": "*han?*"}, {"study_description": "left Handgelenk"}],
    [{"study_description": "ＨＡＮＤ"}, {"study_description": "hand"}],
    [{"max_age_years": 17}, {"min_age_years": 2, "max_age_years": 15}],
    [{"max_age_years": 15}, {"min_age_years": 16}, {"min_age_years": 10, "max_age_years": 20}],
    [{"modality": "DX"}, {"modality": "CR"}, {"modality": ["CR", "DX"], "body_part": "HAND"}],
]
REACHABLE: list[Tables] = [
    [{"body_part": "HAND"}, {}],
    [{"body_part": "HAND"}, {"body_part": ["HAND", "FOOT"]}],
    [{"body_part": "HAND"}, {"body_part": "HA*"}],
    [{"modality": "DX", "body_part": "HAND"}, {"modality": "DX"}],
    [{"address": "10.0.3.0/24"}, {"address": "10.0.0.0/8"}],
    [{"address": "10.0.3.0/24"}, {"address": "fe80::/10"}],
    [{"study_description": "left hand"}, {"study_description": "hand"}],
    [{"station": "hand"}, {"study_description": "hand"}],
    [{"study_description": "hand*"}, {"study_description": "hand"}],
    [{"study_description": "*left hand*"}, {"study_description": "left hand"}],
    [{"body_part": "H?ND"}, {"body_part": "H*ND"}],
    [{"body_part": "H??ND"}, {"body_part": "H*ND"}],
    [{"body_part": "HAND"}, {"body_part": "H?ND"}],
    [{"body_part": "*HAND*"}, {"body_part": "H*"}],
    [{"max_age_years": 15}, {"max_age_years": 17}],
    [{"max_age_years": 15}, {"min_age_years": 17}, {"min_age_years": 10, "max_age_years": 20}],
    [{"max_age_years": 15}, {"min_age_years": 16}, {}],
    [{"modality": "DX", "body_part": "HAND"}, {"modality": ["CR", "DX"], "body_part": "HAND"}],
]


def named(tables: Tables) -> Tables:
    return [{"name": f"r{number}", **table} for number, table in enumerate(tables, start=1)]


@pytest.mark.parametrize("tables", UNREACHABLE)
def test_a_rule_that_earlier_ones_leave_nothing_is_refused(tables: Tables) -> None:
    refusal = refused(named(tables))
    assert isinstance(refusal, UnreachableRule)
    last = f"rules[{len(tables)}] 'r{len(tables)}'"
    assert str(refusal).startswith(f"{last}: can never hit, for rules[1] 'r1'") or len(tables) > 2


@pytest.mark.parametrize("tables", REACHABLE)
def test_a_rule_that_is_left_something_is_not(tables: Tables) -> None:
    check_rules(read_rules(named(tables)), [])


def test_all_the_rules_that_take_its_images_are_named() -> None:
    refusal = refused(named(UNREACHABLE[-1]))
    assert "for rules[2] 'r2' and rules[1] 'r1' before it take every image" in str(refusal)


def test_a_rule_of_very_many_alternatives_is_looked_at_all_the_same() -> None:
    many = [f"R{number}" for number in range(40)]
    wide = {"station": many, "department": many, "calling_ae_title": many}
    check_rules(read_rules(named([{"body_part": "HAND"}, wide])), [])
    assert isinstance(refused(named([{"station": many}, wide])), UnreachableRule)
