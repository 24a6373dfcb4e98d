"""What a rule asks of an image: conditions, each with alternatives of which one must hold."""

import ipaddress
import re
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Protocol

IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

_WILDCARDS = re.compile(r"[*?]")
_WORD = re.compile(r"\w+")
# An LO has 64 characters (PS3.5 6.2); a hostile header may have a million.
_STATED_MAX_CHARACTERS = 1024


class Fact(StrEnum):
    """What can be asked of an image, by its key in `[[rules]]`."""

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
        return cls(re.sub(r"\*+", "*", text.strip().casefold()))

    @property
    def is_literal(self) -> bool:
        return not has_wildcards(self.pattern)

    def holds(self, stated: str) -> bool:
        values = stated[:_STATED_MAX_CHARACTERS].split("\\")
        return any(self._matches(value.strip().casefold()) for value in values)

    def covers(self, other: Alternative) -> bool:
        if not isinstance(other, Glob):
            return False
        return self == other or (other.is_literal and self._matches(other.pattern))

    def _matches(self, folded: str) -> bool:
        # fnmatch turns the pattern into a regular expression that never goes back over a `*`.
        return fnmatchcase(folded, self.pattern.replace("[", "[[]"))

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


def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text[:_STATED_MAX_CHARACTERS].casefold()))
