"""Whether an HL7 receiver or a FHIR server answers, as C-ECHO asks it of a PACS."""

from dicom_node.peer import PeerRefused, PeerUnavailable
from messages.fhir_exchange import Answer, FhirDestination, get
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
    answer = get(destination, "metadata")
    _require_success(destination, answer)
    return _require_r4(destination, answer)


def _require_success(destination: FhirDestination, answer: Answer) -> None:
    status = answer.status
    if status >= 500:
        raise PeerUnavailable(f"{destination} is in trouble: HTTP {status}; see its log", status)
    if status != 200:
        words = _REASONS.get(status, "does not show its metadata")
        raise PeerRefused(f"{destination} {words}: HTTP {status}", status)


def _require_r4(destination: FhirDestination, answer: Answer) -> str:
    try:
        version = str(answer.read_json()["fhirVersion"])
    except (ValueError, KeyError, TypeError) as error:
        raise PeerRefused(
            f"{destination} is no FHIR server at this address: correct the base URL"
        ) from error
    if not version.startswith(_R4):
        raise PeerRefused(f"{destination} speaks another FHIR than R4: take its base URL for R4")
    return version
