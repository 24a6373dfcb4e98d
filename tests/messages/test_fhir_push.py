"""Giving a bundle to a FHIR server: a real one, and ones that refuse in every way there is."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

import pytest

from db.states import AnalysisState
from dicom_node.peer import PeerRefused, PeerUnavailable
from messages import fhir_exchange
from messages.fhir_push import FhirDestination, Pushed, push_bundle
from messages.fhir_resources import make_resources_of, make_transaction
from messages.fhir_source import FhirSource
from tests.messages.fhir_cases import (
    FOUND,
    FOUND_EARLIER,
    NOT_LOOKED_AT,
    STUDY,
    WITHDRAWAL,
    image,
    plain_source,
    report,
    source,
)
from tests.messages.fhir_server import DONE, FhirServer, answering, fhir_server

TYPES = ("Device", "ImagingStudy", "Observation", "DiagnosticReport")


@pytest.fixture(scope="module")
def server() -> Iterator[FhirServer]:
    with fhir_server() as running:
        yield running


OTHER_STUDY = replace(STUDY, study_instance_uid="1.2.9")


def statuses_of(server: FhirServer, made: FhirSource) -> list[str]:
    """What the server holds under the ids of these Observations."""
    ids = [one["id"] for one in make_resources_of("Observation", made)]
    return [one["status"] for name in ids for one in server.search(f"Observation?_id={name}")]


def counts(server: FhirServer) -> list[int]:
    return [len(server.search(name)) for name in TYPES]


@pytest.mark.integration
def test_a_bundle_sent_twice_has_the_effect_of_one_and_a_revision_replaces(
    server: FhirServer,
) -> None:
    destination = FhirDestination(server.base_url)
    bundle = make_transaction(plain_source())
    assert push_bundle(destination, bundle) == Pushed(200)
    push_bundle(destination, bundle)
    assert counts(server) == [1, 1, 3, 1]
    (device,), (report_,) = server.search("Device"), server.search("DiagnosticReport")
    studies = {one["device"]["reference"] for one in server.search("Observation")}
    assert studies == {f"Device/{device['id']}"}
    assert report_["imagingStudy"][0]["reference"].startswith("ImagingStudy/")
    later = source(
        image(1, NOT_LOOKED_AT),
        revision=2,
        state=AnalysisState.NOT_ANALYSED,
        probability=None,
    )
    push_bundle(destination, make_transaction(later))
    assert counts(server) == [1, 1, 3, 1]
    (replaced,) = server.search("DiagnosticReport")
    assert replaced["conclusion"].startswith("Not assessable")


@pytest.mark.integration
def test_the_revision_after_a_withdrawal_replaces_what_the_withdrawn_model_said(
    server: FhirServer,
) -> None:
    """Under the very ids that the gateway serves it by; the old network's Device stays."""
    destination = FhirDestination(server.base_url)
    images = [image(1, FOUND_EARLIER), image(2, FOUND)]
    push_bundle(destination, make_transaction(source(*images, study=OTHER_STUDY)))
    withdrawn = source(
        replace(images[0], withdrawal=WITHDRAWAL), images[1], revision=2, study=OTHER_STUDY
    )
    push_bundle(destination, make_transaction(withdrawn))
    assert statuses_of(server, withdrawn) == ["entered-in-error"] * 2 + ["preliminary"]
    later = source(image(1, FOUND), images[1], revision=3, study=OTHER_STUDY)
    push_bundle(destination, make_transaction(later))
    assert statuses_of(server, withdrawn) == ["preliminary"] * 3
    for one in make_resources_of("Observation", later):
        (kept,) = server.search(f"Observation?_id={one['id']}")
        assert kept["device"]["display"] == "osteon-net 1.0"
        assert kept["note"] == one["note"]


@pytest.mark.integration
def test_a_server_that_finds_the_bundle_invalid_takes_nothing_of_it(server: FhirServer) -> None:
    bundle = json.loads(make_transaction(plain_source()))
    bundle["entry"][-1]["resource"]["status"] = "guessed"
    before = counts(server)
    with pytest.raises(PeerRefused, match=r"against its rules: HTTP 422 \(invalid\)"):
        push_bundle(FhirDestination(server.base_url), json.dumps(bundle).encode())
    assert counts(server) == before


def test_done_is_done() -> None:
    with answering(200, body=DONE) as destination:
        assert push_bundle(destination, b"{}") == Pushed(200)


IN_PART = DONE.replace("201 Created", "422 Unprocessable Entity")
AS_A_DOCUMENT = json.dumps({"resourceType": "Bundle", "type": "transaction"})


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("", "does not say that it did"),
        ("<html>Log in, Yamada</html>", "does not say that it did"),
        ("[]", "does not say that it did"),
        ('{"resourceType": "OperationOutcome"}', "does not say that it did"),
        (AS_A_DOCUMENT, "does not say that it did"),
        (DONE.replace('{"response":', '{"answer":'), "does not say that it did"),
        (IN_PART, "did only a part"),
    ],
)
def test_success_that_says_nothing_of_the_bundle_is_none(body: str, said: str) -> None:
    """A report that a proxy's log-in page swallowed would be nowhere, and called sent."""
    with answering(200, body=body) as destination, pytest.raises(PeerRefused, match=said) as error:
        push_bundle(destination, b"{}")
    assert "Yamada" not in str(error.value)


def test_a_conflict_of_two_that_write_at_once_passes() -> None:
    with answering(409, 200, body=DONE) as destination:
        assert push_bundle(destination, b"{}") == Pushed(200)


def test_a_server_that_has_moved_is_named() -> None:
    with answering(308) as destination, pytest.raises(PeerRefused, match="correct the base URL"):
        push_bundle(destination, b"{}")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 412, 422, 302, 201, 204])
def test_a_refusal_is_for_a_person(status: int) -> None:
    with answering(status) as destination, pytest.raises(PeerRefused) as refused:
        push_bundle(destination, b"{}")
    assert refused.value.status == status


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503])
def test_a_server_in_trouble_is_tried_again(status: int) -> None:
    with answering(status) as destination, pytest.raises(PeerUnavailable) as trouble:
        push_bundle(destination, b"{}")
    assert trouble.value.status == status


def test_only_coded_words_of_an_outcome_are_repeated() -> None:
    outcome = {
        "resourceType": "OperationOutcome",
        "issue": [
            {"severity": "error", "code": "invariant", "diagnostics": "Yamada^Tarou is dead"},
            {"severity": "error", "code": "Yamada"},
            {"severity": "error", "code": "invariant", "details": {"text": "P-17"}},
        ],
    }
    with answering(422, body=json.dumps(outcome)) as destination:
        with pytest.raises(PeerRefused) as refused:
            push_bundle(destination, b"{}")
        assert str(refused.value) == (
            f"{destination} finds the bundle against its rules: HTTP 422 (invariant)"
        )


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<html>Yamada</html>",
        "[]",
        '{"issue": [3]}',
        '{"issue": 3}',
        '{"issue": [{"code": {}}]}',
        "[" * 100_000,
    ],
)
def test_an_answer_that_is_no_outcome_is_left_unread(body: str) -> None:
    with answering(400, body=body) as destination, pytest.raises(PeerRefused) as refused:
        push_bundle(destination, b"{}")
    assert "Yamada" not in str(refused.value)


@contextmanager
def speaking(*pieces: bytes, pause_seconds: float = 0) -> Iterator[FhirDestination]:
    """A server that says these bytes, whatever it is asked, and goes on until nobody listens."""
    listening = socket.create_server(("127.0.0.1", 0))

    def speak() -> None:
        connection, _ = listening.accept()
        with connection, suppress(OSError):
            connection.recv(65536)
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(pause_seconds)

    thread = threading.Thread(target=speak, daemon=True)
    thread.start()
    try:
        yield FhirDestination(f"http://127.0.0.1:{listening.getsockname()[1]}")
    finally:
        listening.close()
        thread.join(10)


def test_a_server_that_drips_does_not_hold_us() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n"
    with speaking(head, *[b" "] * 900, pause_seconds=0.02) as server:
        hasty = replace(server, answer_timeout_seconds=0.2)
        with pytest.raises(PeerUnavailable, match="no answer in time"):
            push_bundle(hasty, b"{}")


def test_an_answer_without_end_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fhir_exchange, "_ANSWER_MAX_BYTES", 1 << 16)
    chunk = b"4000\r\n" + b" " * 0x4000 + b"\r\n"
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    endless = speaking(head, *[chunk] * 1000, pause_seconds=0.01)
    with endless as server, pytest.raises(PeerRefused, match="does not say that it did"):
        push_bundle(server, b"{}")


def test_an_answer_that_cannot_be_unpacked_is_tried_again() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 6\r\n\r\n"
    with speaking(head, b"no zip") as server, pytest.raises(PeerUnavailable):
        push_bundle(server, b"{}")


def test_a_server_that_is_away_or_silent_is_tried_again() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        away = FhirDestination(f"http://127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(PeerUnavailable, match="the connection failed"):
            push_bundle(away, b"{}")
    with answering(200, wait_seconds=30) as destination:
        hasty = replace(destination, answer_timeout_seconds=0.2)
        with pytest.raises(PeerUnavailable, match="no answer in time"):
            push_bundle(hasty, b"{}")


@pytest.mark.parametrize("base_url", ["ftp://hospital.example", "fhir", ""])
def test_an_address_that_is_none_is_for_a_person(base_url: str) -> None:
    with pytest.raises(PeerRefused, match="no http address"):
        push_bundle(FhirDestination(base_url), b"{}")


def test_no_proxy_of_the_environment_sees_the_bundle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with answering(200, body=DONE) as destination:
        assert push_bundle(destination, make_transaction(source(*report().images))) == Pushed(200)
