"""Who runs a command, for the audit trail."""

import getpass
import os
from typing import Any

from sqlalchemy import Engine

from db.audit import Action, AuditRecord, record_event
from db.session import transaction
from db.states import Role


def command_event(action: Action, **said: Any) -> AuditRecord:
    """Whoever may run this on the node may do everything with its ledger."""
    return AuditRecord(command_actor(), Role.ADMINISTRATOR, action, "", **said)


def note_command(engine: Engine, action: Action, **said: Any) -> None:
    """In a transaction of its own; raises LedgerUnavailable: what is not noted is not shown."""
    with transaction(engine) as session:
        record_event(session, command_event(action, **said))


def command_actor() -> str:
    return f"{_system_user()} (command)"


def _system_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user need not have a name
        return f"uid {os.getuid()}"
