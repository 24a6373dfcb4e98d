"""The bills of materials: valid, complete, and of the locks that lie beside them."""

import json
import re
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion

from model.artefact import bundled_artefact, load_artefact
from release.bill import LOCKS, bill_of, bill_path
from tests.test_documentation import ROOT

pytestmark = pytest.mark.requirement("R-NODE-3")


@pytest.fixture(params=sorted(LOCKS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def components(name: str) -> list[dict[str, Any]]:
    return list(json.loads(bill_path(ROOT, name).read_text())["components"])


def test_it_is_what_cyclonedx_calls_a_bill(name: str) -> None:
    from cyclonedx.validation.json import JsonStrictValidator  # seconds, and each process collects

    written = bill_path(ROOT, name).read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(written) is None


def test_every_pin_of_the_lock_is_in_it(name: str) -> None:
    pins = re.findall(r"^([\w.-]+)==([^\s;\\]+)", (ROOT / LOCKS[name]).read_text(), re.MULTILINE)
    packages = [one for one in components(name) if one.get("purl", "").startswith("pkg:pypi/")]
    assert {(one["name"], one["version"]) for one in packages} == set(pins)
    assert len(pins) > 50


def test_the_pages_scripts_and_the_classifier_are_in_it(name: str) -> None:
    named = {one["name"]: one for one in components(name)}
    vendored = json.loads((ROOT / "web/static/vendor/package.json").read_text())["dependencies"]
    assert {one: named[one]["version"] for one in vendored} == vendored
    card = load_artefact(bundled_artefact()).card
    classifier = named[card.name]
    assert classifier["type"] == "machine-learning-model"
    assert {one["content"] for one in classifier["hashes"]} == set(card.files.values())


def test_it_was_made_anew_after_the_last_change(name: str) -> None:
    """Licences are left out here: they are told of what is installed."""
    written = json.loads(bill_path(ROOT, name).read_text())
    made = json.loads(bill_of(ROOT, name))
    for bill in (written, made):
        del bill["serialNumber"]
        for component in bill["components"]:
            component.pop("licenses", None)
    assert made == written, "run `make bill`"


def test_each_package_of_a_node_says_its_licence() -> None:
    packages = [one for one in components("node") if "purl" in one]
    silent = [one["name"] for one in packages if "licenses" not in one]
    # The page's scripts have theirs beside them; the others say it elsewhere (MIT, Apache-2.0).
    assert set(silent) <= {"htmx.org", "idiomorph", "pyrage", "async-timeout", "colorama"}
