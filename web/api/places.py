"""Where a page of an answer begins, as a program carries it from one request to the next."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from db.result_query import ResultCursor
from db.worklist import Cursor

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
RESULT_PLACE = "^[0-9]{1,17}-[0-9]{1,9}$"
STUDY_PLACE = "^-?[0-9]{1,6}([.][0-9]{1,30})?_[0-9]{1,17}-[0-9]{1,9}$"


def result_place(cursor: ResultCursor | None) -> str | None:
    return None if cursor is None else _place(cursor.received_at, cursor.instance_id)


def read_result_place(place: str) -> ResultCursor:
    """Of a text as RESULT_PLACE says."""
    return ResultCursor(*_read(place))


def study_place(cursor: Cursor) -> str:
    urgency = format(Decimal(repr(cursor.urgency)), "f")
    return f"{urgency}_{_place(cursor.received_at, cursor.study_id)}"


def read_study_place(place: str) -> Cursor:
    """Of a text as STUDY_PLACE says."""
    urgency, _, rest = place.partition("_")
    return Cursor(float(urgency), *_read(rest))


def _place(moment: datetime, number: int) -> str:
    return f"{(moment - _EPOCH) // timedelta(microseconds=1)}-{number}"


def _read(place: str) -> tuple[datetime, int]:
    microseconds, number = place.split("-")
    return _EPOCH + timedelta(microseconds=int(microseconds)), int(number)
