"""The two profiles that every fault is tried on: embedded, and with the hospital's servers."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.servers import running_postgres, running_redis

PROFILES = ["sqlite", "postgresql"]


@contextmanager
def servers_for(profile: str) -> Iterator[dict[str, str]]:
    """The settings by which a node uses servers of its own; none where it is embedded."""
    if profile == "sqlite":
        yield {}
        return
    with running_postgres() as postgres, running_redis() as broker:
        yield {"database_url": postgres.create_database(), "broker_url": broker.url}
