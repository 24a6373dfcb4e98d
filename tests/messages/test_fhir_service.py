"""The FHIR interface as its clients meet it: over HTTP, from a ledger with real rows."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlencode

import pytest
import structlog
from fhir.resources.R4B.capabilitystatement import CapabilityStatement
from fhir.resources.R4B.operationoutcome import OperationOutcome
from sqlalchemy import Engine, update

from db.session import open_ledger, transaction
from db.tables import Study
from messages.fhir_search import PARAMETERS
from tests.db.ledger import FRACTURE, NO_FRACTURE, analyse, receive, received, report, withdraw
from tests.messages.fhir_cases import SITE
from tests.messages.fhir_client import Client, serving


def fill(engine: Engine) -> None:
    """Three studies of two images each, one blocked since, and one that is not reported."""
    for number in (1, 2, 3, 4):
        uid = f"1.2.{number}"
        common = {
            "study": uid,
            "patient_id": f"P-{number}",
            "patient_name": "Yamada^Tarou=山田^太郎",
            "accession_number": f"A-{number}",
            "study_date": f"2026010{number}",
            "study_time": "" if number == 2 else "101500",
        }
        receive(engine, received(1, **common), received(2, **common))
        analyse(engine, FRACTURE, NO_FRACTURE)
        if number < 4:
            report(engine)
    with transaction(engine) as session:
        session.execute(update(Study).where(Study.patient_id == "P-3").values(blocked_reason="x"))


@pytest.fixture(scope="module")
def engine(new_ledger: Callable[[str], str]) -> Iterator[Engine]:
    ledger = open_ledger(new_ledger("sqlite"))
    fill(ledger)
    yield ledger
    ledger.dispose()


@pytest.fixture(scope="module")
def client(engine: Engine) -> Iterator[Client]:
    with serving(engine) as running:
        yield running


@pytest.mark.parametrize("resource_type", list(PARAMETERS))
def test_what_a_search_finds_can_be_read(client: Client, resource_type: str) -> None:
    for found in client.found(resource_type):
        answer = client.get(f"{resource_type}/{found['id']}")
        assert answer.headers["content-type"] == "application/fhir+json"
        assert answer.json() == found
        assert client.found(f"{resource_type}?_id={found['id']}") == [found]


def test_an_id_names_one_resource(client: Client) -> None:
    first, second = (one["id"] for one in client.found("DiagnosticReport"))
    assert client.found(f"DiagnosticReport?_id={first},{second}")[1]["id"] == second
    for several in (f"{first},{second}", f"|{first}", f"{first},"):
        assert client.get(f"DiagnosticReport/{several}").status_code == 404


def test_every_reported_study_is_there_and_a_blocked_one_is_not(client: Client) -> None:
    assert client.studies("") == ["A-1", "A-2"]
    assert len(client.found("ImagingStudy")) == 2
    assert len(client.found("Observation")) == 6
    (device,) = client.found("Device")
    assert {one["device"]["reference"] for one in client.found("Observation")} == {
        f"Device/{device['id']}"
    }


@pytest.mark.parametrize(
    ("query", "studies"),
    [
        ("patient.identifier=P-1", ["A-1"]),
        (f"patient:identifier={SITE.patient_id_system}|P-2", ["A-2"]),
        ("subject.identifier=https://elsewhere.example|P-2", []),
        ("subject:identifier=P-1,P-2", ["A-1", "A-2"]),
        ("subject:identifier=P-1&patient.identifier=P-2", []),
        ("patient.identifier=P-3", []),
        ("based-on:identifier=A-2", ["A-2"]),
        ("identifier=urn:dicom:uid|urn:oid:9.2.1.1", ["A-2"]),
        ("identifier=9.2.1.1", []),
        ("status=preliminary", ["A-1", "A-2"]),
        ("status=final", []),
        ("code=http://loinc.org|43468-8", ["A-1", "A-2"]),
        ("code=1-1", []),
        ("_id=nobody", []),
        ("date=2026-01-02", ["A-2"]),
        ("date=2026-01", ["A-1", "A-2"]),
        ("date=ge2026-01-02", ["A-2"]),
        ("date=gt2026-01-01", ["A-2"]),
        ("date=lt2026-01-02&date=ge2026", ["A-1"]),
        ("date=le2026-01-01T01:15:00Z", ["A-1"]),
        ("date=lt2026-01-01T01:15:00Z", []),
        ("date=2026-01-01T10:15", ["A-1"]),
        ("issued=gt2020", ["A-1", "A-2"]),
        ("_lastUpdated=lt2020-01-01", []),
        ("_lastUpdated=gt2020-01-01T00:00:00%2B09:00", ["A-1", "A-2"]),
        ("colour=red", ["A-1", "A-2"]),
    ],
)
def test_reports_are_found_by_their_traits(client: Client, query: str, studies: list[str]) -> None:
    assert client.studies(query) == studies


def test_the_other_types_are_found_by_their_identifiers(client: Client) -> None:
    (study,) = client.found("ImagingStudy?identifier=urn:dicom:uid|urn:oid:1.2.2")
    assert client.found("ImagingStudy?identifier=A-2&started=2026-01-02") == [study]
    assert client.found("ImagingStudy?basedon:identifier=A-2&patient.identifier=P-2") == [study]
    observation = client.found("Observation?patient.identifier=P-2")[1]
    named = observation["identifier"][0]
    query = urlencode({"identifier": f"{named['system']}|{named['value']}"})
    assert client.found(f"Observation?{query}") == [observation]
    assert client.found("Observation?code=72704001&based-on:identifier=A-2")[1] == observation
    (device,) = client.found("Device?status=active")
    assert client.found(f"Device?identifier={device['identifier'][0]['value']}") == [device]
    assert client.found("Device?identifier=other") == []


@pytest.mark.parametrize(
    ("prefix", "is_found"), [("", True), ("ge", True), ("le", True), ("gt", False), ("lt", False)]
)
def test_a_moment_is_searched_for_as_finely_as_it_is_served(
    client: Client, prefix: str, is_found: bool
) -> None:
    for one in client.found("ImagingStudy"):
        moment = one["meta"]["lastUpdated"]
        query = urlencode({"_lastUpdated": f"{prefix}{moment}", "_id": one["id"]})
        assert (client.found(f"ImagingStudy?{query}") == [one]) == is_found


@pytest.mark.parametrize("count", [1, 2, 3, 5, 6])
def test_pages_follow_one_another_without_gap_or_repetition(client: Client, count: int) -> None:
    whole = client.found("Observation?_count=100")
    query, seen, pages = f"Observation?_count={count}&status=preliminary", [], 0
    while query:
        bundle = client.get(query).json()
        seen += [entry["resource"] for entry in bundle["entry"]]
        links = {link["relation"]: link["url"] for link in bundle["link"]}
        query, pages = links.get("next", "").removeprefix(f"{client.base_url}/"), pages + 1
    assert seen == whole
    assert pages == -(-6 // count)


def test_an_unknown_parameter_is_left_out_of_the_self_link_or_refused(client: Client) -> None:
    query = "DiagnosticReport?colour=red&status=preliminary"
    bundle = client.get(query).json()
    (link,) = bundle["link"]
    assert link["relation"] == "self" and "colour" not in link["url"]
    assert "status=preliminary" in link["url"]
    refused = client.get(query, headers={"Prefer": "return=minimal; handling=strict"})
    assert refused.status_code == 400
    assert "colour" not in refused.text


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("DiagnosticReport/nobody", 404, "not-found"),
        ("DiagnosticReport/nobody/_history", 404, "not-found"),
        ("Patient", 404, "not-found"),
        ("Patient/1", 404, "not-found"),
        ("DiagnosticReport?date=yesterday", 400, "invalid"),
        ("DiagnosticReport?date=2026-02-31", 400, "invalid"),
        ("DiagnosticReport?date=9999", 400, "invalid"),
        ("DiagnosticReport?date=ap2026", 400, "invalid"),
        ("DiagnosticReport?_count=none", 400, "invalid"),
        ("DiagnosticReport?_cursor=1", 400, "invalid"),
        ("DiagnosticReport?_cursor=99999999999999999999.0", 400, "invalid"),
        ("DiagnosticReport?_format=xml", 406, "not-supported"),
        ("ImagingStudy?identifier=%00", 400, "invalid"),
        (f"DiagnosticReport?_id={'a,' * 201}", 400, "invalid"),
        ("DiagnosticReport?" + "patient.identifier=P-1&" * 201, 400, "invalid"),
        ("DiagnosticReport?patient=Patient/1", 400, "invalid"),
        ("DiagnosticReport?patient.identifier=", 400, "invalid"),
        ("DiagnosticReport?status=preliminary&date=", 400, "invalid"),
        ("DiagnosticReport?patient=P-1", 400, "invalid"),
        ("DiagnosticReport?patient.name=Yamada", 400, "invalid"),
        ("DiagnosticReport?patient:Patient.identifier=P-1", 400, "invalid"),
        ("DiagnosticReport?status:not=preliminary", 400, "invalid"),
        ("DiagnosticReport?_id:missing=true", 400, "invalid"),
        ("Observation?subject=Patient/1", 400, "invalid"),
        ("Observation?based-on=ServiceRequest/1", 400, "invalid"),
        ("ImagingStudy?basedon=ServiceRequest/1", 400, "invalid"),
        ("ImagingStudy?started:missing=true", 400, "invalid"),
    ],
)
def test_an_error_is_an_outcome_in_plain_words(
    client: Client, path: str, status: int, code: str
) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/fhir+json"
    OperationOutcome.model_validate(answer.json())


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_can_be_written(client: Client, method: str) -> None:
    for path in ("DiagnosticReport", "DiagnosticReport/1", ""):
        answer = client.http.request(method, f"{client.base_url}/{path}", content=b"{}")
        assert answer.status_code == 405
        OperationOutcome.model_validate(answer.json())


def test_a_search_by_form_keeps_patients_out_of_urls(client: Client) -> None:
    address = f"{client.base_url}/DiagnosticReport/_search"
    bundle = client.http.post(address, data={"patient.identifier": "P-2"}).json()
    assert bundle["entry"] == client.get("DiagnosticReport?patient.identifier=P-2").json()["entry"]
    assert client.http.post(address, data={"patient.identifier": ""}).status_code == 400
    assert client.http.post(address, json={}).status_code == 415


def test_what_a_client_has_is_not_sent_again(client: Client) -> None:
    (first, _) = client.found("DiagnosticReport")
    path = f"DiagnosticReport/{first['id']}"
    given = client.get(path).headers
    assert given["etag"] == f'W/"{first["meta"]["versionId"]}"'
    changed_at = datetime.fromisoformat(first["meta"]["lastUpdated"]).replace(microsecond=0)
    assert parsedate_to_datetime(given["last-modified"]) == changed_at
    again = client.get(path, headers={"If-None-Match": given["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    for name in ("etag", "last-modified", "cache-control"):
        assert again.headers[name] == given[name]
    assert client.get(path, headers={"If-None-Match": 'W/"1"'}).status_code == 200


@pytest.mark.parametrize("path", ["metadata", "DiagnosticReport", "Patient"])
def test_head_is_get_without_its_body(client: Client, path: str) -> None:
    told = client.http.head(f"{client.base_url}/{path}")
    given = client.get(path)
    assert (told.status_code, told.content) == (given.status_code, b"")
    assert told.headers["content-length"] == given.headers["content-length"]


def test_the_statement_tells_what_the_service_does(client: Client) -> None:
    statement = client.get("metadata").json()
    CapabilityStatement.model_validate(statement)
    assert statement["fhirVersion"] == "4.0.1"
    for resource in statement["rest"][0]["resource"]:
        names = [one["name"] for one in resource["searchParam"]]
        assert names == [one.name for one in PARAMETERS[resource["type"]]]


def test_only_json_is_spoken(client: Client) -> None:
    assert client.get("metadata", headers={"Accept": "application/fhir+xml"}).status_code == 406
    wanted = {"Accept": "text/html, application/fhir+json;q=0.9"}
    assert client.get("metadata", headers=wanted).status_code == 200
    assert client.get("metadata?_format=json").status_code == 200


def test_the_log_says_nothing_of_what_was_asked(client: Client) -> None:
    with structlog.testing.capture_logs() as lines:
        client.found("DiagnosticReport?patient.identifier=P-1")
        client.get("DiagnosticReport?date=P-1")
        client.get("DiagnosticReport/P-1")
    assert [line["event"] for line in lines] == ["fhir_answered"] * 3
    assert "P-1" not in str(lines)


def test_a_new_revision_replaces_the_old_one(new_ledger: Callable[[str], str]) -> None:
    ledger = open_ledger(new_ledger("sqlite"))
    try:
        receive(ledger, received(1, accession_number="A-1"))
        analyse(ledger, FRACTURE)
        report(ledger)
        with serving(ledger) as client:
            (old,) = client.found("DiagnosticReport")
            receive(ledger, received(2, accession_number="A-1"))
            analyse(ledger, NO_FRACTURE)
            assert client.found("DiagnosticReport") == [old], "the report has not seen it"
            report(ledger)
            (new,) = client.found("DiagnosticReport")
        assert new["id"] == old["id"] and new["meta"]["versionId"].startswith("2-")
        assert (len(old["result"]), len(new["result"])) == (2, 3)
    finally:
        ledger.dispose()


@pytest.fixture
def withdrawn(new_ledger: Callable[[str], str]) -> Iterator[Engine]:
    """Of the first study one image is by another model, of the second both are; 1.0 is no more."""
    ledger = open_ledger(new_ledger("sqlite"))
    newer = replace(FRACTURE, model_version="2.0")
    for number, records in enumerate([(FRACTURE, newer), (newer, newer)], start=1):
        common = {"study": f"1.2.{number}", "accession_number": f"A-{number}"}
        receive(ledger, received(1, **common), received(2, **common))
        analyse(ledger, *records)
        report(ledger)
    yield ledger
    ledger.dispose()


def statuses(client: Client, resource_type: str) -> list[str]:
    return [one["status"] for one in client.found(resource_type)]


def test_a_withdrawn_answer_is_in_error_until_the_next_revision(withdrawn: Engine) -> None:
    error, stands = "entered-in-error", "preliminary"
    with serving(withdrawn) as client:
        assert set(statuses(client, "Observation")) == {stands}
        before = client.found("DiagnosticReport")
        withdraw(withdrawn, "1.0")
        assert statuses(client, "DiagnosticReport") == [error, stands]
        assert statuses(client, "Observation") == [error, error, *[stands] * 4]
        assert statuses(client, "ImagingStudy") == ["available"] * 2
        analyse(withdrawn, replace(NO_FRACTURE, model_version="2.0"))
        assert statuses(client, "Observation") == [error, error, *[stands] * 4]
        taken_back, other = client.found("DiagnosticReport")
        report(withdrawn)
        assert statuses(client, "DiagnosticReport") == [stands] * 2
        assert statuses(client, "Observation") == [stands] * 6
        after, _ = client.found("DiagnosticReport")
    assert other == before[1]
    assert before[0]["id"] == taken_back["id"] == after["id"]
    assert before[0]["result"] == taken_back["result"] == after["result"]


@pytest.mark.parametrize(
    ("resource_type", "value_set"),
    [("DiagnosticReport", "diagnostic-report-status"), ("Observation", "observation-status")],
)
def test_a_search_by_status_finds_what_is_served_with_it(
    withdrawn: Engine, resource_type: str, value_set: str
) -> None:
    withdraw(withdrawn, "1.0")
    with serving(withdrawn) as client:
        served = client.found(resource_type)
        for status in ("preliminary", "entered-in-error", "final"):
            wanted = [one for one in served if one["status"] == status]
            for asked in (status, f"http://hl7.org/fhir/{value_set}|{status}"):
                query = urlencode({"status": asked})
                assert client.found(f"{resource_type}?{query}") == wanted
        assert client.found(f"{resource_type}?status=entered-in-error,preliminary") == served


@pytest.mark.parametrize("resource_type", ["DiagnosticReport", "Observation", "ImagingStudy"])
def test_who_keeps_a_report_learns_that_it_was_withdrawn(
    withdrawn: Engine, resource_type: str
) -> None:
    """By its tag, and by asking what has changed since."""
    with serving(withdrawn) as client:
        first, *_ = client.found(resource_type)
        path = f"{resource_type}/{first['id']}"
        held = {"If-None-Match": client.get(path).headers["etag"]}
        assert client.get(path, headers=held).status_code == 304
        newest = max(one["meta"]["lastUpdated"] for one in client.found(resource_type))
        time.sleep(0.01)  # within the same second, and not within the same millisecond
        withdraw(withdrawn, "1.0")
        assert client.get(path, headers=held).status_code == 200
        since = urlencode({"_lastUpdated": f"gt{newest}"})
        changed = client.found(f"{resource_type}?{since}")
        assert first["id"] in [one["id"] for one in changed]
        assert len(changed) == len(client.found(resource_type)) // 2
