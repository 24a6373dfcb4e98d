"""Whether an HL7 receiver or a FHIR server answers, as C-ECHO asks it of a PACS."""

import ssl

import httpx

from dicom_node.peer import PeerRefused, PeerUnavailable
from messages.fhir_push import FhirDestination
from messages.mllp import MllpDestination, connected

_R4 = "4."  # 4.0.1, and 4.3.0 that changed none of our resources
_REASONS = {
    401: "does not accept our token: give it a valid one",
    403: "forbids us to ask: let the node's account in",
    404: "has no FHIR service at this address: correct the base URL",
}


def verify_receiver(destination: MllpDestination) -> None:
    """Return if a connection comes about, with TLS where the address asks for it.

    Else PeerUnavailable or PeerRefused says what to do. MLLP knows no question without a message.
    """
    connected(destination).close()


def verify_server(destination: FhirDestination) -> str:
    """The version in the server's CapabilityStatement, which is one of R4.

    Else PeerUnavailable or PeerRefused says what to do.
    """
    try:
        response = _metadata(destination)
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise PeerRefused("the FHIR server's base URL is no http address: correct it") from error
    except httpx.TimeoutException as error:
        raise PeerUnavailable(f"{destination}: no answer in time; is the server busy?") from error
    except httpx.TransportError as error:
        raise PeerUnavailable(
            f"{destination}: the connection failed; check address, network and certificate"
        ) from error
    _require_success(destination, response)
    return _require_r4(destination, response)


def _metadata(destination: FhirDestination) -> httpx.Response:
    headers = {"Accept": "application/fhir+json"} | destination.authorization()
    timeout = httpx.Timeout(
        destination.answer_timeout_seconds, connect=destination.connection_timeout_seconds
    )
    url = f"{destination.base_url.rstrip('/')}/metadata"
    with httpx.Client(
        verify=ssl.create_default_context(), trust_env=False, timeout=timeout
    ) as client:
        return client.get(url, headers=headers)


def _require_success(destination: FhirDestination, response: httpx.Response) -> None:
    status = response.status_code
    if status >= 500:
        raise PeerUnavailable(f"{destination} is in trouble: HTTP {status}; see its log", status)
    if status != 200:
        words = _REASONS.get(status, "does not show its metadata")
        raise PeerRefused(f"{destination} {words}: HTTP {status}", status)


def _require_r4(destination: FhirDestination, response: httpx.Response) -> str:
    try:
        statement = response.json()
        version = str(statement["fhirVersion"])
    except (ValueError, KeyError, TypeError) as error:
        raise PeerRefused(
            f"{destination} is no FHIR server at this address: correct the base URL"
        ) from error
    if not version.startswith(_R4):
        raise PeerRefused(f"{destination} speaks another FHIR than R4: take its base URL for R4")
    return version
