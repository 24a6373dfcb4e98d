"""What docs/tls.md adds to docker-compose.yml gives the certificates to those who speak DICOM."""

import re
from pathlib import Path

from tests.hospital.compose import ROOT, faults_in, load_compose_with

FILES = {"tls_certificate", "tls_key", "tls_authorities"}
PAGE = (ROOT / "docs/tls.md").read_text()
EXAMPLE = (ROOT / "deploy/osteon.toml.example").read_text()


def test_who_speaks_dicom_has_the_files_that_the_settings_name() -> None:
    (override,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.S)
    merged = load_compose_with(override)
    assert faults_in(merged) == []
    named = dict(re.findall(r'(?m)^#(tls_\w+) = "(.*)"', EXAMPLE))
    assert set(named) == FILES == {Path(path).name for path in named.values()}
    services = merged["services"]
    having = {name for name, one in services.items() if set(one.get("secrets", [])) >= FILES}
    assert having == {"listener", "worker-io", "web", "doctor"}
    assert "2762:2762" in services["listener"]["ports"]
    assert "osteon_database_url" in services["listener"]["secrets"]
