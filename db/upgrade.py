"""Bringing a ledger to the newest schema by its Alembic migrations."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from db.session import open_ledger

_MIGRATIONS = Path(__file__).parent / "migrations"
_MIGRATION_LOCK = 571_104  # any number, the same in every migrator


def upgrade_ledger(url: str) -> None:
    """Run every migration still missing, all in one transaction; a second migrator waits.

    A later release's schema is left as it is: it only has more.
    """
    engine = open_ledger(url)
    try:
        with engine.begin() as connection:
            found = MigrationContext.configure(connection).get_current_revision()
            if is_outdated(found):
                migrate(connection, "head")
    finally:
        engine.dispose()


def migrate(connection: Connection, revision: str) -> None:
    """Run the migrations up to this revision within the caller's transaction."""
    _lock_out_other_migrators(connection)
    command.upgrade(_config(connection), revision)


def is_known_revision(revision: str) -> bool:
    """Whether this release knows the way from there to its own schema."""
    return any(
        one.revision == revision for one in ScriptDirectory.from_config(_config()).walk_revisions()
    )


def ledger_revision(engine: Engine) -> str | None:
    """The schema revision the ledger has; None before its first migration."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def is_outdated(revision: str | None) -> bool:
    """Whether a ledger of that revision lacks something; a later release's only has more."""
    return revision is None or revision < newest_revision()


def newest_revision() -> str:
    """The schema revision this release works with."""
    return str(ScriptDirectory.from_config(_config()).get_current_head())


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _lock_out_other_migrators(connection: Connection) -> None:
    # SQLite needs none: BEGIN IMMEDIATE already keeps every other writer waiting.
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL lock_timeout = '120s'"))
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
        # From here on, rather fail than make the node wait behind our own table locks.
        connection.execute(text("SET LOCAL lock_timeout = '10s'"))
