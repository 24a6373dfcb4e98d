"""`osteon self-test`: a phantom through the whole node, step by step."""

from typing import Annotated

import typer

from cli.exits import Exit


def add_commands(app: typer.Typer) -> None:
    app.command("self-test")(self_test)


def self_test(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document a line.")] = False,
) -> int:
    """Send a phantom study through the listener and watch each step; it reaches no PACS."""
    from dataclasses import asdict

    from cli.acting import note_command
    from cli.assembly import ledger_trouble_explained, open_node_ledger
    from cli.node import read_settings
    from cli.output import print_json
    from cli.reaching import own_listeners
    from db.audit import Action
    from dicom_node.self_test import SelfTest
    from dicom_node.self_test_study import new_study_uid

    settings = read_settings("self-test")
    ledger = open_node_ledger(settings)
    here = own_listeners(settings)[0]
    passed, uid = True, new_study_uid()
    with ledger_trouble_explained():
        note_command(ledger, Action.SELF_TEST, study_instance_uid=uid)
    for outcome in SelfTest(lambda: ledger, here, settings.ae_title).run(uid):
        passed = passed and outcome.passed
        if as_json:
            print_json(asdict(outcome) | {"study_instance_uid": uid})
        else:
            word = "ok  " if outcome.passed else "FAIL"
            typer.echo(f"{word}  {outcome.step} ({outcome.seconds:.1f} s): {outcome.said}")
    return Exit.DONE if passed else Exit.CHECK_FAILED
