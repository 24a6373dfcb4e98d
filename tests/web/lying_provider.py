"""An OpenID Connect provider whose words a test puts in its mouth: true, forged or out of date."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, RSAKey

CLIENT_ID, CLIENT_SECRET = "osteon", "a secret: of 100 %"


@dataclass
class LyingProvider:
    """`id_token` makes what the token endpoint answers, of the nonce that the browser brought."""

    issuer: str
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one"}))
    nonce: str = ""
    id_token: Callable[[], str] = lambda: ""
    userinfo: dict[str, Any] = field(default_factory=dict)
    configuration: dict[str, Any] = field(default_factory=dict)
    redeemed: list[dict[str, list[str]]] = field(default_factory=list)
    authorizations: list[str | None] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Of a token that is good, with these changes; what is None is left out."""
        good = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "sub": "4711",
            "exp": int(time.time()) + 300,
            "iat": int(time.time()),
            "nonce": self.nonce,
            "preferred_username": "Anna",
            "name": "Anna Ärztin",
            "groups": ["radiologists", "everybody"],
        }
        return {name: value for name, value in (good | changes).items() if value is not None}

    def signed(self, header: dict[str, Any] | None = None, **changes: Any) -> str:
        return jwt.encode(
            {"alg": "RS256", "kid": "one"} | (header or {}), self.claims(**changes), self.key
        )

    def signed_by_another(self) -> str:
        other = RSAKey.generate_key(2048, {"kid": "one"})
        return jwt.encode({"alg": "RS256", "kid": "one"}, self.claims(), other)

    def signed_by_what_is_public(self) -> str:
        """HS256 under a secret that many know: the trick that takes a key for a password."""
        secret = OctKey.import_key(CLIENT_SECRET.encode())
        return jwt.encode({"alg": "HS256"}, self.claims(), secret)

    def unsigned(self) -> str:
        from joserfc.jws import JWSRegistry

        unguarded = JWSRegistry(algorithms=["none"])
        return jwt.encode({"alg": "none"}, self.claims(), OctKey.generate_key(), registry=unguarded)

    def answers(self, path: str) -> dict[str, Any]:
        known = {
            "/.well-known/openid-configuration": {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "userinfo_endpoint": f"{self.issuer}/userinfo",
                "jwks_uri": f"{self.issuer}/keys",
                **self.configuration,
            },
            "/keys": dict(KeySet([self.key]).as_dict(private=False)),
            "/userinfo": self.userinfo,
        }
        return known[path]


@contextmanager
def lying_provider() -> Iterator[LyingProvider]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            provider.asked.append(self.path)
            self._say(provider.answers(self.path))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            provider.redeemed.append(parse_qs(body))
            provider.authorizations.append(self.headers["Authorization"])
            self._say(
                {"id_token": provider.id_token(), "access_token": "at", "token_type": "Bearer"}
            )

        def _say(self, document: dict[str, Any]) -> None:
            body = json.dumps(document).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider = LyingProvider(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
