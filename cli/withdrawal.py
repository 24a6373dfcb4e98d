"""`osteon withdraw`: take back what a faulty model version said, everywhere it was sent."""

from typing import Annotated

import typer

from cli.exits import Exit, Leave


def add_commands(app: typer.Typer) -> None:
    app.command()(withdraw)


def withdraw(
    model: Annotated[str, typer.Option(help="The model's version, as `osteon results` names it.")],
    reason: Annotated[str, typer.Option(help="Why, in one sentence: it goes into the reports.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before it is done.")] = False,
) -> int:
    """Withdraw a model version: its studies are looked at again and get a superseding report."""
    from cli.acting import command_event
    from cli.ledger import open_ledger_session
    from db.audit import Action, record_event
    from db.withdrawal import ask_again, count_results_of, note_withdrawal

    version, sentence = model.strip(), " ".join(reason.split())
    if not (version and sentence):
        raise Leave(Exit.USAGE, "a withdrawal needs a version and a reason")
    with open_ledger_session("withdraw") as session:
        found = count_results_of(session, version)
    if not found.images:
        raise Leave(Exit.NOTHING_FOUND, f"no result that counts is by version {version}")
    said = f"{found.images} images of {found.studies} studies"
    if not yes and not typer.confirm(f"Withdraw {version}: {said} will be looked at again?"):
        raise typer.Abort
    with open_ledger_session("withdraw") as session:
        note_withdrawal(session, version, sentence)
        record_event(session, command_event(Action.MODEL_WITHDRAWN, detail=version))
    with open_ledger_session("withdraw") as session:
        ask_again(session, version)
    typer.echo(f"version {version} is withdrawn; {said} will be looked at and reported again")
    return Exit.DONE
