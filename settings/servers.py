"""Settings of the servers a node leans on: where they are, and how they are spoken to."""

from ipaddress import ip_address
from typing import Self
from urllib.parse import parse_qs, urlsplit

from pydantic import BaseModel, Field, model_validator

_VERIFIED = ("verify-ca", "verify-full")  # of libpq's sslmode


class ServerSettings(BaseModel):
    """A part of `settings.Settings`."""

    database_url: str = Field(
        "", description="SQLAlchemy URL of the ledger; empty: SQLite in `data_dir`."
    )
    broker_url: str = Field(
        "",
        description="Celery broker (`redis://…`, `rediss://…` for TLS); empty: files in "
        "`data_dir`, no server.",
    )
    servers_need_tls: bool = Field(
        False,
        description="Whether a PostgreSQL or Redis of another host is refused where its URL does "
        "not say that TLS is spoken and its certificate verified.",
    )

    @property
    def database_is_exposed(self) -> bool:
        """Whether another host's PostgreSQL may be spoken to without TLS, or by whose we know not.

        libpq by itself (`prefer`) takes whatever it gets.
        """
        if not self.database_url.startswith("postgresql"):
            return False
        parts = urlsplit(self.database_url)
        asked = parse_qs(parts.query)
        hosts = asked.get("host", [parts.hostname or ""]) + asked.get("hostaddr", [])
        is_here = all(map(_is_this_host, hosts))
        return not is_here and asked.get("sslmode", [""])[0] not in _VERIFIED

    @property
    def broker_is_exposed(self) -> bool:
        # Several servers, to be tried in turn, stand between semicolons.
        servers = [urlsplit(url) for url in self.broker_url.split(";")]
        return any(
            one.scheme not in ("", "rediss") and not _is_this_host(one.hostname or "")
            for one in servers
        )

    @model_validator(mode="after")
    def _servers_are_protected(self) -> Self:
        # No message may repeat a URL: it has a password.
        if self.servers_need_tls and self.database_is_exposed:
            raise ValueError("servers_need_tls: add ?sslmode=verify-full to database_url")
        if self.servers_need_tls and self.broker_is_exposed:
            raise ValueError("servers_need_tls: broker_url has to begin with rediss://")
        return self


def is_inside(url: str) -> bool:
    """Whether the URL's host is this one, or has a name that only a network of containers has."""
    host = urlsplit(url).hostname or ""
    return _is_this_host(host) or not set(host) & {".", ":"}


def _is_this_host(host: str) -> bool:
    if host in ("", "localhost") or host.startswith("/"):  # a Unix socket
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
