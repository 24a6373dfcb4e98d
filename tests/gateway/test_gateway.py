"""The gateway as other systems meet it: a real server, with and without its token."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine

import http_serving
from db.session import open_ledger
from gateway.serving import TokenNeeded, bind
from tests.gateway.served import TOKEN, plan_with, serving


@pytest.fixture
def engine(sqlite_ledger_url: str) -> Iterator[Engine]:
    engine = open_ledger(sqlite_ledger_url)
    yield engine
    engine.dispose()


def test_both_doors_open_to_the_token_alone(engine: Engine, tmp_path: Path) -> None:
    with serving(plan_with(TOKEN), engine, tmp_path / "spool") as url:
        for path in ("/dicom-web/studies", "/fhir/DiagnosticReport", "/fhir/metadata", "/nothing"):
            refused = httpx.get(url + path)
            assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, "Bearer")
            wrong = httpx.get(url + path, headers={"Authorization": f"Bearer {TOKEN}x"})
            assert wrong.status_code == 401
        shown = {"Authorization": f"bearer {TOKEN}"}
        assert httpx.get(f"{url}/dicom-web/studies", headers=shown).status_code == 204
        found = httpx.get(f"{url}/fhir/DiagnosticReport", headers=shown)
        assert (found.status_code, found.json()["resourceType"]) == (200, "Bundle")
        assert httpx.get(f"{url}/healthz").json() == {"ledger": "answers"}


def test_a_body_is_not_read_without_the_token(engine: Engine, tmp_path: Path) -> None:
    with serving(plan_with(TOKEN), engine, tmp_path / "spool") as url:
        headers = {"Content-Type": 'multipart/related; type="application/dicom"; boundary=x'}
        answer = httpx.post(f"{url}/dicom-web/studies", content=b"x" * 100_000, headers=headers)
    assert answer.status_code == 401


STRANGERS = {"says nothing": b"", "never ends its head": b"GET /healthz HTTP/1.1\r\nHost: n\r\n"}


@pytest.mark.parametrize("case", STRANGERS)
def test_who_asks_nothing_keeps_no_connection(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    monkeypatch.setattr(http_serving, "REQUEST_HEAD_SECONDS", 0.2)
    with serving(plan_with(TOKEN), engine, tmp_path / "spool") as url, connected(url) as stranger:
        stranger.sendall(STRANGERS[case])
        assert stranger.recv(100) == b""


def test_who_sends_junk_behind_a_refusal_is_cut_off(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_serving, "REQUEST_HEAD_SECONDS", 0.2)
    head = b"POST /dicom-web/studies HTTP/1.1\r\nHost: n\r\nContent-Length: 9999\r\n\r\n"
    with serving(plan_with(TOKEN), engine, tmp_path / "spool") as url, connected(url) as stranger:
        stranger.sendall(head + b"x" * 100)
        assert until_cut_off(stranger).startswith(b"HTTP/1.1 401")


def test_a_slow_body_is_waited_for(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_serving, "REQUEST_HEAD_SECONDS", 0.2)
    content_type = b'Content-Type: multipart/related; type="application/dicom"; boundary=x\r\n'
    head = b"POST /dicom-web/studies HTTP/1.1\r\nHost: n\r\nContent-Length: 5\r\n" + content_type
    with serving(plan_with(None), engine, tmp_path / "spool") as url, connected(url) as sender:
        sender.sendall(head + b"\r\n--")
        time.sleep(0.5)
        sender.sendall(b"x--")
        assert sender.recv(1000).startswith(b"HTTP/1.1 400")


def until_cut_off(stranger: socket.socket) -> bytes:
    """All that is said, in however many pieces; TimeoutError where the connection stays."""
    return b"".join(iter(lambda: stranger.recv(1000), b""))


def connected(url: str) -> socket.socket:
    address = httpx.URL(url)
    return socket.create_connection((address.host, address.port or 80), timeout=10)


def test_other_machines_need_a_token() -> None:
    with pytest.raises(TokenNeeded, match="gateway_token"):
        bind(plan_with(None, "0.0.0.0"))
    bind(plan_with(TOKEN, "0.0.0.0")).close()
    bind(plan_with(None)).close()
