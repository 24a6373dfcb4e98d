"""Files of the spool that rows have let go of: noted with the rows, removed after them.

Whoever lets go of a file notes it here in the same transaction. A node that is killed before the
file is removed finds the note again: no file stays whose rows are gone, and no row promises a file
that is gone.
"""

from collections.abc import Collection, Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from db.tables import Analysis, Instance, LeavingFile, ResultObject
from db.upsert import insert_unless_present

_ASKED_AT_ONCE = 500


def note_leaving(session: Session, spool_keys: Collection[str]) -> None:
    for key in sorted(set(spool_keys)):
        insert_unless_present(session, LeavingFile, {"spool_key": key})


def leaving_keys(session: Session, *, after: str = "", limit: int | None) -> list[str]:
    """The next of them, by key; without a limit all."""
    asked = select(LeavingFile.spool_key).where(LeavingFile.spool_key > after)
    return list(session.scalars(asked.order_by(LeavingFile.spool_key).limit(limit)))


def forget_leaving(session: Session, spool_keys: Collection[str]) -> None:
    """Their files are gone, or a row names them again."""
    for some in _portions(sorted(spool_keys)):
        session.execute(delete(LeavingFile).where(LeavingFile.spool_key.in_(some)))


def named_keys(session: Session, spool_keys: Collection[str]) -> set[str]:
    """Those that a row promises: the same bytes may be several rows' file."""
    named: set[str] = set()
    for some in _portions(sorted(spool_keys)):
        for column, is_kept in (
            (Instance.spool_key, Instance.purged_at.is_(None)),
            (ResultObject.spool_key, ResultObject.purged_at.is_(None)),
        ):
            named.update(session.scalars(select(column).where(column.in_(some), is_kept)))
        named |= _pictures(session, some)
    return named


def known_keys(session: Session, spool_keys: Collection[str]) -> set[str]:
    """Those that the ledger has ever heard of: kept, purged or leaving."""
    known: set[str] = set()
    for some in _portions(sorted(spool_keys)):
        for column in (Instance.spool_key, ResultObject.spool_key, LeavingFile.spool_key):
            known.update(session.scalars(select(column).where(column.in_(some))))
        known |= _pictures(session, some)
    return known


def _pictures(session: Session, keys: Sequence[str]) -> set[str]:
    # Two questions, since each has its index.
    named: set[str] = set()
    for column in (Analysis.heatmap_key, Analysis.annotated_key):
        found = session.scalars(select(column).where(column.in_(keys)))
        named.update(key for key in found if key is not None)
    return named


def _portions(keys: Sequence[str]) -> list[Sequence[str]]:
    return [keys[start : start + _ASKED_AT_ONCE] for start in range(0, len(keys), _ASKED_AT_ONCE)]
