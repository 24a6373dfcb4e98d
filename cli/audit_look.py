"""What `osteon doctor` says of the audit trail: whether it is sealed, and told on."""

from datetime import UTC, datetime, timedelta

from cli.assembly import audit_files, audit_repository, ledger_trouble_explained, open_node_ledger
from cli.exits import Exit, Leave
from db.audit_chain import unsealed_since
from db.audit_files import AuditFiles, AuditKeyMissing
from db.audit_forwarding import Backlog, backlog
from db.session import reading
from dicom_node.peer import PeerTrouble
from messages.audit_syslog import verify_repository
from settings import Settings

_SEALED_WITHIN = timedelta(minutes=5)


def look_at_trail(settings: Settings) -> str:
    """Not the whole chain, which `osteon audit verify` looks at; Leave says what to do."""
    files = audit_files(settings)
    with ledger_trouble_explained(), reading(open_node_ledger(settings)) as session:
        since, behind = unsealed_since(session), backlog(session)
    if since is not None and datetime.now(UTC) - since > _SEALED_WITHIN:
        _require_key(files)
        raise Leave(
            Exit.CHECK_FAILED, f"not sealed since {since:%Y-%m-%d %H:%M} UTC: is a beat running?"
        )
    for aside in files.heads_set_aside():
        raise Leave(Exit.CHECK_FAILED, f"it was cut off once, see {aside}; `osteon audit verify`")
    return f"sealed{_told(settings, behind)}"


def _require_key(files: AuditFiles) -> None:
    try:
        files.key()
    except AuditKeyMissing as missing:
        raise Leave(Exit.CHECK_FAILED, str(missing)) from missing


def _told(settings: Settings, behind: Backlog | None) -> str:
    repository = audit_repository(settings)
    if repository is None:
        return "; no `audit_repository` is set: it is here alone"
    waiting = "" if behind is None else f", {behind.waiting} events wait"
    try:
        verify_repository(repository)
    except PeerTrouble as trouble:
        raise Leave(Exit.CHECK_FAILED, f"{trouble}{waiting}") from trouble
    return f"; {repository} answers{waiting}"
