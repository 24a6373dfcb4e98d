"""`osteon rules test` says which rule hits a file and why, in words and as JSON."""

import json
from pathlib import Path
from typing import Any

import pytest

from cli.exits import Exit, Leave
from cli.rules import test as rules_test
from cli.rules import try_rules
from dicom_node.routing.image import Origin
from dicom_node.routing.table import read_rules
from tests.cli.shell import Shell
from tests.dicom_node.sent_objects import file_of, radiograph
from tests.servers import free_port

RULES = read_rules(
    [
        {"name": "chests", "body_part": "CHEST", "analyse": False, "reason": "no chests here"},
        {"name": "er", "calling_ae_title": "ER1", "priority": "stat", "destinations": ["PACS"]},
        {"name": "wrists", "body_part": "WRIST", "destinations": []},
    ]
)
FROM_ER = Origin("ER1", "OSTEON", "10.0.3.7")


def said(capsys: pytest.CaptureFixture[str], file: Path, origin: Origin = FROM_ER) -> list[str]:
    assert try_rules(RULES, file, origin, as_json=False) == Exit.DONE
    return capsys.readouterr().out.splitlines()


def document(capsys: pytest.CaptureFixture[str], file: Path) -> dict[str, Any]:
    assert try_rules(RULES, file, FROM_ER, as_json=True) == Exit.DONE
    (line,) = capsys.readouterr().out.splitlines()
    told: dict[str, Any] = json.loads(line)
    return told


def test_it_says_what_is_decided_and_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = file_of(radiograph(), tmp_path)
    assert said(capsys, file) == [
        f"{file}: rule 'er' decides",
        "  analysed: yes",
        "  priority: stat",
        "  destinations: PACS",
        "rules[1] 'chests' does not hit: body_part is WRIST, asked is CHEST",
        "rules[2] 'er' hits: calling_ae_title is ER1",
        "rules[3] 'wrists' would hit, but comes after the one that does: body_part is WRIST",
    ]
    assert said(capsys, file, Origin())[3:] == [
        "  destinations: none",
        "rules[1] 'chests' does not hit: body_part is WRIST, asked is CHEST",
        "rules[2] 'er' does not hit: calling_ae_title is not stated, asked is ER1",
        "rules[3] 'wrists' hits: body_part is WRIST",
    ]
    foot = file_of(radiograph(BodyPartExamined="FOOT"), tmp_path)
    assert said(capsys, foot, Origin())[0] == f"{foot}: no rule hits"


def test_the_nodes_own_rule_comes_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = file_of(radiograph(PatientID="OSTEON-SELF-TEST"), tmp_path)
    own = said(capsys, file, Origin("OSTEON", "OSTEON"))
    assert own[0] == f"{file}: rule 'self-test' decides"
    assert own[3] == "  destinations: none"
    assert said(capsys, file)[0] == f"{file}: rule 'er' decides", "another sends it"


def test_json_says_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = file_of(radiograph(), tmp_path)
    told = document(capsys, file)
    trials = told.pop("trials")
    assert told == {
        "file": str(file),
        "rule": "er",
        "why": ["calling_ae_title is ER1"],
        "analyse": True,
        "reason": None,
        "priority": "stat",
        "destinations": ["PACS"],
    }
    assert [(trial["rule"], trial["hits"]) for trial in trials] == [
        ("chests", False),
        ("er", True),
        ("wrists", True),
    ]
    assert trials[0]["conditions"] == [
        {"fact": "body_part", "holds": False, "asked": "CHEST", "stated": "WRIST"}
    ]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"BodyPartExamined": "CHEST"}, "no chests here"),
        ({"BodyPartExamined": "SKULL"}, "body part is not covered by the classifier"),
        ({"Modality": "MR"}, "modality is not a radiograph's"),
        (
            {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.1.1.1"},
            "an image for processing: only the one for presentation is analysed",
        ),
    ],
)
def test_what_is_not_analysed_has_the_reason_that_will_be_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, str], reason: str
) -> None:
    told = document(capsys, file_of(radiograph(**changes), tmp_path))
    assert (told["analyse"], told["reason"]) == (False, reason)


def test_a_node_does_not_start_with_a_rule_that_cannot_be(shell: Shell) -> None:
    config = shell.folder / "osteon.toml"
    config.write_text('[[rules]]\nname = "er hands"\nboddy_part = "HAND"\n')
    outcome = shell.run("up", config=config, port=free_port(), web_port=free_port())
    assert outcome.code == Exit.USAGE
    sentence = "setting rules[1] 'er hands': unknown key boddy_part; did you mean body_part?"
    assert outcome.stderr == f"osteon: {sentence}\n"


def test_a_file_that_is_no_dicom_ends_the_command(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no DICOM")
    for name, sentence in [("notes.txt", "not a DICOM file"), ("gone", "No such file")]:
        with pytest.raises(Leave, match=sentence) as left:
            try_rules(RULES, tmp_path / name, FROM_ER, as_json=False)
        assert left.value.code is Exit.INPUT_UNREADABLE


def test_an_address_that_is_none_is_a_mistake() -> None:
    with pytest.raises(Leave, match=r"10\.0\.3\.777 is no IP address") as left:
        rules_test(Path("sent.dcm"), address="10.0.3.777")
    assert left.value.code is Exit.USAGE
