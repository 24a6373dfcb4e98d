"""Triggers that keep the audit trail as it is: nothing is changed, and nothing is removed unseen.

A row is sealed once. It may go only where an anchor vouches for the end of what is removed.
"""

import sqlalchemy as sa
from alembic import op

_KEPT = (
    *("id", "happened_at", "actor", "role", "action", "outcome"),
    *("study_instance_uid", "address", "detail", "peer"),
)
_RESEALED = "OLD.seal IS NOT NULL OR NEW.seal IS NULL OR NEW.sequence IS NULL"
_UNCHANGED = "audit events are never changed"
_NOT_REMOVED = "audit events are removed behind an anchor only"
_ANCHORED = "SELECT 1 FROM audit_anchor WHERE audit_anchor.sequence >= OLD.sequence"
_TABLES = ("audit_event", "audit_anchor")


def create_audit_guards() -> None:
    create = _create_postgresql if _is_postgresql() else _create_sqlite
    create()


def drop_audit_guards() -> None:
    if _is_postgresql():
        for name in ("audit_event_changed", "audit_event_removed", "audit_never"):
            op.execute(f"DROP FUNCTION {name}() CASCADE")
    else:
        for table in _TABLES:
            op.execute(f"DROP TRIGGER {table}_changed")
            op.execute(f"DROP TRIGGER {table}_removed")


def _create_sqlite() -> None:
    changed = " OR ".join(f"OLD.{column} IS NOT NEW.{column}" for column in _KEPT)
    changed += " OR OLD.sop_classes IS NOT NEW.sop_classes"
    _refuse_sqlite(
        "audit_event_changed",
        f"UPDATE ON audit_event WHEN {_RESEALED} OR {changed}",
        _UNCHANGED,
    )
    _refuse_sqlite(
        "audit_event_removed", f"DELETE ON audit_event WHEN NOT EXISTS ({_ANCHORED})", _NOT_REMOVED
    )
    _refuse_sqlite("audit_anchor_changed", "UPDATE ON audit_anchor", _UNCHANGED)
    _refuse_sqlite("audit_anchor_removed", "DELETE ON audit_anchor", _NOT_REMOVED)


def _refuse_sqlite(name: str, when: str, sentence: str) -> None:
    statement = f"CREATE TRIGGER {name} BEFORE {when} BEGIN SELECT RAISE(ABORT, '{sentence}'); END"
    op.get_bind().execute(sa.text(statement))


def _create_postgresql() -> None:
    changed = " OR ".join(f"OLD.{column} IS DISTINCT FROM NEW.{column}" for column in _KEPT)
    changed += " OR OLD.sop_classes::text IS DISTINCT FROM NEW.sop_classes::text"
    _function("audit_event_changed", f"{_RESEALED} OR {changed}", "NEW", _UNCHANGED)
    _function("audit_event_removed", f"NOT EXISTS ({_ANCHORED})", "OLD", _NOT_REMOVED)
    _function("audit_never", "TRUE", "NULL", _UNCHANGED)
    _trigger("audit_event_changed", "UPDATE ON audit_event FOR EACH ROW", "audit_event_changed")
    _trigger("audit_event_removed", "DELETE ON audit_event FOR EACH ROW", "audit_event_removed")
    _trigger("audit_anchor_kept", "UPDATE OR DELETE ON audit_anchor FOR EACH ROW", "audit_never")
    for table in _TABLES:
        _trigger(f"{table}_emptied", f"TRUNCATE ON {table} FOR EACH STATEMENT", "audit_never")


def _function(name: str, refused_if: str, returned: str, sentence: str) -> None:
    op.get_bind().exec_driver_sql(
        f"""CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF {refused_if} THEN RAISE EXCEPTION '{sentence}'; END IF;
        RETURN {returned};
    END $$"""
    )


def _trigger(name: str, when: str, function: str) -> None:
    op.execute(f"CREATE TRIGGER {name} BEFORE {when} EXECUTE FUNCTION {function}()")


def _is_postgresql() -> bool:
    return bool(op.get_bind().dialect.name == "postgresql")
