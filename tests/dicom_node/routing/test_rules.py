"""The first rule that hits decides, and every rule says why it hit or missed."""

import pytest

from db.priorities import Priority
from dicom_node.routing.rules import (
    DEFAULT,
    NO_RULE_HITS,
    Decision,
    RoutedImage,
    decide,
    explain,
)
from dicom_node.routing.table import read_rules

ER_HAND = RoutedImage(calling_ae_title="ER1", address="10.0.3.7", modality="DX", body_part="HAND")
RULES = read_rules(
    [
        {"name": "chests", "body_part": "CHEST", "analyse": False, "reason": "no chests"},
        {"name": "er", "calling_ae_title": ["ER1", "ER2"], "priority": "high"},
        {"name": "hands", "body_part": "HAND", "destinations": ["RESEARCH"]},
    ]
)


def test_the_first_rule_that_hits_decides_everything() -> None:
    decided = decide(RULES, ER_HAND)
    assert decided == Decision(True, None, Priority.HIGH, None, "er", ("calling_ae_title is ER1",))
    assert decide(RULES[::-1], ER_HAND).destinations == ("RESEARCH",)


def test_where_no_rule_hits_nothing_is_special() -> None:
    decided = decide(RULES, RoutedImage(body_part="FOOT"))
    assert decided == Decision(True, None, Priority.NORMAL, None, None, (NO_RULE_HITS,))
    assert decide((), ER_HAND).analyse is DEFAULT.analyse is True


def test_a_rule_that_refuses_gives_its_reason() -> None:
    decided = decide(RULES, RoutedImage(body_part="Chest ", calling_ae_title="ER1"))
    assert (decided.analyse, decided.reason, decided.rule) == (False, "no chests", "chests")


def test_every_rule_says_which_condition_failed_and_with_which_value() -> None:
    trials = explain(RULES, ER_HAND)
    assert [(trial.rule, trial.hits) for trial in trials] == [
        ("chests", False),
        ("er", True),
        ("hands", True),
    ]
    assert trials[0].why == ("body_part is HAND, asked is CHEST",)
    nowhere = explain(RULES, RoutedImage())
    assert nowhere[1].why == ("calling_ae_title is not stated, asked is ER1 or ER2",)
    assert explain(read_rules([{"name": "rest"}]), ER_HAND)[0].why == ("it asks nothing",)


@pytest.mark.parametrize(
    ("condition", "image", "hits"),
    [
        ({"calling_ae_title": "ER1"}, {"calling_ae_title": "ER1 "}, True),
        ({"calling_ae_title": "ER1"}, {"calling_ae_title": "er1"}, False),
        ({"called_ae_title": "OSTEON"}, {"called_ae_title": "OSTEON"}, True),
        ({"address": "10.0.3.0/24"}, {"address": "10.0.3.7"}, True),
        ({"address": "10.0.3.0/24"}, {"address": "::ffff:10.0.3.7"}, True),
        ({"address": "10.0.3.0/24"}, {"address": "10.0.4.7"}, False),
        ({"address": "10.0.3.7"}, {"address": "fe80::1"}, False),
        ({"address": "10.0.3.7"}, {"address": ""}, False),
        ({"modality": ["CR", "dx"]}, {"modality": "DX"}, True),
        ({"modality": "CR"}, {"modality": ""}, False),
        ({"body_part": "*SPINE"}, {"body_part": "C-Spine"}, True),
        ({"body_part": "HAND"}, {"body_part": "WRIST\\HAND"}, True),
        ({"body_part": "HAND"}, {"body_part": "HANDS"}, False),
        ({"study_description": "left hand"}, {"study_description": "XR HAND 2V, Left"}, True),
        ({"study_description": "hand"}, {"study_description": "Handgelenk"}, False),
        ({"study_description": "hand*"}, {"study_description": "Handgelenk"}, True),
        ({"series_description": "[ap]*"}, {"series_description": "a"}, False),
        ({"series_description": "?*"}, {"series_description": ""}, False),
        ({"station": "straße"}, {"station": "STRASSE 1"}, True),
        ({"study_description": "röntgen"}, {"study_description": "Ro\u0308ntgen Hand"}, True),
        ({"study_description": "*rön*"}, {"study_description": "XRO\u0308NTGEN"}, True),
        ({"study_description": "hand"}, {"study_description": "ＨＡＮＤ　２Ｒ"}, True),
        ({"study_description": "*ハンド*"}, {"study_description": "左ﾊﾝﾄﾞ正面"}, True),
        ({"study_description": "手"}, {"study_description": "左手関節 正面"}, False),
        ({"study_description": "*手*"}, {"study_description": "左手関節 正面"}, True),
        ({"sop_class": "Computed Radiography Image Storage"}, {"sop_class": "1.2.3"}, False),
        (
            {"sop_class": "ComputedRadiographyImageStorage"},
            {"sop_class": "1.2.840.10008.5.1.4.1.1.1"},
            True,
        ),
        ({"max_age_years": 15}, {"patient_age_years": 15}, True),
        ({"max_age_years": 15}, {"patient_age_years": 16}, False),
        ({"min_age_years": 18}, {"patient_age_years": None}, False),
        ({"max_age_years": 15}, {"patient_age_years": 0}, True),
    ],
)
def test_a_condition(condition: dict[str, object], image: dict[str, object], hits: bool) -> None:
    (rule,) = read_rules([{"name": "r", **condition}])
    assert rule.hits(RoutedImage(**image)) is hits  # type: ignore[arg-type]


def test_a_pattern_and_a_value_made_to_be_slow_are_not() -> None:
    (rule,) = read_rules([{"name": "r", "study_description": "*" + "?a*" * 20 + "b"}])
    assert not rule.hits(RoutedImage(study_description="a" * 1_000_000))
