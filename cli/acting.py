"""Who runs a command, for the audit trail."""

import getpass
import os
from typing import Any

from db.audit import Action, AuditRecord
from db.states import Role


def command_event(action: Action, **said: Any) -> AuditRecord:
    """Whoever may run this on the node may do everything with its ledger."""
    return AuditRecord(command_actor(), Role.ADMINISTRATOR, action, "", **said)


def command_actor() -> str:
    return f"{_system_user()} (command)"


def _system_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user need not have a name
        return f"uid {os.getuid()}"
