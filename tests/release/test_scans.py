"""What `make check` and `make weaknesses` look for is found by them."""

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.test_documentation import ROOT

pytestmark = pytest.mark.requirement("R-NODE-3")

WEAK = "jinja2"


class _Weaknesses(BaseHTTPRequestHandler):
    """Answers as OSV's API does (POST /v1/query): one package is weak."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        package = asked["package"]
        weak = {"id": "PYSEC-0000-1", "aliases": [], "summary": "made up", "affected": []}
        found = {"vulns": [weak]} if package["name"] == WEAK else {}
        body = json.dumps(found).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def weaknesses_url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Weaknesses)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1/query"
    server.shutdown()
    server.server_close()


def make(target: str, **variables: object) -> "subprocess.CompletedProcess[str]":
    """A target of the Makefile whose tools are installed already."""
    given = [f"{name}={value}" for name, value in variables.items()]
    command = ["make", "--no-print-directory", "-o", ".venv/.full", target, *given]
    environment = os.environ | {"no_proxy": "127.0.0.1"}
    return subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def test_a_pin_with_a_known_weakness_is_named(weaknesses_url: str, tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    digest = "0" * 64
    lock.write_text("".join(f"{one}==3.1.6 --hash=sha256:{digest}\n" for one in (WEAK, "fpdf2")))
    found = make("weaknesses", LOCKS=lock, OSV_URL=weaknesses_url)
    assert found.returncode != 0
    assert f"{WEAK} 3.1.6" in " ".join(found.stdout.split())
    assert "PYSEC-0000-1" in found.stdout
    assert "fpdf2" not in found.stdout


def test_without_an_answer_nothing_is_said_to_be_well(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text(f"{WEAK}==3.1.6 --hash=sha256:{'0' * 64}\n")
    assert make("weaknesses", LOCKS=lock, OSV_URL="http://127.0.0.1:9/v1/query").returncode != 0


def test_a_secret_is_found(tmp_path: Path) -> None:
    leak = tmp_path / "settings.py"
    leak.write_text(f'aws_key = "AKIA{"QWERTYUIOPASDFGH"}"\n')
    found = make("secrets", FILES=leak)
    assert found.returncode != 0
    assert "AWS Access Key" in found.stdout
    leak.write_text("port = 104\n")
    assert make("secrets", FILES=leak).returncode == 0


def test_a_flaw_is_found(tmp_path: Path) -> None:
    flaw = "import pickle\n\ndef read(sent):\n    return pickle.loads(sent)\n"
    (tmp_path / "flaw.py").write_text(flaw)
    found = make("flaws", CODE=tmp_path)
    assert found.returncode != 0
    assert "B301" in found.stdout
