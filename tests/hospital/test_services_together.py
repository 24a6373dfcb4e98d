"""A study through the hospital profile: a PACS forwards it and has the results back.

Every service runs by the command line of docker-compose.yml against real PostgreSQL and Redis, and
the PACS is Orthanc with the configuration of its optional service: the example of docs/pacs.md.
"""

import json
import re
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from psycopg.rows import dict_row
from pydicom.dataset import Dataset

from dicom_node.outbox import send_datasets
from dicom_node.peer import Destination
from dicom_node.phantom_study import Rendering, phantom_study
from tests.hospital.compose import ROOT
from tests.hospital.site import SERVICES, Site
from tests.servers import free_port
from tests.services import require_program
from tests.waiting import wait_for
from tests.web.signing import PASSWORD, as_user, post
from tests.web.window import Window

# The listener last: its check costs a process that loads pynetdicom.
PARTS = ("worker-gpu", "worker-report", "worker-io", "beat", "web", "gateway", "listener")
OPERATIONS = (ROOT / "docs/operations.md").read_text()
# What no variable can say, after the example's last table, which is the test PACS's.
OWN_TABLES = """also = ["summary"]

[[rules]]
name = "all radiographs"
modality = "DX"
priority = "high"
"""
pytestmark = [pytest.mark.integration, pytest.mark.slow]


@pytest.fixture(scope="module")
def site(postgres_url: str) -> Iterator[Site]:
    """The hospital profile, started in the order that `depends_on` asks for."""
    with tempfile.TemporaryDirectory(prefix="osteon-site-") as folder:
        site = Site(Path(folder), own_tables=OWN_TABLES)
        site.own_settings |= _example_settings(site)
        site.own_settings |= {"OSTEON_QUIET_SECONDS": "1"}
        try:
            site.prepare(postgres_url)
            site.start_redis()
            site.wait_until_healthy("redis")
            assert site.start("migrate").wait(timeout=60) == 0, site.log("migrate")
            for part in PARTS:
                site.start(part)
            site.wait_until_healthy(*PARTS)
            yield site
        finally:
            site.close()


@pytest.fixture(scope="module")
def pacs_url(site: Site) -> str:
    """Orthanc's REST address; it forwards what it stores to the listener."""
    configuration = json.loads((ROOT / "deploy/orthanc.json").read_text())
    database, http_port = site.folder / "pacs", free_port()
    configuration |= {"StorageDirectory": str(database), "IndexDirectory": str(database)}
    configuration |= {"DicomPort": site.ports["orthanc"], "HttpPort": http_port}
    configuration["LuaScripts"] = [str(ROOT / "deploy/forward.lua")]
    osteon = configuration["DicomModalities"]["osteon"]
    assert osteon["Host"] in SERVICES
    osteon |= {"Host": "127.0.0.1", "Port": site.ports["listener"]}
    path = site.folder / "orthanc.json"
    path.write_text(json.dumps(configuration))
    site.run("orthanc", [require_program("Orthanc", "orthanc"), str(path)])
    site.wait_until_healthy("orthanc")
    return f"http://127.0.0.1:{http_port}"


@pytest.fixture(scope="module")
def study() -> list[Dataset]:
    """The one that the example of docs/pacs.md sends."""
    return phantom_study(7, fractured=True)


@pytest.fixture(scope="module")
def administrator(site: Site) -> dict[str, str]:
    """The first one, as the page for operators says, signed in by the proxy of the host."""
    (made,) = re.findall(r"exec web (osteon users add NAME .*)\n", OPERATIONS)
    command = [*made.replace("NAME", "anna").split(), "--password-stdin"]
    site.execute("web", *command, stdin=f"{PASSWORD}\n")
    asked = {"Host": "localhost", "X-Forwarded-For": "198.51.100.7"}
    answer = post(Window(site.ports["web"]), "/sign-in", asked, name="anna", password=PASSWORD)
    cookie = answer.headers["Set-Cookie"].partition(";")[0]
    assert answer.status == 303 and "; Secure" in answer.headers["Set-Cookie"]
    return asked | as_user(cookie.partition("=")[2]) | {"Cookie": cookie}


def test_the_example_of_the_page_comes_back_reported(
    site: Site, pacs_url: str, postgres_url: str, study: list[Dataset]
) -> None:
    page = (ROOT / "docs/pacs.md").read_text()
    (script,) = re.findall(r"exec -T worker-io python <<'END'\n(.*?)END\n", page, re.S)
    (question,) = re.findall(r"exec worker-io (osteon .*)\n```", page)
    here = f'"127.0.0.1", {site.ports["orthanc"]}'
    site.execute("worker-io", "python", stdin=script.replace('"orthanc", 4242', here))
    row = wait_for(lambda: _committed(postgres_url, study), "the PACS to keep the results", 90)
    assert row["images_analysed"] == len(study)
    assert row["finding"] in {"fracture", "possible", "none"}
    # A report, a presentation state of each image with a finding, and the page asked for.
    assert row["deliveries"] == row["deliveries_sent"] == 1 + len(study) + 1
    assert row["other_objects"] == 0, "the PACS sent our own results back to us"
    series = _find(pacs_url, "Series", study)
    assert [one["MainDicomTags"]["Modality"] for one in series].count("SR") == 1
    assert len(_find(pacs_url, "Instance", study)) == len(study) + row["deliveries"]
    assert " committed " in site.execute("worker-io", *question.split())


def test_the_tables_of_the_settings_file_hold_in_every_service(
    site: Site, pacs_url: str, postgres_url: str
) -> None:
    """The listener routes by the rule, and the worker sends to the destination of that name."""
    with psycopg.connect(postgres_url) as connection:
        rules = connection.execute("SELECT DISTINCT rule FROM result_image WHERE is_image")
        assert rules.fetchall() == [("all radiographs",)]
        destinations = connection.execute("SELECT DISTINCT destination FROM result_delivery")
        assert destinations.fetchall() == [("test-pacs",)]


def test_the_gateway_shows_the_report_to_who_has_the_token(
    site: Site, pacs_url: str, study: list[Dataset]
) -> None:
    token = (site.folder / "secrets/osteon_gateway_token").read_text()
    with pytest.raises(urllib.error.HTTPError, match="401"):
        _asked(site, "/fhir/DiagnosticReport", "another")
    (entry,) = _asked(site, "/fhir/DiagnosticReport", token)["entry"]
    assert entry["resource"]["status"] == "preliminary"
    (found,) = _asked(site, "/dicom-web/studies", token)
    (known,) = _find(pacs_url, "Study", study)
    assert found["0020000D"]["Value"] == [known["MainDicomTags"]["StudyInstanceUID"]]


def test_the_page_is_shown_to_who_is_signed_in(site: Site, administrator: dict[str, str]) -> None:
    page = Window(site.ports["web"])
    assert page.get("/operations").headers["Location"].startswith("/sign-in")
    trail = page.get("/operations/audit", **administrator).text
    assert "198.51.100.7" in trail, "the address that the proxy names"
    styles = re.findall(r'href="(/static/[^"]+\.css)"', page.get("/sign-in").text)
    assert {page.get(address).status for address in styles} == {200}


def test_a_phantom_comes_through_all_services_from_the_page(
    site: Site, administrator: dict[str, str]
) -> None:
    page = Window(site.ports["web"])
    answer = post(page, "/operations/self-test", administrator)
    assert answer.headers["Location"] == "/operations#self-test"
    shown = wait_for(lambda: _verdict(page, administrator), "the self-test to end", 90)
    assert "All is well." in shown


@pytest.mark.requirement("R-DOOR-4")
def test_each_part_listens_where_the_file_says_and_nowhere_else(site: Site) -> None:
    doors = {name: _ports_of(site.processes[name]) for name in PARTS}
    assert doors == {name: {site.ports[name]} if name in site.ports else set() for name in PARTS}


def test_what_is_in_hand_is_finished_when_a_service_is_stopped(
    site: Site, pacs_url: str, postgres_url: str
) -> None:
    images = phantom_study(4, fractured=True, rendering=Rendering(512, 416))
    send_datasets(Destination("OSTEON", "127.0.0.1", site.ports["listener"]), "MODALITY", images)
    wait_for(
        lambda: _jobs(postgres_url, "analyse", "waiting") < len(images), "an image to be taken", 90
    )
    site.stop("worker-gpu")
    assert _jobs(postgres_url, "analyse", "running") == 0


@pytest.mark.parametrize("name", [name for name in PARTS if name != "worker-gpu"])
def test_a_service_ends_within_its_grace(site: Site, name: str) -> None:
    site.stop(name)


def test_no_service_is_well_once_it_is_stopped(site: Site) -> None:
    # The beat's connection to the ledger cannot be told here from the tests' own.
    assert not [name for name in PARTS if name != "beat" and site.passes_check(name)]


def test_the_logs_name_no_patient(site: Site) -> None:
    for name in PARTS:
        assert "PHANTOM" not in site.log(name).upper()


def _ports_of(process: "subprocess.Popen[bytes]") -> set[int]:
    """Where the process and its children listen, by TCP and UDP."""
    whole = psutil.Process(process.pid)
    return {
        one.laddr.port
        for member in [whole, *whole.children(recursive=True)]
        for one in member.net_connections()
        if not one.raddr and one.status in {psutil.CONN_LISTEN, psutil.CONN_NONE}
    }


def _verdict(page: Window, administrator: dict[str, str]) -> str | None:
    """What the page says of the self-test once it is over."""
    shown = page.get("/operations/self-test", **administrator).text
    return None if "data-pulse" in shown else shown


def _example_settings(site: Site) -> dict[str, str]:
    lines = (ROOT / "deploy/env.example").read_text().splitlines()
    pairs = (line.split("=", 1) for line in lines if line and not line.startswith("#"))
    return {name: site.here(value) for name, value in pairs}


def _committed(postgres_url: str, study: list[Dataset]) -> dict[str, Any] | None:
    query = "SELECT * FROM result_study WHERE study_instance_uid = %s AND committed_at IS NOT NULL"
    with psycopg.connect(postgres_url) as connection:
        cursor = connection.cursor(row_factory=dict_row)
        row = cursor.execute(query, (study[0].StudyInstanceUID,)).fetchone()
    return row if row and row["images"] == len(study) else None


def _jobs(postgres_url: str, kind: str, state: str) -> int:
    with psycopg.connect(postgres_url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM job WHERE kind = %s AND state = %s", (kind, state)
        ).fetchone()
    assert row is not None
    return int(row[0])


def _asked(site: Site, path: str, token: str) -> Any:
    """The gateway's answer."""
    headers = {"Authorization": f"Bearer {token}", "Accept": "*/*"}
    url = f"http://127.0.0.1:{site.ports['gateway']}{path}"
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
        return json.load(answer)


def _find(pacs_url: str, level: str, study: list[Dataset]) -> list[dict[str, Any]]:
    query = {"StudyInstanceUID": study[0].StudyInstanceUID}
    body = json.dumps({"Level": level, "Query": query, "Expand": True}).encode()
    with urllib.request.urlopen(f"{pacs_url}/tools/find", body) as answer:
        found: list[dict[str, Any]] = json.load(answer)
    return found
