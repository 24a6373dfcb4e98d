"""What the settings of a gateway lead to: the addresses that its answers name."""

import pytest

from cli.gateway import _plan
from settings import Settings


@pytest.mark.parametrize(
    ("given", "origin", "fhir"),
    [
        ({}, "", "http://127.0.0.1:8044/fhir"),
        (
            {"gateway_bind_address": "0.0.0.0", "gateway_token": "t"},
            "",
            "http://127.0.0.1:8044/fhir",
        ),
        ({"gateway_bind_address": "::1"}, "", "http://[::1]:8044/fhir"),
        (
            {"gateway_url": "https://osteon.hospital/"},
            "https://osteon.hospital",
            "https://osteon.hospital/fhir",
        ),
    ],
)
def test_answers_name_the_address_by_which_others_come(
    given: dict[str, str], origin: str, fhir: str
) -> None:
    plan = _plan(Settings(**given))  # type: ignore[arg-type]
    assert (plan.dicomweb.public_origin, plan.fhir.base_url) == (origin, fhir)
