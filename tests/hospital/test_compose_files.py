"""What every service of the hospital profile keeps to."""

import re
import tomllib
from typing import Any

import pytest

from cli.node import PARTS
from settings import Settings
from tests.hospital.command_lines import make_context
from tests.hospital.compose import (
    BASE,
    ON_CPU,
    ROOT,
    Mapping,
    faults_in,
    load_compose,
    seconds,
    services,
    substitute,
)

ONE_SHOT = {"migrate", "doctor"}
WORKERS = {"worker-gpu", "worker-report", "worker-io"}
NODE = {"migrate", "listener", *WORKERS, "beat", "web", "gateway", "doctor"}
every_service = pytest.mark.parametrize("name", sorted(services(BASE)))


@pytest.fixture(params=[(BASE,), (BASE, ON_CPU)], ids=["gpu", "cpu"])
def files(request: pytest.FixtureRequest) -> tuple[str, ...]:
    chosen: tuple[str, ...] = request.param
    return chosen


def test_the_files_are_valid_compose(files: tuple[str, ...]) -> None:
    assert faults_in(load_compose(*files)) == []


@every_service
def test_a_service_has_no_more_rights_than_it_needs(name: str, files: tuple[str, ...]) -> None:
    service = services(*files)[name]
    assert int(service["user"].split(":")[0]) > 0
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"] and "cap_add" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["ulimits"] == {"core": 0}
    assert "privileged" not in service


@every_service
def test_an_image_is_named_with_its_version(name: str, files: tuple[str, ...]) -> None:
    service = services(*files)[name]
    repository, _, tag = service["image"].partition(":")
    assert tag and tag != "latest"
    if name in NODE:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        assert tag == project["version"]
        assert repository == f"osteon-{service['build']['target']}"


@every_service
def test_a_service_is_kept_running_and_watched(name: str, files: tuple[str, ...]) -> None:
    service = services(*files)[name]
    assert service["restart"] == ("no" if name in ONE_SHOT else "unless-stopped")
    assert service["init"] is True
    assert name in ONE_SHOT or service["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}


@every_service
def test_a_service_takes_only_its_share(name: str, files: tuple[str, ...]) -> None:
    service = services(*files)[name]
    assert {"memory", "pids"} <= set(service["deploy"]["resources"]["limits"])
    assert {"max-size", "max-file"} <= set(service["logging"]["options"])


@every_service
def test_secrets_come_as_files_only(name: str) -> None:
    service = services(BASE)[name]
    for variable, value in service.get("environment", {}).items():
        assert "://" not in value
        assert variable.endswith("_FILE") or not re.search("(?i)password|secret$|key$", variable)
    declared = load_compose(BASE)["secrets"]
    for secret in service.get("secrets", []):
        assert declared[secret]["file"] == f"./secrets/{secret}"


def test_who_has_no_business_with_the_broker_is_not_told_its_password() -> None:
    knowing = {name for name, one in services(BASE).items() if _knows(one, "osteon_broker_url")}
    assert knowing == {*WORKERS, "beat", "doctor"}


def test_only_doors_lead_out(files: tuple[str, ...]) -> None:
    everything = services(*files)
    assert load_compose(*files)["networks"]["inside"] == {"internal": True}
    outside = {name for name, one in everything.items() if "dicom" in one["networks"]}
    assert outside == {"listener", "worker-io", "beat", "web", "gateway", "doctor", "orthanc"}
    published = {name for name, one in everything.items() if "ports" in one}
    assert published == {"listener", "web", "gateway", "orthanc"}


def test_the_gateway_is_off_unless_asked_for_and_then_shown_to_this_host_alone() -> None:
    everything = services(BASE)
    gateway = everything["gateway"]
    assert gateway["profiles"] == ["gateway"]
    assert [substitute(port, {}) for port in gateway["ports"]] == ["127.0.0.1:8044:8044"]
    elsewhere = {"GATEWAY_ADDRESS": "10.0.0.7", "GATEWAY_PORT": "443"}
    assert [substitute(port, elsewhere) for port in gateway["ports"]] == ["10.0.0.7:443:8044"]
    assert {name for name, one in everything.items() if _knows(one, "osteon_gateway_token")} == {
        "gateway"
    }
    asked = everything["doctor"]["environment"]
    assert asked["OSTEON_GATEWAY_BIND_ADDRESS"] in everything
    assert asked["OSTEON_GATEWAY_PORT"] == "8044"


def test_the_page_is_shown_to_this_host_alone_and_asks_who_comes() -> None:
    """Without a certificate of its own nothing but the host's proxy may lead there."""
    page = services(BASE)["web"]
    assert "profiles" not in page
    elsewhere = {"WEB_PORT": "8000", "WEB_ADDRESS": "0.0.0.0", "WEB_HOST": "osteon.hospital"}
    assert [substitute(port, {}) for port in page["ports"]] == ["127.0.0.1:8042:8042"]
    assert [substitute(port, elsewhere) for port in page["ports"]] == ["127.0.0.1:8000:8042"]
    given = page["environment"]
    assert (given["OSTEON_WEB_LOGIN"], given["OSTEON_WEB_PORT"]) == ("true", "8042")
    assert substitute(given["OSTEON_WEB_HOSTS"], elsewhere) == "osteon.hospital"
    assert page["secrets"] == ["osteon_database_url"]
    # Which makes the window refuse to be served to others unasked and unencrypted.
    assert given["OSTEON_WEB_BEHIND_PROXY"] == "true"


def test_the_page_reaches_the_listener_where_it_is_known() -> None:
    """Each by a name that only the network of the node's own parts has."""
    everything = services(BASE)
    page, listener = everything["web"], everything["listener"]
    (called,) = listener["networks"]["inside"]["aliases"]
    assert page["environment"]["OSTEON_BIND_ADDRESS"] == called
    assert page["networks"]["inside"]["aliases"] == [listener["environment"]["OSTEON_OWN_HOSTS"]]
    told = substitute(page["environment"]["OSTEON_DICOM_ADDRESS"], {"DICOM_PORT": "104"})
    assert told == "localhost:104"


def test_the_parts_share_one_spool_and_one_file_of_settings() -> None:
    for name in NODE:
        service = services(BASE)[name]
        given = service["environment"]
        spool, config = service["volumes"]
        # The page writes nothing there.
        assert spool == f"spool:{given['OSTEON_DATA_DIR']}{':ro' if name == 'web' else ''}"
        assert config == {
            "type": "bind",
            "source": "./osteon.toml",
            "target": given["OSTEON_CONFIG"],
            "read_only": True,
            # Else Docker makes a folder where the file is missing.
            "bind": {"create_host_path": False},
        }


def test_the_analyse_worker_has_a_gpu_unless_told_otherwise() -> None:
    def reservations(*files: str) -> Any:
        return services(*files)["worker-gpu"]["deploy"]["resources"].get("reservations")

    (device,) = reservations(BASE)["devices"]
    assert device["capabilities"] == ["gpu"]
    assert reservations(BASE, ON_CPU) is None


def test_stopping_leaves_time_to_finish_what_is_in_hand() -> None:
    grace = {name: seconds(one["stop_grace_period"]) for name, one in services(BASE).items()}
    decode_seconds = Settings.model_fields["decode_seconds"].default
    assert min(grace[worker] for worker in WORKERS) > decode_seconds
    # The listener lets associations end for ten seconds, aborts them, and waits as long again.
    assert grace["listener"] > 20
    # The gateway's last requests have ten seconds, the page's three.
    assert min(grace["gateway"], grace["web"]) > 10


def test_the_services_are_the_parts_of_a_node() -> None:
    commands = [one["command"] for name, one in services(BASE).items() if name in NODE - ONE_SHOT]
    assert sorted(commands) == sorted([*PARTS.values(), ["gateway"]])


@pytest.mark.parametrize("name", sorted(NODE))
def test_a_command_line_is_one_that_osteon_knows(name: str) -> None:
    make_context(services(BASE)[name]["command"])


def test_waiting_is_for_services_that_are_there() -> None:
    everything = services(BASE)
    for service in everything.values():
        assert set(service.get("depends_on", {})) <= set(everything)


def _knows(service: Mapping, secret: str) -> bool:
    return secret in service.get("secrets", [])
