"""`osteon users`: who may come in by the page."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from cli.exits import Exit, Leave
from cli.ledger import open_ledger_session
from cli.results import AsJson
from db.states import Role

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from db.accounts import Account

Name = Annotated[str, typer.Argument(help="What they sign in with.")]
PasswordStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from stdin, and ask nothing.")
]
_USER_TABLE = ("name", "full_name", "role", "state", "signed_in_at")


def add_commands(app: typer.Typer) -> None:
    users = typer.Typer(help="Who may come in by the page, and as what.", no_args_is_help=True)
    users.command("add")(add)
    users.command("list")(list_users)
    users.command("password")(password)
    users.command("role")(role)
    users.command("disable")(disable)
    users.command("enable")(enable)
    app.add_typer(users, name="users")


def add(
    name: Name,
    role: Annotated[Role, typer.Option(help="What they may do.")] = Role.VIEWER,
    full_name: Annotated[str, typer.Option(help="How they are called.")] = "",
    password_stdin: PasswordStdin = False,
) -> None:
    """Make an account; the first administrator is made here."""
    from db.accounts import NewAccount, add_account
    from web.access.names import account_name, label

    with _refusals_told():
        name, full_name = account_name(name), label(full_name)
        new = NewAccount(name, role, full_name, _hash_of_asked(name, password_stdin))
        with open_ledger_session("users") as session:
            add_account(session, new)
            _note(session, f"{name}: added as {role}")


def list_users(as_json: AsJson = False) -> None:
    """Show the accounts: role, state, and when they last signed in."""
    from cli.output import print_rows
    from db.accounts import list_accounts

    with open_ledger_session("users") as session:
        rows = [_row(account) for account in list_accounts(session)]
    print_rows(_USER_TABLE, rows, as_json=as_json)


def password(name: Name, password_stdin: PasswordStdin = False) -> None:
    """Set another password: it unlocks the account, and signs out whoever is signed in by it."""
    from db.accounts import NoSuchAccount, account_named, set_password_hash

    with _refusals_told():
        password_hash = _hash_of_asked(name, password_stdin)
        with open_ledger_session("users") as session:
            account = account_named(session, name.lower())
            if account.oidc_subject is not None:
                raise NoSuchAccount(f"{name} (of those that have a password here)")
            set_password_hash(session, account.id, password_hash)
            _note(session, f"{account.name}: password set")


def role(
    name: Name, role: Annotated[Role, typer.Argument(help="What they may do from now on.")]
) -> None:
    """Give an account another role; whoever is signed in by it is signed out."""
    from db.accounts import account_named, set_role

    with _refusals_told(), open_ledger_session("users") as session:
        account = account_named(session, name.lower())
        set_role(session, account, role)
        _note(session, f"{account.name}: role {account.role}, now {role}")


def disable(name: Name) -> None:
    """Let nobody in by this account, nor by its API tokens."""
    _set_active(name, is_active=False)


def enable(name: Name) -> None:
    """Let an account in again, and unlock it."""
    _set_active(name, is_active=True)


def _set_active(name: str, *, is_active: bool) -> None:
    from db.accounts import account_named, set_active

    with _refusals_told(), open_ledger_session("users") as session:
        account = account_named(session, name.lower())
        set_active(session, account, is_active)
        _note(session, f"{account.name}: {'enabled' if is_active else 'disabled'}")


def _hash_of_asked(name: str, from_stdin: bool) -> str:
    from web.access.passwords import check_password, hash_password

    if from_stdin:
        typed = sys.stdin.readline().rstrip("\r\n")
    else:
        typed = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    check_password(typed, name.lower())
    return hash_password(typed)


@contextmanager
def _refusals_told() -> Iterator[None]:
    from db.accounts import LastAdministrator, NameTaken, NoSuchAccount
    from web.access.names import NameRefused
    from web.access.passwords import PasswordRefused

    try:
        yield
    except (NameRefused, PasswordRefused) as refusal:
        raise Leave(Exit.USAGE, str(refusal)) from refusal
    except NameTaken as refusal:
        raise Leave(Exit.USAGE, f"there is an account {refusal} already") from refusal
    except NoSuchAccount as refusal:
        raise Leave(Exit.NOTHING_FOUND, f"there is no account {refusal}") from refusal
    except LastAdministrator as refusal:
        sentence = "nobody else is an administrator: make another one first"
        raise Leave(Exit.CHECK_FAILED, sentence) from refusal


def _note(session: "Session", detail: str) -> None:
    from cli.acting import command_event
    from db.audit import Action, record_event

    record_event(session, command_event(Action.ACCOUNT_CHANGED, detail=detail))


def _row(account: "Account") -> dict[str, object]:
    from dataclasses import asdict
    from datetime import UTC, datetime

    is_locked = account.locked_until is not None and account.locked_until > datetime.now(UTC)
    state = "disabled" if not account.is_active else "locked" if is_locked else "open"
    return asdict(account) | {"state": state}
