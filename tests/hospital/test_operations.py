"""The page for operators, and the unit it installs: what they say is what the code does."""

import ast
import configparser
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup

from cli import app
from tests.hospital.compose import BASE, ROOT, services
from worker.supervisor import Supervisor

PAGE = (ROOT / "docs/operations.md").read_text()
ROOMS = ("cli", "worker", "web", "gateway", "messages", "dicom_node", "model/decoding", "db")
LEVELS = {"info", "warning", "error", "exception"}


def _events() -> Iterator[tuple[str, str]]:
    for path in [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id="log"), attr=level),
                    args=[ast.Constant(value=str(event)), *_],
                ) if level in LEVELS:
                    yield event, level


@pytest.mark.parametrize(("event", "level"), sorted(set(_events())))
def test_a_line_of_the_log_is_explained(event: str, level: str) -> None:
    rows = [row for row in PAGE.splitlines() if row.startswith("|") and f"`{event}`" in row]
    assert any(row.split("|")[2].strip() == level for row in rows)


def test_no_line_is_explained_that_is_never_written() -> None:
    table = PAGE.split("| Event | Level |")[1].split("\n\n")[0]
    named = {name for row in table.splitlines()[2:] for name in _names(row.split("|")[1])}
    assert named <= {event for event, _ in _events()}


def test_the_services_are_described() -> None:
    for name, service in services(BASE).items():
        command = "osteon " + " ".join(service["command"]) if "build" in service else ""
        assert re.search(rf"\| `{name}` \|.*{re.escape(command)}", PAGE), name


def test_files_that_are_named_are_there() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", PAGE):
        assert (ROOT / "docs" / target).exists(), target
    for name in re.findall(r"\bdeploy/[\w.-]+", PAGE):
        assert (ROOT / name).exists(), name


def test_the_unit_runs_a_command_that_osteon_knows() -> None:
    program, name, *arguments = shlex.split(_unit()["ExecStart"])
    assert Path(program).name == "osteon"
    commands = typer.main.get_command(app)
    assert isinstance(commands, TyperGroup)
    commands.commands[name].make_context(name, arguments)


def test_the_unit_lets_the_node_end_its_parts_itself() -> None:
    assert _unit()["KillMode"] == "mixed"
    assert int(_unit()["TimeoutStopSec"]) > Supervisor.drain_seconds


def _unit() -> configparser.SectionProxy:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(ROOT / "deploy/osteon.service")
    return parser["Service"]


def _names(cell: str) -> list[str]:
    return re.findall(r"`(\w+)`", cell)
