"""The worklist as it is once nothing of it lags behind the ledger."""

from sqlalchemy import Engine

from db.session import reading
from db.worklist import has_stale_entries
from db.worklist_refresh import refresh_worklist


def make_entries(engine: Engine) -> None:
    """All of them, whether by this call or by the window that is being served."""
    is_behind = True
    while is_behind:
        refresh_worklist(engine)
        with reading(engine) as session:
            is_behind = has_stale_entries(session)
