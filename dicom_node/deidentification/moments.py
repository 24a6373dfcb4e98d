"""Dates and times that are moved with their patient (PS3.15 E.3.6), so that intervals stay."""

import re
from datetime import datetime, timedelta

from pydicom.dataset import Dataset

from dicom_node.header_reading import element_value

# A date and the time that belongs to it.
DATES_AND_TIMES = (
    ("StudyDate", "StudyTime"),
    ("SeriesDate", "SeriesTime"),
    ("AcquisitionDate", "AcquisitionTime"),
    ("ContentDate", "ContentTime"),
)
# Type 2: present even where nothing is known.
_ALWAYS_THERE = frozenset({"StudyDate", "StudyTime", "ContentDate", "ContentTime"})
_DATE = re.compile(r"(\d{4})\.?(\d\d)\.?(\d\d)")
_TIME = re.compile(r"(\d\d):?(\d\d)?:?(\d\d)?(\.\d{1,6})?")


def move_moments(source: Dataset, cleaned: Dataset, shift: timedelta) -> None:
    """Write the moved moments; a time without its date, and what is no date, is left out."""
    for date_keyword, time_keyword in DATES_AND_TIMES:
        date, time = _moved(_text(source, date_keyword), _text(source, time_keyword), shift)
        for keyword, value in ((date_keyword, date), (time_keyword, time)):
            if value or keyword in _ALWAYS_THERE:
                setattr(cleaned, keyword, value)
    said = _text(source, "AcquisitionDateTime")
    date, time = _moved(said[:8], re.split(r"[+-]", said[8:])[0], shift)  # without its zone
    if date:
        cleaned.AcquisitionDateTime = date + time


def _moved(date: str, time: str, shift: timedelta) -> tuple[str, str]:
    day, clock = _DATE.fullmatch(date), _TIME.fullmatch(time)
    if day is None:
        return "", ""
    hour, minute, second = (int(part or 0) for part in clock.groups()[:3]) if clock else (0, 0, 0)
    year, month, day_of_month = map(int, day.groups())
    try:
        after = datetime(year, month, day_of_month, hour, minute, min(second, 59)) + shift
    except (ValueError, OverflowError):
        return "", ""
    return after.strftime("%Y%m%d"), after.strftime("%H%M%S") if clock else ""


def _text(source: Dataset, keyword: str) -> str:
    value = element_value(source, keyword)
    return value.strip() if isinstance(value, str) else ""
