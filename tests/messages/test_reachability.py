"""Whether receivers and servers answer: real ones, and every way in which they do not."""

import json
import ssl
from dataclasses import replace
from pathlib import Path

import pytest

from dicom_node.peer import PeerRefused, PeerUnavailable
from messages.fhir_push import FhirDestination
from messages.reachability import verify_receiver, verify_server
from tests.messages.fhir_server import answering
from tests.messages.receivers import (
    destination_at,
    hl7apy_receiver,
    python_hl7_receiver,
    serving_context,
)
from tests.servers import free_port


def test_a_receiver_is_reached_and_hears_nothing() -> None:
    with hl7apy_receiver() as (destination, received):
        verify_receiver(destination)
        with pytest.raises(PeerUnavailable, match="TLS port"):
            verify_receiver(replace(destination, tls=ssl.create_default_context()))
    assert received.empty()
    with pytest.raises(PeerUnavailable, match="is the peer running"):
        verify_receiver(destination_at(free_port()))


def test_a_receiver_with_tls_is_reached_if_it_is_trusted(certificate: Path) -> None:
    trusting = ssl.create_default_context(cafile=certificate)
    with python_hl7_receiver(tls=serving_context(certificate)) as (destination, _):
        verify_receiver(replace(destination, tls=trusting))
        with pytest.raises(PeerRefused, match="certificate is not trusted"):
            verify_receiver(replace(destination, tls=ssl.create_default_context()))


def test_a_server_of_r4_tells_its_version() -> None:
    with answering(200, body=json.dumps({"fhirVersion": "4.0.1"})) as destination:
        assert verify_server(destination) == "4.0.1"


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (200, json.dumps({"fhirVersion": "3.0.2"}), "another FHIR than R4"),
        (200, "<html>Yamada</html>", "no FHIR server at this address"),
        (200, "[]", "no FHIR server at this address"),
        (401, "", "does not accept our token"),
        (404, "", "correct the base URL"),
        (302, "", "does not show its metadata: HTTP 302"),
    ],
)
def test_a_server_that_a_person_looks_at(status: int, body: str, words: str) -> None:
    answer = answering(status, body=body)
    with answer as destination, pytest.raises(PeerRefused, match=words) as refusal:
        verify_server(destination)
    assert "Yamada" not in str(refusal.value)


def test_a_server_that_is_away_or_in_trouble() -> None:
    with answering(503) as destination, pytest.raises(PeerUnavailable, match="HTTP 503"):
        verify_server(destination)
    with pytest.raises(PeerUnavailable, match="the connection failed"):
        verify_server(FhirDestination(f"http://127.0.0.1:{free_port()}/fhir"))
    with answering(200, wait_seconds=30) as destination:
        hasty = replace(destination, answer_timeout_seconds=0.2)
        with pytest.raises(PeerUnavailable, match="no answer in time"):
            verify_server(hasty)


def test_an_address_that_is_none_is_for_a_person() -> None:
    with pytest.raises(PeerRefused, match="no http address"):
        verify_server(FhirDestination("ftp://hospital.example"))
