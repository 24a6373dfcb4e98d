"""The token of a FHIR server: given or read from a file, and shown to that server alone."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dicom_node.peer import PeerRefused, PeerUnavailable
from messages.fhir_push import FhirDestination, push_bundle
from messages.reachability import verify_server
from tests.messages.fhir_server import DONE, answering

TOKEN = "hunter2-abc~1"
# What both want to hear.
GLAD = json.dumps({"fhirVersion": "4.0.1", **json.loads(DONE)})
Ask = Callable[[FhirDestination], Any]
both_ways = pytest.mark.parametrize(
    "ask", [lambda server: push_bundle(server, b"{}"), verify_server], ids=["push", "metadata"]
)


@both_ways
def test_the_token_is_shown_to_the_server(ask: Ask) -> None:
    with answering(200, body=GLAD, token=TOKEN) as server:
        assert ask(replace(server, bearer_token=TOKEN))
        for wrong in (server, replace(server, bearer_token="another")):
            with pytest.raises(PeerRefused, match="does not accept our token"):
                ask(wrong)


@both_ways
def test_a_token_is_read_from_its_file_each_time(ask: Ask, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("expired\n")
    with answering(200, body=GLAD, token=TOKEN) as server:
        with_file = replace(server, token_file=path)
        with pytest.raises(PeerRefused, match="does not accept our token"):
            ask(with_file)
        path.write_text(f"{TOKEN}\n")
        assert ask(with_file)


@both_ways
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file"),
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"hunter2 hunter2", "not one word"),
        (b"hunter2\nhunter2", "not one word"),
        ("hünter2".encode(), "not one word"),
        (b"hunter2\xff", "not one word"),
    ],
)
def test_without_a_usable_token_all_waits_and_the_file_is_named(
    ask: Ask, content: bytes | None, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)
    with answering(200, body=GLAD) as server, pytest.raises(PeerUnavailable, match=said) as trouble:
        ask(replace(server, token_file=path))
    assert "hunter2" not in str(trouble.value)
    assert str(path) in str(trouble.value)


def test_neither_token_nor_password_is_shown() -> None:
    secret = FhirDestination("https://ward:hunter2@fhir.example/r4", bearer_token="hunter2")
    assert str(secret) == "https://fhir.example/r4"
    assert "hunter2" not in repr(secret)
