"""The migrations make the tables that db.tables declares, on either database."""

import threading
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect

from db.session import open_ledger
from db.tables import Base
from db.upgrade import _config, ledger_revision, newest_revision, upgrade_ledger


def test_migrated_database_is_what_the_tables_declare(ledger_url: str) -> None:
    with open_ledger(ledger_url).connect() as connection:
        opts = {"compare_type": True, "include_object": _comparable}
        context = MigrationContext.configure(connection, opts=opts)
        assert compare_metadata(context, Base.metadata) == []


def _comparable(_thing: Any, name: str | None, *_more: Any) -> bool:
    # Alembic cannot compare an index with DESC in it; the next test looks for them by name.
    return name not in ("ix_job_due", "ix_job_lane")


def test_partial_indexes_have_the_declared_condition(ledger_url: str) -> None:
    inspector = inspect(open_ledger(ledger_url))
    for table in Base.metadata.sorted_tables:
        declared = {
            index.name
            for index in table.indexes
            if index.dialect_kwargs.get("sqlite_where") is not None
        }
        found = {
            index["name"]
            for index in inspector.get_indexes(table.name)
            if {"sqlite_where", "postgresql_where"} & set(index.get("dialect_options", {}))
        }
        assert found == declared


def test_revision_before_and_after(empty_url: str) -> None:
    engine = open_ledger(empty_url)
    assert ledger_revision(engine) is None
    upgrade_ledger(empty_url)
    assert ledger_revision(engine) == newest_revision()


def test_two_migrators_at_once_do_not_collide(empty_url: str) -> None:
    failures: list[Exception] = []

    def migrate() -> None:
        try:
            upgrade_ledger(empty_url)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test shows it
            failures.append(error)

    migrators = [threading.Thread(target=migrate) for _ in range(3)]
    for migrator in migrators:
        migrator.start()
    for migrator in migrators:
        migrator.join()
    assert failures == []
    assert ledger_revision(open_ledger(empty_url)) == newest_revision()


def test_downgrade_leaves_nothing_behind(ledger_url: str) -> None:
    engine = open_ledger(ledger_url)
    with engine.begin() as connection:
        command.downgrade(_config(connection), "base")
    assert inspect(engine).get_table_names() == ["alembic_version"]
    assert inspect(engine).get_view_names() == []
