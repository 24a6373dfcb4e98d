"""What can be set or typed is documented: an undocumented setting or command is a failing test."""

import re
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic import BaseModel
from typer.core import TyperGroup, TyperOption

from cli import app
from db.commitments import MAX_SENDINGS
from db.destinations import _RESTS
from db.priorities import _STARVED_SHARE, MAX_STARVATION_SECONDS
from remote_systems import FhirSettings, Hl7Settings, PacsSettings
from settings import Settings
from worker import confirming

ROOT = Path(__file__).resolve().parents[1]
_IN_WORDS = dict(enumerate(["no", "one", "two", "three", "four", "five", "six"]))


def _commands() -> list[str]:
    group = typer.main.get_command(app)
    return sorted(_walk(group, ()))


def _walk(command: Any, path: tuple[str, ...]) -> list[str]:
    if not isinstance(command, TyperGroup):
        return [" ".join(path)]
    return [name for key, sub in command.commands.items() for name in _walk(sub, (*path, key))]


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_a_setting_is_documented_with_its_default(name: str) -> None:
    rows = (ROOT / "docs/settings.md").read_text().splitlines()
    row = next((row for row in rows if row.startswith(f"| `{name}` |")), None)
    assert row is not None, f"docs/settings.md has no row for {name}"
    default = Settings.model_fields[name].default
    if isinstance(default, int | float) and not isinstance(default, bool):
        assert f"| {default} |" in row


@pytest.mark.parametrize(
    ("heading", "kind"),
    [
        ("Settings of a PACS", PacsSettings),
        ("Settings of an HL7 receiver", Hl7Settings),
        ("Settings of a FHIR server", FhirSettings),
    ],
)
def test_the_keys_of_a_destination_are_documented(heading: str, kind: type[BaseModel]) -> None:
    """`name` of all kinds is explained with the first."""
    section = (ROOT / "docs/destinations.md").read_text().split(f"## {heading}")[1]
    rows = [row for row in section.split("\n## ")[0].splitlines() if row.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    assert named | {"name"} == {field.alias or name for name, field in kind.model_fields.items()}


@pytest.mark.parametrize("command", _commands())
def test_a_command_and_its_options_are_documented(command: str) -> None:
    text = (ROOT / "docs/commands.md").read_text()
    assert f"## `osteon {command}" in text
    section = text.split(f"## `osteon {command}")[1].split("\n## ")[0]
    for option in _options(command):
        assert f"`{option}" in section or f" {option}" in section, f"{option} is not documented"


NUMBERS = {
    "routing.md": [
        f"due for {MAX_STARVATION_SECONDS / 60:.0f} minutes is offered",
        {4: "at most a quarter of the places"}.get(_STARVED_SHARE, "another share"),
    ],
    "destinations.md": [
        f"rests for {_RESTS.first_delay_seconds} seconds after a failure",
        f"up to {_RESTS.max_delay_seconds // 60} minutes",
        f"at most {_IN_WORDS[MAX_SENDINGS]} times; then a person looks",
        f"asked again after {confirming._ASK_AGAIN_SECONDS // 3600} hours",
        f"after {_IN_WORDS[confirming._MOST_ATTEMPTS]} attempts without an answer",
    ],
}


@pytest.mark.parametrize(
    ("page", "said"), [(page, one) for page in NUMBERS for one in NUMBERS[page]]
)
def test_numbers_in_sentences_are_those_of_the_code(page: str, said: str) -> None:
    assert said in " ".join((ROOT / "docs" / page).read_text().split())


def _options(command: str) -> list[str]:
    found: Any = typer.main.get_command(app)
    for part in command.split():
        assert isinstance(found, TyperGroup)
        found = found.commands[part]
    options = [param for param in found.params if isinstance(param, TyperOption)]
    return [option.opts[0] for option in options if option.opts[0] != "--help"]


def test_the_commands_are_found() -> None:
    assert {"up", "predict", "db upgrade"} <= set(_commands())


def test_the_documents_name_no_setting_that_is_gone() -> None:
    rows = (ROOT / "docs/settings.md").read_text().splitlines()
    named = {row.split("`")[1] for row in rows if row.startswith("| `")}
    assert named == set(Settings.model_fields)


DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
_NAMED_PATH = re.compile(
    r"`((?:cli|db|demo|deploy|dicom_node|docs|model|phantom|tests|web|worker)/[\w./-]*)`"
)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_a_document_names_is_there(document: Path) -> None:
    named = set(_NAMED_PATH.findall(document.read_text()))
    assert {path for path in named if not (ROOT / path).exists()} == set()
