"""The page for operators, and the unit it installs: what they say is what the code does."""

import ast
import configparser
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.hospital.command_lines import make_context
from tests.hospital.compose import BASE, ROOT, faults_in, load_compose_with, services, substitute
from web.trial.upload import HEAD_MAX_BYTES, MAX_FILE_BYTES
from worker.supervisor import Supervisor

PAGE = (ROOT / "docs/operations.md").read_text()
ROOMS = ("cli", "worker", "web", "gateway", "messages", "dicom_node", "model/decoding", "db")
# What a file calls a log; those of refusals leave out what would be too much.
LOGS = ("log", "refusals", "get_logger(__name__)")
LEVELS = {"info", "warning", "error", "exception"}


def _events() -> Iterator[tuple[str, str]]:
    for path in [ROOT / "logs.py", *(one for room in ROOMS for one in (ROOT / room).rglob("*.py"))]:
        text = path.read_text()
        if not any(f".{level}(" in text for level in LEVELS):
            continue
        for node in ast.walk(ast.parse(text)):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=told, attr=level),
                    args=[ast.Constant(value=str(event)), *_],
                ) if level in LEVELS and ast.unparse(told).endswith(LOGS):
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


def test_an_override_file_of_the_page_is_valid_compose() -> None:
    overrides = re.findall(r"```yaml\n(.*?)```", PAGE, re.S)
    assert len(overrides) == 4
    for override in overrides:
        merged = load_compose_with(override)
        assert set(yaml.safe_load(override)["services"]) - set(services(BASE)) <= {"worker-gpu-1"}
        assert faults_in(merged) == []
        for service in merged["services"].values():
            assert set(service.get("secrets", [])) <= set(merged["secrets"])


def test_with_its_own_certificate_the_page_is_served_to_others_by_tls_alone() -> None:
    (override,) = re.findall(r"```yaml\n(services:\n  web:\n    environment:.*?)```", PAGE, re.S)
    page = load_compose_with(override)["services"]["web"]
    given = page["environment"]
    assert page["ports"] == ["127.0.0.1:${WEB_PORT:-8042}:8042", "443:8042"]
    assert given["OSTEON_WEB_LOGIN"] == "true"
    files = {given["OSTEON_WEB_CERTIFICATE"], given["OSTEON_WEB_KEY"]}
    assert files <= {f"/run/secrets/{name}" for name in page["secrets"]}
    # A file of a setting's own name would be read as its value.
    assert not {name.removeprefix("osteon_") for name in page["secrets"]} & {"web_certificate"}


def test_the_proxy_of_the_example_calls_where_the_page_is_published() -> None:
    (example,) = re.findall(r"```nginx\n(.*?)```", (ROOT / "docs/access.md").read_text(), re.S)
    (published,) = [substitute(port, {}) for port in services(BASE)["web"]["ports"]]
    assert f"proxy_pass http://{published.rpartition(':')[0]};" in example
    (largest,) = re.findall(r"client_max_body_size (\d+)m;", example)
    assert int(largest) << 20 >= MAX_FILE_BYTES + HEAD_MAX_BYTES


@pytest.mark.parametrize(
    ("started", "service", "command"),
    # Neither PostgreSQL's own programs, nor those that stand in for ours.
    re.findall(r"^docker compose (exec|run --rm) (?!-|postgres)(\S+) *([^#\n]*)", PAGE, re.M),
)
def test_a_command_in_a_container_is_one_that_is_there(
    started: str, service: str, command: str
) -> None:
    words = command.split() or services(BASE)[service]["command"]
    if started == "exec":
        assert words.pop(0) == "osteon"
    make_context(words)


def test_files_that_are_named_are_there() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", PAGE):
        assert (ROOT / "docs" / target).exists(), target
    for name in re.findall(r"\bdeploy/[\w.-]+", PAGE):
        assert (ROOT / name).exists(), name


def test_the_unit_runs_a_command_that_osteon_knows() -> None:
    program, *words = shlex.split(_unit()["ExecStart"])
    assert Path(program).name == "osteon"
    make_context(words)


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
