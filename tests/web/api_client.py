"""A program before the API: it shows a token, and reads what it is told."""

import json
from dataclasses import dataclass
from typing import Any

import httpx
from sqlalchemy import Engine, select

from db.api_tokens import NewToken, add_token
from db.session import transaction
from db.tables import AppUser
from tests.web.window import Window
from web.access.scopes import Scope
from web.access.tokens import kept, new_api_token


def make_token(engine: Engine, account: str, *scopes: str) -> str:
    """A token of this account's, for these scopes or for all."""
    token = new_api_token()
    with transaction(engine) as session:
        user_id = session.scalars(select(AppUser.id).where(AppUser.name == account)).one()
        new = NewToken(user_id, "test", scopes or tuple(Scope), days=1)
        add_token(session, new, kept(token))
    return token


@dataclass(frozen=True)
class Program:
    """What it asks for is under /api/v1."""

    client: httpx.Client

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.client.get(
            path if path.startswith("/api") else f"/api/v1{path}", headers=headers
        )

    def post(self, path: str, document: Any = None) -> httpx.Response:
        # In ASCII, so that any text can be sent: also one that UTF-8 has no bytes for.
        content = b"" if document is None else json.dumps(document).encode()
        headers = {"Content-Type": "application/json"}
        return self.client.post(f"/api/v1{path}", content=content, headers=headers)


def program(window: Window, token: str) -> Program:
    headers = {"Authorization": f"Bearer {token}"}
    return Program(httpx.Client(base_url=f"http://127.0.0.1:{window.port}", headers=headers))
