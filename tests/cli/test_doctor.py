"""`osteon doctor`: a node in which all is well, and one in which nothing is."""

import json
import shutil
from pathlib import Path

import pytest

from db.session import open_ledger
from db.upgrade import upgrade_ledger
from model.artefact import bundled_artefact
from tests.cli.shell import Outcome, Shell
from tests.dicom_node.listening import running_node
from tests.gateway.served import TOKEN, plan_with, serving
from tests.messages.receivers import hl7apy_receiver
from tests.model.test_signing import make_key
from tests.servers import free_port

pytestmark = pytest.mark.requirement("R-NODE-2")

PARTS = ["disk", "ledger", "broker", "classifier", "listener", "audit trail"]


def _said(outcome: Outcome) -> dict[str, str]:
    return {check["name"]: check["said"] for check in outcome.documents()}


def test_a_node_that_is_well(shell: Shell) -> None:
    data_dir = shell.folder / "data"
    data_dir.mkdir()
    url = f"sqlite:///{data_dir / 'ledger.sqlite'}"
    upgrade_ledger(url)
    with running_node(url, data_dir / "spool") as node:
        here = f"OSTEON@127.0.0.1:{node.port}"
        outcome = shell.run(
            "doctor",
            "--json",
            port=node.port,
            destinations=here,
            shadow_model_dir=bundled_artefact(),
        )
    checks = outcome.documents()
    assert outcome.code == 0, checks
    names = [check["name"] for check in checks]
    assert names == [*PARTS, "shadow classifier", f"destination {here}"]
    assert all(check["passed"] for check in checks)
    assert " loads on CPU " in _said(outcome)["classifier"]
    assert _said(outcome)["shadow classifier"] == f"on trial: {_said(outcome)['classifier']}"


def test_the_gateway_and_receivers_of_other_kinds(shell: Shell) -> None:
    """A FHIR server of ours stands for the hospital's; who has no token is told so."""
    url = f"sqlite:///{shell.folder / 'gateway.sqlite'}"
    upgrade_ledger(url)
    engine, spool = open_ledger(url), shell.folder / "gateway"
    with serving(plan_with(TOKEN), engine, spool) as address, hl7apy_receiver() as (ris, received):
        config, token_file = shell.folder / "kinds.toml", shell.folder / "token"
        token_file.write_text(TOKEN)
        config.write_text(
            "gateway_enabled = true\n"
            f"gateway_port = {address.rpartition(':')[2]}\n"
            f'[[destinations]]\nname = "RIS"\naddress = "mllp://127.0.0.1:{ris.port}"\n'
            f'[[destinations]]\nname = "FHIR"\naddress = "{address}/fhir"\n'
            f"token = {json.dumps(TOKEN)}\n"
            f'[[destinations]]\nname = "filed"\naddress = "{address}/fhir"\n'
            f'token_file = "{token_file}"\n'
            f'[[destinations]]\nname = "lost"\naddress = "{address}/fhir"\n'
            f'token_file = "{token_file}.gone"\n'
            f'[[destinations]]\nname = "shut"\naddress = "{address}/fhir"\n'
        )
        outcome = shell.run("doctor", "--json", config=config, port=free_port())
    engine.dispose()
    assert TOKEN not in outcome.stdout + outcome.stderr
    said = _said(outcome)
    assert said["gateway"].endswith(" answers")
    assert said["destination RIS"].startswith("takes a connection")
    assert received.empty()
    assert said["destination FHIR"] == said["destination filed"] == "answers, FHIR 4.0.1"
    assert f"its token cannot be read from {token_file}.gone" in said["destination lost"]
    assert "does not accept our token" in said["destination shut"]


def test_a_node_that_is_ill_all_over_is_examined_to_the_end(shell: Shell) -> None:
    (shell.folder / "file").write_text("")
    gone = free_port()
    outcome = shell.run(
        "doctor",
        "--json",
        data_dir=Path("file"),
        broker_url=f"redis://127.0.0.1:{gone}/0",
        model_dir=shell.folder,
        shadow_model_dir=shell.folder,
        port=gone,
        gateway_token="unheard",
        gateway_port=gone,
        destinations=",".join(
            [f"PACS@127.0.0.1:{gone}", f"mllp://127.0.0.1:{gone}", f"http://127.0.0.1:{gone}/r4"]
        ),
    )
    assert outcome.code == 42
    assert [check["passed"] for check in outcome.documents()] == [False] * 11
    said = _said(outcome)
    assert "no spool can be made" in said["disk"]
    assert "is `database_url` right" in said["ledger"]
    assert "is Redis running" in said["broker"]
    assert "card.json" in said["classifier"]
    assert "correct `shadow_model_dir`" in said["shadow classifier"]
    assert "osteon up" in said["listener"]
    assert "osteon gateway" in said["gateway"]
    assert "is the peer running" in said[f"destination PACS@127.0.0.1:{gone}"]
    assert "is the peer running" in said[f"destination mllp://127.0.0.1:{gone}"]
    assert "the connection failed" in said[f"destination http://127.0.0.1:{gone}/r4"]


def test_a_ledger_that_was_never_upgraded_and_a_rule_that_cannot_be(shell: Shell) -> None:
    (shell.folder / "fresh").mkdir()
    config = shell.folder / "rules.toml"
    config.write_text('[[rules]]\nname = "er"\nprioritty = "stat"\n')
    outcome = shell.run("doctor", data_dir=shell.folder / "fresh", config=config, port=free_port())
    assert outcome.code == 42
    [ledger] = [line for line in outcome.stdout.splitlines() if " ledger: " in line]
    assert ledger.startswith("FAIL")
    assert "run `osteon db upgrade`" in ledger
    [listener] = [line for line in outcome.stdout.splitlines() if " listener: " in line]
    assert "did you mean priority?" in listener
    assert any(line.startswith("ok    disk: ") for line in outcome.stdout.splitlines())


def test_a_classifier_that_nobody_vouches_for(shell: Shell) -> None:
    """The node's own needs no signature; another one is said to have none, or refused."""
    _, public = make_key(shell.folder, "hospital")
    own = shell.folder / "own"
    shutil.copytree(bundled_artefact(), own)
    card = own / "card.json"
    card.write_text(card.read_text().replace('"version": "', '"version": "9', 1))

    def classifier(**settings: object) -> str:
        return _said(shell.run("doctor", "--json", port=free_port(), **settings))["classifier"]

    assert "vouches" not in classifier(model_keys=public)
    assert "nobody vouches for it" in classifier(model_dir=own)
    assert "see `osteon sign`" in classifier(model_dir=own, model_keys=public)
    signed = shell.run("sign", own, "--key", public.with_suffix(".key"))
    assert (signed.code, signed.stdout) == (0, f"{own / 'card.json.sig'}\n")
    assert "vouches" not in classifier(model_dir=own, model_keys=public)
    assert "holds no key" in classifier(model_keys=card)
