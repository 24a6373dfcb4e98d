"""What a rule asks of an image: conditions, each with alternatives of which one must hold."""

import ipaddress
import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Protocol

IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

_WILDCARDS = re.compile(r"[*?]")
_WORD = re.compile(r"\w+")
# An LO has 64 characters (PS3.5 6.2); a hostile header may have a million.
_STATED_MAX_CHARACTERS = 1024
# Stand for the wildcards of another pattern; neither is in a text.
_ANY_OF_OTHER, _ONE_OF_OTHER = "\0", "\1"


class Fact(StrEnum):
    """What can be asked of an image, by its key in `[[rules]]`; there is none for the last."""

    CALLING_AE_TITLE = "calling_ae_title"
    CALLED_AE_TITLE = "called_ae_title"
    ADDRESS = "address"
    SOP_CLASS = "sop_class"
    MODALITY = "modality"
    BODY_PART = "body_part"
    STUDY_DESCRIPTION = "study_description"
    SERIES_DESCRIPTION = "series_description"
    STATION = "station"
    INSTITUTION = "institution"
    DEPARTMENT = "department"
    PATIENT_AGE_YEARS = "patient_age_years"
    PATIENT_ID = "patient_id"  # the node's own rule alone asks who the patient is


class Alternative(Protocol):
    """One thing a condition is content with; its `str` is what a person reads."""

    def holds(self, stated: str) -> bool:
        """Whether what the image states is meant; '' is an image that states nothing."""
        ...

    def covers(self, other: "Alternative") -> bool:
        """Whether this holds wherever the other does. False also where that is not known."""
        ...


@dataclass(frozen=True)
class Exact:
    """The very text: AE titles and UIDs, in which capitals differ from small letters."""

    text: str

    def holds(self, stated: str) -> bool:
        return stated.strip() == self.text

    def covers(self, other: Alternative) -> bool:
        return self == other

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Glob:
    """A whole value, capitals or not; `*` stands for any characters, `?` for one."""

    pattern: str

    @classmethod
    def of(cls, text: str) -> "Glob":
        return cls(re.sub(r"\*+", "*", folded(text).strip()))

    def holds(self, stated: str) -> bool:
        values = folded(stated[:_STATED_MAX_CHARACTERS]).split("\\")
        return any(self._matches(value.strip()) for value in values)

    def covers(self, other: Alternative) -> bool:
        """Of words, those that have what stands between two `*` in one of them."""
        if isinstance(other, Words):
            return self._is_anywhere and any(self._matches(word) for word in other.words)
        return isinstance(other, Glob) and self._covers_pattern(other.pattern)

    @property
    def _is_anywhere(self) -> bool:
        return self.pattern.startswith("*") and self.pattern.endswith("*")

    def _covers_pattern(self, pattern: str) -> bool:
        """Whether a `*` of ours stands for each of theirs, and a `*` or `?` for each `?`."""
        theirs = pattern.replace("*", _ANY_OF_OTHER).replace("?", _ONE_OF_OTHER)
        return self._matches(theirs, one=f"[!{_ANY_OF_OTHER}]")

    def _matches(self, text: str, one: str = "?") -> bool:
        # fnmatch turns the pattern into a regular expression that never goes back over a `*`.
        return fnmatchcase(text, self.pattern.replace("[", "[[]").replace("?", one))

    def __str__(self) -> str:
        return self.pattern.upper()


@dataclass(frozen=True)
class Words:
    """All of these words, whole, in any order and among any others, capitals or not."""

    words: frozenset[str]

    @classmethod
    def of(cls, text: str) -> "Words":
        return cls(_words(text))

    def holds(self, stated: str) -> bool:
        return self.words <= _words(stated)

    def covers(self, other: Alternative) -> bool:
        return isinstance(other, Words) and self.words <= other.words

    def __str__(self) -> str:
        return " ".join(sorted(self.words)).upper()


@dataclass(frozen=True)
class Network:
    """An IP address, or all those of a network."""

    network: IpNetwork

    def holds(self, stated: str) -> bool:
        try:
            host = ipaddress.ip_address(stated.strip())
        except ValueError:
            return False
        # A socket bound to "::" sees IPv4 callers as ::ffff:a.b.c.d.
        return (getattr(host, "ipv4_mapped", None) or host) in self.network

    def covers(self, other: Alternative) -> bool:
        if not isinstance(other, Network) or other.network.version != self.network.version:
            return False
        return other.network.subnet_of(self.network)  # type: ignore[arg-type]

    def __str__(self) -> str:
        return str(self.network)


@dataclass(frozen=True)
class Ages:
    """Completed years of age, both ends included; an age that is not stated is in no range."""

    least_years: int
    most_years: int

    def holds(self, stated: str) -> bool:
        return stated != "" and self.least_years <= int(stated) <= self.most_years

    def covers(self, other: Alternative) -> bool:
        if not isinstance(other, Ages):
            return False
        return self.least_years <= other.least_years and other.most_years <= self.most_years

    def __str__(self) -> str:
        return f"{self.least_years} to {self.most_years}"


@dataclass(frozen=True)
class Condition:
    """What one fact of the image must be: one of these."""

    fact: Fact
    alternatives: tuple[Alternative, ...]

    def holds(self, stated: str) -> bool:
        return any(alternative.holds(stated) for alternative in self.alternatives)

    def covers(self, other: "Condition") -> bool:
        return self.fact is other.fact and all(
            any(mine.covers(theirs) for mine in self.alternatives) for theirs in other.alternatives
        )

    def __str__(self) -> str:
        return " or ".join(map(str, self.alternatives))


def has_wildcards(text: str) -> bool:
    return _WILDCARDS.search(text) is not None


def folded(text: str) -> str:
    """Alike for what a person reads as the same: capitals, full width, letters with their marks."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(folded(text[:_STATED_MAX_CHARACTERS])))
