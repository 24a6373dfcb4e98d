"""The page is served to this machine alone, and by a command that says what keeps it from it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.web.window import Window, plan_for
from web.access.exposure import UnsafeAccess
from web.serving import address_of, bind

NOWHERE = Path("/nowhere")
# Told to send traces somewhere, as a container's environment may be: it must not.
TELEMETRY = {
    "FASTAPI_OTEL_AUTO_CONFIGURE": "true",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
}


@pytest.mark.parametrize(
    "address", ["0.0.0.0", "::", "", "192.0.2.1", "2001:db8::1", "node.hospital.example"]
)
def test_an_address_others_reach_is_refused(address: str) -> None:
    with pytest.raises(UnsafeAccess, match="set a loopback address"):
        bind(replace(plan_for("sqlite:///none", NOWHERE), bind_address=address))


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.2", "localhost"])
def test_a_loopback_address_is_bound(address: str) -> None:
    plan = replace(plan_for("sqlite:///none", NOWHERE), bind_address=address)
    with bind(plan) as listening:
        host, port = listening.getsockname()
        assert host.startswith("127.")
        assert address_of(listening, plan) == f"http://{host}:{port}/"


@pytest.mark.integration
def test_the_command_serves_until_it_is_told_to_stop(sqlite_ledger_url: str) -> None:
    with osteon_web(OSTEON_DATABASE_URL=sqlite_ledger_url, **TELEMETRY) as process:
        assert process.stderr is not None
        event = json.loads(process.stderr.readline())
        assert event["event"] == "web_serving"
        window = Window(int(event["address"].rstrip("/").rpartition(":")[2]))
        assert window.get("/healthz").status == 200
        assert window.get().status == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert process.stderr.read() == b"", "no traces are sent, and nothing failed"


@pytest.mark.integration
def test_the_command_refuses_an_open_address() -> None:
    with osteon_web(OSTEON_WEB_BIND_ADDRESS="0.0.0.0") as process:
        _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert b"setting web_bind_address: 0.0.0.0 would show the page to other machines" in said


@pytest.mark.integration
def test_the_command_says_that_its_port_is_taken() -> None:
    with bind(plan_for("sqlite:///none", NOWHERE)) as taken:
        port = str(taken.getsockname()[1])
        with osteon_web(OSTEON_WEB_PORT=port) as process:
            _, said = process.communicate(timeout=60)
    assert process.returncode == 42
    sentence = f"osteon: cannot serve on 127.0.0.1:{port}: Address already in use"
    assert said.decode().startswith(sentence)


@contextmanager
def osteon_web(**environment: str) -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, "-m", "cli", "web"]
    environment = {**os.environ, "OSTEON_WEB_PORT": "0", **environment}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()
