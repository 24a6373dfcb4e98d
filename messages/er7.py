"""Values in ER7, the vertical-bar encoding of HL7 v2.5.1 (chapter 2): escaped, composed, timed."""

import re
from datetime import datetime

from pydicom.sr.coding import Code

from dicom_node.results.patient_study import legal_date, legal_time

# 2.7.1.
_ESCAPES = {
    ord(char): f"\\{letter}\\"
    for char, letter in {"|": "F", "^": "S", "&": "T", "~": "R", "\\": "E"}.items()
}
# Control characters, among them those that end segments and MLLP blocks, and Unicode's line ends.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_OFFSET = re.compile(r"[+-]\d{4}")
# 2.5.3: these two marks alone tell the receiver to delete what it has.
_DELETE = '""'


def escape(text: str) -> str:
    """Any text as a value on one line."""
    line = _UNPRINTABLE.sub(" ", text).strip()
    return "" if line == _DELETE else line.translate(_ESCAPES)


def components(*values: str) -> str:
    """Values, each escaped, as the components of one field."""
    return "^".join(map(escape, values)).rstrip("^")


def coded(code: Code, original_text: str = "") -> str:
    """A CE or CWE, with the sender's own words as its alternate text."""
    return components(code.value, code.meaning, code.scheme_designator, "", original_text)


def timestamp(moment: datetime) -> str:
    """A TS to the second, with its zone."""
    return moment.strftime("%Y%m%d%H%M%S%z")


def study_timestamp(date: str, time: str, offset: str) -> str:
    """A TS from DICOM's DA, TM and TimezoneOffsetFromUTC, as precise as they are."""
    day = legal_date(date.strip())
    if not day:
        return ""
    hours = legal_time(time.strip()).split(".")[0]
    # A TS cannot give hours without minutes.
    moment = f"{hours}00"[:4] if len(hours) == 2 else hours
    zone = offset.strip()
    return f"{day}{moment}{zone}" if moment and _OFFSET.fullmatch(zone) else f"{day}{moment}"
