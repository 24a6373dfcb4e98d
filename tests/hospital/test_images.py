"""The images: pinned, hashed, without root or compilers, and whole."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.hospital.compose import BASE, ON_CPU, ROOT, services
from tests.hospital.dockerfile import copy_as_built, is_sent, lineage, read_stages

pytestmark = pytest.mark.requirement("R-NODE-3")

TARGETS = ["node", "gpu"]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_the_services_ask_for_targets_that_are_there() -> None:
    builds = [one.get("build") for one in services(BASE).values()]
    builds += [one.get("build") for one in services(BASE, ON_CPU).values()]
    assert {build["target"] for build in builds if build} == set(TARGETS)
    assert set(TARGETS) <= set(read_stages())


@pytest.mark.parametrize("target", TARGETS)
def test_an_image_ends_as_the_user_of_the_services(target: str) -> None:
    stages = read_stages()
    assert stages[target].instructions[-1] == ("USER", services(BASE)["listener"]["user"])
    base = lineage(stages, target)[-1]
    assert base.arguments("ENTRYPOINT") == ['["osteon"]']
    assert base.base == "python:3.11-slim-bookworm"


def test_all_packages_are_hashed_wheels() -> None:
    installs = [
        command
        for stage in read_stages().values()
        for text in stage.arguments("RUN")
        for command in text.split("&&")
        if "pip install" in command
    ]
    ours = "--no-index --no-deps --no-build-isolation --editable ."
    for command in installs:
        assert ours in command or "--require-hashes --only-binary :all: -r" in command
    assert any("requirements-gpu.lock" in command for command in installs)


def test_only_the_gpu_image_has_torch() -> None:
    stages = read_stages()
    runs = {
        target: [text for stage in lineage(stages, target) for text in stage.arguments("RUN")]
        for target in TARGETS
    }
    assert "gpu" not in " ".join(runs["node"])
    assert "gpu.lock" in " ".join(runs["gpu"])
    assert "\ntorch==" in (ROOT / "requirements-gpu.lock").read_text()
    assert "\ntorch==" not in (ROOT / "requirements.lock").read_text()


def test_the_system_gives_fonts_and_nothing_else() -> None:
    text = (ROOT / "Dockerfile").read_text()
    installed = re.findall(r"apt-get install (.*?) \\", text)
    assert installed == ["-y -qq --no-install-recommends fonts-noto-core fonts-noto-cjk"]


def test_nothing_is_fetched_but_packages() -> None:
    text = (ROOT / "Dockerfile").read_text()
    for word in ("ADD ", "curl", "wget", "://", "ARG ", "--mount=type=secret"):
        assert word not in text


def test_what_is_copied_is_there_and_sent() -> None:
    for stage in read_stages().values():
        for sources, _ in stage.copies():
            for source in sources:
                assert (ROOT / source).exists()
                assert is_sent(Path(source)), f".dockerignore keeps {source} out"


@pytest.mark.parametrize(
    "path", [".env", "secrets/redis_users", ".git/config", "tests/conftest.py"]
)
def test_what_is_not_needed_is_not_sent(path: str) -> None:
    assert not is_sent(Path(path))
    assert not is_sent(Path("db/__pycache__/tables.cpython-311.pyc"))


def test_the_copied_sources_are_a_whole_node(tmp_path: Path) -> None:
    copy_as_built(tmp_path)
    rooms = set(PYPROJECT["tool"]["importlinter"]["root_packages"]) - {"demo", "release"}
    program = f"""
import importlib, sys
sys.path.insert(0, {str(tmp_path)!r})
for room in {sorted(rooms)!r}:
    assert importlib.import_module(room).__file__.startswith({str(tmp_path)!r}), room
from db.upgrade import upgrade_ledger
upgrade_ledger("sqlite:///{tmp_path}/ledger.sqlite")
from cli import app
"""
    # -I: no checkout, no environment, but what is installed.
    subprocess.run([sys.executable, "-I", "-c", program], check=True, cwd="/")
