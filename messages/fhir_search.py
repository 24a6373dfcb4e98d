"""What can be asked of the FHIR service: one table, for the searches and for telling of them."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from db import report_archive as archive
from db.report_archive import Condition
from dicom_node.results import codes
from messages.fhir_ids import IMAGE, STUDY, read_uid
from messages.fhir_outcome import invalid
from messages.fhir_search_values import digits_of, parse_span, parse_token, split_alternatives
from messages.fhir_source import FhirSite
from messages.fhir_values import Element, coding

_VALUES_MAX = 200

# The studies among which a resource with the value can be.
Narrow = Callable[[FhirSite, str], Condition]
# System and value of each token of a resource that the parameter speaks of.
Tokens = Callable[[Element], Iterable[tuple[str | None, str]]]


@dataclass(frozen=True)
class SearchParameter:
    """`name` as R4 has it; `spellings` are what a URL may say here, where that is something else.

    Without `tokens` the studies that `narrow` lets through are the answer.
    """

    name: str
    kind: str
    documentation: str
    narrow: Narrow
    tokens: Tokens | None = None
    spellings: tuple[str, ...] = ()

    @property
    def accepted(self) -> tuple[str, ...]:
        return self.spellings or (self.name,)

    def keeps(self, resource: Element, text: str) -> bool:
        """Whether the resource has one of the alternatives."""
        if self.tokens is None:
            return True
        wanted = [parse_token(part) for part in split_alternatives(text)]
        return any(one.matches(*pair) for one in wanted for pair in self.tokens(resource))


@dataclass(frozen=True)
class Search:
    """What one request asks for; `used` are the parameters that the self link repeats."""

    conditions: tuple[Condition, ...]
    tests: tuple[tuple[SearchParameter, str], ...]
    used: tuple[tuple[str, str], ...]

    def keeps(self, resource: Element) -> bool:
        return all(parameter.keeps(resource, text) for parameter, text in self.tests)


def read_search(
    resource_type: str, asked: Sequence[tuple[str, str]], site: FhirSite, *, strict: bool
) -> Search:
    """FhirRefusal where a value or a modifier makes no sense or, asked to be strict, a name."""
    known = {name: one for one in PARAMETERS[resource_type] for name in one.accepted}
    _refuse_other_spellings(resource_type, [name for name, _ in asked if name not in known])
    if strict and any(name not in known for name, _ in asked):
        raise invalid(
            f"{resource_type} can be searched by {', '.join(known)}, and by nothing else; "
            "without handling=strict other parameters are ignored"
        )
    used = tuple((name, text) for name, text in asked if name in known)
    _refuse_unsearchable(used)
    return Search(
        conditions=tuple(_condition(known[name], site, text) for name, text in used),
        tests=tuple((known[name], text) for name, text in used),
        used=used,
    )


def _refuse_other_spellings(resource_type: str, names: Sequence[str]) -> None:
    """A parameter that we know, in a form that we do not (R4 3.1.1.4.1).

    Passed over, a search for one patient would find every patient.
    """
    by_name = {one.name: one for one in PARAMETERS[resource_type]}
    for name in names:
        parameter = by_name.get(re.split("[:.]", name, maxsplit=1)[0])
        if parameter is not None:
            spelled = " or ".join(parameter.accepted)
            raise invalid(f"{resource_type} can be searched by {spelled}, in no other form")


def _refuse_unsearchable(used: Sequence[tuple[str, str]]) -> None:
    """What asks for nothing, or for what a database takes for its own failure.

    Passed over, a patient whose identifier is empty would be every patient.
    """
    for name, text in used:
        if not text:
            raise invalid(f"{name} has no value")
        if "\0" in text:  # PostgreSQL
            raise invalid("no value has a NUL character in it")
    if sum(len(split_alternatives(text)) for _, text in used) > _VALUES_MAX:  # SQLite
        raise invalid(f"at most {_VALUES_MAX} values are looked for at once")


def _condition(parameter: SearchParameter, site: FhirSite, text: str) -> Condition:
    return archive.any_of([parameter.narrow(site, part) for part in split_alternatives(text)])


def _by_value(find: Callable[[list[str]], Condition]) -> Narrow:
    """Narrowed by a token's value; a token that names only a system narrows nothing."""

    def narrow(_site: FhirSite, text: str) -> Condition:
        value = parse_token(text).value
        return find([value.removeprefix("urn:oid:")]) if value else archive.always(True)

    return narrow


def _by_code(system: str, code: str) -> Narrow:
    """The same of every resource: all are in the answer or none is."""
    return lambda _site, text: archive.always(parse_token(text).matches(system, code))


def _by_moment(between: Callable[[datetime | None, datetime | None], Condition]) -> Narrow:
    def narrow(site: FhirSite, text: str) -> Condition:
        span = parse_span(text, site.time_zone)
        return between(span.earliest, span.before)

    return narrow


def _by_examination(site: FhirSite, text: str) -> Condition:
    span, zone = parse_span(text, site.time_zone), site.time_zone
    return archive.examined(digits_of(span.earliest, zone), digits_of(span.before, zone))


def _by_id(site: FhirSite, text: str) -> Condition:
    return archive.any_of(
        [
            find([uid])
            for kind, find in ((STUDY, archive.is_study), (IMAGE, archive.has_image))
            if (uid := read_uid(site.serial_number, kind, text)) is not None
        ]
    )


def _by_own_identifier(site: FhirSite, text: str) -> Condition:
    value = parse_token(text).value
    return _by_id(site, value) if value else archive.always(True)


def _by_study_identifier(uids_and_numbers: list[str]) -> Condition:
    return archive.any_of(
        [archive.is_study(uids_and_numbers), archive.has_accession_number(uids_and_numbers)]
    )


def _nothing(_site: FhirSite, _text: str) -> Condition:
    return archive.always(True)


def _own_id(resource: Element) -> list[tuple[str | None, str]]:
    return [(None, resource["id"])]


def _identifiers(holders: Iterable[Element]) -> list[tuple[str | None, str]]:
    return [(one.get("system"), one["value"]) for one in holders if one.get("value")]


def _logical(references: Iterable[Element]) -> list[tuple[str | None, str]]:
    return _identifiers(one["identifier"] for one in references if "identifier" in one)


_ID = SearchParameter("_id", "token", "The id of the resource", _by_id, _own_id)
_LAST_UPDATED = SearchParameter(
    "_lastUpdated",
    "date",
    "When the revision was saved, or a model that it quotes withdrawn",
    _by_moment(archive.changed),
)
_PATIENT = SearchParameter(
    "patient",
    "reference",
    "By the patient's identifier alone: patient.identifier or patient:identifier",
    _by_value(archive.is_patient),
    lambda resource: _logical([resource["subject"]]),
    ("patient.identifier", "patient:identifier"),
)
_SUBJECT = SearchParameter(
    "subject",
    "reference",
    "By the patient's identifier alone: subject.identifier or subject:identifier",
    _PATIENT.narrow,
    _PATIENT.tokens,
    ("subject.identifier", "subject:identifier"),
)
_DATE = SearchParameter("date", "date", "When the study began", _by_examination)


def _based_on(name: str) -> SearchParameter:
    return SearchParameter(
        name,
        "reference",
        f"By the accession number alone: {name}:identifier or {name}.identifier",
        _by_value(archive.has_accession_number),
        lambda resource: _logical(resource.get("basedOn", [])),
        (f"{name}:identifier", f"{name}.identifier"),
    )


def _identifier(documentation: str, narrow: Narrow) -> SearchParameter:
    return SearchParameter(
        "identifier",
        "token",
        documentation,
        narrow,
        lambda resource: _identifiers(resource.get("identifier", [])),
    )


def _status(value_set: str, status: str) -> SearchParameter:
    system = f"http://hl7.org/fhir/{value_set}"
    return SearchParameter(
        "status",
        "token",
        f"Always {status}",
        _by_code(system, status),
        lambda resource: [(system, resource["status"])],
    )


def _answer_status(value_set: str, stands: Callable[[], Condition]) -> SearchParameter:
    """Of what a model said: `stands` are the studies where any of it is not withdrawn."""
    system = f"http://hl7.org/fhir/{value_set}"
    studies = {"preliminary": stands, "entered-in-error": archive.is_withdrawn}

    def narrow(_site: FhirSite, text: str) -> Condition:
        token = parse_token(text)
        found = [find() for code, find in studies.items() if token.matches(system, code)]
        return archive.any_of(found)

    return SearchParameter(
        "status",
        "token",
        "preliminary, or entered-in-error where it quotes a model that was withdrawn",
        narrow,
        lambda resource: [(system, resource["status"])],
    )


def _code(code: Element) -> SearchParameter:
    return SearchParameter(
        "code", "token", f"Always {code['code']}", _by_code(code["system"], code["code"])
    )


PARAMETERS: dict[str, tuple[SearchParameter, ...]] = {
    "DiagnosticReport": (
        _ID,
        _LAST_UPDATED,
        _identifier("The UID of its Structured Report", _by_value(archive.has_object)),
        _PATIENT,
        _SUBJECT,
        _based_on("based-on"),
        _answer_status("diagnostic-report-status", archive.stands),
        _code(coding(codes.RADIOGRAPHY)),
        _DATE,
        SearchParameter("issued", "date", "When it was written", _by_moment(archive.issued)),
    ),
    "Observation": (
        _ID,
        _LAST_UPDATED,
        _identifier("The id that this node gave it", _by_own_identifier),
        _PATIENT,
        _SUBJECT,
        _based_on("based-on"),
        _answer_status("observation-status", archive.stands_in_part),
        _code(coding(codes.FRACTURE)),
        _DATE,
    ),
    "ImagingStudy": (
        _ID,
        _LAST_UPDATED,
        _identifier("Study Instance UID or accession number", _by_value(_by_study_identifier)),
        _PATIENT,
        _SUBJECT,
        _based_on("basedon"),
        _status("imagingstudy-status", "available"),
        SearchParameter("started", "date", "When it began", _by_examination),
    ),
    "Device": (
        SearchParameter("_id", "token", "The id of the resource", _nothing, _own_id),
        _identifier("Its Device UID", _nothing),
        _status("device-status", "active"),
    ),
}
