"""How a stale write becomes visible from outside: triggers of the witness's own in the ledger.

They note each claim of a job, each result that is written and each end of a job, in the order in
which the database took them. On PostgreSQL they note the writer too: the node's processes are
started with a PGAPPNAME each, so that a result can be held against the process whose claim it was.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from tests.witness.ledger import Ledger, Row
from tests.witness.records import Violation

_TABLE = "witness_trace"
# What is watched: a trigger's name, its event, when it fires, and what it notes of which job.
_WATCHED = (
    (
        "claim",
        "UPDATE OF fence_token ON job",
        "NEW.fence_token <> OLD.fence_token",
        "'claim', NEW.kind, NEW.subject_id, NEW.fence_token",
    ),
    (
        "end",
        "UPDATE OF state ON job",
        "NEW.state <> OLD.state AND NEW.state <> 'running'",
        "NEW.state, NEW.kind, NEW.subject_id, NEW.fence_token",
    ),
    ("analysis", "INSERT ON analysis", "TRUE", "'result', 'analyse', NEW.instance_id, 0"),
    ("report", "INSERT ON report", "TRUE", "'result', 'report', NEW.study_id, 0"),
    (
        "sending",
        "UPDATE OF sendings ON delivery",
        "NEW.sendings <> OLD.sendings",
        "'result', 'deliver', NEW.consignment_id, 0",
    ),
)


def watch_fences(ledger: Ledger) -> None:
    """Set the triggers up in a migrated ledger."""
    if ledger.is_sqlite:
        ledger.run(*_for_sqlite())
    else:
        ledger.run(*_for_postgresql())


def unwatch_fences(ledger: Ledger) -> None:
    """Take the triggers away again; what they noted stays until the next watch."""
    for name, event, _, _ in _WATCHED:
        table = "" if ledger.is_sqlite else f" ON {event.split()[-1]}"
        ledger.run(f"DROP TRIGGER IF EXISTS witness_{name}{table}")


def is_watched(ledger: Ledger) -> bool:
    catalogue = "sqlite_master" if ledger.is_sqlite else "pg_tables"
    column = "name" if ledger.is_sqlite else "tablename"
    return bool(ledger.rows(f"SELECT 1 FROM {catalogue} WHERE {column} = '{_TABLE}'"))


def stale_writes(ledger: Ledger) -> list[Violation]:
    """I5 by the trace: each result under the latest claim, by its holder, before the job ended."""
    jobs: dict[tuple[str, int], list[Row]] = defaultdict(list)
    for row in ledger.rows(f"SELECT * FROM {_TABLE} ORDER BY id"):
        jobs[row["kind"], row["subject_id"]].append(row)
    return [
        Violation("I5", f"{kind} of {subject}", fault)
        for (kind, subject), trace in jobs.items()
        for fault in _faults(trace)
    ]


def _faults(trace: Iterable[Row]) -> Iterator[str]:
    holder: Row | None = None  # the claim in force
    ended = ""  # how the last one ended; nothing before the first: the door says of some what it is
    for row in trace:
        what = row["what"]
        if what == "claim":
            holder = row
        elif what in ("result", "done"):
            # A job that is given up for good gets its result from whoever buries it.
            if holder is None and ended and (what, ended) != ("result", "dead"):
                yield f"{what} of {row['who'] or 'somebody'} when nobody held the job ({ended})"
            elif holder is not None and row["who"] != holder["who"]:
                fence = holder["fence_token"]
                yield f"{what} of {row['who']} under claim {fence} of {holder['who']}"
        if what in ("done", "dead", "waiting"):
            holder, ended = None, what


def _for_sqlite() -> Iterator[str]:
    yield f"DROP TABLE IF EXISTS {_TABLE}"
    yield (
        f"CREATE TABLE {_TABLE} (id INTEGER PRIMARY KEY AUTOINCREMENT, who TEXT, what TEXT,"
        " kind TEXT, subject_id INTEGER, fence_token INTEGER)"
    )
    for name, event, condition, noted in _WATCHED:
        yield f"DROP TRIGGER IF EXISTS witness_{name}"
        yield (
            f"CREATE TRIGGER witness_{name} AFTER {event} WHEN {condition} BEGIN"
            f" INSERT INTO {_TABLE} (who, what, kind, subject_id, fence_token)"
            f" SELECT NULL, {noted}; END"
        )


def _for_postgresql() -> Iterator[str]:
    yield f"DROP TABLE IF EXISTS {_TABLE}"
    yield (
        f"CREATE TABLE {_TABLE} (id bigserial PRIMARY KEY, who text, what text,"
        " kind text, subject_id bigint, fence_token bigint)"
    )
    for name, event, condition, noted in _WATCHED:
        yield (
            f"CREATE OR REPLACE FUNCTION witness_{name}() RETURNS trigger LANGUAGE plpgsql AS $$"
            f" BEGIN INSERT INTO {_TABLE} (who, what, kind, subject_id, fence_token)"
            f" SELECT current_setting('application_name'), {noted}; RETURN NULL; END $$"
        )
        yield (
            f"CREATE OR REPLACE TRIGGER witness_{name} AFTER {event} FOR EACH ROW"
            f" WHEN ({condition}) EXECUTE FUNCTION witness_{name}()"
        )
