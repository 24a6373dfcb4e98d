"""What the documents tell one to type: commands that there are, and files that the node reads."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup

from cli import app
from dicom_node.routing.table import read_rules
from settings import load_settings

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
_CODE = re.compile(r"```\w*\n(.*?)```|`([^`]+)`", re.S)
_COMMAND = re.compile(r"(?:docker compose exec worker-io |\.venv/bin/)?osteon ([a-z].*)")


def _commands(page: Path) -> Iterator[str]:
    """What stands behind `osteon` in a line of code, or in a span of it."""
    text = page.read_text().replace("\\\n", " ")
    for block, span in _CODE.findall(text):
        for line in block.splitlines() or [" ".join(span.split())]:
            if match := _COMMAND.match(line.strip()):
                yield match[1].partition(" #")[0]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_command_that_is_named_exists_with_its_options(page: Path) -> None:
    for words in _commands(page):
        command = typer.main.get_command(app)
        rest = words.split()
        while isinstance(command, TyperGroup) and rest and not rest[0].startswith("--"):
            assert rest[0] in command.commands, words
            command = command.commands[rest.pop(0)]
        known = {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
        assert set(re.findall(r"(?<!\S)--[a-z-]+", " ".join(rest))) <= known | {"--help"}, words


def _blocks(language: str) -> list[tuple[str, str]]:
    found = []
    for page in PAGES:
        for indent, block in re.findall(
            rf"^( *)```{language}\n(.*?)^ *```", page.read_text(), re.S | re.M
        ):
            found.append((page.name, re.sub(rf"(?m)^{indent}", "", block)))
    return found


@pytest.mark.parametrize(("page", "block"), _blocks("toml"))
def test_an_osteon_toml_that_is_shown_is_read(
    page: str, block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("OSTEON_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "osteon.toml").write_text(block)
    settings = load_settings()
    assert settings.model_fields_set, page
    assert len(read_rules(settings.rules)) == len(settings.rules)


def test_the_configuration_of_orthanc_that_is_shown_is_part_of_the_one_that_is_tried() -> None:
    (shown,) = [json.loads(block) for page, block in _blocks("json") if page == "pacs.md"]
    tried = json.loads((ROOT / "deploy/orthanc.json").read_text())
    assert shown.pop("LuaScripts") == tried["LuaScripts"]
    (node,) = shown.pop("DicomModalities").values()
    assert not shown
    assert node | {"Host": ""} == tried["DicomModalities"]["osteon"] | {"Host": ""}
