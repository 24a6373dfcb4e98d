"""One request to the hospital's FHIR server, within bounds, and what keeps it from an answer."""

import json
import ssl
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from dicom_node.peer import PeerRefused, PeerUnavailable

MEDIA_TYPE = "application/fhir+json"
# A server that ignores Prefer gives back what it was sent, pages and all.
_ANSWER_MAX_BYTES = 64 << 20


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
class Answer:
    """What the server says; an answer too large to be meant is cut off, and then no JSON."""

    status: int
    content: bytes

    @property
    def is_redirect(self) -> bool:
        return 300 <= self.status < 400

    def read_json(self) -> Any:
        """ValueError where it is none, or one nested without end."""
        try:
            return json.loads(self.content)
        except RecursionError as error:
            raise ValueError("the answer is nested too deeply") from error


def get(destination: FhirDestination, path: str) -> Answer:
    return _answered(destination, "GET", f"{destination.base_url.rstrip('/')}/{path}")


def post(destination: FhirDestination, content: bytes) -> Answer:
    return _answered(destination, "POST", destination.base_url, content)


def _answered(
    destination: FhirDestination, method: str, url: str, content: bytes | None = None
) -> Answer:
    """PeerUnavailable or PeerRefused where there is no answer, with what to do."""
    try:
        return _exchange(destination, method, url, content)
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise PeerRefused("the FHIR server's base URL is no http address: correct it") from error
    except httpx.TimeoutException as error:
        raise PeerUnavailable(f"{destination}: no answer in time; is the server busy?") from error
    except httpx.RequestError as error:
        raise PeerUnavailable(
            f"{destination}: the connection failed; check address, network and certificate"
        ) from error


def _exchange(destination: FhirDestination, method: str, url: str, content: bytes | None) -> Answer:
    headers = {"Accept": MEDIA_TYPE} | destination.authorization()
    if content is not None:
        headers |= {"Content-Type": MEDIA_TYPE, "Prefer": "return=minimal"}
    timeout = httpx.Timeout(
        destination.answer_timeout_seconds, connect=destination.connection_timeout_seconds
    )
    # The system's own authorities, the hospital's among them; no proxy that a variable names.
    trusted = ssl.create_default_context()
    with (
        httpx.Client(verify=trusted, trust_env=False, timeout=timeout) as client,
        client.stream(method, url, content=content, headers=headers) as response,
    ):
        return Answer(response.status_code, _body(response, destination.answer_timeout_seconds))


def _body(response: httpx.Response, seconds: float) -> bytes:
    """httpx has a limit for each piece alone: a server that drips would hold us for ever."""
    deadline, body = time.monotonic() + seconds, bytearray()
    for piece in response.iter_bytes():
        body += piece
        if time.monotonic() > deadline:
            raise httpx.ReadTimeout("the answer does not end")
        if len(body) > _ANSWER_MAX_BYTES:
            break
    return bytes(body[:_ANSWER_MAX_BYTES])
