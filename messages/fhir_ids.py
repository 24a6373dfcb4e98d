"""Ids of FHIR resources: made of UIDs, and read back into them, so that nobody keeps a list."""

import string

from dicom_node.uids import derive_uid

# A UID is digits and dots (PS3.5 9.1): a number in base eleven. An id is case-sensitive to FHIR
# but not to every server, so that it has small letters only.
_UID_DIGITS = "0123456789."
_ID_DIGITS = string.digits + string.ascii_lowercase
_MARK_LENGTH = 6
STUDY, IMAGE, DEVICE = "s", "i", "d"


def resource_id(serial_number: str, kind: str, uid: str) -> str:
    """At most 52 characters; another node has other ids for the same UID."""
    # The first digit keeps leading zeros.
    number = _number("1" + uid, _UID_DIGITS)
    return f"{_mark(serial_number)}-{kind}{_text(number, _ID_DIGITS)}"


def read_uid(serial_number: str, kind: str, text: str) -> str | None:
    """The UID in an id of ours; None where the text is none."""
    beginning = f"{_mark(serial_number)}-{kind}"
    digits = text.removeprefix(beginning)
    if not text.startswith(beginning) or len(text) > 64 or not set(digits) <= set(_ID_DIGITS):
        return None
    uid = _text(_number(digits, _ID_DIGITS), _UID_DIGITS)[1:]
    return uid if resource_id(serial_number, kind, uid) == text else None


def _mark(serial_number: str) -> str:
    number = int(derive_uid("fhir node", serial_number).rpartition(".")[2])
    return _text(number, _ID_DIGITS)[-_MARK_LENGTH:]


def _number(text: str, digits: str) -> int:
    number = 0
    for character in text:
        number = number * len(digits) + digits.index(character)
    return number


def _text(number: int, digits: str) -> str:
    text = ""
    while number:
        number, place = divmod(number, len(digits))
        text = digits[place] + text
    return text
