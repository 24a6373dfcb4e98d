"""Giving a transaction to the hospital's FHIR server, and saying in plain words why it failed."""

import time
from dataclasses import dataclass

from dicom_node.peer import NotTakenNow, PeerRefused, PeerUnavailable
from messages.fhir_exchange import Answer, FhirDestination, post

__all__ = ["FhirDestination", "Pushed", "push_bundle"]

_ANSWERED = 200
_LATER = {408, 425, 429}
_AWAY = {502, 503, 504}  # what a proxy answers for a server that is not there
_CONFLICT = 409
_CONFLICT_PAUSE_SECONDS = 0.2
_REASONS = {
    400: "does not understand the bundle",
    401: "does not accept our token: give it a valid one",
    403: "forbids it: let the node's account write there",
    404: "has no FHIR service at this address: correct the base URL",
    405: "takes no transactions at this address: correct the base URL",
    409: "holds something that is in conflict with it",
    412: "holds several resources where one was expected",
    413: "finds the bundle too large: raise its limit",
    415: "takes no FHIR JSON",
    422: "finds the bundle against its rules",
}
_SENT_ELSEWHERE = "sends us to another address: correct the base URL"
_DOES_NOT_SAY = (
    "does not say that it did what the bundle asks: is the base URL right, and no log-in page "
    "before it?"
)
_DONE_IN_PART = "did only a part of what the bundle asks, as no server should: look into its log"
# R4 value set issue-type. Whatever else stands there is text of the server's, which may name the
# patient.
_ISSUE_CODES = {
    *("invalid", "structure", "required", "value", "invariant", "security", "login", "unknown"),
    *("expired", "forbidden", "suppressed", "processing", "not-supported", "duplicate"),
    *("multiple-matches", "not-found", "deleted", "too-long", "code-invalid", "extension"),
    *("too-costly", "business-rule", "conflict", "transient", "lock-error", "no-store"),
    *("exception", "timeout", "incomplete", "throttled", "informational"),
}


@dataclass(frozen=True)
class Pushed:
    """The server has all of the bundle."""

    status: int


def push_bundle(destination: FhirDestination, bundle: bytes) -> Pushed:
    """POST the transaction; PeerUnavailable or PeerRefused with one sentence on what to do."""
    answer = post(destination, bundle)
    if answer.status == _CONFLICT:
        # Another bundle with the same Device, at the very same moment: that passes.
        time.sleep(_CONFLICT_PAUSE_SECONDS)
        answer = post(destination, bundle)
    if answer.status != _ANSWERED:
        raise _trouble(destination, answer)
    _require_done(destination, answer)
    return Pushed(answer.status)


def _require_done(destination: FhirDestination, answer: Answer) -> None:
    """A transaction is answered by a Bundle with a status for each entry (R4 3.1.0.11).

    A log-in page comes with 200 too, and a server asked at /Bundle keeps the bundle as a document.
    """
    try:
        told = answer.read_json()
        is_answer = told["resourceType"] == "Bundle" and told["type"] == "transaction-response"
        statuses = [str(entry["response"]["status"]) for entry in told.get("entry", [])]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PeerRefused(f"{destination} {_DOES_NOT_SAY}") from error
    if not is_answer:
        raise PeerRefused(f"{destination} {_DOES_NOT_SAY}")
    if not all(status.startswith("2") for status in statuses):
        raise PeerRefused(f"{destination} {_DONE_IN_PART}")


def _trouble(destination: FhirDestination, answer: Answer) -> PeerUnavailable | PeerRefused:
    status = answer.status
    codes = _issue_codes(answer)
    named = f" ({', '.join(codes)})" if codes else ""
    if status in _LATER or status >= 500:
        sentence = f"{destination} cannot take it now: HTTP {status}{named}; it is tried again"
        is_away = status in _LATER or status in _AWAY
        return PeerUnavailable(sentence, status) if is_away else NotTakenNow(sentence, status)
    unknown = _SENT_ELSEWHERE if answer.is_redirect else "does not take it"
    words = _REASONS.get(status, unknown)
    return PeerRefused(f"{destination} {words}: HTTP {status}{named}", status)


def _issue_codes(answer: Answer) -> list[str]:
    """The coded kinds of trouble of an OperationOutcome, each once."""
    try:
        issues = answer.read_json()["issue"]
        codes = [str(issue["code"]) for issue in issues]
    except (ValueError, KeyError, TypeError):
        return []
    return list(dict.fromkeys(code for code in codes if code in _ISSUE_CODES))
