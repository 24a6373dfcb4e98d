"""Matching keys of a query: whether a value is what a key asks for (PS3.4 C.2.2.2)."""

import re
import unicodedata
from collections.abc import Callable

from dicom_node.header_reading import is_uid

Matcher = Callable[[str], bool]

_DATE = re.compile(r"[0-9]{8}")
_TIME = re.compile(r"[0-9]{2}([0-9]{2}([0-9]{2}(\.[0-9]{1,6})?)?)?")
_NUMBER = re.compile(r"[+-]?[0-9]{1,12}")
_EARLIEST, _LATEST = "000000000000", "235959999999"  # HHMMSS and a fraction of six digits
_WILDCARD_MAX_CHARACTERS = 1024


class KeyNotUnderstood(Exception):
    """The value of a key has not the form that its VR has; the sentence carries no value."""


def matcher_of(vr: str, values: tuple[str, ...]) -> Matcher:
    """Whether a value matches one of the key's: only UIDs may be several, all are taken so.

    A value that is empty is unknown, and matches whatever is asked (PS3.4 C.2.2.1.2).
    """
    matchers = [_MATCHERS.get(vr, _match_text)(value) for value in values]
    return lambda value: not value or any(matches(value) for matches in matchers)


def is_universal(vr: str, values: tuple[str, ...]) -> bool:
    """Whether the key only asks to be told the value (PS3.4 C.2.2.2.3)."""
    meaningless = "" if vr in _WITHOUT_WILDCARDS else "*^= " if vr == "PN" else "* "
    return all(not value.strip(meaningless) for value in values)


def date_range(value: str) -> tuple[str, str]:
    """First and last date of a DA key, one day or a range; an open end is empty (C.2.2.2.5)."""
    first, last = _ends(value.replace(".", ""))
    if not all(_DATE.fullmatch(end) for end in (first, last) if end):
        raise KeyNotUnderstood("a date is YYYYMMDD, a range has a hyphen")
    return first, last


def like_pattern(value: str) -> str:
    """A LIKE pattern that finds all that the key may match, and perhaps more.

    Only plain letters and digits are left to the database, whose idea of letter case ends there.
    """
    kept = "".join(char if char.isascii() and char.isalnum() else "%" for char in value)
    return re.sub("%+", "%", f"%{kept}%")


def _ends(value: str) -> tuple[str, str]:
    first, hyphen, last = (part.strip() for part in value.partition("-"))
    if not first and not last:
        raise KeyNotUnderstood("a range needs a beginning or an end")
    return (first, last) if hyphen else (first, first)


def _match_date(key: str) -> Matcher:
    first, last = date_range(key)

    def matches(value: str) -> bool:
        date = value.replace(".", "").strip()
        return _DATE.fullmatch(date) is not None and first <= date <= (last or "99999999")

    return matches


def _match_time(key: str) -> Matcher:
    """A time that ends early stands for all that begin with it: 10 is from 10:00 until 11:00."""
    first, last = _ends(key.replace(":", ""))
    if not all(_TIME.fullmatch(end) for end in (first, last) if end):
        raise KeyNotUnderstood("a time is HHMMSS, a range has a hyphen")
    earliest, latest = _padded(first, _EARLIEST), _padded(last, _LATEST)

    def matches(value: str) -> bool:
        time = value.replace(":", "").strip()
        return _TIME.fullmatch(time) is not None and earliest <= _padded(time, _EARLIEST) <= latest

    return matches


def _padded(time: str, like: str) -> str:
    digits = time.replace(".", "")
    return digits + like[len(digits) :]


def _match_uid(key: str) -> Matcher:
    if not is_uid(key):
        raise KeyNotUnderstood("a UID has digits and points only")
    return lambda value: value == key


def _match_number(key: str) -> Matcher:
    """By the number, not its spelling: 007 is 7 (PS3.4 C.2.2.2.1.4)."""
    if not _NUMBER.fullmatch(key.strip()):
        raise KeyNotUnderstood("a whole number is expected")
    wanted = int(key)
    return lambda value: _NUMBER.fullmatch(value.strip()) is not None and int(value) == wanted


def _match_text(key: str) -> Matcher:
    """As it is written, small and capital letters apart; the spaces around do not count."""
    pattern = _glob(key.strip())
    return lambda value: pattern.fullmatch(value.strip()) is not None


def _match_name(key: str) -> Matcher:
    """By component group, whatever the case and width of its letters (PS3.4 C.2.2.2.1.1).

    A key of one group is looked for in all three: who types kanji finds the name as who types it
    in Latin letters does.
    """
    groups = _name_groups(key)
    patterns = [_glob(group) if group else None for group in groups]

    def matches(value: str) -> bool:
        names = _name_groups(value)
        if len(patterns) == 1:
            return any(patterns[0].fullmatch(name) for name in names if name and patterns[0])
        names += [""] * (len(patterns) - len(names))
        pairs = zip(patterns, names, strict=False)
        return all(pattern.fullmatch(name) for pattern, name in pairs if pattern)

    return matches


def _name_groups(name: str) -> list[str]:
    """The alphabetic, ideographic and phonetic form, without the delimiters that end them."""
    groups = [_folded(group).rstrip("^ ").lstrip() for group in name.split("=")]
    while len(groups) > 1 and not groups[-1]:
        groups.pop()
    return groups


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _glob(key: str) -> re.Pattern[str]:
    """The key with its wild cards (PS3.4 C.2.2.2.4).

    Each * takes no more than it must and gives nothing back, so that no key takes long.
    """
    if len(key) > _WILDCARD_MAX_CHARACTERS:
        raise KeyNotUnderstood("the value is too long")
    head, *rest = (
        "".join("." if char == "?" else re.escape(char) for char in piece)
        for piece in re.split(r"\*+", key)
    )
    if not rest:
        return re.compile(head, re.DOTALL)
    *middle, tail = rest
    between = "".join(f"(?>.*?{piece})" for piece in middle)
    return re.compile(f"{head}{between}.*{tail}", re.DOTALL)


_MATCHERS: dict[str, Callable[[str], Matcher]] = {
    "DA": _match_date,
    "TM": _match_time,
    "UI": _match_uid,
    "IS": _match_number,
    "US": _match_number,
    "PN": _match_name,
}
_WITHOUT_WILDCARDS = frozenset(_MATCHERS) - {"PN"}
