"""That somebody saw a study is written down once in a while, not for each of its frames."""

from datetime import UTC, datetime, timedelta

from db.audit import Action, has_viewed
from db.session import reading
from web.access.audit import note
from web.access.guard import Visitor
from web.window import Window

_ONE_VIEWING = timedelta(minutes=15)


def note_viewing(window: Window, visitor: Visitor, study_instance_uid: str) -> None:
    """For pixels asked for by themselves; the page notes each opening."""
    since = datetime.now(UTC) - _ONE_VIEWING
    with reading(window.ledger) as session:
        noted = has_viewed(session, visitor.name, study_instance_uid, since=since)
    if not noted:
        note(window, visitor, Action.STUDY_VIEWED, study_instance_uid=study_instance_uid)
