"""Giving a transaction to the hospital's FHIR server, and saying in plain words why it failed."""

import ssl
import time
from dataclasses import dataclass
from pathlib import Path

import httpx

from dicom_node.peer import PeerRefused, PeerUnavailable

_MEDIA_TYPE = "application/fhir+json"
_ANSWERED = 200
_LATER = {408, 425, 429}
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
_ANSWER_MAX_BYTES = 1 << 20


@dataclass(frozen=True, repr=False)
class FhirDestination:
    """A FHIR server by its base URL, `https://fhir.hospital.example/r4`, and our token there."""

    base_url: str
    connection_timeout_seconds: float = 10
    answer_timeout_seconds: float = 60
    bearer_token: str | None = None
    token_file: Path | None = None

    def __str__(self) -> str:
        """Without the user and password that a URL may hide."""
        url = httpx.URL(self.base_url)
        return f"{url.scheme}://{url.netloc.decode()}{url.path}"

    __repr__ = __str__

    def authorization(self) -> dict[str, str]:
        """The header that shows our token, if we have one; PeerUnavailable where it cannot be had.

        The file is read each time: who renews a token need not restart the node, and only the
        processes that send need be able to read it.
        """
        token = self.bearer_token if self.token_file is None else self._read_token(self.token_file)
        if not token:
            return {}
        # RFC 6750 2.1: one word of ASCII.
        if not token.isascii() or len(token.split()) != 1:
            place = self.token_file or "`token`"
            raise PeerUnavailable(f"{self}: its token is not one word of ASCII; correct {place}")
        return {"Authorization": f"Bearer {token}"}

    def _read_token(self, path: Path) -> str:
        try:
            token = path.read_text("ascii", "replace").strip()
        except OSError as error:
            sentence = f"{self}: its token cannot be read from {path}: {error.strerror}"
            raise PeerUnavailable(sentence) from error
        if not token:
            raise PeerUnavailable(f"{self}: {path} is empty, and should hold its token")
        return token


@dataclass(frozen=True)
class Pushed:
    """The server has all of the bundle."""

    status: int


def push_bundle(destination: FhirDestination, bundle: bytes) -> Pushed:
    """POST the transaction; PeerUnavailable or PeerRefused with one sentence on what to do."""
    response = _answer_to(destination, bundle)
    if response.status_code == _CONFLICT:
        # Another bundle with the same Device, at the very same moment: that passes.
        time.sleep(_CONFLICT_PAUSE_SECONDS)
        response = _answer_to(destination, bundle)
    if response.status_code != _ANSWERED:
        raise _trouble(destination, response)
    _require_done(destination, response)
    return Pushed(response.status_code)


def _answer_to(destination: FhirDestination, bundle: bytes) -> httpx.Response:
    try:
        return _post(destination, bundle)
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise PeerRefused("the FHIR server's base URL is no http address: correct it") from error
    except httpx.TimeoutException as error:
        raise PeerUnavailable(f"{destination}: no answer in time; is the server busy?") from error
    except httpx.TransportError as error:
        raise PeerUnavailable(
            f"{destination}: the connection failed; check address, network and certificate"
        ) from error


def _post(destination: FhirDestination, bundle: bytes) -> httpx.Response:
    headers = {"Content-Type": _MEDIA_TYPE, "Accept": _MEDIA_TYPE, "Prefer": "return=minimal"}
    headers |= destination.authorization()
    timeout = httpx.Timeout(
        destination.answer_timeout_seconds, connect=destination.connection_timeout_seconds
    )
    # The system's own authorities, the hospital's among them; no proxy that a variable names.
    trusted = ssl.create_default_context()
    with httpx.Client(verify=trusted, trust_env=False, timeout=timeout) as client:
        return client.post(destination.base_url, content=bundle, headers=headers)


def _require_done(destination: FhirDestination, response: httpx.Response) -> None:
    """A transaction is answered by a Bundle with a status for each entry (R4 3.1.0.11).

    A log-in page comes with 200 too, and a server asked at /Bundle keeps the bundle as a document.
    """
    try:
        answer = response.json()
        is_answer = answer["resourceType"] == "Bundle" and answer["type"] == "transaction-response"
        statuses = [str(entry["response"]["status"]) for entry in answer.get("entry", [])]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PeerRefused(f"{destination} {_DOES_NOT_SAY}") from error
    if not is_answer:
        raise PeerRefused(f"{destination} {_DOES_NOT_SAY}")
    if not all(status.startswith("2") for status in statuses):
        raise PeerRefused(f"{destination} {_DONE_IN_PART}")


def _trouble(
    destination: FhirDestination, response: httpx.Response
) -> PeerUnavailable | PeerRefused:
    status = response.status_code
    codes = _issue_codes(response)
    named = f" ({', '.join(codes)})" if codes else ""
    if status in _LATER or status >= 500:
        sentence = f"{destination} cannot take it now: HTTP {status}{named}; it is tried again"
        return PeerUnavailable(sentence, status)
    unknown = _SENT_ELSEWHERE if response.is_redirect else "does not take it"
    words = _REASONS.get(status, unknown)
    return PeerRefused(f"{destination} {words}: HTTP {status}{named}", status)


def _issue_codes(response: httpx.Response) -> list[str]:
    """The coded kinds of trouble of an OperationOutcome, each once."""
    if len(response.content) > _ANSWER_MAX_BYTES:
        return []
    try:
        issues = response.json()["issue"]
        codes = [issue["code"] for issue in issues]
    except (ValueError, KeyError, TypeError):
        return []
    return list(dict.fromkeys(code for code in codes if code in _ISSUE_CODES))
