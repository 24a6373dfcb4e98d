"""The rules in docs/routing.md are sound and do what the page says."""

import re
import tomllib
from pathlib import Path

import pytest

from db.priorities import Priority
from dicom_node.routing.checks import RuleRefused, check_rules
from dicom_node.routing.rules import RoutedImage, Rule, decide
from dicom_node.routing.table import RuleTable, read_rules

PAGE = (Path(__file__).resolve().parents[3] / "docs/routing.md").read_text()
_HEADED_EXAMPLE = re.compile(
    r"^## (?P<title>[^\n]+)\n(?:(?!^## ).)*?```toml\n(?P<toml>.*?)```", re.M | re.S
)


def examples() -> dict[str, tuple[Rule, ...]]:
    found = {one["title"]: tomllib.loads(one["toml"]) for one in _HEADED_EXAMPLE.finditer(PAGE)}
    return {title: read_rules(document["rules"]) for title, document in found.items()}


def test_all_examples_would_start_a_node() -> None:
    assert len(examples()) == PAGE.count("```toml") == 3
    for rules in examples().values():
        check_rules(rules, ["PACS", "RESEARCH"])


def test_the_emergency_department_comes_first() -> None:
    rules = examples()["The emergency department first"]
    sent = [("ER_XRAY1", 15), ("ER_XRAY2", 16), ("ER_XRAY1", None), ("WARD", 3), ("ARCHIVE", 3)]
    decided = [
        decide(rules, RoutedImage(calling_ae_title=ae, patient_age_years=age)) for ae, age in sent
    ]
    assert [one.priority for one in decided] == [
        Priority.STAT,
        Priority.HIGH,
        Priority.HIGH,
        Priority.NORMAL,
        Priority.LOW,
    ]


def test_only_limbs_from_two_rooms() -> None:
    rules = examples()["Only limbs, from two X-ray rooms"]
    hand = decide(rules, RoutedImage(station="ROOM1", modality="DX", body_part="HAND"))
    chest = decide(rules, RoutedImage(station="ROOM2", modality="DX", body_part="CHEST"))
    other = decide(rules, RoutedImage(station="ROOM3", modality="DX", body_part="HAND"))
    assert (hand.analyse, hand.destinations) == (True, None)
    assert (chest.reason, chest.destinations) == ("only limbs are analysed here", None)
    assert (other.reason, other.destinations) == ("this X-ray room does not take part", ())


@pytest.mark.parametrize(
    ("description", "age", "destinations"),
    [
        ("HAND STUDY visit 2", 40, ("PACS", "RESEARCH")),
        ("Handstudie", 18, ("PACS", "RESEARCH")),
        ("HAND STUDY visit 2", 17, ("PACS",)),
        ("Hand", 40, ("PACS",)),
    ],
)
def test_copies_for_research(description: str, age: int, destinations: tuple[str, ...]) -> None:
    image = RoutedImage(study_description=description, patient_age_years=age, body_part="HAND")
    assert decide(examples()["Copies for research"], image).destinations == destinations


def test_every_key_is_in_the_tables_and_no_other() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| `")]
    named = {key for row in rows for key in re.findall(r"`(\w+)`", row.split("|")[1])}
    assert named == set(RuleTable.model_fields) - {"name"}


def test_the_quoted_error_is_what_is_said() -> None:
    with pytest.raises(RuleRefused) as refused:
        read_rules([{"name": "first"}, {"name": "er hands", "boddy_part": "HAND"}])
    assert f"```\n{refused.value}\n```" in PAGE
