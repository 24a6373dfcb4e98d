"""The gateway as other systems meet it: a real server, with and without its token."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine

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


def test_other_machines_need_a_token() -> None:
    with pytest.raises(TokenNeeded, match="gateway_token"):
        bind(plan_with(None, "0.0.0.0"))
    bind(plan_with(TOKEN, "0.0.0.0")).close()
    bind(plan_with(None)).close()
