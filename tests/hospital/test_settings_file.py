"""The file of settings that every service of the hospital profile is given, and its secret."""

import json
import os
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from cli.assembly import build_kitchen, routing_rules
from remote_systems import FhirSettings, PacsSettings
from settings import Settings, load_settings
from tests.hospital.compose import BASE, ROOT, faults_in, load_compose_with, services

EXAMPLE = (ROOT / "deploy/osteon.toml.example").read_text()
PAGE = (ROOT / "docs/destinations.md").read_text()


@pytest.fixture(autouse=True)
def clean_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("OSTEON_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def _settings_of(text: str) -> Settings:
    Path("osteon.toml").write_text(text)
    return load_settings()


def test_the_example_sends_to_the_test_pacs_as_it_is_configured() -> None:
    (destination,) = _settings_of(EXAMPLE).destinations
    orthanc = json.loads((ROOT / "deploy/orthanc.json").read_text())
    assert isinstance(destination, PacsSettings)
    assert destination.peer.ae_title == orthanc["DicomAet"]
    assert destination.peer.port == orthanc["DicomPort"]
    assert destination.peer.host in services(BASE)


def test_what_the_example_has_behind_a_mark_can_be_switched_on() -> None:
    everything = re.sub(r'(?m)^#(?=[\w"\[])', "", EXAMPLE)
    settings = _settings_of(everything)
    assert [one.name for one in settings.destinations] == ["pacs", "ris", "fhir", "test-pacs"]
    assert [one.name for one in routing_rules(settings)] == [
        "emergency department",
        "another X-ray room",
    ]
    assert len(build_kitchen(settings).plan.destinations) == 4
    assert settings.peers and settings.time_zone == "Europe/Berlin"


def test_no_variable_of_the_example_hides_a_table() -> None:
    lines = (ROOT / "deploy/env.example").read_text().splitlines()
    variables = {line.partition("=")[0] for line in lines if line and not line.startswith("#")}
    named = {name.removeprefix("OSTEON_").lower() for name in variables if "OSTEON_" in name}
    assert named <= set(Settings.model_fields)
    assert not named & {"peers", "destinations", *tomllib.loads(EXAMPLE)}


def test_the_token_of_a_fhir_server_reaches_who_calls_it() -> None:
    (override,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.S)
    merged = load_compose_with(override)
    assert faults_in(merged) == []
    (fhir,) = _fhir_tables()
    assert fhir.token_file is not None and fhir.token_file.parent == Path("/run/secrets")
    given = merged["secrets"][fhir.token_file.name]["file"]
    assert given == f"./secrets/{fhir.token_file.name}"
    knowing = {
        name
        for name, one in merged["services"].items()
        if fhir.token_file.name in one.get("secrets", [])
    }
    assert knowing == {"worker-io", "doctor", "web"}
    # Beside the secrets that they have anyway.
    assert "osteon_broker_url" in merged["services"]["worker-io"]["secrets"]


def _fhir_tables() -> list[FhirSettings]:
    blocks = [tomllib.loads(block) for block in re.findall(r"```toml\n(.*?)```", PAGE, re.S)]
    tables: list[dict[str, Any]] = [
        table
        for block in blocks
        for table in block["destinations"]
        if isinstance(table, dict) and "token_file" in table
    ]
    return [FhirSettings.model_validate(table) for table in tables]
