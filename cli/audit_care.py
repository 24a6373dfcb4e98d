"""What the beat does for the audit trail beside its offers: sealing, and telling it on."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from cli.assembly import audit_files, audit_repository
from cli.audit_changes import StartChanges
from messages.audit_message import AuditSource
from model.artefact import ARTEFACT_TROUBLE
from settings import Settings
from worker.audit_sealing import Sealer
from worker.audit_telling import Forwarder, Telling
from worker.audit_turns import Turns
from worker.kitchen import Kitchen


@contextmanager
def caring_for_trail(settings: Settings, kitchen: Kitchen) -> Iterator[None]:
    """In threads of their own; what is written at the very end is still sealed."""
    node = settings.ae_title
    changes = StartChanges(settings, node, lambda: _model(kitchen))
    sealer = Sealer(lambda: kitchen.ledger, audit_files(settings), node, changes)
    repository = audit_repository(settings)
    with ExitStack() as care:
        if repository is not None:
            telling = Telling(repository, AuditSource(node), socket.gethostname())
            forwarder = Forwarder(lambda: kitchen.ledger, telling)
            care.enter_context(Turns("forwarding", forwarder.turn))
        care.enter_context(Turns("sealing", sealer.turn, at_end=True))
        yield


def _model(kitchen: Kitchen) -> str | None:
    try:
        return f"{kitchen.card.name} {kitchen.card.version}"
    except (*ARTEFACT_TROUBLE, OSError):
        return None
