"""PostgreSQL and Redis by TLS: none is spoken to that is not whom its certificate names."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import psycopg
import pytest
import redis
from kombu.exceptions import OperationalError

from db.session import LedgerUnavailable, open_ledger
from db.upgrade import upgrade_ledger
from tests.dicom_node.tls.hospital_pki import Authority, Pair
from tests.servers import free_port, running_postgres
from tests.services import require_program
from tests.waiting import wait_for
from worker.app import Broker, create_app

pytestmark = [pytest.mark.integration, pytest.mark.requirement("R-DOOR-3")]
LIMIT_SECONDS = 20


@dataclass(frozen=True)
class Certified:
    """The authority of both servers, another one, and what the node shows."""

    folder: Path
    hospital: Authority
    elsewhere: Authority
    server: Pair
    node: Pair


@pytest.fixture(scope="module")
def certified() -> Iterator[Certified]:
    # Not pytest's folder: that is closed to the user postgres.
    with tempfile.TemporaryDirectory(prefix="osteon-test-") as name:
        folder = Path(name)
        hospital = Authority(folder / "hospital")
        elsewhere = Authority(folder / "elsewhere", "CN=Another CA,O=Elsewhere")
        server = hospital.certify("server", hosts=("127.0.0.1",))
        server.key.chmod(0o600)
        if os.geteuid() == 0:
            for path in (folder, hospital.folder, server.key):
                shutil.chown(path, "postgres", "postgres")
        yield Certified(folder, hospital, elsewhere, server, hospital.certify("node"))


@pytest.fixture(scope="module")
def database(certified: Certified) -> Iterator[str]:
    """The URL of a PostgreSQL that speaks TLS to whoever wants it; without a word on it."""
    files = f"ssl_cert_file={certified.server.certificate}", f"ssl_key_file={certified.server.key}"
    with running_postgres("ssl=on", *files) as server:
        yield server.create_database()


@pytest.fixture(scope="module")
def broker(certified: Certified) -> Iterator[str]:
    """The URL of a Redis that speaks TLS alone, to whoever has a certificate of the hospital."""
    port, password = free_port(), "sesame"
    files = ["--tls-cert-file", str(certified.server.certificate)]
    files += ["--tls-key-file", str(certified.server.key)]
    files += ["--tls-ca-cert-file", str(certified.hospital.pem)]
    options = f"--port 0 --tls-port {port} --bind 127.0.0.1 --requirepass {password} --save ''"
    program = require_program("redis-server", "redis-server")
    process = subprocess.Popen([program, *options.split(), *files], stdout=subprocess.DEVNULL)
    url = f"rediss://:{password}@127.0.0.1:{port}/0"
    try:
        wait_for(lambda: _redis_answers(url, certified), "Redis", LIMIT_SECONDS)
        yield url
    finally:
        process.kill()
        process.wait()


def _redis_answers(url: str, certified: Certified) -> bool:
    with contextlib.suppress(redis.ConnectionError):
        return bool(redis.Redis.from_url(f"{url}?{_query(certified)}").ping())
    return False


def _query(certified: Certified, **changes: object) -> str:
    said: dict[str, object] = {
        "ssl_ca_certs": certified.hospital.pem,
        "ssl_certfile": certified.node.certificate,
        "ssl_keyfile": certified.node.key,
    }
    return urlencode({name: value for name, value in (said | changes).items() if value})


def _deliver(url: str, folder: Path) -> object:
    """What came out of a queue that a message was put into."""
    app = create_app(Broker(url, folder))
    with app.connection_for_write() as connection:
        connection.ensure_connection(max_retries=1, timeout=LIMIT_SECONDS)
        with connection.SimpleQueue("trial") as queue:
            queue.put(7)
            return queue.get(timeout=LIMIT_SECONDS).payload


def test_a_message_goes_through_a_redis_that_proves_who_it_is(
    certified: Certified, broker: str
) -> None:
    assert _deliver(f"{broker}?{_query(certified)}", certified.folder) == 7


@pytest.mark.parametrize(
    "changes",
    [
        {"ssl_ca_certs": "elsewhere"},
        {"ssl_ca_certs": None},  # the system's; kombu by itself would ask for none
        {"ssl_ca_certs": None, "ssl_cert_reqs": "none"},
        {"ssl_certfile": None, "ssl_keyfile": None},  # the server asks for ours
    ],
)
def test_a_redis_that_does_not_is_not_spoken_to(
    certified: Certified, broker: str, changes: dict[str, object]
) -> None:
    if changes.get("ssl_ca_certs") == "elsewhere":
        changes = {"ssl_ca_certs": certified.elsewhere.pem}
    with pytest.raises((OperationalError, OSError)):
        _deliver(f"{broker}?{_query(certified, **changes)}", certified.folder)


def test_a_redis_of_another_name_or_by_plain_tcp_is_not_spoken_to(
    certified: Certified, broker: str
) -> None:
    query = _query(certified)
    other = f"{broker.replace('127.0.0.1', 'localhost')}?{query}"
    untold = f"{other}&ssl_check_hostname=false"
    for url in (other, untold, f"{untold};{untold}", broker.replace("rediss", "redis")):
        with pytest.raises((OperationalError, OSError)):
            _deliver(url, certified.folder)


def test_the_ledger_lies_in_a_postgresql_that_proves_who_it_is(
    certified: Certified, database: str
) -> None:
    url = f"{database}?sslmode=verify-full&sslrootcert={certified.hospital.pem}"
    upgrade_ledger(url)
    with open_ledger(url).connect() as connection:
        raw = connection.connection.driver_connection
        assert isinstance(raw, psycopg.Connection)
        assert raw.pgconn.ssl_in_use


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_postgresql_that_does_not_holds_no_ledger(
    certified: Certified, database: str, host: str
) -> None:
    """Of another authority; or of this one, and called by a name that it does not have."""
    authority = certified.elsewhere if host == "127.0.0.1" else certified.hospital
    url = f"{database.replace('127.0.0.1', host)}?sslmode=verify-full&sslrootcert={authority.pem}"
    with pytest.raises(LedgerUnavailable, match="certificate"):
        open_ledger(url)
